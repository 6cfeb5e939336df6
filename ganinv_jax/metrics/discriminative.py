"""How well a linear classifier tells real pictures from generated ones: U-IDS and P-IDS of Zhao et al., Co-Modulated
GANs (arXiv:2103.10428), as `inception_discriminative_score.py` of co-mod-gan computes them.
"""

import dataclasses

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError
from ganinv_jax.metrics.distances import Moments, Rows

FEW_DIMENSIONS = 64
"""What features of a few thousand pictures are to be reduced to: with as many dimensions as pictures, any two sets can
be told apart. Of equal Gaussians, 1000 rows each score 0.000 in 2048 dimensions and 0.42 in 64."""


@dataclasses.dataclass(frozen=True)
class DiscriminativeScores:
    """unpaired: U-IDS, the classifier's error. paired: P-IDS, the share of pairs whose fake looks more real to it.

    Both are 0 where the sets can be told apart and at most 0.5 (for U-IDS; about it for P-IDS) where they cannot, but
    less for few pictures: figures compare for the same count and dimensions, beside the ceiling for those.
    """

    unpaired: float
    paired: float
    count: int
    dimensions: int


def discriminative_scores(reals: Rows, fakes: Rows, dimensions: int | None = None) -> DiscriminativeScores:
    """Scores of fakes against reals, row i against row i: a fake is the completion of the real of its pair.

    A linear SVM (squared hinge, C = 1) is fitted and scored on the same rows. dimensions: reduce features to so many
    principal components of the reals first (None: as published, not at all). Raises InputError where the numbers of
    rows differ, or where scikit-learn is not installed.
    """
    count = len(reals)
    check(count == len(fakes), f"Each fake needs its real, but there are {len(fakes)} fakes and {count} reals.")
    reals, fakes = _reduced(reals, fakes, dimensions)
    rows, labels = np.concatenate([reals, fakes]), np.repeat([1, 0], count)
    machine = _linear_svm().fit(rows, labels)
    towards_real = machine.decision_function(rows)
    unpaired = 1 - float(np.mean((towards_real > 0) == labels))
    paired = float(np.mean(towards_real[count:] > towards_real[:count]))
    return DiscriminativeScores(unpaired, paired, count, reals.shape[1])


def discriminative_ceiling(
    reals: Rows, others: Rows | None = None, dimensions: int | None = None
) -> DiscriminativeScores:
    """What reals score against reals: the most that fakes of the same count can be expected to.

    others: a second set of reals; without one, the even rows are set against the odd ones, which are half as many, so
    that this ceiling is too low for figures of all of them. Raises InputError as `discriminative_scores` does.
    """
    if others is None:
        half = len(reals) // 2
        reals, others = reals[0 : 2 * half : 2], reals[1 : 2 * half : 2]
    count = min(len(reals), len(others))
    return discriminative_scores(reals[:count], others[:count], dimensions)


def _reduced(reals: Rows, fakes: Rows, dimensions: int | None) -> tuple[Float[np.ndarray, "n d"], ...]:
    """Both as coordinates along the reals' principal axes, about their mean."""
    reals, fakes = np.asarray(reals, np.float64), np.asarray(fakes, np.float64)
    if dimensions is None or dimensions >= reals.shape[1]:
        return reals, fakes
    moments = Moments().add(reals)
    axes = np.linalg.eigh(moments.covariance)[1][:, ::-1][:, :dimensions]
    return (reals - moments.mean) @ axes, (fakes - moments.mean) @ axes


def _linear_svm():
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise InputError(
            "U-IDS and P-IDS need scikit-learn, which is not installed; run: pip install 'ganinv_jax[evaluate]'"
        ) from error
    return LinearSVC(dual=False, C=1.0)  # type: ignore[arg-type]
