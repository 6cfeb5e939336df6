"""Layers of the projected discriminator's heads, and the resampling of its mixing."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ganinv_jax.core.devices import target
from ganinv_jax.models.precision import at_least_fp32
from ganinv_jax.ops.registry import select

# PyTorch's default for convolutions, U(-1, 1) / sqrt(fan in); the random mixing depends on it (with Kaiming's gain the
# discriminator wins at once).
default_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")

ROWS_AT_A_TIME = 512  # output pixels whose patches a CPU's cache holds at the usual widths; 256 to 1024 are as fast


class SpectralConv(nn.Module):
    """Convolution whose kernel, as a matrix [k*k*i, o], is divided by its largest singular value.

    The value is estimated by one step of power iteration a call with `train`, from 'buffers'/'u' [o], which moves on
    where 'buffers' is mutable. Source: Miyato et al., arXiv:1802.05957, algorithm 1; `torch.nn.utils.spectral_norm`.
    """

    features: int
    size: int
    halve: bool = False
    implementation: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w i"], train: bool) -> Float[Array, "b H W o"]:
        kernel = self.param("kernel", default_init, (self.size, self.size, x.shape[-1], self.features))
        u = self.variable("buffers", "u", lambda: _unit(jnp.ones(self.features)))
        sigma, moved = _largest_singular_value(kernel.reshape(-1, self.features), u.value, train)
        _update(self, u, moved, train)
        if self.halve:
            return halving_conv(x, kernel / sigma, self.implementation)
        return convolve(x, kernel / sigma)


class BatchNorm(nn.Module):
    """Normalise each channel by its statistics over the global batch (`train`) or by their running averages.

    The result has the precision of `x`, the statistics that of fp32 at least. Under `jit` with a sharded batch the mean
    over axis 0 is the global one. Momentum and epsilon are PyTorch's.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool) -> Float[Array, "b h w c"]:
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        mean = self.variable("buffers", "mean", jnp.zeros, (channels,))
        variance = self.variable("buffers", "variance", jnp.ones, (channels,))
        now, wide = (mean.value, variance.value), at_least_fp32(x)
        if train:
            now = (jnp.mean(wide, axis=(0, 1, 2)), jnp.var(wide, axis=(0, 1, 2)))
            count = x.size // channels
            unbiased = now[1] * (count / max(1, count - 1))
            _update(self, mean, mean.value + self.momentum * (now[0] - mean.value), train)
            _update(self, variance, variance.value + self.momentum * (unbiased - variance.value), train)
        gain = scale * lax.rsqrt(now[1] + self.epsilon)
        return (wide * gain + (bias - now[0] * gain)).astype(x.dtype)


class Spread(nn.Module):
    """A score for how much the pictures of a group differ, as reals differ or less: the same for all of a group.

    Each channel's log standard deviation over `group` neighbours in the batch, less its running average over all calls
    (so that it is above zero for pictures that differ more than usual), goes through one spectrally normalised product.
    BatchNorm, which sees reals and fakes apart, would hide the difference. Without `train` the score is 0, so that it
    does not depend on the other pictures of a batch.

    The idea is minibatch standard deviation (Karras et al., arXiv:1710.10196, section 3), on frozen features. Raises
    ValueError where the group divides neither the batch nor is larger than it.
    """

    group: int
    momentum: float = 0.1

    @nn.compact
    def __call__(self, x: Float[Array, "b h w c"], train: bool) -> Float[Array, " b"]:
        batch, height, width, channels = x.shape
        usual = self.variable("buffers", "mean", jnp.zeros, (channels,))
        product = SpectralConv(1, 1, name="product")
        if not train:
            return product(jnp.zeros((batch, 1, 1, channels)), train)[:, 0, 0, 0]
        group = min(self.group, batch)
        if batch % group:
            raise ValueError(f"the batch must be a multiple of spread_group {group}, but it holds {batch} pictures.")
        variance = jnp.var(at_least_fp32(x).reshape(batch // group, group, height, width, channels), axis=1)
        spread = 0.5 * jnp.log(jnp.mean(variance, axis=(1, 2)) + 1e-8)
        scores = product((spread - usual.value)[:, None, None], train)[:, 0, 0, 0]
        _update(self, usual, usual.value + self.momentum * (jnp.mean(spread, axis=0) - usual.value), train)
        return jnp.repeat(scores, group)


def convolve(x: Float[Array, "b h w i"], kernel: Float[Array, "k k i o"], padding: int = 0) -> Float[Array, "b H W o"]:
    """Convolution of stride 1, in the precision of `x`."""
    return lax.conv_general_dilated(
        x,
        kernel.astype(x.dtype),
        (1, 1),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


def halving_conv(
    x: Float[Array, "b h w i"], kernel: Float[Array, "4 4 i o"], implementation: str = "auto"
) -> Float[Array, "b H W o"]:
    """4x4 convolution of stride 2 and padding 1, in the precision of `x`.

    `implementation` is 'conv' (differentiable in both modes), 'patches' (the same, with a gradient that suits the CPU;
    reverse mode of any order), or 'auto': 'patches' on a single CPU, 'conv' elsewhere.
    """
    where = target()
    one_cpu = where.platform == "cpu" and where.count == 1
    auto = "patches" if one_cpu else "conv"
    run = select("halving_conv", {"conv": _halve, "patches": _halve_with_patches}, implementation, auto)
    return run(x, kernel.astype(x.dtype))


def enlarge(x: Float[Array, "b h w c"]) -> Float[Array, "b H W c"]:
    """Bilinear enlargement by two (half-pixel centres, edges repeated; the paper's code aligns corners)."""
    return _enlarge_axis(_enlarge_axis(x, 1), 2)


def _enlarge_axis(x, axis):
    before = jnp.concatenate([lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, 0, -1, axis=axis)], axis)
    after = jnp.concatenate([lax.slice_in_dim(x, 1, None, axis=axis), lax.slice_in_dim(x, -1, None, axis=axis)], axis)
    pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
    return pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])


