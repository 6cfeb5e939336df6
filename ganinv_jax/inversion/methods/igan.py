"""iGAN's projection: a bounded code by L-BFGS, from what an encoder reads where there is one."""

import dataclasses
from typing import Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.drawing import Drawn, Variables, draw
from ganinv_jax.inversion.lbfgs import LBFGS
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.inversion.scene import Scene
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Look, Method, Stage
from ganinv_jax.inversion.starts import Start, encoded_w, given_w, random_z
from ganinv_jax.inversion.terms import Perceptual, SquaredError

STARTS = ("auto", "encoder", "random", "given")
EDGE = 0.999
"""How near the bound a code begins at most, as a share of it; on the bound itself nothing would move."""


def igan(
    start: Literal["auto", "encoder", "random", "given"] = "auto",
    bound: float = 3.0,
    perceptual: float = 0.1,
    look: Look = DEFAULT_LOOK,
) -> Method:
    """One bounded code by L-BFGS: squared error and a little of the perceptual distance.

    Zhu et al. 2016 (arXiv:1609.03552), section 3.1; iGAN_predict.py of junyanz/iGAN: L-BFGS-B of u with z = tanh(u), up
    to 200 iterations, tolerance 1e-6, mean squared error + 0.002 times that of AlexNet's conv4. The 0.002 belongs to
    unnormalised features; in units of the squared error the distance weighs 0.1 here, as an auxiliary term.

    bound: the official z is uniform on (-1, 1), and tanh maps all numbers there. StyleGAN2's z is normal, and so is
        bounded where 0.3 % of its coordinates lie beyond: z = 3 tanh(u / 3), which near 0 is u itself, so that the
        steps are those of z. No picture is lost, since the mapping network divides z by its length.
    start: 'random' is the official solver 'opt', from a random z. 'encoder' is the official default, 'cnn_opt', from
        what the encoder reads. Encoders of StyleGAN2 read no z but a code of W+, and the mapping network cannot be
        undone: the code is one w then, from the mean of the rows that are read, bounded as z is, about the mean of w
        in units of its coordinates' deviation. 'auto' takes the encoder where the model has one.
    perceptual: the weight of the distance; 0 leaves the squared error alone.
    """
    check(start in STARTS, f"start must be one of {', '.join(STARTS)}, but it is {start!r}.")
    check(bound > 0, f"bound must be positive, but it is {bound}.")
    terms = (SquaredError(), *([Perceptual(perceptual)] if perceptual else []))
    stages = (Stage(200, ("u",), terms, LBFGS(1e-6)),)
    random = Method({"u": _FreeZ(bound)}, stages, draw=BoundedZ(bound), look=look)
    if start == "random":
        return random
    begin = given_w if start == "given" else encoded_w
    hybrid = Method({"u": _FreeW(bound, begin)}, stages, draw=BoundedW(bound), look=look, encodes=start != "given")
    return dataclasses.replace(hybrid, without_encoder=random) if start == "auto" else hybrid


@dataclasses.dataclass(frozen=True)
class BoundedZ:
    """Draws from `u` [z]: z = bound tanh(u / bound)."""

    bound: float

    def __call__(self, networks: Networks, frozen: Frozen, variables: Variables) -> Drawn:
        return draw(networks, frozen, {"z": _bounded(variables["u"], self.bound)})


@dataclasses.dataclass(frozen=True)
class BoundedW:
    """Draws from `u` [w]: bound tanh(u / bound), in units of the coordinates' deviation from the mean of w."""

    bound: float

    def __call__(self, networks: Networks, frozen: Frozen, variables: Variables) -> Drawn:
        return draw(networks, frozen, {"w": frozen.w_mean + _deviation(frozen) * _bounded(variables["u"], self.bound)})


@dataclasses.dataclass(frozen=True)
class _FreeZ:
    bound: float

    def __call__(self, scene: Scene, key: Array) -> Any:
        return _free(random_z(scene, key), self.bound)


@dataclasses.dataclass(frozen=True)
class _FreeW:
    bound: float
    begin: Start

    def __call__(self, scene: Scene, key: Array) -> Any:
        return _free((self.begin(scene, key) - scene.frozen.w_mean) / _deviation(scene.frozen), self.bound)


def _deviation(frozen: Frozen) -> Float[Array, ""]:
    """Of a coordinate of w, over all of them; `w_std` is that of the whole w."""
    return frozen.w_std / jnp.sqrt(frozen.w_mean.size)


def _bounded(u: Float[Array, " d"], bound: float) -> Float[Array, " d"]:
    return bound * jnp.tanh(u / bound)


def _free(code: Float[Array, " d"], bound: float) -> Float[Array, " d"]:
    """What `_bounded` makes the code of; what lies beyond is put just inside of the bound."""
    return bound * jnp.arctanh(jnp.clip(code / bound, -EDGE, EDGE))
