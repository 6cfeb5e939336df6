"""How far two sets of pictures are apart, from their features through a frozen network; in float64, on the host.

Features are [n, c], one row a picture. Values depend on the network and on the numbers of pictures, so a figure's name
says the former and its report the latter.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

Rows = Float[np.ndarray, "n c"]

_AT_A_TIME = 1024  # rows of a matrix of distances


@dataclasses.dataclass
class Moments:
    """Mean and covariance of features that come in batches of any size, in O(c^2) memory.

    Sums are taken about the first batch's mean, so that features far from zero lose no digits.
    """

    count: int = 0
    origin: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    total: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    products: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))

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


def kernel_distance(a: Rows, b: Rows, subsets: int = 100, subset_size: int = 1000, seed: int = 0) -> float:
    """The mean over subsets of the unbiased squared MMD with the kernel (x y / c + 1)^3: Binkowski et al. 2018
    (arXiv:1801.01401), KID's protocol. Around 0 for equal distributions, where it can be negative.

    Subsets are no larger than the smaller set; each draws its rows without repetition.
    """
    rng, size = np.random.RandomState(seed), min(subset_size, len(a), len(b))
    total = 0.0
    for _ in range(subsets):
        x, y = (np.asarray(rows, np.float64)[rng.choice(len(rows), size, replace=False)] for rows in (a, b))
        within = sum(k.sum() - np.trace(k) for k in (_kernel(x, x), _kernel(y, y))) / (size * (size - 1))
        total += within - 2 * _kernel(x, y).mean()
    return float(total / subsets)


def precision_recall(reals: Rows, fakes: Rows, neighbours: int = 3) -> tuple[float, float]:
    """The shares of fakes within the reals' manifold and of reals within the fakes': Kynkäänniemi et al. 2019
    (arXiv:1904.06991).

    The manifold of a set is the union of balls around its rows that reach to the row's `neighbours`-th neighbour, or
    its last one in smaller sets.
    """
    reals, fakes = np.asarray(reals, np.float64), np.asarray(fakes, np.float64)
    return _share_within(fakes, reals, neighbours), _share_within(reals, fakes, neighbours)


def _kernel(x: Rows, y: Rows) -> Float[np.ndarray, "n m"]:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _share_within(rows: Rows, balls: Rows, neighbours: int) -> float:
    # The nearest row to each is itself, at distance 0.
    last = min(neighbours, len(balls) - 1)
    reach = np.concatenate([np.sort(block, axis=1)[:, last] for block in _squared_distances(balls, balls)])
    inside = [(block <= reach).any(axis=1) for block in _squared_distances(rows, balls)]
    return float(np.concatenate(inside).mean())


def _squared_distances(x: Rows, y: Rows):
    """Blocks of rows of the matrix of squared distances."""
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre  # digits would be lost far from the origin
    norms = np.sum(y**2, axis=1)
    for start in range(0, len(x), _AT_A_TIME):
        some = x[start : start + _AT_A_TIME]
        yield (np.sum(some**2, axis=1)[:, None] + norms - 2 * some @ y.T).clip(min=0)
