r"""Conformal prediction where the population has changed and the ratio of densities is known.

If rows of the target differ from those of the calibration only in how often each $x$ occurs, by
$w(x) = p_\text{target}(x) / p_\text{calibration}(x)$, then the $1 - \alpha$ quantile of calibration
scores weighted by $w_i / (\sum_j w_j + w)$, with the rest, $w / (\sum_j w_j + w)$ of the row asked
about, at infinity, restores $P(Y \in C) \ge 1 - \alpha$ in the target (Tibshirani, Barber, Candès &
Ramdas 2019, arXiv:1904.06019). It is exact for the true ratio, up to any factor; with an estimated
one coverage falls short by at most half its mean absolute error. A row that the calibration hardly
knows has an infinite threshold: all classes, or the whole line. That is the answer, not a failure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.doors import read_column, read_level, read_matrix, read_weights
from errorbar.core.calibrate.strata import read_payload
from errorbar.core.errors import InputError

__all__ = ["WeightedConformal", "fit_weighted_conformal"]


@dataclass(frozen=True, slots=True, eq=False)
class WeightedConformal:
    """Calibration scores in rising order, with their weights (likelihood ratios)."""

    scores: Float[ndarray, " rows"]
    weights: Float[ndarray, " rows"]

    @property
    def effective_rows(self) -> float:
        """How many equally weighted rows the calibration is worth (Kish)."""
        scaled = self.weights / self.weights.max()
        return float(scaled.sum() ** 2 / (scaled @ scaled))

    def thresholds(self, weights: ArrayLike, alpha: float = 0.1) -> ndarray:
        """The threshold of each row of the target, from its weight; infinite for unknown ones."""
        read_level(alpha)
        own = read_weights(weights, None)
        total = np.cumsum(self.weights)
        # Half a unit of rounding must not cost a rank where all weights are equal.
        wanted: ndarray = (1 - alpha) * (total[-1] + own) * (1 - 1e-12)
        at = np.searchsorted(total, wanted)
        return np.append(self.scores, np.inf)[at]

    def sets(self, scores: ArrayLike, weights: ArrayLike, alpha: float = 0.1) -> ndarray:
        """Sets of classes, from every class's score (`ClassConformal.scores`, `class_scores`)."""
        matrix = read_matrix(scores, "scores")
        limit = self.thresholds(weights, alpha)
        _check_rows(len(limit), len(matrix))
        return matrix <= limit[:, None]

    def around(
        self,
        centre: ArrayLike,
        weights: ArrayLike,
        alpha: float = 0.1,
        *,
        spread: ArrayLike = 1.0,
    ) -> ndarray:
        """Intervals around predictions, from scores that are absolute residuals (over `spread`)."""
        middle = read_column(centre, None, "centre")
        limit = self.thresholds(weights, alpha)
        _check_rows(len(limit), len(middle))
        reach = limit * np.asarray(spread, dtype=np.float64)
        return np.column_stack([middle - reach, middle + reach])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; `from_dict` gives the same bits back."""
        return {
            "type": "WeightedConformal",
            "format": 1,
            "scores": self.scores.tolist(),
            "weights": self.weights.tolist(),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "WeightedConformal":
        """The value that wrote the payload."""
        with read_payload(payload, "WeightedConformal"):
            return fit_weighted_conformal(payload["scores"], payload["weights"])


def fit_weighted_conformal(scores: ArrayLike, weights: ArrayLike) -> WeightedConformal:
    """From calibration rows' scores of the truth and their likelihood ratios."""
    column = read_column(scores, None, "scores")
    ratio = read_weights(weights, len(column))
    if not ratio.any():
        raise InputError(
            f"all {len(ratio)} weights are zero: the calibration holds nothing of the target."
        )
    order = np.argsort(column, kind="stable")
    return WeightedConformal(column[order], ratio[order])


def _check_rows(weights: int, rows: int) -> None:
    if weights != rows:
        raise InputError(f"{weights} weights came for {rows} rows: one each is needed.")
