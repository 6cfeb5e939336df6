"""Codes of whole pictures, by an encoder of pSp, e4e or ReStyle, or an in-domain one."""

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models import encoders

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

Config = encoders.PspConfig | encoders.WholeConfig


def encode(model: "Model", images: Float[Any, "b h w c"]) -> Float[Array, "b l w"]:
    """W+ codes of images in [-1, 1] of any size (see `models.encoders.encode`).

    Raises InputError for wrong shapes, and where encoder and generator do not fit each other.
    """
    encoder, generator = model.network("encoder"), model.network("generator")
    _check_pair(encoder.config, generator.config, model.name)
    images, channels = jnp.asarray(images), _channels(encoder.config)
    good = images.ndim == 4 and images.shape[-1] == channels and 0 not in images.shape
    check(
        good and jnp.issubdtype(images.dtype, jnp.floating),
        f"images must be floats [b, h, w, {channels}] in [-1, 1], but got {images.dtype} {list(images.shape)}.",
    )
    # Outside of the program, so that one serves pictures of every size.
    images = encoders.fit(images.astype(jnp.float32), encoders.seen_size(encoder.config))
    variables = {"encoder": encoder.variables, "generator": generator.variables}
    return _encode(encoder.module, generator.module, variables, images)


def _check_pair(encoder: Config, generator: Any, name: str) -> None:
    given, wanted = (encoder.num_ws, encoder.w_dim), (generator.num_ws, generator.w_dim)
    fits = (
        f"The encoder of {name} must give {wanted[0]} styles of width {wanted[1]}, but gives {given[0]} of {given[1]}."
    )
    check(given == wanted, fits)
    if isinstance(encoder, encoders.WholeConfig):
        average = generator.mapping.w_avg_beta is not None
        check(average, f"The encoder of {name} gives offsets from an average w, which its generator does not keep.")
        return
    seen, drawn = encoder.input_channels, sum(generator.heads.values())
    check(
        encoder.passes is None or seen == drawn,
        f"The encoder of {name} reads pictures of {seen} channels beside the generator's, which have {drawn}.",
    )


def _channels(encoder: Config) -> int:
    return encoder.input_channels if isinstance(encoder, encoders.PspConfig) else 3


@functools.partial(jax.jit, static_argnums=(0, 1))
def _encode(encoder, generator, variables, images):
    return encoders.encode(encoder, generator, variables, images)
