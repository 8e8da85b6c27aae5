r"""Is a claimed probability true? Frequencies against claims, in bins.

The *confidence* of a row is its largest probability, and it is a hit when that class is the true
one. Of one column of probabilities (of two classes' second) the claim is the column itself and a
hit is a label of 1. In bin $b$ of $n_b$ rows the mean claim is $c_b$ and the share of hits $a_b$:

- expected calibration error, $\sum_b (n_b/N)\,|a_b - c_b|$: at least as large as the truth on
  average, by chance alone some $\sqrt{a(1-a)/n_b}$ a bin;
- debiased: less what chance adds to each bin, in squares (Kumar, Liang & Ma 2019,
  arXiv:1909.10155) or in absolute values; with bins of equal mass, as Roelofs et al. (2022,
  arXiv:2012.08668) advise;
- consistency bands: where $a_b$ lies if all claims are true, from rows drawn again with outcomes
  drawn from their claims (Bröcker & Smith 2007, Weather and Forecasting 22, 651).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.doors import (
    is_one_row,
    read_column,
    read_labels,
    read_level,
    read_probs,
)
from errorbar.core.errors import InputError, SettingsError

__all__ = [
    "BinStrategy",
    "ReliabilityBand",
    "classwise_calibration_error",
    "debiased_calibration_error",
    "expected_calibration_error",
    "maximum_calibration_error",
    "reliability_band",
    "reliability_curve",
]

BinStrategy = Literal["width", "mass"]

_ndtr = cast("Callable[[ndarray], ndarray]", special.ndtr)


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityBand:
    """Where the frequencies of a reliability curve lie with probability `level` if claims are true.

    Bin by bin, not for the whole curve. A bin without rows reaches from 0 to 1.
    """

    centers: Float[ndarray, " bins"]
    low: Float[ndarray, " bins"]
    high: Float[ndarray, " bins"]
    counts: Int[ndarray, " bins"]
    level: float


def reliability_curve(
    probs: ArrayLike, y_true: ArrayLike, n_bins: int = 15, *, strategy: BinStrategy = "width"
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Centres of bins, the share of hits in each, the mean claim, and the count of rows.

    `strategy="width"` makes `n_bins` bins of equal width, of which the last holds a claim of one;
    `"mass"` makes bins of equally many rows, fewer than `n_bins` where claims are tied. A bin
    without rows has count 0 and both its values at its centre, so that it shows and adds no error.
    """
    return _curve(*_claims(probs, y_true), n_bins, strategy)


def expected_calibration_error(
    probs: ArrayLike, y_true: ArrayLike, n_bins: int = 15, *, strategy: BinStrategy = "width"
) -> float:
    """The mean distance of found frequency from claim, weighted by rows."""
    return _mean_gap(*_claims(probs, y_true), n_bins, strategy)


def maximum_calibration_error(
    probs: ArrayLike, y_true: ArrayLike, n_bins: int = 15, *, strategy: BinStrategy = "width"
) -> float:
    """The largest distance of found frequency from claim over the bins that hold rows."""
    _, found, claim, _ = reliability_curve(probs, y_true, n_bins, strategy=strategy)
    return float(np.abs(found - claim).max())


def classwise_calibration_error(
    probs: ArrayLike, y_true: ArrayLike, n_bins: int = 15, *, strategy: BinStrategy = "width"
) -> ndarray:
    """The calibration error of every class's own column; its mean is the class-wise ECE."""
    matrix = read_probs(probs)
    labels = read_labels(y_true, *matrix.shape)
    errors = [_mean_gap(p, labels == k, n_bins, strategy) for k, p in enumerate(matrix.T)]
    return np.array(errors)


def debiased_calibration_error(
    probs: ArrayLike,
    y_true: ArrayLike,
    n_bins: int = 15,
    *,
    norm: Literal["l1", "l2"] = "l2",
    strategy: BinStrategy = "mass",
) -> float:
    """The calibration error less what chance alone adds; zero where chance explains it all.

    `"l2"` is the root of the mean squared gap, whose correction is exact; `"l1"` takes off the
    mean absolute excess of a normal deviate. A bin of one row says nothing and adds nothing.
    """
    _, found, claim, counts = reliability_curve(probs, y_true, n_bins, strategy=strategy)
    if norm not in ("l1", "l2"):
        raise SettingsError(f"norm={norm!r} is not one of 'l1' or 'l2'.")
    kept = counts > 1
    if not kept.any():
        raise InputError("no bin holds two rows, so nothing tells error from chance: fewer bins.")
    gap, rows, share = (found - claim)[kept], counts[kept], found[kept]
    weight = rows / counts.sum()
    variance = share * (1 - share) / (rows - 1)
    if norm == "l2":
        return float(np.sqrt(max(0.0, float(weight @ (gap**2 - variance)))))
    size = np.abs(gap)
    return max(0.0, float(weight @ (2 * size - _folded_mean(size, np.sqrt(variance)))))


