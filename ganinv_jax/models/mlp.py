"""Small generators of affine maps, each with a leaky ReLU behind it: those that theorems of inversion are about.

`AffineGenerator` holds the weights and computes in double precision, for exact solvers; `Mlp` is the same for JAX, with
the methods of StyleGAN2's `Generator` that inversion calls, so that the engine runs on it.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ganinv_jax.core.configs import check
from ganinv_jax.models.layers import Linear


class Layer(NamedTuple):
    """x -> weight x + bias."""

    weight: Float[np.ndarray, "o i"]
    bias: Float[np.ndarray, " o"]


@dataclasses.dataclass(frozen=True)
class AffineGenerator:
    """Layers from first to last, with max(x, slope * x) behind every one, the last included.

    slope: 0 for a ReLU. Raises InputError where layers do not fit one another, or slope is not in [0, 1).
    """

    layers: tuple[Layer, ...]
    slope: float = 0.0

    def __post_init__(self):
        check(bool(self.layers), "A generator must have layers, but there are none.")
        check(0 <= self.slope < 1, f"slope must be from 0 up and below 1, but it is {self.slope}.")
        width = None
        for weight, bias in self.layers:
            fits = weight.ndim == 2 and bias.shape == weight.shape[:1] and width in (None, weight.shape[1])
            check(fits, f"Layers must be [o, i] and [o] on the one before, but got {weight.shape} and {bias.shape}.")
            width = len(weight)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of z, and of what each layer gives."""
        return (self.layers[0].weight.shape[1], *(len(layer.bias) for layer in self.layers))

    def __call__(self, z: Float[np.ndarray, " z"]) -> Float[np.ndarray, " n"]:
        """What is made of z, in double precision."""
        for weight, bias in self.layers:
            x = weight @ z + bias
            z = np.maximum(x, self.slope * x)
        return z

    def seen(self, known: Bool[np.ndarray, " n"]) -> "AffineGenerator":
        """The generator of the known outputs alone."""
        *before, last = self.layers
        return dataclasses.replace(self, layers=(*before, Layer(last.weight[known], last.bias[known])))

    def widened(self, z_dim: int) -> "AffineGenerator":
        """The same for latents of `z_dim` numbers, of which the further ones change nothing."""
        first, *others = self.layers
        weight = np.pad(first.weight, ((0, 0), (0, z_dim - self.sizes[0])))
        return dataclasses.replace(self, layers=(Layer(weight, first.bias), *others))


@dataclasses.dataclass(frozen=True)
class MlpConfig:
    """sizes, slope: as an `AffineGenerator` has them."""

    sizes: tuple[int, ...]
    slope: float = 0.0

    @property
    def z_dim(self) -> int:
        """Of latents."""
        return self.sizes[0]


class Mlp(nn.Module):
    """z -> pictures [b, n, 1, 1]: the outputs, one below the other. W is Z; codes have one row.

    Variables: {'params', 'buffers'}; `mlp_of` makes them.
    """

    config: MlpConfig

    def setup(self):
        self.layers = [Linear(size) for size in self.config.sizes[1:]]

    def __call__(self, z: Float[Array, "b z"]) -> Float[Array, "b n 1 1"]:
        return self.synthesize(self.map(z))

    def map(self, z: Float[Array, "b z"], c: None = None) -> Float[Array, "b 1 z"]:
        """Latents as codes."""
        return z[:, None]

    def synthesize(self, ws: Float[Array, "b 1 z"]) -> Float[Array, "b n 1 1"]:
        """Codes to pictures."""
        x = ws[:, 0]
        for layer in self.layers:
            x = nn.leaky_relu(layer(x), self.config.slope)
        return x[..., None, None]


def mlp_of(generator: AffineGenerator) -> tuple[Mlp, dict[str, Any]]:
    """The module of a generator, and its variables in single precision."""
    params = {
        f"layers_{index}": {"weight": np.float32(layer.weight.T), "bias": np.float32(layer.bias)}
        for index, layer in enumerate(generator.layers)
    }
    return Mlp(MlpConfig(generator.sizes, generator.slope)), {"params": params, "buffers": {}}


def random_mlp(sizes: Sequence[int], seed: int, slope: float = 0.0) -> AffineGenerator:
    """Weights from N(0, 1 / outputs of the layer), no biases; source: test_noisy_sparse.py of InvertGAN_LP."""
    random = np.random.RandomState(seed)
    shapes = zip(sizes[1:], sizes[:-1], strict=True)
    return AffineGenerator(tuple(_plain(random.randn(o, i) / math.sqrt(o)) for o, i in shapes), slope)


def random_deconvolution(channels: Sequence[int], seed: int, kernel: int = 4, stride: int = 2) -> AffineGenerator:
    """Transposed convolutions with Gaussian weights from z at one pixel, as the matrices that they are; ReLUs.

    The first makes `kernel` x `kernel` pixels, each further one `stride` times as many to a side. Weights are from
    N(0, 2 / (kernel^2 * channels in)), no biases; source: pytorch/models.py of invert-generative-networks, whose batch
    normalisation, at the statistics it starts with, does nothing.

    channels: of z, and of what each convolution gives.
    """
    random, side, layers = np.random.RandomState(seed), 1, []
    for index, (inside, outside) in enumerate(zip(channels[:-1], channels[1:], strict=True)):
        weight = random.randn(kernel, kernel, inside, outside) * math.sqrt(2 / (kernel**2 * inside))
        step, padding = (stride, "SAME") if index else (1, "VALID")
        units = jnp.eye(side * side * inside).reshape(-1, side, side, inside)
        kernels = jnp.asarray(weight[::-1, ::-1], jnp.float32)  # JAX flips what it scatters
        made = jax.lax.conv_transpose(
            units, kernels, (step, step), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"
        )
        side = made.shape[1]
        layers.append(_plain(np.asarray(made, np.float64).reshape(len(units), -1).T))
    return AffineGenerator(tuple(layers))


def _plain(weight: np.ndarray) -> Layer:
    return Layer(weight, np.zeros(len(weight)))
