"""Compressed sensing with a generator: z by what was measured, several times over."""

from ganinv_jax.inversion.schedule import Adam, Constant, Method, Stage
from ganinv_jax.inversion.starts import random_z
from ganinv_jax.inversion.terms import LatentPrior, SummedSquares


def csgm(restarts: int = 2, prior: float = 0.001) -> Method:
    """z from the normal distribution: squared error of the measurements and 0.001 |z|^2, the best of two restarts.

    Bora et al. 2017 (arXiv:1703.03208), section 6; quant_scripts/celebA_reconstruction.sh and src/celebA_estimators.py
    of AshishBora/csgm for the DCGAN: Adam of rate 0.1, 500 steps; 2 restarts without a prior, 10 with one of 0.001. The
    script's own defaults, 0.001 and 2 restarts, are those here. In expectation its error is the sum of the pixels'
    squares, to which the prior's weight belongs. A restart is chosen by its own total loss. The task it was made for is
    'random-projection'; inpainting and super-resolution are measurements as well.

    prior: its weight; the official scripts have 0 for inpainting and super-resolution. StyleGAN2's mapping normalises
    z, so that the length that the prior draws in changes no picture.
    """
    stage = Stage(500, ("z",), (SummedSquares(), LatentPrior(prior)), Adam(Constant(0.1)))
    return Method({"z": random_z}, (stage,), restarts)
