"""The modulated convolution's kernels in Pallas' interpreter: where they run, their blocks, and what surrounds them."""

import functools

import jax
import jax.numpy as jnp
import naive
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from ganinv_jax.ops.modulated_conv import modulated_conv, pallas_gpu, pallas_tpu

KERNELS = ("pallas_tpu", "pallas_gpu")
RNG = np.random.default_rng(0)


def _arguments(x: tuple, outputs: int, size: int = 3, dtype=np.float32, noises: int = 1) -> tuple:
    inputs = x[-1]
    shapes = (x, (size, size, inputs, outputs), (x[0], inputs), (noises, x[1], x[2], 1), (outputs,))
    return tuple(jnp.asarray(RNG.normal(size=shape), dtype) for shape in shapes)


def _kernels_in(arguments: tuple, implementation: str, **options) -> int:
    run = functools.partial(modulated_conv, implementation=implementation, **options)
    return str(jax.make_jaxpr(run)(*arguments)).count("pallas_call[")


def _close_to_naive(arguments: tuple, implementation: str, error: float = 1e-5, **options) -> None:
    run = jax.jit(functools.partial(modulated_conv, implementation=implementation, **options))
    wanted = naive.modulated_conv(*(np.asarray(a, np.float64) for a in arguments), **options)
    got = np.asarray(run(*arguments), np.float64)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=error * np.abs(wanted).max())


@pytest.mark.parametrize("implementation", KERNELS)
def test_one_kernel_and_no_convolution(implementation):
    arguments = _arguments((2, 8, 16, 4), 3)
    assert _kernels_in(arguments, implementation, activation="lrelu", clamp=1.0)
    run = functools.partial(modulated_conv, implementation=implementation, activation="lrelu")
    program = jax.jit(run).trace(*arguments).lower(lowering_platforms=("cpu",)).as_text()
    assert "stablehlo.convolution" not in program


def test_by_default_the_platform_chooses():
    # Two kernels to choose from, and no interpreter on a CPU.
    arguments = _arguments((2, 8, 16, 4), 3)
    assert _kernels_in(arguments, "pallas") == 2
    program = jax.jit(functools.partial(modulated_conv, implementation="pallas")).trace(*arguments)
    assert "stablehlo.convolution" in program.lower(lowering_platforms=("cpu",)).as_text()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (_arguments((1, 4, 4, 2), 2), {}),  # rows of half a register
        (_arguments((1, 4, 8, 2), 2, dtype=jnp.bfloat16), {}),
        (_arguments((1, 4, 16, 2), 2, dtype=np.float16), {}),
        (_arguments((1, 8, 16, 2), 2), {"activation": "swish"}),
        (_arguments((1, 8, 16, 2), 2, size=5), {}),
        (_arguments((0, 8, 16, 2), 2, noises=0), {}),
    ],
    ids=["narrow", "narrow bfloat16", "float16", "activation", "5x5", "empty"],
)
def test_what_a_tpu_kernel_does_not_take_is_composed(arguments, options):
    assert _kernels_in(arguments, "pallas_tpu", **options) == 0
    run = functools.partial(modulated_conv, *arguments, **options)
    np.testing.assert_array_equal(run(implementation="pallas_tpu"), run(implementation="lax"))


def test_blocks_of_rows_and_outputs_on_a_tpu(monkeypatch):
    # The last block of rows is not full, and what lies behind the picture must not be seen.
    arguments = _arguments((2, 18, 8, 3), 256, noises=2)
    monkeypatch.setattr(pallas_tpu, "OUTPUTS_AT_A_TIME", 128)
    monkeypatch.setattr(pallas_tpu, "PIXELS_AT_A_TIME", 16)
    monkeypatch.setattr(pallas_tpu, "VMEM_BUDGET", pallas_tpu._vmem(*arguments[:2], 8))
    assert pallas_tpu._rows(*arguments[:2]) == 8
    _close_to_naive(arguments, "pallas_tpu", activation="lrelu", clamp=2.0)


def test_tiles_on_a_gpu(monkeypatch):
    # 35 pixels, 20 inputs and 18 outputs in tiles of 16: every tile at the end has too much.
    monkeypatch.setattr(pallas_gpu, "PIXELS", 16)
    monkeypatch.setattr(pallas_gpu, "OUTPUTS", 16)
    monkeypatch.setattr(pallas_gpu, "INPUT_BYTES", 64)
    _close_to_naive(_arguments((2, 5, 7, 20), 18, noises=2), "pallas_gpu", activation="lrelu", clamp=2.0)


@pytest.mark.parametrize("implementation", KERNELS)
@pytest.mark.parametrize("activation", ["linear", "relu", "lrelu"])
def test_activations(implementation, activation):
    _close_to_naive(_arguments((1, 2, 8, 2), 2), implementation, activation=activation, gain=-0.7, clamp=0.8)


@pytest.mark.parametrize("implementation", KERNELS)
def test_bfloat16(implementation):
    arguments = _arguments((2, 3, 16, 40), 3, dtype=jnp.bfloat16)
    assert _kernels_in(arguments, implementation)
    _close_to_naive(arguments, implementation, error=2e-2, activation="lrelu")


@pytest.mark.parametrize("implementation", ["pallas", *KERNELS])
def test_no_forward_convolution_is_kept_for_the_gradient(implementation):
    """Gradients along features, weight and styles are two convolutions, as without a kernel; none is run twice."""
    arguments = _arguments((2, 8, 16, 4), 3)

    def convolutions(name):
        def total(x, weight, styles):
            return modulated_conv(x, weight, styles, *arguments[3:], activation="lrelu", implementation=name).sum()

        program = jax.jit(jax.grad(total, (0, 1, 2))).lower(*arguments[:3]).compile()
        return program.as_text().count(" convolution(")

    forward = 1 if implementation == "pallas" else 0
    assert convolutions(implementation) == convolutions("lax") - 1 + forward


@pytest.mark.parametrize("implementation", ["pallas", *KERNELS])
def test_under_shard_map(implementation):
    arguments = _arguments((2, 2, 8, 2), 3)
    pictures, whole = PartitionSpec("data"), PartitionSpec()
    run = functools.partial(modulated_conv, implementation=implementation)
    sharded = jax.shard_map(
        run,
        mesh=Mesh(np.array(jax.devices()[:1]), ("data",)),
        in_specs=(pictures, whole, pictures, whole, whole),
        out_specs=pictures,
        check_vma=implementation == "pallas",  # the interpreter's own loops do not pass the check
    )
    np.testing.assert_allclose(jax.jit(sharded)(*arguments), run(*arguments), atol=1e-5)
