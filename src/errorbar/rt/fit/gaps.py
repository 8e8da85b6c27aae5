r"""Standards that were not found in a run: what stands for them, and how unsure that is.

Over the rows of training covariates have the mean $c$ and the covariance $C$. Of a run some of
them, $o$, were measured and the others, $m$, were not; these are expected at
$c_m + C_{mo} C_{oo}^{-1} (x_o - c_o)$ with the covariance $C_{mm} - C_{mo} C_{oo}^{-1} C_{om}$. A
time's slopes carry that into its variance, and what rows of one run share of it is shared by them.
Mean and covariance were estimated from so many runs only, which makes the latter larger; too few
runs tell nothing of one standard by the others.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks
from errorbar.rt.data.units import in_seconds
from errorbar.rt.fit.statistics import GroupStatistics

__all__ = ["Filled", "check_covariates", "covariate_spread", "fill_gaps"]

# With fewer runs than this beyond the standards that were found, these tell nothing of others.
SPARE_RUNS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """Centred covariates without gaps; `pattern` is which of `spread` is the covariance of each.

    The first pattern is that of rows without gaps.
    """

    x: Float[ndarray, "rows features"]
    pattern: Int[ndarray, " rows"]
    spread: Float[ndarray, "patterns features features"]

    @property
    def complete(self) -> bool:
        """Whether there were no gaps at all."""
        return len(self.spread) == 1

    def select(self, chosen: Int[ndarray, " chosen"]) -> Self:
        """Some of the rows."""
        return replace(self, x=self.x[chosen], pattern=self.pattern[chosen])

    def variance(
        self,
        slopes: Float[ndarray, "rows features"],
        covariance: Float[ndarray, "rows features features"],
    ) -> Float[ndarray, " rows"]:
        """What the gaps add to the variance of times whose slopes are known so well."""
        spread = self.spread[self.pattern]
        return np.einsum("ra,rab,rb->r", slopes, spread, slopes) + np.einsum(
            "rab,rba->r", covariance, spread
        )


def fill_gaps(statistics: GroupStatistics, x: Float[ndarray, "rows features"]) -> Filled:
    """Centred covariates with what is expected of those that are NaN."""
    size = x.shape[1]
    none = np.zeros((1, size, size))
    missing = np.isnan(x)
    rows = np.flatnonzero(missing.any(axis=1))
    pattern = np.zeros(len(x), dtype=np.int64)
    if not len(rows):
        return Filled(x, pattern, none)
    covariance, runs = covariate_spread(statistics), _runs(statistics)
    kinds, which = np.unique(missing[rows], axis=0, return_inverse=True)
    pattern[rows] = 1 + which.reshape(-1)
    filled, spread = x.copy(), [none[0]]
    for place, gone in enumerate(kinds):
        there = ~gone
        own = rows[pattern[rows] == place + 1]
        told, size_there = runs > there.sum() + SPARE_RUNS, int(there.sum())
        cross = covariance[np.ix_(gone, there)] * told
        weights = cross @ np.linalg.pinv(covariance[np.ix_(there, there)], hermitian=True)
        filled[np.ix_(own, gone)] = x[np.ix_(own, there)] @ weights.T
        left = covariance[np.ix_(gone, gone)] - weights @ cross.T
        if told:
            # As a normal whose covariance and regression were estimated predicts.
            left *= (runs - 1) / (runs - size_there - 2) * (1 + (1 + size_there) / runs)
        full = np.zeros((size, size))
        full[np.ix_(gone, gone)] = (left + left.T) / 2
        spread.append(full)
    return Filled(filled, pattern, np.stack(spread))


def check_covariates(statistics: GroupStatistics, peaks: Peaks) -> None:
    """Refuse covariates that are some sixty times those of training, or a sixtieth: seconds."""
    if not len(peaks) or not peaks.features:
        return
    usual = np.sqrt(statistics.centre**2 + np.diag(covariate_spread(statistics)))
    centred = statistics.centred(peaks) + statistics.centre
    found = np.sqrt(np.nanmean(np.square(centred), axis=0))
    for wrong, what, which in (
        (in_seconds(found, usual), "some sixty times", "seconds, and those of training minutes"),
        (in_seconds(usual, found), "some sixtieth of", "minutes, and those of training seconds"),
    ):
        if 2 * wrong.sum() > peaks.features:
            first = int(np.flatnonzero(wrong)[0])
            raise TableError(
                f"{int(wrong.sum())} of {peaks.features} covariates are {what} those of training, "
                f"first {peaks.feature_names[first]} (about {found[first]:.4g}, in training "
                f"{usual[first]:.4g}): they look like {which}. With unit='seconds' a table's times "
                "and standards are divided by 60: read both tables in their own unit."
            )


def covariate_spread(statistics: GroupStatistics) -> Float[ndarray, "features features"]:
    """The covariance of covariates over the rows of training."""
    mean, total = statistics.mean_x, statistics.total
    second = statistics.sxx.sum(axis=0) + np.einsum("g,ga,gb->ab", total, mean, mean)
    return second / total.sum()


def _runs(statistics: GroupStatistics) -> int:
    """About how many runs there were: those that have the commonest compound."""
    return int(np.bincount(statistics.compound, statistics.count).max())
