"""Codes of whole pictures, by whichever encoder a model has for them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.models.encoders.config import PspConfig, WholeConfig
from ganinv_jax.models.encoders.psp import PspEncoder, encode_psp, fit
from ganinv_jax.models.inpainting import StyleEncoder

WholeEncoder: TypeAlias = PspEncoder | StyleEncoder


def reads_whole(config: Any) -> bool:
    """Whether the encoder with this config reads whole pictures, and knows of no holes."""
    return isinstance(config, PspConfig | WholeConfig)


def seen_size(config: PspConfig | WholeConfig) -> tuple[int, int]:
    """(height, width) of the pictures that an encoder reads."""
    return config.input_size if isinstance(config, PspConfig) else (config.input_size, config.input_size)


def encode(
    encoder: WholeEncoder, generator: Any, variables: Mapping[str, Any], images: Float[Array, "b h w c"]
) -> Float[Array, "b l w"]:
    """Codes of pictures in [-1, 1] of any size; their largest centred part of the encoder's proportions is read.

    generator: the `Generator` that the codes are for; ReStyle draws its reconstructions with it.
    variables: {'encoder': ..., 'generator': ...}.
    """
    if isinstance(encoder, PspEncoder):
        return encode_psp(encoder, generator, variables, images)
    images = fit(images, seen_size(encoder.config))  # type: ignore[arg-type]
    offsets: Any = encoder.apply(variables["encoder"], images, jnp.ones_like(images[..., :1]))
    return variables["generator"]["buffers"]["mapping"]["w_avg"] + offsets
