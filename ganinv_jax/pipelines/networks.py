"""The networks that an inversion draws with and looks through, out of a model."""

import functools
import weakref
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from ganinv_jax.core.configs import check
from ganinv_jax.inversion import Method
from ganinv_jax.inversion.networks import MEAN_SAMPLES, Frozen, Networks, calibrate, mean_code
from ganinv_jax.inversion.schedule import Look
from ganinv_jax.losses.perceptual import PerceptualDistance
from ganinv_jax.models.encoders import reads_whole
from ganinv_jax.models.features import load_features

if TYPE_CHECKING:
    from ganinv_jax.pipelines.model import Model

LARGEST_LOOK = 256
"""Pictures are looked at no larger than this; source: projector.py of stylegan2-ada-pytorch."""


def inversion_networks(model: "Model", method: Method, class_idx: int | None) -> tuple[Networks, Frozen]:
    """The modules that a method needs, and their weights and measures.

    Raises InputError where the model lacks one of them or the class.
    """
    generator = model.network("generator")
    encoder, parts = _encoder(model, method.layered) if method.needs_encoder else (None, None)
    distance = _distance(method.look, model.config.resolution) if method.looks else None
    networks = Networks(generator.module, encoder, distance)
    known = _KNOWN.setdefault(model, {})
    features = distance.variables if distance else None
    frozen = Frozen(generator.variables, parts, features, model.class_labels(class_idx))
    if class_idx not in known:
        # The very latents of projector.py of stylegan2-ada-pytorch.
        z = np.random.RandomState(123).randn(MEAN_SAMPLES, model.config.z_dim).astype(np.float32)
        known[class_idx] = _mean_code(Networks(generator.module), frozen, z)
    w_mean, w_std = known[class_idx]
    frozen = frozen._replace(w_mean=w_mean, w_std=w_std)
    if any(getattr(term, "calibrated", False) for term in method.terms):
        if (distance, class_idx) not in known:
            known[distance, class_idx] = _calibrate(networks, frozen, jax.random.key(0))
        frozen = frozen._replace(calibration=known[distance, class_idx])
    return networks, frozen


def can_encode(model: "Model") -> bool:
    """Whether a model has what `Model.encode` takes."""
    if "encoder" not in model.parts:
        return False
    return "mixer" in model.parts or reads_whole(model.network("encoder").config)


def can_serve(model: "Model", method: Method) -> bool:
    """Whether a model has the encoder that a method needs, or the method another in its place."""
    layers = method.layered and "layers" in model.parts
    return not method.needs_encoder or method.without_encoder is not None or layers or can_encode(model)


# What was measured of a model once: its mean code by class, and its calibration by distance and class.
_KNOWN: weakref.WeakKeyDictionary["Model", dict[Any, Any]] = weakref.WeakKeyDictionary()
_mean_code, _calibrate = jax.jit(mean_code, static_argnums=0), jax.jit(calibrate, static_argnums=0)


def _encoder(model: "Model", layered: bool) -> tuple[Any, Any]:
    """The encoder's module, and the variables of all that it works with. Raises InputError without an encoder."""
    if layered and "layers" in model.parts:
        layers = model.network("layers")
        fits = all(getattr(layers.config, name) == getattr(model.config, name) for name in ("resolution", "w_dim"))
        check(fits, f"The layer encoders of {model.name} must be its generator's, but are another's; train them again.")
        return layers.module, layers.variables
    if "encoder" in model.parts and reads_whole(model.network("encoder").config):
        parts = {part: model.network(part) for part in ("encoder", "generator")}
        return parts["encoder"].module, {part: network.variables for part, network in parts.items()}
    return model.inpainter


@functools.cache
def _distance(look: Look, side: int) -> PerceptualDistance:
    size = min(side, LARGEST_LOOK) if look.size is None else look.size
    return PerceptualDistance(load_features(look.features), look.stages, size)
