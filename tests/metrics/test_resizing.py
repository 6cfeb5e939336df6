"""Resizes against Pillow, against a loop that follows TensorFlow 1, and against the packages that define them."""

import numpy as np
import pytest
from PIL import Image
from public_torch import import_torch

from ganinv_jax.metrics.resizing import RESIZES

RNG = np.random.default_rng(0)
SIZES = [(64, 64, 75), (37, 130, 75), (150, 151, 75), (75, 75, 75), (9, 9, 32)]


def pixels(height, width):
    """Noise, and below it hard edges, which bicubic filters overshoot at."""
    found = RNG.integers(0, 256, (1, height, width, 3), np.uint8)
    found[:, : height // 2] = np.where(found[:, : height // 2] > 127, 255, 0)
    return found


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_cleanfid_is_pillows_bicubic_filter_of_floats(height, width, size):
    x = pixels(height, width).astype(np.float32)
    channels = [Image.fromarray(x[0, ..., c]).resize((size, size), Image.Resampling.BICUBIC) for c in range(3)]
    expected = np.stack([np.asarray(channel) for channel in channels], axis=-1)
    np.testing.assert_allclose(RESIZES["cleanfid"](x, size)[0], expected.clip(0, 255), atol=1e-2)
    np.testing.assert_allclose(RESIZES["antialiased"](x, size)[0], expected, atol=1e-2)


@pytest.mark.parametrize(("height", "width", "size"), SIZES)
def test_torchfidelity_is_tensorflow_1s_bilinear(height, width, size):
    x = pixels(height, width).astype(np.float64)[0]

    def between(x, size):
        """Along the first axis, pixel i at i * scale: no half-pixel centres, the last one repeated."""
        places = np.arange(size) * len(x) / size
        low = np.floor(places).astype(int)
        share = (places - low)[:, None, None]
        return x[low] * (1 - share) + x[np.minimum(low + 1, len(x) - 1)] * share

    expected = between(between(x, size).swapaxes(0, 1), size).swapaxes(0, 1)
    np.testing.assert_allclose(RESIZES["torchfidelity"](x[None].astype(np.float32), size)[0], expected, atol=5e-3)


@pytest.mark.torch
@pytest.mark.parametrize("side", [64, 256, 299, 512])
def test_the_packages_own(side):
    torch = import_torch()
    cleanfid = pytest.importorskip("cleanfid.resize")
    fidelity = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    x = pixels(side, side)
    ours = {name: np.asarray(RESIZES[name](x.astype(np.float32), 299)) for name in ("cleanfid", "torchfidelity")}
    np.testing.assert_allclose(ours["cleanfid"][0], cleanfid.build_resizer("clean")(x[0]), atol=1e-2)
    planes = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
    theirs = fidelity.interpolate_bilinear_2d_like_tensorflow1x(planes, (299, 299), align_corners=False)
    np.testing.assert_allclose(ours["torchfidelity"], theirs.numpy().transpose(0, 2, 3, 1), atol=1e-3)
