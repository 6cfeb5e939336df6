"""Image2StyleGAN++: W+ first, then the noise maps."""

import dataclasses
from typing import Literal

from ganinv_jax.inversion.methods.image2stylegan import image2stylegan
from ganinv_jax.inversion.schedule import DEFAULT_LOOK, Adam, Constant, Look, Method, Stage
from ganinv_jax.inversion.starts import own_noise
from ganinv_jax.inversion.terms import SquaredError


def image2stylegan_plus(
    noise_rate: float = 0.1,
    start: Literal["mean", "encoder", "uniform", "given"] = "mean",
    look: Look = DEFAULT_LOOK,
) -> Method:
    """Image2StyleGAN's 5000 steps on W+, then 3000 on the noise maps alone, by the squared error alone.

    Abdal et al. 2020 (arXiv:1911.11544), sections 3 and 5.1: Adam of rate 0.01 for W+ and 5 for noise, one after the
    other, since noise that is found together with the code takes over what the code should say.

    noise_rate: the paper's 5 goes with squared errors weighted 1e-5 and noise of some thousand steps; Adam does not
    feel such weights, and maps of unit deviation are lost in the first step at that rate.
    """
    first = image2stylegan(start, look)
    noise = Stage(3000, ("noise",), (SquaredError(),), Adam(Constant(noise_rate)))
    begin = (*first.start, ("noise", own_noise))
    return dataclasses.replace(first, start=begin, stages=(*first.stages, noise))
