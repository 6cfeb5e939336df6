"""Inversion by optimisation: one engine, and every published method a configuration of it.

METHODS maps a method's name to the function that configures it, TASKS a task's to the one that makes its degradation;
the functions' arguments are the options of `Model.invert`.
"""

from collections.abc import Callable

from ganinv_jax.inversion.degradations import TASKS
from ganinv_jax.inversion.methods.creswell import creswell
from ganinv_jax.inversion.methods.csgm import csgm
from ganinv_jax.inversion.methods.encoder import encoder
from ganinv_jax.inversion.methods.idinvert import idinvert
from ganinv_jax.inversion.methods.igan import igan
from ganinv_jax.inversion.methods.image2stylegan import image2stylegan
from ganinv_jax.inversion.methods.image2stylegan_plus import image2stylegan_plus
from ganinv_jax.inversion.methods.lipton import lipton
from ganinv_jax.inversion.methods.mganprior import mganprior
from ganinv_jax.inversion.methods.projector import projector
from ganinv_jax.inversion.methods.pti import pti
from ganinv_jax.inversion.schedule import Method

METHODS: dict[str, Callable[..., Method]] = {
    "encoder": encoder,
    "projector": projector,
    "image2stylegan": image2stylegan,
    "image2stylegan++": image2stylegan_plus,
    "mganprior": mganprior,
    "idinvert": idinvert,
    "pti": pti,
    "csgm": csgm,
    "lipton": lipton,
    "creswell": creswell,
    "igan": igan,
}

__all__ = ["METHODS", "TASKS", "Method"]
