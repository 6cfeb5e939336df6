"""What devices can do at most, in floating-point operations a second."""

import functools
import time

import jax
import jax.numpy as jnp

# Dense figures, by the start of JAX's name for the device. NVIDIA: data sheets of V100, T4, A100, L4, RTX 4090, H100
# and H200 (SXM); bf16 and fp16 on tensor cores, fp32 outside of them, as `precision=HIGHEST` runs. TPU: the pages
# "System architecture" of cloud.google.com/tpu/docs, bf16; v2 and v3 have two devices a chip. fp32 has no published
# figure there.
KNOWN = {
    "NVIDIA H200": {"bf16": 989e12, "fp16": 989e12, "fp32": 67e12},
    "NVIDIA H100": {"bf16": 989e12, "fp16": 989e12, "fp32": 67e12},
    "NVIDIA A100": {"bf16": 312e12, "fp16": 312e12, "fp32": 19.5e12},
    "NVIDIA L4": {"bf16": 121e12, "fp16": 121e12, "fp32": 30.3e12},
    "NVIDIA GeForce RTX 4090": {"bf16": 165e12, "fp16": 165e12, "fp32": 82.6e12},
    "Tesla V100": {"fp16": 125e12, "fp32": 15.7e12},
    "Tesla T4": {"fp16": 65e12, "fp32": 8.1e12},
    "TPU v6": {"bf16": 918e12},
    "TPU v5p": {"bf16": 459e12},
    "TPU v5 lite": {"bf16": 197e12},
    "TPU v5e": {"bf16": 197e12},
    "TPU v5": {"bf16": 459e12},
    "TPU v4": {"bf16": 275e12},
    "TPU v3": {"bf16": 61.5e12},
    "TPU v2": {"bf16": 22.5e12},
}
SIDE = 1024
DTYPES = {"fp32": jnp.float32, "bf16": jnp.bfloat16, "fp16": jnp.float16}


def peak(dtype: str) -> tuple[float | None, str]:
    """(operations a second of one device, where the figure is from); None where it is not known."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        # fp16 and bf16 are converted to fp32 there, so that is what they are held against.
        return _matmul("fp32"), f"measured: matrix product of {SIDE}x{SIDE}, fp32"
    for name, figures in KNOWN.items():
        if device.device_kind.startswith(name) and dtype in figures:
            return figures[dtype], f"published for {name}, {dtype}"
    return None, f"not known for {device.device_kind}, {dtype}"


@functools.cache
def _matmul(dtype: str, repeats: int = 10) -> float:
    x = jnp.ones((SIDE, SIDE), DTYPES[dtype])
    multiply = jax.jit(lambda x: jnp.matmul(x, x, precision=jax.lax.Precision.HIGHEST))
    jax.block_until_ready(multiply(x))
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(multiply(x))
        best = min(best, time.perf_counter() - start)
    return 2 * SIDE**3 / best
