"""Which implementation 'auto' stands for."""

import jax
import jax.numpy as jnp
import pytest

from ganinv_jax.core.errors import InputError
from ganinv_jax.ops import registry
from ganinv_jax.ops.registry import measured_best, select, shape_class

OPS = {"lax": lambda: "lax", "pallas": lambda: "pallas", "reference": lambda: "reference"}


def test_the_environment_takes_the_place_of_auto(monkeypatch):
    assert select("op", OPS, "auto", "lax")() == "lax"
    monkeypatch.setenv("GANINV_IMPLEMENTATION", "pallas")
    assert select("op", OPS, "auto", "lax")() == "pallas"
    assert select("op", OPS, "reference", "lax")() == "reference"
    # Ops without a kernel keep their own choice.
    assert select("op", {"conv": lambda: "conv"}, "auto", "conv")() == "conv"
    monkeypatch.setenv("GANINV_IMPLEMENTATION", "fast")
    with pytest.raises(InputError, match="must be one of auto, lax, pallas, but it is 'fast'"):
        select("op", OPS, "auto", "lax")


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        ({"lax": 2e-3, "pallas": 1e-3}, "pallas"),
        ({"lax": 1e-3, "pallas": 2e-3}, "lax"),
        ({"lax": 2e-3, "pallas": "unmeasured"}, "lax"),
    ],
)
def test_a_kernel_is_chosen_where_it_measured_faster(monkeypatch, seconds, best):
    device, shape = jax.devices()[0].device_kind, shape_class("3x3", 60, 96, 64)
    monkeypatch.setattr(registry, "_measurements", lambda: {("op", device, shape, "bfloat16"): seconds})
    assert measured_best("op", "3x3 64px 128-64", jnp.bfloat16) == best
    assert measured_best("op", "3x3 64px 128-64", jnp.float32) == "lax"
    assert measured_best("op", "3x3 64px 64-64", jnp.bfloat16) == "lax"


def test_the_table_reads_and_names_both_implementations():
    rows = registry._measurements()
    assert rows and all(set(seconds) == {"lax", "pallas"} for seconds in rows.values())
