"""Training steps in half precision: near those in fp32, while weights, averages, statistics and sums stay fp32."""

import functools
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_folders import SIDE, save_tiny_model

from ganinv_jax.core.configs import from_dict
from ganinv_jax.models.projected.layers import Spread
from ganinv_jax.ops.precision import lay_over
from ganinv_jax.training.optimizers import in_range
from ganinv_jax.training.tasks.gan import GanConfig, GanTask
from ganinv_jax.training.tasks.inpaint import InpaintConfig, InpaintTask

NETWORK = {"resolution": 8, "channels": [8, 6], "num_fp16_res": 2, "conv_clamp": 256.0}
OPPONENTS = {
    "stylegan2": {"network": NETWORK, "r1_gamma": 1.0, "augment": None},
    "projected": {"network": {"size": 32, "channels": 4, "head_channels": [4, 4, 4], "spread_group": 2}},
}
CASES = [("stylegan2", "bf16"), ("stylegan2", "source"), ("projected", "bf16")]
HALF = (jnp.bfloat16, jnp.float16)
KEEP_PRECISION = ("conv_general_dilated", "dot_general")
"""What layers are made of; the units that multiply matrices of half precision add in fp32."""
ROUNDED_SUMS = ("reduce", "cum", "argm")
"""How the names of those begin that would add, or compare, in half precision."""
FEW = 2
"""Numbers that may be: the gradients of a pixel and its copy, where pictures are enlarged by repetition."""


def _task(opponent: str, compute: str, network: Mapping = MappingProxyType({})) -> GanTask:
    synthesis = {name: value for name, value in NETWORK.items() if name != "resolution"}
    generator = {"resolution": 8, "z_dim": 6, "w_dim": 6, "mapping": {"num_layers": 2}, "synthesis": synthesis}
    options = {"data": {"source": "none"}, "generator": generator, "batch_size": 4}
    options[opponent] = OPPONENTS[opponent] | {"network": OPPONENTS[opponent]["network"] | dict(network)}
    lengths = 2.0 if opponent == "stylegan2" else 0.0
    return GanTask(from_dict(GanConfig, options | {"compute": compute, "pl_weight": lengths, "style_mixing": 0.9}))


def _step(task: GanTask):
    """Step 0, with all that is regularised, as a function of state and batch."""
    variant = task.variant(0)
    return lambda state, batch: task.step(state, batch, jax.random.key(0), frozen=task.frozen, variant=variant)


def _batch() -> dict[str, np.ndarray]:
    return {"image": np.random.RandomState(0).randint(0, 256, (4, 8, 8, 3), np.uint8)}


def _operations(jaxpr) -> Iterator[tuple[str, set, float]]:
    """Name and operand types of every operation, also inside of others, and how many numbers become one in it."""
    for equation in jaxpr.eqns:
        sizes = [getattr(value.aval, "size", 0) for value in (*equation.invars[:1], *equation.outvars[:1])]
        terms = sizes[0] / sizes[1] if len(sizes) == 2 and sizes[1] else 1
        yield equation.primitive.name, {getattr(value.aval, "dtype", None) for value in equation.invars}, terms
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from _operations(inner)


@pytest.mark.slow
@pytest.mark.parametrize(("opponent", "compute"), CASES)
def test_only_layers_compute_in_half_precision(opponent, compute):
    _check_precision(_task(opponent, compute), _batch())


@pytest.mark.slow
def test_only_layers_of_an_inpainter_do(tmp_path):
    model = save_tiny_model(tmp_path / "model")
    judge = {"network": NETWORK | {"resolution": SIDE, "channels": [8, 8, 6]}, "r1_gamma": 1.0, "augment": None}
    options = {"init_from": str(model), "batch_size": 4, "trains": ["encoder", "mixer", "skip"], "stylegan2": judge}
    task = InpaintTask(from_dict(InpaintConfig, options | {"show": {"count": 1}, "compute": "bf16"}))
    _check_precision(task, {"hole": np.ones((4, SIDE, SIDE, 1), np.float32)})


def _check_precision(task, batch) -> None:
    """Layers see half precision, statistics and sums do not, and nothing of it is left after a step."""
    state = jax.eval_shape(task.init, jax.random.key(0))
    program, (after, metrics) = jax.make_jaxpr(_step(task), return_shape=True)(state, batch)
    half = [
        (name, terms) for name, types, terms in _operations(program.jaxpr) if types.intersection(map(jnp.dtype, HALF))
    ]
    assert {name for name, _ in half}.issuperset(KEEP_PRECISION)
    assert not [(name, terms) for name, terms in half if name.startswith(ROUNDED_SUMS) and terms > FEW]
    kept = {leaf.dtype for leaf in jax.tree.leaves((state, after, metrics))}
    assert kept == {np.dtype(np.float32), np.dtype(np.int32)}


@pytest.mark.slow
@pytest.mark.parametrize(("opponent", "compute"), CASES)
def test_a_step_is_near_the_one_in_fp32(opponent, compute):
    found = _figures(opponent, compute)
    for name, value in _figures(opponent, "fp32").items():
        assert found[name] == pytest.approx(value, rel=0.03, abs=0.01), name


@functools.cache
def _figures(opponent: str, compute: str) -> dict[str, np.ndarray]:
    """A step's metrics; the state after it is finite."""
    task = _task(opponent, compute, {"spread_group": 0} if opponent == "projected" else {})  # Spread: see below.
    state, metrics = jax.jit(_step(task))(task.init(jax.random.key(0)), _batch())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    return jax.device_get(metrics)


def test_half_precision_hardly_changes_what_spread_says():
    """For pictures that differ by more than rounding, as a fresh generator's do not."""
    spread, x = Spread(group=2), np.random.RandomState(0).standard_normal((6, 3, 5, 4)).astype(np.float32)
    variables = spread.init(jax.random.key(0), x, True)
    scores = [spread.apply(variables, x.astype(kind), True, mutable="buffers")[0] for kind in ("f4", jnp.bfloat16)]
    assert scores[1].dtype == np.float32
    np.testing.assert_allclose(scores[1], scores[0], atol=0.01)


@pytest.mark.parametrize("shared", [(4,), (2, 1, 1, 4), (1, 8, 8, 1)], ids=["bias", "style", "noise"])
def test_gradients_of_what_pixels_share_are_summed_in_fp32(shared):
    """A bf16 sum of ones would stand still at 256."""

    def total(values):
        return jnp.sum(lay_over(values, jnp.zeros((2, 8, 8, 4), jnp.bfloat16)))

    program = jax.make_jaxpr(jax.grad(total))(jnp.ones(shared))
    summed = [types for name, types, _ in _operations(program.jaxpr) if name == "reduce_sum"]
    assert len(summed) > 0 and all(types == {np.dtype(np.float32)} for types in summed)


def test_what_overflowed_is_put_in_range():
    grads = in_range({"a": jnp.array([jnp.inf, -jnp.inf, jnp.nan, 2.0])})
    np.testing.assert_array_equal(grads["a"], [1e5, -1e5, 0, 2])
