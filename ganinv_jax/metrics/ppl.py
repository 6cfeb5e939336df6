"""Perceptual path length: how fast pictures change along a path between two latent codes.

Sources: Karras et al. 2019 (arXiv:1812.04948), 4.1; Karras et al. 2020 (arXiv:1912.04958), whose headline figure is of
the ends of paths in W; defaults of `perceptual_path_length.py` in stylegan2-ada-pytorch.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.losses.perceptual import PerceptualDistance

SPACES, SAMPLINGS = ("w", "z"), ("full", "end")
LARGEST = 256  # the side that larger pictures are reduced to, by whole factors
TRIMMED = (1, 99)  # percentiles of the lengths, outside of which they are left out


@dataclasses.dataclass(frozen=True, eq=False)
class PathLength:
    """The perceptual path length of a generator: mean of d(G(p(t)), G(p(t + epsilon))) / epsilon^2.

    map: (z [b, z_dim], c [b, c_dim] or None) -> ws [b, l, w_dim]. synthesize: ws -> images [b, h, w, 1 or 3] in
    [-1, 1], with the same noise for both ends of a step, such as a model's 'const' (the official code draws noise anew
    for every batch). distance: d, whose name is part of the figure's. space: of the path p, straight in 'w' and on the
    sphere in 'z'. sampling: t is 0 for 'end', and anywhere from 0 to 1 for 'full'.

    Steps are so short that dividing by epsilon^2 shows every rounding. So points of the path are computed in float64
    (t + epsilon in float32 would be off by up to 6e-4 of the step), and generator and distance must run in full float32
    (`compute='fp32'`). Then single lengths of the bundled model through EfficientNet-Lite2 are off by 1 to 2 percent
    at epsilon 1e-4, and their mean is 0.2 percent too large, against those at epsilon 3e-4 and 1e-3.
    Raises InputError for an unknown space or sampling, or an epsilon that is not above 0.
    """

    map: Callable[..., Any]
    synthesize: Callable[..., Any]
    distance: PerceptualDistance
    z_dim: int
    space: str = "w"
    sampling: str = "end"
    epsilon: float = 1e-4

    def __post_init__(self):
        check(self.space in SPACES, f"space must be one of {', '.join(SPACES)}, but is {self.space!r}.")
        check(self.sampling in SAMPLINGS, f"sampling must be one of {', '.join(SAMPLINGS)}, but is {self.sampling!r}.")
        check(self.epsilon > 0, f"epsilon must be above 0, but is {self.epsilon}.")

    @property
    def name(self) -> str:
        """The figure's name, such as 'ppl_w_end_lpips_vgg16'."""
        return f"ppl_{self.space}_{self.sampling}_{self.distance.name}"

    def lengths(
        self,
        paths: range,
        labels: Float[np.ndarray, "n c_dim"] | None = None,
        seed: int = 0,
        at_a_time: int = 16,
        report: Callable[[int], None] = lambda done: None,
    ) -> Float[np.ndarray, " n"]:
        """The length of each of these paths, for `trimmed_mean`; official figures are of 50,000.

        Path i depends on seed and i, so work can be split into ranges. labels: one for each of the paths. report:
        called with the number of paths done.
        """
        found = []
        for start in range(0, len(paths), at_a_time):
            few = paths[start : start + at_a_time]
            rows = np.arange(at_a_time).clip(max=len(few) - 1)  # one size of batch, so that there is one program
            ends, t = draw_paths(few, self.z_dim, seed)
            c = None if labels is None else labels[start : start + at_a_time][rows]
            found.append(self._lengths(ends[:, rows], t[rows], c)[: len(few)])
            report(start + len(few))
        return np.concatenate(found) if found else np.zeros(0)

    def _lengths(self, ends, t, c):
        t = t if self.sampling == "full" else np.zeros_like(t)
        if self.space == "z":
            ws = [self._map(slerp(ends[0], ends[1], at), c) for at in (t, t + self.epsilon)]
        else:
            start, stop = (self._map(z, c).astype(np.float64) for z in ends)
            ws = [start + (stop - start) * at[:, None, None] for at in (t, t + self.epsilon)]
        images = self.synthesize(np.concatenate(ws).astype(np.float32))
        return np.asarray(_compare(self.distance, self.distance.variables, images), np.float64) / self.epsilon**2

    def _map(self, z, c):
        return np.asarray(self.map(z.astype(np.float32), c))


def trimmed_mean(lengths: Float[np.ndarray, " n"]) -> float:
    """The mean of the lengths from their 1st to their 99th percentile, which is the path length that is reported."""
    low = np.percentile(lengths, TRIMMED[0], method="lower")
    high = np.percentile(lengths, TRIMMED[1], method="higher")
    return float(lengths[(low <= lengths) & (lengths <= high)].mean())


def draw_paths(paths: range, z_dim: int, seed: int) -> tuple[Float[np.ndarray, "2 n z_dim"], Float[np.ndarray, " n"]]:
    """The two ends of each path in Z, and a place t from 0 to 1 on it; path i from RandomState([seed, i])."""
    ends, t = np.zeros((2, len(paths), z_dim)), np.zeros(len(paths))
    for row, index in enumerate(paths):
        rng = np.random.RandomState([seed, index])
        ends[:, row], t[row] = rng.randn(2, z_dim), rng.rand()
    return ends, t


def slerp(
    a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "n d"], t: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n d"]:
    """Points of length 1 on the great circle through a and b (of any lengths), at t of the way."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    cosine = np.sum(a * b, axis=1, keepdims=True)
    across = b - cosine * a
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angle = t[:, None] * np.arccos(cosine)
    return a * np.cos(angle) + across * np.sin(angle)


@functools.partial(jax.jit, static_argnums=0)
def _compare(distance, variables, images):
    """Distances of the first half of the images from the second."""
    count, height, width, channels = images.shape
    factor = max(1, height // LARGEST)
    images = images.reshape(count, height // factor, factor, width // factor, factor, channels).mean(axis=(2, 4))
    images = images.repeat(3 // channels, axis=-1)
    return distance(variables, images[: count // 2], images[count // 2 :])
