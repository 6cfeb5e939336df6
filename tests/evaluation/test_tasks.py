"""Tasks that are solved in known ways."""

import numpy as np

from ganinv_jax.evaluation.inversion import Inverted
from ganinv_jax.evaluation.pieces import Pieces
from ganinv_jax.evaluation.tasks import knowledge, solve

PHOTOS = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), np.uint8)


def test_what_is_found_is_judged_beside_what_was_seen(tmp_path):
    """One level off is 48.13 dB; what is seen is the photo itself."""
    done = []

    def invert(photos):
        parts = {"psnr_hole": np.arange(float(len(photos)))}
        return Inverted(photos + np.uint8(1), photos[:, 0, :1], lambda d: photos, 1.0, photos, parts)

    solved = solve(invert, PHOTOS, Pieces(tmp_path, {}), 2, done.append)
    np.testing.assert_allclose(solved.figures["psnr"], 20 * np.log10(255), rtol=1e-6)
    assert solved.figures["psnr_hole"].tolist() == [0, 1, 0, 1, 0] and done == [2, 4, 5]
    assert (solved.before["psnr"] == 100).all() and (solved.before["ssim"] > 0.999).all()
    np.testing.assert_array_equal(solved.images, PHOTOS + 1)


def test_measurements_are_no_picture(tmp_path):
    solved = solve(lambda x: Inverted(x, x, lambda d: x, 1.0), PHOTOS, Pieces(tmp_path, {}), 8)
    assert solved.seen is None and solved.before == {} and (solved.figures["psnr"] == 100).all()


def test_curves_over_layers():
    columns = {"seen": {"a_psnr": 1.0}, "x": {"a_psnr": 2.0, "a_ssim": 0.5}, "y": {"a_psnr": 3.0}, "z": {"a_psnr": 4.0}}
    curves = knowledge(columns, {"x": (4, "1 code"), "y": (8, "1 code"), "z": (4, "5 codes")})
    assert curves["a psnr"].series == {"1 code": ([4, 8], [2.0, 3.0]), "5 codes": ([4], [4.0])} and len(curves) == 1
