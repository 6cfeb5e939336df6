"""What a model must have for a method."""

import pytest
from model_folders import add_psp_encoder, tiny_model

from ganinv_jax.inversion import METHODS
from ganinv_jax.pipelines import Model
from ganinv_jax.pipelines.networks import can_serve

NEEDY = {"encoder", "idinvert", "layerwise", "photo-manipulation"}  # igan begins from several codes without an encoder


@pytest.mark.parametrize(
    ("model", "missing"),
    [(tiny_model(False), NEEDY), (tiny_model(), set()), (add_psp_encoder(*tiny_model(False)), set())],
    ids=["generator", "inpainter", "psp"],
)
def test_methods_that_a_model_can_serve(model, missing):
    served = {name for name, make in METHODS.items() if can_serve(Model(*model, "tiny"), make())}
    assert served == METHODS.keys() - missing
