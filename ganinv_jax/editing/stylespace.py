"""StyleSpace: single channels of the styles, which change small and local things.

Wu et al. 2021 (arXiv:2011.12799).
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.editing.moving import chosen_rows
from ganinv_jax.models.stylegan2 import GeneratorConfig, Layer, style_rows

Styles = Mapping[Layer, Float[np.ndarray, " c"]]


@dataclasses.dataclass(frozen=True, eq=False)
class StyleDirection:
    """What an edit of strength 1 adds to the styles of some layers, by layer; W+ stays as it is."""

    styles: Styles
    name: str = "style"

    def changes(
        self, config: GeneratorConfig, strength: float, layers: Collection[int] | None = None
    ) -> dict[Layer, Float[np.ndarray, "1 c"]]:
        """The synthesis network's `restyle` for a strength, at the layers that read the rows `layers` of W+.

        Raises InputError for rows or layers that the generator does not have, and for rows that it does not act at.
        """
        rows, chosen = style_rows(config), chosen_rows(config.num_ws, layers)
        unknown = [layer for layer in self.styles if layer not in rows]
        check(not unknown, f"The direction {self.name!r} must name layers of this model, but has {unknown}.")
        moved = {layer: x for layer, x in self.styles.items() if chosen[rows[layer]]}
        read = ", ".join(str(row) for row in sorted({rows[layer] for layer in self.styles}))
        check(bool(moved), f"layers must name a row that {self.name!r} acts at, which is {read}; leave it out for all.")
        return {layer: np.float32(strength) * np.asarray(x, np.float32)[None] for layer, x in moved.items()}


def channel_deviations(styles: Mapping[Layer, Float[Any, "n c"]]) -> dict[Layer, Float[np.ndarray, " c"]]:
    """The standard deviation of every channel over the styles of many codes."""
    return {layer: np.asarray(x, np.float64).std(axis=0).astype(np.float32) for layer, x in styles.items()}


def channel_direction(deviations: Styles, layer: Layer, channel: int) -> StyleDirection:
    """One channel, by one of its standard deviations (see `channel_deviations`).

    Raises InputError for a layer or a channel that does not exist.
    """
    resolution, name = layer
    known = ", ".join(f"{r}.{n}" for r, n in deviations)
    check(layer in deviations, f"A style's layer must be one of {known}, but is {resolution}.{name}.")
    width = len(deviations[layer])
    check(0 <= channel < width, f"Layer {resolution}.{name} has channels 0 to {width - 1}, but {channel} is asked for.")
    one = np.zeros(width, np.float32)
    one[channel] = deviations[layer][channel]
    return StyleDirection({layer: one}, f"{resolution}.{name}.{channel}")
