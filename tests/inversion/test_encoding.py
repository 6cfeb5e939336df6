"""What encoders read of a photo that is not whole."""

import numpy as np
import pytest
from model_folders import SIDE, add_psp_encoder, tiny_model

from ganinv_jax.core.images import to_float
from ganinv_jax.pipelines import Model

PHOTO = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
HOLE = np.zeros((SIDE, SIDE), bool)
HOLE[2:9, 3:12] = True
KNOWN = np.float32(~HOLE[None, ..., None])


def found(model, photo=PHOTO):
    return model.invert(photo, method="encoder", task="inpainting", hole=HOLE).ws


def test_the_inpainters_is_told_what_is_erased():
    model = Model(*tiny_model(), "whole")
    inpainter, variables = model.inpainter
    read = inpainter.encode(variables, to_float(PHOTO[None]) * KNOWN, KNOWN)
    average = np.broadcast_to(variables["generator"]["buffers"]["mapping"]["w_avg"], read.shape)
    np.testing.assert_allclose(found(model), inpainter.mix(variables, read, average)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("psp", [False, True])
def test_nobody_reads_behind_the_hole(psp):
    model = Model(*(add_psp_encoder(*tiny_model(False)) if psp else tiny_model()), "either")
    np.testing.assert_array_equal(found(model), found(model, np.where(HOLE[..., None], 255 - PHOTO, PHOTO)))


def test_others_read_what_their_first_code_draws_there():
    model = Model(*add_psp_encoder(*tiny_model(False)), "psp")
    erased = to_float(PHOTO[None]) * KNOWN
    drawn = np.asarray(model.synthesize(model.encode(erased)))
    np.testing.assert_allclose(found(model), model.encode(erased + (1 - KNOWN) * drawn), rtol=1e-3, atol=1e-4)
