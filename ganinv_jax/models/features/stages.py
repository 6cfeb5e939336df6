"""Running a network no deeper than it is looked at."""

from collections.abc import Collection, Iterable

import jax

from ganinv_jax.core.configs import check


def collect(layers: Iterable[tuple[str, jax.Array]], wanted: Collection[str]) -> dict[str, jax.Array]:
    """The `wanted` ones of (stage, features), shallow to deep; nothing is asked for after the last of them.

    Raises InputError where the picture is too small for one of them, so that nothing is left of it.
    """
    found = {}
    for stage, features in layers:
        check(0 not in features.shape, f"The pictures are too small for the stage {stage!r}; ask for earlier ones.")
        if stage in wanted:
            found[stage] = features
        if len(found) == len(set(wanted)):
            break
    return found
