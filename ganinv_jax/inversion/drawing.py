"""From the variables of an inversion to its picture.

Variables are a dictionary; what it holds says how the picture is drawn. The code is one of

- `z` [z]: mapped to one w for all rows;
- `w` [w]: one code for all rows; `ws` [l, w]: a code a row;

and beside it there may be `noise`, the maps of all layers as the generator's buffers hold them, and `weights`, the
synthesis network's parameters; and changes of the features that leave blocks, by the block's name:

- `residuals` {'b16': [h, w, c]}: added, in units of the features' root mean square;
- `factors` {'b32': [h, w, c]}: the features are multiplied by 1 + factors;
- `factor_networks` and `factor_noise`: parameters and input of the networks that make factors (see `FactorNetworks`).

An edit may have `restyle` {'b32': {'conv1': [c]}} besides, which is added to styles. What is missing is the
generator's own. A method may draw from others in its own way.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.inversion.networks import Frozen, Networks, map_z, synthesize
from ganinv_jax.models.layerwise import FactorNetworks
from ganinv_jax.models.stylegan2 import GeneratorConfig, Layer
from ganinv_jax.models.stylegan2.synthesis import Injection

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
    inject = changes(networks.generator.config, variables)
    restyle = {
        (int(block[1:]), layer): value[None]
        for block, layers in variables.get("restyle", {}).items()
        for layer, value in layers.items()
    }
    options = {name: value for name, value in (("inject", inject), ("restyle", restyle)) if value}
    return Drawn(synthesize(networks, own_generator(frozen, variables), ws[None], **options), ws)


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


def changes(config: GeneratorConfig, variables: Mapping[str, Any]) -> dict[Layer, Injection]:
    """What the variables of one picture do to the features that leave blocks, as the synthesis network takes it."""
    residuals, factors = variables.get("residuals", {}), factors_of(config, variables)
    return {
        (int(block[1:]), "conv1"): functools.partial(_changed, residuals.get(block), factors.get(block))
        for block in {**residuals, **factors}
    }


def factors_of(config: GeneratorConfig, variables: Mapping[str, Any]) -> dict[str, Float[Array, "h w c"]]:
    """The factors by block; where both variables and networks have some, they are multiplied by one after the other."""
    given, made = dict(variables.get("factors", {})), _made_factors(config, variables)
    both = {block: (1 + given[block]) * (1 + made[block]) - 1 for block in given.keys() & made.keys()}
    return {**given, **made, **both}


def _made_factors(config: GeneratorConfig, variables: Mapping[str, Any]) -> dict[str, Float[Array, "h w c"]]:
    if "factor_networks" not in variables:
        return {}
    params = variables["factor_networks"]
    heads = [int(name.removeprefix("factors")) for name in params if name.startswith("factors")]
    networks = FactorNetworks(tuple((resolution, config.channels(resolution)) for resolution in sorted(heads)))
    found = networks.apply({"params": params}, variables["factor_noise"][None])
    return {f"b{resolution}": x[0] for resolution, x in found.items()}  # type: ignore[union-attr]


def _changed(residual, factors, x):
    if residual is not None:
        x = x + residual * jnp.sqrt(jnp.mean(x**2))
    return x if factors is None else x * (1 + factors)


def _code(networks: Networks, frozen: Frozen, variables: Variables) -> Float[Array, "l w"]:
    if "ws" in variables:
        return variables["ws"]
    if "w" in variables:
        return jnp.repeat(variables["w"][None], networks.generator.config.num_ws, axis=0)
    return map_z(networks, frozen, variables["z"][None])[0]
