"""The kernels through the compilers of the hardware, on a machine that has none: what lowers, and what fits."""

import functools

import jax
import jax.numpy as jnp
import pytest

from ganinv_jax.ops.ahead_of_time import LAYERS, TOPOLOGIES, Layer, call, compile_for_tpu
from ganinv_jax.ops.upfirdn2d import downsample2d, filter2d, upsample2d

DTYPES = [jnp.float32, jnp.bfloat16]
NAMES = [f"{layer.size}x{layer.size}-{layer.side}px-{layer.inputs}" for layer in LAYERS]


pytestmark = pytest.mark.usefixtures("no_cache")


@pytest.mark.parametrize("dtype", [*DTYPES, jnp.float16])
@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_lowers_for_cuda(layer, dtype):
    run, shapes = call(layer, dtype, "pallas")
    program = jax.jit(run).trace(*shapes).lower(lowering_platforms=("cuda",)).as_text()
    assert program.count("triton") and "stablehlo.convolution" not in program


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
def test_lowers_for_tpu(layer, dtype):
    run, shapes = call(layer, dtype, "pallas")
    program = jax.jit(run).trace(*shapes).lower(lowering_platforms=("tpu",)).as_text()
    assert program.count("tpu_custom_call") and "stablehlo.convolution" not in program


@pytest.mark.tpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", LAYERS, ids=NAMES)
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_compiles_for_tpu(topology, layer, dtype):
    pytest.importorskip("libtpu")
    program = compile_for_tpu(topology, *call(layer, dtype, "pallas"))
    lines = program.as_text().splitlines()
    assert any("tpu_custom_call" in line for line in lines)
    # Matrix products are called convolutions there, but have no window.
    assert not any(" convolution(" in line and "window=" in line for line in lines)
    assert program.cost_analysis()["optimal_seconds"] > 0


RESAMPLED = {"down": downsample2d, "up": upsample2d, "same": filter2d}


@pytest.mark.parametrize("channels", [3, 128])
@pytest.mark.parametrize("name", RESAMPLED)
def test_resampling_lowers_for_cuda_and_tpu(name, channels):
    for platform, kernel in (("cuda", "triton"), ("tpu", "tpu_custom_call")):
        program = jax.jit(_resample(name)).trace(_pictures(64, channels, jnp.bfloat16))
        assert kernel in program.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.tpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("side", "channels"), [(64, 3), (256, 128), (1024, 32)])
@pytest.mark.parametrize("name", RESAMPLED)
def test_resampling_compiles_for_tpu(name, side, channels, dtype):
    pytest.importorskip("libtpu")
    program = compile_for_tpu(TOPOLOGIES[0], _resample(name), (_pictures(side, channels, dtype),))
    assert "tpu_custom_call" in program.as_text()


def _resample(name: str):
    return functools.partial(RESAMPLED[name], kernel=(1, 3, 3, 1), implementation="pallas")


def _pictures(side: int, channels: int, dtype):
    return jax.ShapeDtypeStruct((2, side, side, channels), dtype)


@pytest.mark.tpu
@pytest.mark.parametrize("implementation", ["lax", "pallas"])
def test_float16_is_composed_on_a_tpu(implementation):
    pytest.importorskip("libtpu")
    text = compile_for_tpu(TOPOLOGIES[0], *call(Layer("", 16, 16, 16), jnp.float16, implementation)).as_text()
    assert "tpu_custom_call" not in text


@pytest.mark.tpu
def test_gradients_and_vmap_compile_for_tpu():
    pytest.importorskip("libtpu")
    run, (x, weight, styles, noise, bias) = call(Layer("", 16, 128, 128), jnp.bfloat16, "pallas", batch=1)

    def total(x, weight, styles, noise, bias):
        return run(x, weight, styles, noise, bias).astype(jnp.float32).sum()

    def program(x, weight, styles, noise, bias):
        gradient = jax.vmap(jax.grad(total, (0, 1, 2)), (0, None, 0, None, None))
        return gradient(x, weight, styles, noise, bias)

    xs, several = (jax.ShapeDtypeStruct((3, *s.shape), s.dtype) for s in (x, styles))
    text = compile_for_tpu(TOPOLOGIES[0], program, (xs, weight, several, noise, bias)).as_text()
    assert "tpu_custom_call" in text
