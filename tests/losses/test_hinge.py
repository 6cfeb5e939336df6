"""The hinge losses against their formulas."""

import numpy as np

from ganinv_jax.losses.hinge import discriminator_hinge, generator_hinge

RNG = np.random.default_rng(0)
REAL, FAKE = ([RNG.normal(size=shape).astype(np.float32) * 2 for shape in ((3, 2, 2), (3, 1, 1))] for _ in range(2))


def test_discriminator_hinge_averages_positions_then_heads():
    expected = [
        np.mean(
            [
                np.mean(np.maximum(0, 1 - r[i])) + np.mean(np.maximum(0, 1 + f[i]))
                for r, f in zip(REAL, FAKE, strict=True)
            ]
        )
        for i in range(3)
    ]
    np.testing.assert_allclose(discriminator_hinge(REAL, FAKE), expected, rtol=1e-5)


def test_generator_hinge_is_the_negative_score():
    expected = [-np.mean([np.mean(logits[i]) for logits in FAKE]) for i in range(3)]
    np.testing.assert_allclose(generator_hinge(FAKE), expected, rtol=1e-5)


def test_a_single_map_is_one_head():
    np.testing.assert_allclose(generator_hinge(FAKE[0]), -FAKE[0].mean(axis=(1, 2)), rtol=1e-5)
