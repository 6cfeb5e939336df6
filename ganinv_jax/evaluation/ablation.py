"""Studies that take one part of a method away and leave everything else alike: what they need.

Of the inpainter, after arXiv:2307.15033: the mixer's gate, the two stages, the branch that reconstructs a whole picture
from its own code, and the resolutions of the skip encoder. All variants start from one generator, and see as many
pictures, with the same seed. Of mGANprior, after arXiv:1912.07116: how many codes, where they are composed, and the
importance of channels.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ganinv_jax.core.configs import check
from ganinv_jax.models.inpainting import default_skip_resolutions


@dataclasses.dataclass(frozen=True)
class Training:
    """name: of its folder; trainings of one name are one. recipe: 'stage1' or 'stage2', of a family of recipes in
    `configs/`. share: of the pictures that a variant sees. changes: to the recipe's options."""

    name: str
    recipe: str
    share: float
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


Variant = tuple[Training, ...]
"""Trainings, each on what the one before made; the last one's model is scored."""

STUDIES = ("gate", "stages", "full-branch", "skips")
"""Of the inpainter; each variant is trained."""

MGANPRIOR_STUDIES = ("mganprior-codes", "mganprior-layer", "mganprior-importance")
"""Of mGANprior (arXiv:1912.07116, section 4.4); nothing is trained."""


def check_study(name: str | None) -> None:
    """Raise InputError for a study that there is not."""
    known = STUDIES + MGANPRIOR_STUDIES
    check(name in known, f"--study must be one of {', '.join(known)}, but it is {name or 'missing'}.")


def study(name: str, resolution: int) -> dict[str, Variant]:
    """The variants of a study of STUDIES, for a generator of that resolution; the first is the whole method."""
    if name == "gate":
        return {"full": _first_stage("full"), "no gate": _first_stage("no-gate", gate=False)}
    if name == "full-branch":
        return {"full": _first_stage("full"), "no full branch": _first_stage("no-full-branch", full_branch=False)}
    first, second = Training("full/stage1", "stage1", 0.5), Training("full/stage2", "stage2", 0.5)
    if name == "stages":
        together = Training("one-stage/stage1", "stage1", 1.0, {"trains": ("encoder", "mixer", "skip")})
        return {"two stages": (first, second), "one stage": (together,)}
    every = default_skip_resolutions(resolution)
    fewer = [every[:count] for count in range(1, len(every))]  # from coarse to fine
    return {"full": (first, second), **{f"skips at {_told(few)}": (first, _skips(few)) for few in fewer}}


def mganprior_study(name: str, resolution: int) -> dict[str, dict[str, Any]]:
    """The options of mGANprior by variant, for a study of MGANPRIOR_STUDIES and a generator of that resolution."""
    if name == "mganprior-codes":
        return {f"{count} code{'s' * (count > 1)}": {"codes": count} for count in (1, 5, 10, 20)}
    if name == "mganprior-importance":
        return {"importance": {"importance": True}, "no importance": {"importance": False}}
    layers = [2**k for k in range(2, resolution.bit_length() - 1)]
    return {f"layer {layer}": {"layer": layer} for layer in layers}


def _first_stage(name: str, **changes: Any) -> Variant:
    """Stage 1 alone, where codes are learned to be mixed; a skip encoder would cover up how well."""
    return (Training(f"stage1/{name}", "stage1", 1.0, changes),)


def _skips(resolutions: tuple[int, ...]) -> Training:
    """Stage 1 has no skip encoder, so all of these go on from the whole method's."""
    name = f"skips-{'-'.join(map(str, resolutions))}/stage2"
    return Training(name, "stage2", 0.5, {"skip_resolutions": resolutions})


def _told(resolutions: tuple[int, ...]) -> str:
    return ", ".join(map(str, resolutions))
