"""Adam as the official codes set it, and the decay of averaged weights."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.training.ema import ema_decay
from ganinv_jax.training.optimizers import AdamConfig, adam, lazy


def test_ema_decay_is_nvidias():
    # ema_nimg = ema_kimg * 1000, at first cur_nimg * rampup; beta = 0.5 ** (batch / max(ema_nimg, 1e-8))
    assert float(ema_decay(jnp.int32(10**7), 32, 10.0, 0.05)) == pytest.approx(0.5 ** (32 / 10_000))
    assert float(ema_decay(jnp.int32(1000), 32, 10.0, 0.05)) == pytest.approx(0.5 ** (32 / 50))
    assert float(ema_decay(jnp.int32(0), 32, 10.0, 0.05)) == 0.0
    assert float(ema_decay(jnp.int32(0), 32, 10.0, None)) == pytest.approx(0.5 ** (32 / 10_000))


def test_lazy_adam_moves_as_far_as_nvidias_formula():
    config, c = AdamConfig(learning_rate=0.0025, b1=0.3, b2=0.99), 16 / 17
    expected = optax.adam(0.0025 * c, 0.3**c, 0.99**c, 1e-8)
    gradient, params = jnp.array([0.3, -2.0]), jnp.zeros(2)
    for ours, theirs in ((lazy(config, 16), expected), (lazy(config, 0), optax.adam(0.0025, 0.3, 0.99, 1e-8))):
        mine, other = ours.init(params), theirs.init(params)
        for _ in range(3):
            a, mine = ours.update(gradient, mine)
            b, other = theirs.update(gradient, other)
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_adams_rate_falls_evenly_after_its_warmup():
    config = AdamConfig(learning_rate=0.5, b1=0.0, b2=0.0, eps=1e-12, warmup=2, decay=0.8, decay_steps=4)
    optimizer, found = adam(config), []
    state = optimizer.init(jnp.zeros(1))
    for _ in range(11):
        update, state = optimizer.update(jnp.ones(1), state)  # Adam without memory moves by its rate.
        found.append(-float(update[0]))
    np.testing.assert_allclose(found, [0.0, 0.25] + [0.5 * 0.8 ** (i / 4) for i in range(9)], rtol=1e-5, atol=1e-7)
    for wrong in ({"decay": 0.0}, {"decay": 1.1}, {"decay_steps": 0}):
        with pytest.raises(InputError, match="decay"):
            AdamConfig(**wrong)