def reliability_band(
    probs: ArrayLike,
    y_true: ArrayLike,
    n_bins: int = 15,
    *,
    strategy: BinStrategy = "width",
    level: float = 0.95,
    trials: int = 1000,
    seed: int = 0,
) -> ReliabilityBand:
    """The band in which true claims keep the curve; labels serve only to check the shapes."""
    read_level(level, "level")
    claim, _ = _claims(probs, y_true)
    at, centers = _bins(claim, n_bins, strategy)
    rng = np.random.default_rng(seed)
    found = np.full((trials, len(centers)), np.nan)
    for trial in found:
        drawn = rng.integers(len(claim), size=len(claim))
        hits = rng.random(len(claim)) < claim[drawn]
        rows = np.bincount(at[drawn], minlength=len(centers))
        hits = np.bincount(at[drawn], weights=hits, minlength=len(centers))
        np.divide(hits, rows, out=trial, where=rows > 0)
    counts = np.bincount(at, minlength=len(centers))
    low, high = np.zeros(len(centers)), np.ones(len(centers))
    tail = (1 - level) / 2
    seen = ~np.isnan(found).all(axis=0)
    low[seen], high[seen] = np.nanquantile(found[:, seen], [tail, 1 - tail], axis=0)
    return ReliabilityBand(centers, low, high, counts, float(level))


def _claims(probs: ArrayLike, y_true: ArrayLike) -> tuple[ndarray, ndarray]:
    """What each row claims, and whether it came true."""
    if is_one_row(probs):
        column = read_column(probs, None, "probs")
        pairs = read_probs(np.column_stack([1 - column, column]))
        return pairs[:, 1], read_labels(y_true, len(pairs), 2) == 1
    matrix = read_probs(probs)
    labels = read_labels(y_true, *matrix.shape)
    return matrix.max(axis=1), matrix.argmax(axis=1) == labels


def _curve(
    claim: ndarray, hit: ndarray, n_bins: int, strategy: BinStrategy
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    at, centers = _bins(claim, n_bins, strategy)
    counts = np.bincount(at, minlength=len(centers))
    rows = np.maximum(counts, 1)
    empty = counts == 0
    found = np.bincount(at, weights=hit, minlength=len(centers)) / rows
    mean = np.bincount(at, weights=claim, minlength=len(centers)) / rows
    return centers, np.where(empty, centers, found), np.where(empty, centers, mean), counts


def _mean_gap(claim: ndarray, hit: ndarray, n_bins: int, strategy: BinStrategy) -> float:
    _, found, mean, counts = _curve(claim, hit, n_bins, strategy)
    return float(counts @ np.abs(found - mean) / counts.sum())


def _bins(claim: ndarray, n_bins: int, strategy: BinStrategy) -> tuple[ndarray, ndarray]:
    """Each claim's bin and the centres of all bins."""
    if n_bins < 1:
        raise SettingsError(f"n_bins={n_bins}: at least one bin is needed.")
    if strategy == "width":
        edges = np.linspace(0.0, 1.0, n_bins + 1)
    elif strategy == "mass":
        ordered = np.sort(claim)
        first = np.arange(1, n_bins) * len(claim) // n_bins
        # Tied claims stay together: a cut goes before the first of them.
        cuts = np.unique(ordered[first[first > 0]])
        edges = np.concatenate([[0.0], cuts[cuts > ordered[0]], [1.0]])
    else:
        raise SettingsError(f"strategy={strategy!r} is not one of 'width' or 'mass'.")
    at = np.searchsorted(edges[1:-1], claim, side="right")
    return at, (edges[:-1] + edges[1:]) / 2


def _folded_mean(mean: ndarray, sd: ndarray) -> ndarray:
    """The mean size of a normal deviate."""
    z = mean / np.where(sd > 0, sd, 1.0)
    folded = sd * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + mean * (1 - 2 * _ndtr(-z))
    return np.where(sd > 0, folded, mean)
