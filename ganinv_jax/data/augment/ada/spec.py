"""Which transforms ADA may use, how often and how far; the names are those of NVIDIA's `AugmentPipe`."""

import dataclasses
from typing import Any

from ganinv_jax.core.configs import check, unknown_key

_BLIT = {"xflip": 1.0, "rotate90": 1.0, "xint": 1.0}
_GEOM = {"scale": 1.0, "rotate": 1.0, "aniso": 1.0, "xfrac": 1.0}
_COLOR = {"brightness": 1.0, "contrast": 1.0, "lumaflip": 1.0, "hue": 1.0, "saturation": 1.0}
_FILTER, _NOISE, _CUTOUT = {"imgfilter": 1.0}, {"noise": 1.0}, {"cutout": 1.0}

# The sets that `train.py --augpipe` of stylegan2-ada-pytorch names; 'bgc' is its default.
PRESETS: dict[str, dict[str, Any]] = {
    "blit": _BLIT,
    "geom": _GEOM,
    "color": _COLOR,
    "filter": _FILTER,
    "noise": _NOISE,
    "cutout": _CUTOUT,
    "bg": _BLIT | _GEOM,
    "bgc": _BLIT | _GEOM | _COLOR,
    "bgcf": _BLIT | _GEOM | _COLOR | _FILTER,
    "bgcfn": _BLIT | _GEOM | _COLOR | _FILTER | _NOISE,
    "bgcfnc": _BLIT | _GEOM | _COLOR | _FILTER | _NOISE | _CUTOUT,
}


@dataclasses.dataclass(frozen=True)
class AdaSpec:
    """A multiplier of the probability p for each transform (0: never used), and the ranges of their strengths.

    Lengths are fractions of the picture's side, standard deviations `*_std` of scale, aniso, contrast, saturation and
    imgfilter are in octaves (log2), `rotate_max` and `hue_max` are fractions of a half turn either way.
    `imgfilter_bands` multiplies the probability of each frequency band, lowest first.
    """

    xflip: float = 0.0
    rotate90: float = 0.0
    xint: float = 0.0
    xint_max: float = 0.125

    scale: float = 0.0
    rotate: float = 0.0
    aniso: float = 0.0
    xfrac: float = 0.0
    scale_std: float = 0.2
    rotate_max: float = 1.0
    aniso_std: float = 0.2
    xfrac_std: float = 0.125

    brightness: float = 0.0
    contrast: float = 0.0
    lumaflip: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    brightness_std: float = 0.2
    contrast_std: float = 0.5
    hue_max: float = 1.0
    saturation_std: float = 1.0

    imgfilter: float = 0.0
    imgfilter_bands: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    imgfilter_std: float = 1.0

    noise: float = 0.0
    cutout: float = 0.0
    noise_std: float = 0.1
    cutout_size: float = 0.5

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            values = value if isinstance(value, tuple) else (value,)
            check(all(v >= 0 for v in values), f"AdaSpec.{name} must not be negative, but got {value}.")

    @classmethod
    def preset(cls, name: str) -> "AdaSpec":
        """One of `PRESETS` by name; raises InputError for another name."""
        if name not in PRESETS:
            raise unknown_key(name, PRESETS, "the ADA preset")
        return cls(**PRESETS[name])

    @property
    def moves(self) -> bool:
        """Whether any geometric transform is in use."""
        return any(getattr(self, name) > 0 for name in _BLIT | _GEOM)

    @property
    def recolors(self) -> bool:
        """Whether any colour transform is in use."""
        return any(getattr(self, name) > 0 for name in _COLOR)
