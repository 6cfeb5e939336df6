"""Drawing pictures anew with other codes: completions, inversions with what is their own, generated pictures."""

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Float, UInt8

from ganinv_jax.core.configs import check
from ganinv_jax.inversion import drawing
from ganinv_jax.inversion.drawing import render
from ganinv_jax.inversion.methods.mganprior import Composition
from ganinv_jax.inversion.networks import Frozen, Networks
from ganinv_jax.models.stylegan2 import Layer
from ganinv_jax.pipelines import inpaint
from ganinv_jax.pipelines.pictures import as_pictures, draw
from ganinv_jax.pipelines.state import State, check_made_by

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

Restyle = Mapping[Layer, Float[Any, "1 c"]]
Draw = Callable[[Float[np.ndarray, "k l w"], Restyle], UInt8[np.ndarray, "k h w 3"]]
"""The pictures of codes and of changes of styles."""


def redrawing(model: "Model", pictures: Any, skip: bool) -> tuple[Float[np.ndarray, "k l w"], Draw]:
    """The codes of pictures, and what draws them. Raises InputError where another model made them."""
    pictures = getattr(pictures, "state", pictures)
    if isinstance(pictures, State):
        return pictures.ws, functools.partial(_completions, model, pictures, skip, _lacking(model, pictures, skip))
    if hasattr(pictures, "digest"):  # Codes, or what an inversion gives
        check_made_by(model, pictures)
        if pictures.composed:
            return pictures.ws, functools.partial(_composed, model, pictures)
        own = {name: x for name, x in pictures.variables.items() if name in OWN}
        return pictures.ws, functools.partial(_inverted, model, own) if own else functools.partial(_generated, model)
    return np.asarray(pictures, np.float32), functools.partial(_generated, model)


def _generated(model: "Model", ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    return draw(model, ws, restyle=restyle)


# What pictures of inversions have of their own besides a code; see `inversion.drawing`.
OWN = ("noise", "weights", "residuals", "factors", "factor_networks", "factor_noise", "restyle")


def restyled(before: Mapping[str, Any], changes: Restyle) -> dict[str, dict[str, Any]]:
    """Changes of styles as the variables of a batch of one, added to those that there are."""
    found = {block: dict(layers) for block, layers in before.items()}
    for (resolution, layer), change in changes.items():
        layers = found.setdefault(f"b{resolution}", {})
        layers[layer] = layers.get(layer, 0) + np.asarray(change, np.float32)
    return found


def _inverted(model: "Model", own: Mapping[str, Any], ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    """Picture by picture, since each has noise, weights or features of its own."""
    network = model.network("generator")
    networks, frozen, images = Networks(network.module), Frozen(network.variables), []
    for row in range(len(ws)):
        of_row = jax.tree.map(lambda x, row=row: np.asarray(x)[row : row + 1], dict(own))
        changes = restyled(of_row.pop("restyle", {}), restyle)
        variables = {**of_row, "ws": ws[row : row + 1], "restyle": changes}
        images.append(as_pictures(render(networks, drawing.draw, frozen, variables).images[:, 0]))
    return np.concatenate(images)


def _composed(model: "Model", state: Any, ws: Any, restyle: Restyle) -> UInt8[np.ndarray, "k h w 3"]:
    """mGANprior's pictures: each of a picture's codes moves as their mean does."""
    check(not restyle, "A picture of several codes moves along directions in W only, but a style channel was given.")
    network = model.network("generator")
    labels = model.class_labels(None if state.class_idx < 0 else state.class_idx)
    variables = {**state.variables, "shift": np.asarray(ws) - state.ws}
    networks, frozen = Networks(network.module), Frozen(network.variables, labels=labels)
    return as_pictures(render(networks, Composition(state.composed), frozen, variables).images[:, 0])


def _completions(
    model: "Model", state: State, skip: bool, lacking: Any, ws: Any, restyle: Restyle
) -> UInt8[np.ndarray, "k h w 3"]:
    images = as_pictures(inpaint.render(model, state, ws, skip, restyle))
    return (images + lacking).clip(0, 255).astype(np.uint8)


def _lacking(model: "Model", state: State, skip: bool) -> Any:
    """What pasted known pixels have that the model's own pictures have not, as signed levels."""
    if not state.composite:
        return np.int16(0)
    plain = as_pictures(inpaint.render(model, state, None, skip))
    return np.where(state.hole[..., None], np.int16(0), state.erased.astype(np.int16) - plain)
