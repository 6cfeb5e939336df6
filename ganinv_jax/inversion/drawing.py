"""From the variables of an inversion to its picture.

Variables are a dictionary; what it holds says how the picture is drawn. The code is one of

- `z` [z]: mapped to one w for all rows;
- `w` [w]: one code for all rows; `ws` [l, w]: a code a row;

and beside it there may be `noise`, the maps of all layers as the generator's buffers hold them, and `weights`, the
synthesis network's parameters. What is missing is the generator's own. A method may draw from others in its own way.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.inversion.networks import Frozen, Networks, map_z, synthesize
from ganinv_jax.models.stylegan2 import GeneratorConfig

Variables = Mapping[str, Any]


class Drawn(NamedTuple):
    """images: the picture, in a batch of one. ws: the W+ code that it was drawn from."""

    images: Float[Array, "1 h w 3"]
    ws: Float[Array, "l w"]


Draw = Callable[[Networks, Frozen, Variables], Drawn]


@runtime_checkable
class Composes(Protocol):
    """A draw that composes features of several codes, all of which an edit has to move."""

    def composed(self, config: GeneratorConfig) -> int:
        """The resolution at which it does."""
        ...


def draw(networks: Networks, frozen: Frozen, variables: Variables) -> Drawn:
    """The picture of one code."""
    ws = _code(networks, frozen, variables)
    return Drawn(synthesize(networks, own_generator(frozen, variables), ws[None]), ws)


@functools.partial(jax.jit, static_argnums=(0, 1))
def render(networks: Networks, draw: Draw, frozen: Frozen, variables: Any) -> Drawn:
    """The pictures [b, 1, h, w, 3] and codes of variables, a row a picture."""
    return jax.lax.map(lambda one: draw(networks, frozen, one), variables)


def own_generator(frozen: Frozen, variables: Variables) -> Any:
    """The generator's variables, with noise and weights replaced by those that the inversion has of its own."""
    generator = frozen.generator
    params, buffers = generator["params"], generator["buffers"]
    if "noise" in variables:
        buffers = {**buffers, "synthesis": variables["noise"]}
    if "weights" in variables:
        params = {**params, "synthesis": variables["weights"]}
    return {"params": params, "buffers": buffers}


def _code(networks: Networks, frozen: Frozen, variables: Variables) -> Float[Array, "l w"]:
    if "ws" in variables:
        return variables["ws"]
    if "w" in variables:
        return jnp.repeat(variables["w"][None], networks.generator.config.num_ws, axis=0)
    return map_z(networks, frozen, variables["z"][None])[0]
