"""How far two sets of pictures are apart, from their features through a frozen network.

Features are [n, c], one row a picture. Values depend on the network and on the numbers of pictures, so a figure's name
says the former and its report the latter. Sums are in float64 on the host; only the n x n distances of precision and
recall are computed on the device.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float

from ganinv_jax.metrics.neighbours import shares_within

Rows = Float[np.ndarray, "n c"]

_AT_A_TIME = 512


@dataclasses.dataclass
class Moments:
    """Mean and covariance of features that come in batches of any size, in O(c^2) memory.

    Sums are taken about the first batch's mean, so that features far from zero lose no digits.
    """

    count: int = 0
    origin: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    total: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    products: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))

    @classmethod
    def of(cls, batches: Iterable[Rows]) -> "Moments":
        """Of a stream of batches. Small ones are joined first, as each addition goes through all c^2 products."""
        found, waiting = cls(), []
        for rows in batches:
            waiting.append(rows)
            if sum(map(len, waiting)) >= _AT_A_TIME:
                found.add(np.concatenate(waiting))
                waiting = []
        return found.add(np.concatenate(waiting)) if waiting else found

    def add(self, features: Rows) -> "Moments":
        """Take more rows in; returns itself."""
        rows = np.asarray(features, np.float64)
        if self.count == 0:
            self.origin = rows.mean(axis=0)
            self.total, self.products = np.zeros_like(self.origin), np.zeros((rows.shape[1],) * 2)
        rows = rows - self.origin
        self.count += len(rows)
        self.total += rows.sum(axis=0)
        self.products += rows.T @ rows
        return self

    def merge(self, other: "Moments") -> "Moments":
        """Take in what another has seen, as if its rows had been added here; returns itself."""
        if other.count == 0:
            return self
        if self.count == 0:
            self.origin = other.origin
            self.total, self.products = np.zeros_like(other.total), np.zeros_like(other.products)
        # Its rows are `shift` further from this origin: sums of (x + shift) and of (x + shift)(x + shift)'.
        shift = other.origin - self.origin
        crossed = np.outer(other.total, shift)
        self.count += other.count
        self.total = self.total + other.total + other.count * shift
        self.products = self.products + other.products + crossed + crossed.T + other.count * np.outer(shift, shift)
        return self

    @property
    def mean(self) -> Float[np.ndarray, " c"]:
        """The mean of the rows."""
        return self.origin + self.total / self.count

    @property
    def covariance(self) -> Float[np.ndarray, "c c"]:
        """The unbiased covariance (divided by count - 1), as the FID community takes it; of two rows at least."""
        shift = self.total / self.count
        return (self.products - self.count * np.outer(shift, shift)) / (self.count - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)): Heusel et al. 2017 (arXiv:1706.08500), equation 6.

    Biased upwards for few pictures: it compares to figures of the same counts only.
    """
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    # C_a C_b has the eigenvalues of this symmetric matrix.
    product = np.linalg.eigvalsh(root @ b.covariance @ root).clip(min=0)
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    return float(max(0.0, np.sum((a.mean - b.mean) ** 2) + traces - 2 * np.sqrt(product).sum()))


@dataclasses.dataclass(frozen=True)
class KernelDistance:
    """mean, deviation: over `subsets` draws of `subset_size` pictures from each set."""

    mean: float
    deviation: float
    subsets: int
    subset_size: int


def kernel_distances(a: Rows, b: Rows, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> KernelDistance:
    """The unbiased squared MMD with the kernel (x y / c + 1)^3 over subsets: Binkowski et al. 2018 (arXiv:1801.01401),
    KID's protocol. Around 0 for equal distributions, where it can be negative.

    Subsets are no larger than the smaller set; each draws its rows without repetition, from `a` and then from `b`, by
    NumPy's RandomState: those that torch-fidelity draws, with another default seed.
    """
    rng, size = np.random.RandomState(seed), min(subset_size, len(a), len(b))
    found = np.zeros(subsets)
    for i in range(subsets):
        x, y = (np.asarray(rows[rng.choice(len(rows), size, replace=False)], np.float64) for rows in (a, b))
        within = sum(k.sum() - np.trace(k) for k in (_kernel(x, x), _kernel(y, y))) / (size * (size - 1))
        found[i] = within - 2 * _kernel(x, y).mean()
    return KernelDistance(float(found.mean()), float(found.std()), subsets, size)


def kernel_distance(a: Rows, b: Rows, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> float:
    """The mean of `kernel_distances`: the KID where the rows are Inception's."""
    return kernel_distances(a, b, subsets, subset_size, seed).mean


def precision_recall(reals: Rows, fakes: Rows, neighbours: int = 3) -> tuple[float, float]:
    """The shares of fakes within the reals' manifold and of reals within the fakes': Kynkäänniemi et al. 2019
    (arXiv:1904.06991).

    The manifold of a set is the union of balls around its rows that reach to the row's `neighbours`-th neighbour, or
    its last one in smaller sets.
    """
    return shares_within(fakes, reals, neighbours)


def _kernel(x: Rows, y: Rows) -> Float[np.ndarray, "n m"]:
    return (x @ y.T / x.shape[1] + 1) ** 3
