"""A tiny model with an inpainter and a discriminator, and a photo."""

import numpy as np
import pytest
from model_folders import tiny_model

from ganinv_jax.pipelines import Model


@pytest.fixture(scope="session")
def model() -> Model:
    return Model(*tiny_model(discriminator=True), name="tiny")


@pytest.fixture
def photo() -> np.ndarray:
    """Wider than high, so that its sides are cut off."""
    return np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