def _halve(x, kernel):
    return lax.conv_general_dilated(
        x,
        kernel,
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=lax.Precision.HIGHEST,
    )


# XLA's own gradients of a convolution of stride 2 are slow on the CPU. Patches times matrix makes both of them matrix
# products: at 32x64x64x32 the input's runs at 51 GFLOP/s of one AVX2 core, the kernel's at 33 (forward: 67).
_halve_with_patches = jax.custom_vjp(_halve)


def _halve_forward(x, kernel):
    return _halve_with_patches(x, kernel), (x, kernel)


def _halve_backward(residuals, dy):
    x, kernel = residuals
    inputs, outputs = kernel.shape[2:]
    matrix = kernel.reshape(2, 2, 2, 2, inputs, outputs).swapaxes(1, 2).reshape(-1, outputs)
    _, to_pixels = jax.vjp(_patches, x)
    (dx,) = to_pixels(jnp.matmul(dy, matrix.T, precision=lax.Precision.HIGHEST))
    dmatrix = _patches_gradient(x, dy)
    return dx, dmatrix.reshape(2, 2, 2, 2, inputs, outputs).swapaxes(1, 2).reshape(kernel.shape)


_halve_with_patches.defvjp(_halve_forward, _halve_backward)


def _patches(x):
    """The 4x4 pixels that each output pixel sees: [b, h/2, w/2, 16 i], ordered (row // 2, column // 2, row % 2, …)."""
    batch, height, width, channels = x.shape
    height, width = height // 2, width // 2
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))[:, : 2 * height + 2, : 2 * width + 2]
    # Each 2x2 pixels become one of four times the channels: then the stride is gone and the kernel is 2x2.
    cells = padded.reshape(batch, height + 1, 2, width + 1, 2, channels).swapaxes(2, 3)
    cells = cells.reshape(batch, height + 1, width + 1, 4 * channels)
    return jnp.concatenate([cells[:, i : i + height, j : j + width] for i in range(2) for j in range(2)], axis=-1)


def _patches_gradient(x, dy):
    """patches(x)^T dy, [16 i, o]: a few pictures at a time, so that their patches stay in the cache."""
    batch, height, width, outputs = dy.shape
    together = max(1, min(batch, ROWS_AT_A_TIME // (height * width)))
    while batch % together:
        together -= 1

    def add(total, some):
        patches, outer = (part.reshape(-1, part.shape[-1]) for part in (_patches(some[0]), some[1]))
        # Transposing the thin factor first (the barrier keeps XLA from undoing it) is twice as fast or better.
        thin = lax.optimization_barrier(outer.T)
        product = jnp.matmul(thin, patches, precision=lax.Precision.HIGHEST, preferred_element_type=total.dtype)
        return total + product, None

    groups = tuple(part.reshape(batch // together, together, *part.shape[1:]) for part in (x, dy))
    total, _ = lax.scan(add, at_least_fp32(jnp.zeros((outputs, 16 * x.shape[-1]), x.dtype)), groups)
    return total.T.astype(x.dtype)


def _largest_singular_value(matrix, u, train):
    """The estimate u^T W v, differentiable in W alone, and the next u."""
    fixed = lax.stop_gradient(matrix)
    v = _unit(fixed @ u)
    if train:
        u = _unit(v @ fixed)
    return jnp.vdot(v, matrix @ u), u


def _unit(vector):
    return vector / jnp.maximum(jnp.linalg.norm(vector), 1e-12)


def _update(module, variable, value, train):
    if train and module.is_mutable_collection("buffers") and not module.is_initializing():
        variable.value = value
