"""InterFaceGAN: the normal of a hyperplane between codes that have an attribute and codes that have not.

Shen et al. 2020 (arXiv:2005.09635); official code: genforce/interfacegan, `train_boundary` and `project_boundary`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from ganinv_jax.core.configs import check
from ganinv_jax.core.errors import InputError

PENALTY = 1.0  # C of the linear SVM, scikit-learn's default, which the official code keeps
LEAST = 4  # codes on either side: some to fit and some to validate


@dataclasses.dataclass(frozen=True)
class Boundary:
    """normal: of length 1, towards the higher scores. offset: the plane is where normal . w = -offset.

    accuracy: of the plane on codes at both ends of the scores that it was not fitted to. accuracy_all: on all codes
    that were given, by the sign of their score's distance from the median.
    """

    normal: Float[np.ndarray, " w"]
    offset: float
    accuracy: float
    accuracy_all: float


def separate(
    codes: Float[Any, "n w"], scores: Float[Any, " n"], share: float = 0.02, training: float = 0.7, seed: int = 0
) -> Boundary:
    """Fit a linear SVM to the codes with the `share` highest and the `share` lowest scores.

    training: of these the share that is fitted; the others say how accurate the plane is. Defaults are the official
    ones. Raises InputError where scikit-learn is missing, where scores and codes do not go together, or where either
    end has fewer than 4 codes or both have the same scores.
    """
    codes, scores = np.asarray(codes, np.float64), np.asarray(scores, np.float64)
    _check(codes, scores, share, training)
    order = np.argsort(scores, kind="stable")
    number = int(len(scores) * share)
    check(
        number >= LEAST, f"Each end of the scores must have {LEAST} codes, but {share:g} of {len(scores)} is {number}."
    )
    low, high = order[:number], order[::-1][:number]
    check(scores[low[-1]] < scores[high[-1]], "The scores must differ between their two ends, but they do not.")
    fit, rest = _split(low, high, int(number * training), seed)
    plane = _svm().fit(codes[fit], np.isin(fit, high))
    length = np.linalg.norm(plane.coef_[0])
    normal, offset = plane.coef_[0] / length, float(plane.intercept_[0] / length)
    side = codes @ normal + offset > 0
    accuracy = np.mean(side[rest] == np.isin(rest, high))
    return Boundary(normal, offset, float(accuracy), float(np.mean(side == (scores > np.median(scores)))))


def conditioned(normal: Float[Any, " w"], others: Sequence[Float[Any, " w"]]) -> Float[np.ndarray, " w"]:
    """The unit vector nearest to `normal` along which no attribute of `others` (normals) changes.

    The projection onto the others' span is taken away, whether or not they are orthogonal to each other. Raises
    InputError where nothing is left.
    """
    normal = np.asarray(normal, np.float64)
    if not others:
        return normal / np.linalg.norm(normal)
    span = np.stack([np.asarray(other, np.float64) for other in others], axis=1)
    rest = normal - span @ np.linalg.lstsq(span, normal, rcond=None)[0]
    left = np.linalg.norm(rest) > 1e-6 * np.linalg.norm(normal)
    check(bool(left), "The direction must not lie in the span of those that it is conditioned on, but it does.")
    return rest / np.linalg.norm(rest)


def _check(codes: np.ndarray, scores: np.ndarray, share: float, training: float) -> None:
    shapes = f"but their shapes are {list(codes.shape)} and {list(scores.shape)}"
    check(codes.ndim == 2 and scores.shape == codes.shape[:1], f"Codes [n, w] need scores [n], {shapes}.")
    check(bool(np.isfinite(scores).all()), "Scores must be finite, but some are not; leave those codes out.")
    check(0 < share <= 0.5, f"share must lie in (0, 0.5], but it is {share:g}.")
    check(0 < training < 1, f"training must lie in (0, 1), but it is {training:g}.")


def _split(low: np.ndarray, high: np.ndarray, number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`number` indices of each end to fit, and the rest."""
    rng = np.random.RandomState(seed)
    ends = [rng.permutation(end) for end in (low, high)]
    return tuple(np.concatenate([end[part] for end in ends]) for part in (slice(number), slice(number, None)))  # type: ignore[return-value]


def _svm() -> Any:
    try:
        from sklearn.svm import SVC
    except ImportError as error:
        raise InputError(
            "InterFaceGAN needs scikit-learn, which is not installed; run: pip install 'ganinv_jax[evaluate]'"
        ) from error
    return SVC(kernel="linear", C=PENALTY)
