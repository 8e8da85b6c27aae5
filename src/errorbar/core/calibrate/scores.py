r"""Proper scores of class probabilities: each is least, on average, for true probabilities.

The Brier score is $\frac1N \sum_{ik} (p_{ik} - y_{ik})^2$, from 0 to 2. For each class, in bins of
$n_b$ rows with mean claim $\bar p_b$ and frequency $\bar y_b$ around the base rate $\bar y$, it is

$$
\underbrace{\sum_b \tfrac{n_b}{N} (\bar p_b - \bar y_b)^2}_{\text{reliability}}
- \underbrace{\sum_b \tfrac{n_b}{N} (\bar y_b - \bar y)^2}_{\text{resolution}}
+ \underbrace{\bar y (1 - \bar y)}_{\text{uncertainty}}
+ \underbrace{\tfrac1N \sum_b \sum_{i \in b} \left[(p_i - \bar p_b)^2
- 2 (p_i - \bar p_b)(y_i - \bar y_b)\right]}_{\text{within bins}}
$$

summed over classes (Murphy 1973; the last term is that of Stephenson, Coelho & Jolliffe 2008,
Weather and Forecasting 23, 752). It is an identity, and where every bin holds one value of $p$ the
last term is zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.doors import one_hot, read_labels, read_probs
from errorbar.core.errors import SettingsError

__all__ = ["BrierParts", "brier_parts", "brier_score", "negative_log_likelihood"]


@dataclass(frozen=True, slots=True)
class BrierParts:
    """`score` = `reliability` - `resolution` + `uncertainty` + `within`, exactly."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def negative_log_likelihood(probs: ArrayLike, y_true: ArrayLike, floor: float = 0.0) -> float:
    """The mean of minus the logarithm of what the true class was given.

    Infinite where a true class was given nothing, unless a probability counts for at least `floor`.
    """
    matrix = read_probs(probs)
    given = matrix[np.arange(len(matrix)), read_labels(y_true, *matrix.shape)]
    with np.errstate(divide="ignore"):
        return -float(np.log(np.maximum(given, floor)).mean())


def brier_score(probs: ArrayLike, y_true: ArrayLike) -> float:
    """The mean squared distance of probabilities from the truth, summed over classes: 0 to 2."""
    matrix = read_probs(probs)
    return float(((matrix - _truth(matrix, y_true)) ** 2).sum(axis=1).mean())


def brier_parts(probs: ArrayLike, y_true: ArrayLike, n_bins: int | None = 15) -> BrierParts:
    """The Brier score in parts; `n_bins=None` gives each distinct probability a bin of its own."""
    if n_bins is not None and n_bins < 1:
        raise SettingsError(f"n_bins={n_bins}: at least one bin is needed, or None.")
    matrix = read_probs(probs)
    truth = _truth(matrix, y_true)
    parts = np.sum([_column_parts(p, hit, n_bins) for p, hit in zip(matrix.T, truth.T)], axis=0)
    score = float(((matrix - truth) ** 2).sum(axis=1).mean())
    return BrierParts(score, *(float(part) for part in parts))


def _column_parts(p: ndarray, hit: ndarray, n_bins: int | None) -> ndarray:
    if n_bins is None:
        at = np.unique(p, return_inverse=True)[1]
    else:
        at = np.minimum((p * n_bins).astype(np.int64), n_bins - 1)
    rows = np.bincount(at)
    weight = np.maximum(rows, 1)
    claim = np.bincount(at, weights=p) / weight
    if n_bins is None:
        # The mean of equal numbers is that number, and not within rounding of it.
        claim = np.unique(p)
    found = np.bincount(at, weights=hit) / weight
    base = hit.mean()
    away = p - claim[at]
    return np.array(
        [
            rows @ (claim - found) ** 2 / len(p),
            rows @ (found - base) ** 2 / len(p),
            base * (1 - base),
            np.mean(away**2 - 2 * away * (hit - found[at])),
        ]
    )


def _truth(matrix: ndarray, y_true: ArrayLike) -> ndarray:
    return one_hot(read_labels(y_true, *matrix.shape), matrix.shape[1])
