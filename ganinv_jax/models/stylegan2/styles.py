"""Styles: what each layer's affine map makes of its row of W+, a factor for each of the layer's input channels."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.stylegan2.config import GeneratorConfig
from ganinv_jax.models.stylegan2.layers import Dense

Layer = tuple[int, str]


def style_rows(config: GeneratorConfig) -> dict[Layer, int]:
    """Every modulated layer, from 4x4 up, and the row of W+ that it reads.

    The layers of a block are 'conv0' (not at 4x4), 'conv1', and 'torgb' and 'tomask' where there are such outputs. An
    output layer reads the row that the next block's first convolution reads.
    """
    rows: dict[Layer, int] = {}
    row = 0
    for resolution in config.block_resolutions:
        for name in ("conv1",) if resolution == 4 else ("conv0", "conv1"):
            rows[resolution, name] = row
            row += 1
        if config.synthesis.architecture == "skip" or resolution == config.resolution:
            rows |= {(resolution, f"to{head}"): row for head in config.heads}
    return rows


def affine_maps(config: GeneratorConfig, variables: Mapping[str, Any]) -> dict[Layer, dict[str, Any]]:
    """The parameters of every layer's affine map: {'weight': [w, c], 'bias': [c]}."""
    synthesis = variables["params"]["synthesis"]
    return {(resolution, name): synthesis[f"b{resolution}"][name]["affine"] for resolution, name in style_rows(config)}


def styles_of(
    config: GeneratorConfig, variables: Mapping[str, Any], ws: Float[Any, "b l w"]
) -> dict[Layer, Float[Array, "b c"]]:
    """The styles of every layer: the space S of Wu et al. 2021 (StyleSpace, arXiv:2011.12799)."""
    ws, rows = jnp.asarray(ws), style_rows(config)
    return {
        layer: Dense(affine["weight"].shape[1]).apply({"params": affine}, ws[:, rows[layer]])  # type: ignore[misc]
        for layer, affine in affine_maps(config, variables).items()
    }
