"""How a figure looks at pictures: a network, the stage that is compared, and how pictures are brought to its size.

Figures through different ones do not compare, so each figure's name carries all of it: `fid_inception_cleanfid`,
`kd_efficientnet_lite2`, `precision_vgg16_torchfidelity`.
"""

import dataclasses
import os
from collections import Counter
from collections.abc import Collection, Iterable

from jaxtyping import Array, Float, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.metrics.resizing import RESIZES
from ganinv_jax.models.features import Features, load_features


@dataclasses.dataclass(frozen=True)
class Extractor:
    """features: the network. stage: which of its vectors [b, c] is compared. resize: a name of `resizing.RESIZES`."""

    features: Features
    stage: str
    resize: str = "antialiased"

    @property
    def name(self) -> str:
        """The network's name, with the resize where several are published: 'inception_cleanfid'."""
        return self.features.name + (f"_{self.resize}" if self.resize in ("cleanfid", "torchfidelity") else "")

    @property
    def size(self) -> int:
        """The side that pictures are resized to: about the one that the network was trained on.

        EfficientNet-Lite's maps halve evenly at multiples of 32, where its convolutions are quick on the CPU.
        """
        return self.features.size // 32 * 32 if self.features.name.startswith("efficientnet") else self.features.size

    def figure(self, kind: str) -> str:
        """The full name of a figure of this kind; 'fd' and 'kd' become 'fid' and 'kid' through Inception alone."""
        if self.features.name == "inception":
            kind = {"fd": "fid", "kd": "kid"}.get(kind, kind)
        return f"{kind}_{self.name}"

    def __call__(
        self, variables, pictures: UInt8[Array, "b h w 3"], stages: Collection[str] = ()
    ) -> dict[str, Float[Array, "b ..."]]:
        """Features of pictures by stage: of `stages`, or of `stage` alone; `variables` are the network's."""
        pixels = RESIZES[self.resize](pictures.astype("float32"), self.size)
        return self.features.extract(variables, pixels / 127.5 - 1, stages=tuple(stages) or (self.stage,))


def open_extractors(sources: Iterable[str | os.PathLike]) -> tuple[Extractor, ...]:
    """What each source stands for: a network's name or a converted folder, as `load_features` takes them.

    EfficientNet is compared at its pooled head, VGG16 and AlexNet at 'fc7' (Kynkäänniemi et al., arXiv:1904.06991),
    ArcFace at its embedding; Inception at 'pool3', once with each published resize. Raises InputError where a network
    cannot be opened, has no vector to compare, or is named twice.
    """
    found = [extractor for source in sources for extractor in open_extractor(source)]
    twice = [name for name, count in Counter(extractor.name for extractor in found).items() if count > 1]
    check(not twice, f"Each network must be named once, but {', '.join(twice)} is named more often; leave one out.")
    return tuple(found)


def open_extractor(source: str | os.PathLike) -> tuple[Extractor, ...]:
    """As `open_extractors`, of one source."""
    features = load_features(source)
    family = "efficientnet" if features.name.startswith("efficientnet") else features.name
    stage, resizes = _LOOKS[family]
    check(
        stage in features.channels,
        f"Sets of pictures are compared by vectors, but {source} holds {features.name} without its classifier; convert "
        "the whole network.",
    )
    return tuple(Extractor(features, stage, resize) for resize in resizes)


# Family -> the stage that is compared, and the published resizes (one picture goes through all of them).
_LOOKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "efficientnet": ("head", ("antialiased",)),
    "inception": ("pool3", ("cleanfid", "torchfidelity")),
    "vgg16": ("fc7", ("torchfidelity",)),
    "alexnet": ("fc7", ("torchfidelity",)),
    "arcface": ("embedding", ("none",)),
}
