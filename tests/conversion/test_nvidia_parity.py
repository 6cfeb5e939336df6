"""Converted NVIDIA networks against the arrays that the official code computed from the same files."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from parity import agrees, compiled

from conversion.nvidia_torch import convert_discriminator, convert_generator
from conversion.persistent import module_tree
from ganinv_jax.core.torchfile import read
from ganinv_jax.models.stylegan2 import Discriminator, Generator

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


@compiled
def generate(config, variables, z, c, w_mixed):
    """Everything that the references hold of a generator, in one program, since compiling is what costs here."""
    network = Generator(config)
    call = functools.partial(network.apply, variables)
    ws = {
        "w": call(z, c, method="map"),
        "w_psi07": call(z, c, truncation_psi=0.7, method="map"),
        "w_psi07_cut3": call(z, c, truncation_psi=0.7, truncation_cutoff=3, method="map"),
    }
    images = call(jnp.concatenate([ws["w"], ws["w_psi07"], w_mixed]), method="synthesize")
    images = dict(zip(("img", "img_psi07", "img_mixed"), jnp.split(images, 3), strict=True))
    images["img_nonoise"] = call(ws["w"], noise_mode="none", method="synthesize")
    features = {f"feat_b{r}": call(ws["w"][:1], stop=r, method="features")[0] for r in (4, 8, 16)}
    maps = {name: array.transpose(0, 3, 1, 2) for name, array in (images | features).items()}
    return ws | maps


@compiled
def score(config, variables, images, c):
    call = functools.partial(Discriminator(config).apply, variables)
    first = {"d_logits": 8, "d_logits_n1": 1, "d_logits_n4": 4}
    return {name: call(images[:n], None if c is None else c[:n])[:, None] for name, n in first.items()}


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
