"""Inversion by optimisation: one engine, and every published method a configuration of it.

METHODS maps a method's name to the function that configures it, TASKS a task's to the one that makes its degradation;
the functions' arguments are the options of `Model.invert`.
"""

from collections.abc import Callable

from ganinv_jax.inversion.methods.creswell import creswell
from ganinv_jax.inversion.methods.csgm import csgm
from ganinv_jax.inversion.methods.encoder import encoder
from ganinv_jax.inversion.methods.idinvert import idinvert
from ganinv_jax.inversion.methods.igan import igan
from ganinv_jax.inversion.methods.image2stylegan import image2stylegan
from ganinv_jax.inversion.methods.image2stylegan_plus import image2stylegan_plus
from ganinv_jax.inversion.methods.layerwise import layerwise
from ganinv_jax.inversion.methods.lipton import lipton
from ganinv_jax.inversion.methods.mganprior import mganprior
from ganinv_jax.inversion.methods.partial import partial
from ganinv_jax.inversion.methods.photo_manipulation import photo_manipulation
from ganinv_jax.inversion.methods.projector import projector
from ganinv_jax.inversion.methods.pti import pti
from ganinv_jax.inversion.schedule import Method
from ganinv_jax.inversion.tasks import TASKS

METHODS: dict[str, Callable[..., Method]] = {
    "encoder": encoder,
    "projector": projector,
    "image2stylegan": image2stylegan,
    "image2stylegan++": image2stylegan_plus,
    "mganprior": mganprior,
    "idinvert": idinvert,
    "pti": pti,
    "csgm": csgm,
    "partial": partial,
    "lipton": lipton,
    "creswell": creswell,
    "igan": igan,
    "layerwise": layerwise,
    "photo-manipulation": photo_manipulation,
}

UNFIT = {
    "one-layer-at-a-time": "one-layer-at-a-time inverts affine maps with leaky ReLUs only, and StyleGAN2 has modulated "
    "convolutions and noise between; give such a generator to ganinv_jax.inversion.layer_lp.invert, or see "
    "`ganinv evaluate recovery`.",
}
"""Methods that cannot be run on StyleGAN2, and why."""

__all__ = ["METHODS", "TASKS", "UNFIT", "Method"]
