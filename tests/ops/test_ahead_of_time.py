"""The kernels through the compilers of the hardware, on a machine that has none: what lowers, and what fits."""

import functools

import jax
import jax.numpy as jnp
import pytest

from ganinv_jax.ops.ahead_of_time import LAYERS, TOPOLOGIES, Layer, call, compile_for_tpu

DTYPES = [jnp.float32, jnp.bfloat16]
NAMES = [f"{layer.size}x{layer.size}-{layer.side}px-{layer.inputs}" for layer in LAYERS]


@pytest.fixture(scope="module", autouse=True)
def no_cache():
    """What another platform's compiler made is of no use to later runs, and is not always kept in readable form."""
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    yield
    jax.config.update("jax_enable_compilation_cache", before)


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
    text = program.as_text()
    assert "tpu_custom_call" in text and " convolution(" not in text
    assert program.cost_analysis()["optimal_seconds"] > 0


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
        one = functools.partial(jax.grad(total, (0, 2)), weight=weight, noise=noise, bias=bias)
        return jax.vmap(lambda x, styles: one(x, styles=styles))(x, styles)

    several = [jax.ShapeDtypeStruct((3, *s.shape), s.dtype) for s in (x, styles)]
    compile_for_tpu(TOPOLOGIES[0], program, (several[0], weight, several[1], noise, bias))
