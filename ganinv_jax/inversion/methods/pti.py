"""Pivotal tuning: a w by projection, then the generator's weights around it."""

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from ganinv_jax.core.configs import check
from ganinv_jax.inversion.drawing import own_generator
from ganinv_jax.inversion.networks import map_z, synthesize
from ganinv_jax.inversion.schedule import (
    DEFAULT_LOOK,
    Adam,
    Constant,
    Look,
    Method,
    Perturbation,
    Ramps,
    Stage,
    normalize_noise,
)
from ganinv_jax.inversion.starts import encoded_w, given_w, mean_w, own_weights, random_noise
from ganinv_jax.inversion.terms import NoiseCorrelation, Perceptual, SquaredError, Term

STARTS = {"mean": mean_w, "encoder": encoded_w, "given": given_w}


def pti(
    locality: float = 0.0, start: Literal["mean", "encoder", "given"] = "mean", look: Look = DEFAULT_LOOK
) -> Method:
    """The projector's w in 450 steps, then 350 steps on all weights of the synthesis network with w held.

    Roich et al. 2021 (arXiv:2106.05744); configs/hyperparameters.py and training/ of danielroich/PTI: the projector
    with rate 0.01, whose noise is thrown away; then squared error + perceptual distance, weighted 1 and 1, Adam of rate
    3e-4 and the generator's own noise. The distance is calibrated to the squared error, as LPIPS-AlexNet, for which the
    weights were chosen, has about its size. The official code ends early where LPIPS falls below 0.06; that number
    belongs to LPIPS as well, so that all steps are taken here.

    locality: the weight of `Locality`; the official one is 0.1, and off by default there too.
    start: where w begins; the official one is the mean.
    """
    check(start in STARTS, f"start must be one of {', '.join(STARTS)}, but it is {start!r}.")
    projector = Stage(
        steps=450,
        active=("w", "noise"),
        terms=(Perceptual(calibrated=False), NoiseCorrelation(1e5)),
        optimiser=Adam(Ramps(0.01)),
        perturbation=Perturbation("w"),
        after=(normalize_noise,),
    )
    terms: tuple[Term, ...] = (SquaredError(), Perceptual())
    if locality:
        terms += (Locality(locality),)
    tuning = Stage(350, ("weights",), terms, Adam(Constant(3e-4)), forget=("noise",))
    begin = {"w": STARTS[start], "noise": random_noise, "weights": own_weights}
    return Method(begin, (projector, tuning), look=look, encodes=start == "encoder")


@dataclasses.dataclass(frozen=True)
class Locality:
    """How far the tuned generator's picture is from the frozen one's at a random code near the pivot: squared error and
    perceptual distance, without noise.

    The code lies `reach` from the pivot in W+, towards a random one (truncated by half). Source:
    criteria/localitly_regulizer.py of danielroich/PTI.
    """

    weight: float
    reach: float = 30.0
    name: ClassVar[str] = "locality"
    looks: ClassVar[bool] = True
    encodes: ClassVar[bool] = False

    def __call__(self, view):
        networks, frozen, pivot = view.scene.networks, view.scene.frozen, view.drawn.ws
        other = map_z(networks, frozen, jax.random.normal(view.key, (1, view.scene.config.z_dim)))[0]
        away = frozen.w_mean + 0.5 * (other - frozen.w_mean) - pivot
        ws = (pivot + self.reach * away / jnp.linalg.norm(away))[None]
        tuned = synthesize(networks, own_generator(frozen, view.variables), ws, noise_mode="none")
        before = synthesize(networks, frozen.generator, ws, noise_mode="none")
        looks = networks.distance(frozen.features, tuned, before)[0] * frozen.calibration
        return jnp.mean((tuned - before) ** 2) + looks
