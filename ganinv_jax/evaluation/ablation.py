"""Studies that change one part of a method and leave everything else alike: what they need.

Of the inpainter, after arXiv:2307.15033: the mixer's gate, the two stages, the branch that reconstructs a whole picture
from its own code, and the resolutions of the skip encoder. All variants start from one generator, and see as many
pictures, with the same seed. Of inversion: the space that one objective is optimised in (arXiv:1904.03189, 1911.11544),
where it starts, what becomes of stray coordinates (arXiv:1702.04782), and of mGANprior (arXiv:1912.07116) how many
codes there are, where they are composed, and the importance of channels.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ganinv_jax.core.configs import check, unknown_key
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

COMPARISONS = ("spaces", "starts", "clipping", "mganprior-codes", "mganprior-layer", "mganprior-importance")
"""Of inversion; nothing is trained."""

ACROSS_TASKS = ("mganprior-tasks", "mganprior-knowledge")
"""Of mGANprior, through several tasks: against one code, and every layer with different numbers of codes."""

REGIONS = "mganprior-regions"
"""Which part of a picture each code answers for."""

KNOWN = (*STUDIES, *COMPARISONS, *ACROSS_TASKS, REGIONS)
Compared = tuple[str, dict[str, Any]]
"""A method of inversion and its options."""


def check_study(name: str | None) -> None:
    """Raise InputError for a study that there is not."""
    check(name in KNOWN, f"--study must be one of {', '.join(KNOWN)}, but it is {name or 'missing'}.")


def only(variants: Mapping[str, Any], names: str | None) -> dict[str, Any]:
    """Those of the variants that a list names; all where there is no list. Raises InputError for unknown ones."""
    if names is None:
        return dict(variants)
    chosen = [name.strip() for name in names.split(",")]
    for name in chosen:
        if name not in variants:
            raise unknown_key(name, variants, "--variants")
    return {name: variants[name] for name in variants if name in chosen}


def study(name: str, resolution: int) -> dict[str, Variant]:
    """The variants of a study of STUDIES, for a generator of that resolution; the first is the whole method."""
    if name == "gate":
        return {"full": _first_stage("full"), "no gate": _first_stage("no-gate", gate=False)}
    if name == "full-branch":
        return {"full": _first_stage("full"), "no full branch": _first_stage("no-full-branch", full_branch=False)}
    first, second = Training("full/stage1", "stage1", 0.5), Training("full/stage2", "stage2", 0.5)
    if name == "stages":  # at once, with the weights and the share of photos of stage 1
        together = Training("one-stage/stage1", "stage1", 1.0, {"trains": ("encoder", "mixer", "skip")})
        return {"two stages": (first, second), "one stage": (together,)}
    every = default_skip_resolutions(resolution)
    fewer = [every[:count] for count in range(1, len(every))]  # from coarse to fine
    return {"full": (first, second), **{f"skips at {_told(few)}": (first, _skips(few)) for few in fewer}}


def comparison(name: str, resolution: int) -> dict[str, Compared]:
    """The variants of a study of COMPARISONS or ACROSS_TASKS, for a generator of that resolution."""
    if name == "spaces":
        spaces = {space.upper(): ("image2stylegan", {"space": space}) for space in ("z", "w", "w+")}
        return {**spaces, "W+ and noise": ("image2stylegan++", {})}
    if name == "starts":
        return {f"{start} start": ("image2stylegan", {"start": start}) for start in ("mean", "encoder")}
    if name == "clipping":
        return {clipping: ("lipton", {"clipping": clipping}) for clipping in ("stochastic", "hard", "none")}
    if name == "mganprior-codes":
        return {codes_named(count): ("mganprior", {"codes": count}) for count in (1, 5, 10, 20)}
    if name == "mganprior-tasks":  # one code without weights is the plain search for one z
        return {"one code": ("mganprior", {"codes": 1, "importance": False}), "20 codes": ("mganprior", {"codes": 20})}
    if name == "mganprior-knowledge":
        grid = [(layer, count) for layer in layers(resolution) for count in (1, 5, 10, 20)]
        return {f"{codes_named(n)} at {at}": ("mganprior", {"codes": n, "layer": at}) for at, n in grid}
    if name == "mganprior-importance":
        told = {"importance": True, "no importance": False}
        return {which: ("mganprior", {"importance": importance}) for which, importance in told.items()}
    return {f"layer {layer}": ("mganprior", {"layer": layer}) for layer in layers(resolution)}


def codes_named(count: int) -> str:
    """'1 code', '20 codes'."""
    return f"{count} code{'s' * (count > 1)}"


def layers(resolution: int) -> list[int]:
    """The resolutions at which a generator's features can be composed."""
    return [2**k for k in range(2, resolution.bit_length() - 1)]


def _first_stage(name: str, **changes: Any) -> Variant:
    """Stage 1 alone, where codes are learned to be mixed; a skip encoder would cover up how well."""
    return (Training(f"stage1/{name}", "stage1", 1.0, changes),)


def _skips(resolutions: tuple[int, ...]) -> Training:
    """Stage 1 has no skip encoder, so all of these go on from the whole method's."""
    name = f"skips-{'-'.join(map(str, resolutions))}/stage2"
    return Training(name, "stage2", 0.5, {"skip_resolutions": resolutions})


def _told(resolutions: tuple[int, ...]) -> str:
    return "+".join(map(str, resolutions))
