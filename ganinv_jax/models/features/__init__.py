"""Frozen networks that pictures are looked at through."""

from ganinv_jax.models.features.api import FeatureNet, Features, load_features

__all__ = ["FeatureNet", "Features", "load_features"]
