"""GANSpace: principal components of sampled codes, or of features, as directions.

Härkönen et al. 2020 (arXiv:2004.02546); official code: harskish/ganspace.
"""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check


@dataclasses.dataclass(frozen=True)
class Components:
    """vectors: orthonormal rows, of largest variance first, the largest entry of each positive.

    mean: of the samples. deviations: the standard deviation of the samples along each vector. shares: of the samples'
    total variance.
    """

    vectors: Float[np.ndarray, "k d"]
    mean: Float[np.ndarray, " d"]
    deviations: Float[np.ndarray, " k"]
    shares: Float[np.ndarray, " k"]


def principal_components(samples: Float[Any, "n d"], count: int) -> Components:
    """The `count` first components of samples, exactly: from the eigenvectors of the smaller of covariance and Gram
    matrix, in float64. The official code estimates them batch by batch.

    Raises InputError for fewer than count + 1 samples, or fewer than `count` numbers a sample.
    """
    samples = np.asarray(samples)
    number, width = samples.shape
    most = min(number - 1, width)
    check(
        1 <= count <= most, f"{number} samples of {width} numbers have 1 to {most} components, but {count} are asked."
    )
    mean = samples.mean(axis=0, dtype=np.float64)
    rows = samples - mean
    if width <= number:
        values, vectors = _largest(rows.T @ rows, count)
    else:
        values, sides = _largest(rows @ rows.T, count)
        vectors = sides @ rows / np.sqrt(values.clip(np.finfo(np.float64).tiny))[:, None]
    return Components(upright(vectors), mean, np.sqrt(values / (number - 1)), values / np.sum(rows**2))


def regressed(
    components: Components, features: Float[Any, "n d"], codes: Float[Any, "n w"]
) -> Float[np.ndarray, "k w"]:
    """Directions in W for components of features: what a step of one deviation along each goes with in the codes.

    Least squares of the codes by the features' coordinates, in deviations (the paper's equation 3; for StyleGAN it
    finds W instead of Z). features, codes: of the same samples, at least some times as many as components.
    """
    coordinates = (np.asarray(features) - components.mean) @ components.vectors.T
    scale = np.where(components.deviations > 0, components.deviations, 1)
    codes = np.asarray(codes, np.float64)
    return np.linalg.lstsq(coordinates / scale, codes - codes.mean(axis=0), rcond=None)[0]


def upright(vectors: Float[np.ndarray, "k d"]) -> Float[np.ndarray, "k d"]:
    """The vectors, each turned so that its largest entry is positive: a solver's choice of sign means nothing."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    return vectors * np.where(largest < 0, -1, 1)


def _largest(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues of a symmetric matrix and their vectors, as rows."""
    values, vectors = np.linalg.eigh(matrix)
    return values[: -count - 1 : -1].clip(min=0), vectors.T[: -count - 1 : -1]
