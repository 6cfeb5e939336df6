"""Image-specific adaptation: late layers that give a photo's own pixels back around an edit."""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.methods.layerwise import STARTS
from ganinv_jax.inversion.scene import Scene
from ganinv_jax.inversion.schedule import Adam, Constant, Method, Stage
from ganinv_jax.inversion.starts import Given
from ganinv_jax.inversion.terms import AbsoluteError, FactorSquares
from ganinv_jax.models.layerwise import FactorNetworks
from ganinv_jax.models.layerwise.factors import CHANNELS
from ganinv_jax.models.stylegan2 import GeneratorConfig


def photo_manipulation(
    start: Literal["layers", "encoder", "mean"] = "layers",
    exact: int | None = None,
    penalty: float = 0.1,
    networks: bool = True,
    rate: float = 0.01,
) -> Method:
    """Blocks up to `exact` as they are, and the output of later ones multiplied by 1 + factors, so that the picture
    comes near what is seen of the photo: all of it, or with the task inpainting what lies outside of an edited region.

    Bau et al. 2019 (arXiv:2005.07727), section 4.3: absolute difference of the pixels outside of the edit + 0.1 times
    the mean square of each layer's factors, 1000 steps of Adam. Factors are what small convolution networks make of
    fixed noise; their parameters alone are optimised. Numbers from the authors' research code (the factors' networks
    are FixedGANPriorGenerator in seeing/encoder_net.py of davidbau/ganseeing).

    `ganinv edit DIR --adapt REGION` moves the code of an inversion first and then runs this; by its own name it starts
    from a code that is read, and adapts to the photo before any edit.

    start: as for `layerwise`, whose code is what the authors start from.
    exact: the resolution of the last block that stays; 0 lets all adapt. By default a sixteenth of the picture's side,
        4 at least: the authors leave PGGAN's layers up to 16 of 256 pixels alone.
    penalty: the weight of the factors' squares.
    networks: whether networks make the factors, or each factor is a variable of its own.
    rate: the authors have 0.1, with batch normalisation in networks that start at random. These start at factors of
        zero, so that the first picture is the edit's own.

    Where it differs: the authors widen the region by a sixteenth of the side and blur its edge; here it is as given.
    """
    check(start in STARTS, f"start must be one of {', '.join(STARTS)}, but it is {start!r}.")
    begin: dict[str, Any] = {"ws": STARTS[start]}
    if networks:
        begin |= {"factor_networks": FreshNetworks(exact), "factor_noise": factor_noise}
    else:
        begin |= {"factors": NoFactors(exact)}
    stage = Stage(
        steps=1000,
        active=("factor_networks" if networks else "factors",),
        terms=(AbsoluteError(), *([FactorSquares(penalty)] if penalty else [])),
        optimiser=Adam(Constant(rate)),
    )
    return Method(begin, (stage,), encodes=start != "mean", layered=start == "layers")


def after_edit(method: Method, given: Any) -> Method:
    """The same adaptation, of the codes and whatever else of an inversion is given, by name."""
    start = dict(method.start) | {name: Given(name) for name in given}
    return dataclasses.replace(method, start=start, encodes=False, layered=False)


@dataclasses.dataclass(frozen=True)
class FreshNetworks:
    """Parameters of networks that make factors of zero for the blocks after `exact`."""

    exact: int | None

    def __call__(self, scene: Scene, key: Array) -> Any:
        networks = FactorNetworks(_adapted(scene.config, self.exact))
        return networks.init(key, factor_noise(scene, key)[None])["params"]


def factor_noise(scene: Scene, key: Array) -> Any:
    """What the networks read: standard normal noise of the picture's size."""
    side = scene.networks.side
    return jax.random.normal(key, (side, side, CHANNELS))


@dataclasses.dataclass(frozen=True)
class NoFactors:
    """Factors of zero for the blocks after `exact`."""

    exact: int | None

    def __call__(self, scene: Scene, key: Array) -> Any:
        return {f"b{r}": jnp.zeros((r, r, channels)) for r, channels in _adapted(scene.config, self.exact)}


def _adapted(config: GeneratorConfig, exact: int | None) -> tuple[tuple[int, int], ...]:
    """(resolution, channels) of the blocks that adapt. Raises InputError where none is left or `exact` is no block."""
    known = (0, *config.block_resolutions[:-1])
    exact = max(4, config.resolution // 16) if exact is None else exact
    check(exact in known, f"exact must be one of {known} for this generator, but it is {exact}.")
    return tuple((r, config.channels(r)) for r in config.block_resolutions if r > exact)
