"""Creswell & Bharath: z by cross-entropy and its own likelihood."""

from ganinv_jax.inversion.schedule import Adam, Constant, Method, Stage
from ganinv_jax.inversion.starts import random_z
from ganinv_jax.inversion.terms import CrossEntropy, LatentPrior


def creswell(beta: float = 0.01) -> Method:
    """z by the binary cross-entropy of pixels in [0, 1], less `beta` times the log-likelihood of z.

    Creswell & Bharath 2016 (arXiv:1611.05644) and 2018 (1802.05701). There is no official code: Adam of rate 0.01 and
    5000 steps stand here for what the papers leave open. Their generators normalise over the batch, so that latents of
    a batch have to be found jointly; StyleGAN2's do not, and each is found for itself.
    """
    terms = (CrossEntropy(), LatentPrior(beta / 2))
    return Method({"z": random_z}, (Stage(5000, ("z",), terms, Adam(Constant(0.01))),))
