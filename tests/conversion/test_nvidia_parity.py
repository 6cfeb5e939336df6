"""Converted NVIDIA networks against the arrays that the official code computed from the same files."""

import functools

import numpy as np
import pytest
from parity import agrees, generate, score

from conversion.nvidia_torch import convert_discriminator, convert_generator
from conversion.persistent import module_tree
from ganinv_jax.core.torchfile import read

pytestmark = pytest.mark.shared

FILES = [
    "ada_orig_uncond_64",
    "ada_resnet_cond_32",
    "ada_resnet_uncond_fp16_32",
    "ada_skip_clampactive_32",
    "ada_skip_cond_fp16_64",
    "ada_skip_fp16_channelslast_32",
    "ada_skip_freezed_gray_32",
    "ada_skip_nonoise_mbstd2_32",
    "ada_skip_uncond_32",
    "ada_skip_uncond_32_numpy2",
    "ada_skip_uncond_32_proto3_torch17style",
    "sg3_orig_cond_32",
    "sg3_resnet_cond_64",
    "sg3_resnet_uncond_32_proto3_torch17style",
    "sg3_skip_defaults_fp16_64",
    "sg3_skip_dskip_clampactive_32",
    "sg3_skip_uncond_32",
    "sg3_skip_uncond_32_numpy2",
]


@functools.lru_cache(maxsize=1)
def opened(path):
    content = read(path)
    reference = np.load(path.with_suffix(".npz"))
    return {key: module_tree(content[key], key) for key in ("G", "D", "G_ema")}, reference


@pytest.mark.parametrize("name", FILES)
def test_generator(shared, name):
    networks, reference = opened(shared / "fixtures/nv" / f"{name}.pkl")
    config, variables = convert_generator(networks["G_ema"])
    c = reference["c"] if config.c_dim else None
    ours = generate(config, variables, reference["z"], c, reference["w_mixed"])
    for key, array in ours.items():
        agrees(key, array, reference[key])
    config, variables = convert_generator(networks["G"], "G")
    agrees("img_G", generate(config, variables, reference["z"], c, reference["w_mixed"])["img"], reference["img_G"])


@pytest.mark.parametrize("name", FILES)
def test_discriminator(shared, name):
    networks, reference = opened(shared / "fixtures/nv" / f"{name}.pkl")
    config, variables = convert_discriminator(networks["D"])
    images = reference["d_img_u8"].transpose(0, 2, 3, 1).astype(np.float32) / 127.5 - 1
    ours = score(config, variables, images, reference["d_c"] if config.c_dim else None)
    for key, array in ours.items():
        agrees(key, array, reference[key])


def test_all_files_are_listed(shared):
    assert sorted(path.stem for path in (shared / "fixtures/nv").glob("*.pkl")) == FILES
