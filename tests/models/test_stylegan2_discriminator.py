"""StyleGAN2's discriminator: against NumPy, and what must hold of any discriminator here."""

import functools

import jax
import jax.numpy as jnp
import naive_stylegan2 as naive
import numpy as np
import pytest
from small_stylegan2 import ARCHITECTURES, close, discriminator, discriminator_config, float64, jit, numbers

from ganinv_jax.models.stylegan2 import Discriminator
from ganinv_jax.models.stylegan2.discriminator import minibatch_std


@pytest.mark.parametrize(
    "options",
    [
        *({"architecture": name} for name in ARCHITECTURES),
        {"c_dim": 3},
        {"c_dim": 3, "cmap_dim": 5},
        {"conv_clamp": 0.5},
        {"mbstd_group_size": 2},
        {"mbstd_group_size": None},
    ],
    ids=lambda options: "-".join(f"{key}_{value}" for key, value in options.items()),
)
def test_discriminator_is_the_papers(options):
    config = discriminator_config(**options)
    network, variables = discriminator(config)
    images, c = numbers(8, 16, 16, 3), np.eye(3, dtype=np.float32)[[0, 1, 2, 0] * 2] if config.c_dim else None
    p = float64(variables["params"])
    wanted = naive.discriminator(
        p, images, config.mbstd_group_size or 8, c, config.architecture, config.conv_clamp or np.inf
    )
    got = jit(network.apply)(variables, images, c)
    assert got.shape == (8,)
    close(got, wanted)


def test_minibatch_std_of_several_channels():
    x = numbers(6, 2, 3, 4)
    got = minibatch_std(x, 3, 2)
    assert got.shape == (6, 2, 3, 6)
    np.testing.assert_array_equal(got[..., :4], x)
    for i, part in ((0, slice(0, 2)), (1, slice(2, 4))):
        for start in (0, 1):
            std = np.sqrt(np.var(x[start::2, ..., part], axis=0) + 1e-8).mean()
            close(got[start::2, ..., 4 + i], np.full((3, 2, 3), std), 1e-6)
    with pytest.raises(ValueError, match="multiple of the group size 4"):
        minibatch_std(x, 4, 1)


def test_a_logit_depends_on_its_own_group_alone():
    network, variables = discriminator(discriminator_config(mbstd_group_size=2))
    run = functools.partial(jit(network.apply), variables)
    images = numbers(4, 16, 16, 3)
    others = images.copy()
    others[[1, 3]] = numbers(2, 16, 16, 3, seed=1)  # the group of pictures 1 and 3
    np.testing.assert_array_equal(run(others)[jnp.array([0, 2])], run(images)[jnp.array([0, 2])])
    others[2] += 1
    assert np.abs(run(others)[0] - run(images)[0]) > 1e-4


def test_features_of_the_discriminator():
    network, variables = discriminator(discriminator_config())
    images = numbers(2, 16, 16, 3)
    run = jit(functools.partial(network.apply, method="features"))
    got = run(variables, images)
    assert {resolution: x.shape for resolution, x in got.items()} == {8: (2, 8, 8, 8), 4: (2, 4, 4, 8)}
    # Of one picture alone: nothing in them looks across the batch.
    close(run(variables, images[:1])[4][0], got[4][0], 1e-6)


@pytest.mark.parametrize(("compute", "error"), [("bf16", 0.03), ("source", 0.004)])
def test_half_precision_logits_are_near(compute, error):
    config = discriminator_config(num_fp16_res=1, conv_clamp=256.0)
    network, variables = discriminator(config)
    images = numbers(4, 16, 16, 3)
    precise, got = (jit(each.apply)(variables, images) for each in (network, Discriminator(config, compute)))
    assert got.dtype == jnp.float32 and 0 < np.abs(got - precise).max() < error * np.abs(precise).max()


def test_r1_by_forward_over_reverse():
    """The gradient of |d logits / d images|^2 / 2 is that of a jvp along the gradient itself, held still."""
    network, variables = discriminator(discriminator_config())
    images = numbers(4, 16, 16, 3)

    def slope(params, images):
        return jax.grad(lambda images: network.apply({"params": params}, images).sum())(images)

    def reverse_over_reverse(params):
        return jnp.sum(slope(params, images) ** 2) / 2

    def along_gradient(params):
        direction = jax.lax.stop_gradient(slope(params, images))
        return jax.jvp(lambda images: network.apply({"params": params}, images).sum(), (images,), (direction,))[1]

    def both(params):
        return jax.grad(reverse_over_reverse)(params), jax.grad(along_gradient)(params)

    one, other = jit(both)(variables["params"])
    assert np.abs(one["b16"]["conv0"]["weight"]).max() > 1e-4
    jax.tree.map(functools.partial(close, tolerance=1e-5), one, other)
