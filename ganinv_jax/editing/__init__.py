"""Editing: directions found in a generator's latent space, and codes moved along them, mixed and interpolated.

Everything here works on codes and weights as arrays; `pipelines.edit` and `pipelines.directions` run the networks.
"""

from ganinv_jax.editing.ganspace import Components, principal_components, regressed
from ganinv_jax.editing.interfacegan import Boundary, conditioned, separate
from ganinv_jax.editing.mixing import AlongGreatCircle, Towards, crossover, lerp, mix, slerp
from ganinv_jax.editing.moving import at_rows, chosen_rows, move
from ganinv_jax.editing.sefa import sefa
from ganinv_jax.editing.stylespace import StyleDirection, channel_deviations, channel_direction
from ganinv_jax.models.directions import Direction

AnyDirection = Direction | StyleDirection | Towards | AlongGreatCircle
"""What an edit may go along."""

__all__ = [
    "AlongGreatCircle",
    "AnyDirection",
    "Boundary",
    "Components",
    "StyleDirection",
    "Towards",
    "at_rows",
    "channel_deviations",
    "channel_direction",
    "chosen_rows",
    "conditioned",
    "crossover",
    "lerp",
    "mix",
    "move",
    "principal_components",
    "regressed",
    "sefa",
    "separate",
    "slerp",
]
