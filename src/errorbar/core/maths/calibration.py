r"""Is a stated uncertainty true? Claimed probability against found frequency.

The probability integral transform (PIT) of a truth is the predictive distribution function at that
truth, $u = F(\theta_\text{true})$. Uncertainties are true when the $u$ of many cases are uniform on
$[0, 1]$. Three views of the same numbers:

- **coverage**: a central interval of level $q$ holds the truth when $|2u - 1| \le q$; the share
  found is binomial around $q$;
- **histogram**: each of $B$ equal bins holds a binomial count with $p = 1/B$;
- **difference of distribution functions**: $\hat F(t) - t$, with a band that holds the *whole*
  curve with the stated probability. The pointwise level of that band has no closed form and is
  found by simulating uniform samples (Säilynoja, Bürkner & Vehtari 2022, Statistics and Computing
  32, 32).

A curve bent like an S, or a histogram like a U, says that errors are claimed too small.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import InputError

__all__ = [
    "CoverageCurve",
    "EcdfDifference",
    "PitHistogram",
    "PredictedTruth",
    "coverage_curve",
    "ecdf_difference",
    "pit_histogram",
    "predicted_truth",
]

_binomial = cast(Any, stats).binom


@dataclass(frozen=True, slots=True, eq=False)
class CoverageCurve:
    """Share `found` inside central intervals that claim the share `claimed`.

    `error` is the binomial standard error of `found` if the claim is true, `count` the number of
    cases.
    """

    claimed: Float[ndarray, " levels"]
    found: Float[ndarray, " levels"]
    error: Float[ndarray, " levels"]
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class PitHistogram:
    """Counts of PIT values in equal bins.

    A calibrated count lies between `low` and `high` with probability `level`, bin by bin.
    """

    edges: Float[ndarray, " edges"]
    counts: Int[ndarray, " bins"]
    low: float
    high: float
    level: float

    @property
    def expected(self) -> float:
        """The mean count of a bin."""
        return float(self.counts.sum()) / len(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class EcdfDifference:
    """Empirical distribution of PIT values less the uniform one, at the places `at`.

    If the values are uniform the whole curve lies between `low` and `high` with probability
    `level`.
    """

    at: Float[ndarray, " places"]
    difference: Float[ndarray, " places"]
    low: Float[ndarray, " places"]
    high: Float[ndarray, " places"]
    count: int
    level: float

    @property
    def inside(self) -> bool:
        """Whether the whole curve stays within its band."""
        return bool(np.all((self.difference >= self.low) & (self.difference <= self.high)))


@dataclass(frozen=True, slots=True, eq=False)
class PredictedTruth:
    """Predictions with one-sigma errors beside what turned out to be true."""

    truth: Float[ndarray, " rows"]
    predicted: Float[ndarray, " rows"]
    sd: Float[ndarray, " rows"]

    @property
    def score(self) -> Float[ndarray, " rows"]:
        """Standardised errors: mean 0 and spread 1 when the errors are true."""
        return (self.predicted - self.truth) / self.sd

    @property
    def rms(self) -> float:
        """Root mean square error, in the units of the truth."""
        return float(np.sqrt(np.mean((self.predicted - self.truth) ** 2)))


def coverage_curve(
    pit: Float[ndarray, " rows"], levels: Float[ndarray, " levels"]
) -> CoverageCurve:
    """Coverage of central intervals, from each truth's PIT in its predictive distribution."""
    check_pit(pit)
    distance = np.abs(2.0 * pit - 1.0)
    found = (distance[:, None] <= levels).mean(axis=0)
    error = np.sqrt(levels * (1.0 - levels) / len(pit))
    return CoverageCurve(claimed=levels, found=found, error=error, count=len(pit))


def pit_histogram(
    pit: Float[ndarray, " rows"], bins: int = 20, level: float = 0.99
) -> PitHistogram:
    """PIT values in equal bins, with the binomial range of a calibrated bin."""
    check_pit(pit)
    counts, edges = np.histogram(pit, bins=bins, range=(0.0, 1.0))
    low, high = _binomial.interval(level, len(pit), 1.0 / bins)
    return PitHistogram(edges, counts, float(low), float(high), level)


def ecdf_difference(
    pit: Float[ndarray, " rows"],
    places: int = 100,
    level: float = 0.95,
    *,
    trials: int = 4000,
    seed: int = 0,
) -> EcdfDifference:
    """The distribution function of PIT values less the uniform one, in a band for the whole curve.

    `trials` uniform samples set the band; the same `seed` gives the same band.
    """
    check_pit(pit)
    at = np.arange(1, places) / places
    below = np.searchsorted(np.sort(pit), at, side="right") / len(pit)
    tail = simultaneous_tail(len(pit), places, level, trials=trials, seed=seed)
    low = _binomial.ppf(tail / 2.0, len(pit), at) / len(pit) - at
    high = _binomial.ppf(1.0 - tail / 2.0, len(pit), at) / len(pit) - at
    return EcdfDifference(at, below - at, low, high, len(pit), level)


@lru_cache(maxsize=64)
def simultaneous_tail(count: int, places: int, level: float, *, trials: int, seed: int) -> float:
    """Pointwise tail probability whose band holds a whole uniform curve with probability `level`.

    The rarest excursion of each simulated curve, two-sided, is found place by place; its lower
    quantile over the curves is the answer.
    """
    steps = np.random.default_rng(seed).multinomial(
        count, np.full(places, 1.0 / places), size=trials
    )
    below = np.cumsum(steps, axis=1)[:, :-1]
    at = np.arange(1, places) / places
    under = _binomial.cdf(below, count, at)
    over = _binomial.sf(below - 1, count, at)
    rarest = 2.0 * np.minimum(under, over).min(axis=1)
    return float(np.quantile(rarest, 1.0 - level, method="lower"))


def predicted_truth(truth: ndarray, predicted: ndarray, sd: ndarray) -> PredictedTruth:
    """Predictions beside truths, refused where they cannot be compared."""
    if not truth.shape == predicted.shape == sd.shape or truth.ndim != 1:
        raise InputError(
            f"truth {truth.shape}, predicted {predicted.shape} and sd {sd.shape} must be columns "
            "of one length."
        )
    bad = np.flatnonzero(~(np.isfinite(truth) & np.isfinite(predicted) & (sd > 0)))
    if bad.size:
        raise InputError(
            f"{bad.size} of {len(truth)} predictions are not finite or have no positive sd, first "
            f"at row {bad[0]} (truth {truth[bad[0]]}, predicted {predicted[bad[0]]}, sd "
            f"{sd[bad[0]]}). Leave rows without a prediction out."
        )
    return PredictedTruth(truth, predicted, sd)


def check_pit(pit: Float[ndarray, " rows"]) -> None:
    """Refuse values that are no probabilities."""
    if len(pit) == 0:
        raise InputError("there are no PIT values, so nothing says how well errors are claimed.")
    bad = np.flatnonzero(~((pit >= 0) & (pit <= 1)))
    if bad.size:
        raise InputError(
            f"PIT values lie between 0 and 1; {bad.size} of {len(pit)} do not, first at row "
            f"{bad[0]} ({pit[bad[0]]}). Pass F(truth), not the truth itself."
        )
