"""How good predicted numbers are: errors overall and by slice, and whether their bars are true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.audit import LEVELS, IntervalAudit, audit_intervals
from errorbar.core.audit.resample import Resampler, make_resampler
from errorbar.core.audit.tables import SCHEMA, Quantity, in_order, mean_of, whole_table
from errorbar.core.audit.units import Slice, Units, read_slices, read_units
from errorbar.core.calibrate.doors import read_column
from errorbar.core.errors import InputError

__all__ = ["NumberEvaluation", "evaluate_numbers"]

# Errors are put into this many bins of equally many rows for quantiles of resamplings.
BINS = 600
# From the median absolute deviation to the sd of a normal, and what lies far outside of that.
NORMAL, FAR = 1.482602218505602, 3.0


@dataclass(frozen=True, slots=True, eq=False)
class NumberEvaluation:
    """Errors of predicted numbers, with 95 % intervals from whole groups drawn again.

    `scores` has a row for each quantity of all rows (the slice `""`) and of each level of each
    slice. `points` are true and predicted values (of at most 20,000 rows, by lot). `audit` says
    whether the error bars are true; none where no bars came.
    """

    name: str
    rows: int
    groups: int
    scores: pl.DataFrame
    points: pl.DataFrame
    audit: IntervalAudit | None

    def value(self, quantity: str, by: str = "", level: str = "") -> float:
        """One number of the scores."""
        chosen = (pl.col("quantity") == quantity) & (pl.col("by") == by)
        found = self.scores.filter(chosen & (pl.col("slice") == level))["value"]
        if not len(found):
            known = ", ".join(self.scores["quantity"].unique().sort())
            raise InputError(f"there is no {quantity!r} of {by or 'all rows'} {level}: {known}.")
        return float(found[0])


def evaluate_numbers(
    truth: ArrayLike,
    mean: ArrayLike,
    *,
    name: str = "value",
    groups: ArrayLike | None = None,
    slices: Mapping[str, ArrayLike] | None = None,
    levels: Sequence[float] = LEVELS,
    bins: int = 5,
    trials: int = 1000,
    seed: int = 0,
    **claims: Any,
) -> NumberEvaluation:
    """Score predictions of numbers for rows that nothing was fitted to.

    `claims` are the error bars, in any form that `audit_intervals` reads: `sd`, `sd_minus` and
    `sd_plus`, `lower` with `upper` and `level`, or `quantiles`. `groups` and `slices` are those of
    `evaluate_classes`. Scores are the bias (predicted less true), its median, the RMSE, the MAE,
    the robust sigma (1.48 times the median absolute deviation from the median), the share of rows
    beyond three of these, and the coefficient of determination.
    """
    true = read_column(truth, None, "truth")
    if not len(true):
        raise InputError("there are no rows to evaluate on.")
    told = read_column(mean, len(true), "mean")
    units = read_units(groups, len(true))
    parts = read_slices(slices, len(true), bins)
    resampler = make_resampler(units, len(true), trials, seed)
    error = told - true
    # Columns near one keep sums of squares exact enough.
    scale = float(np.abs(true - true.mean()).max()) or 1.0
    columns = {
        "bias": error, "mae": np.abs(error), "square": error**2,
        "true": (true - true.mean()) / scale, "true2": ((true - true.mean()) / scale) ** 2,
    }  # fmt: skip
    quantities = [
        Quantity("bias", mean_of("bias")),
        Quantity("mae", mean_of("mae")),
        Quantity("rmse", lambda m: np.sqrt(m["square"])),
        Quantity("r2", lambda m: 1 - m["square"] / scale**2 / (m["true2"] - m["true"] ** 2)),
    ]
    scores = whole_table(columns, quantities, units, parts, resampler)
    robust = _robust(error, units, parts, resampler)
    lot = np.sort(np.random.default_rng(seed).permutation(len(true))[:20_000])
    audit = None
    if any(value is not None for value in claims.values()):
        audit = audit_intervals(
            true, None if "quantiles" in claims or "lower" in claims else told, slices=slices,
            groups=groups, levels=levels, bins=bins, trials=trials, seed=seed, **claims,
        )  # fmt: skip
    return NumberEvaluation(
        name=name,
        rows=len(true),
        groups=units.count,
        scores=in_order([scores, robust]),
        points=pl.DataFrame({"row": lot, "true": true[lot], "predicted": told[lot]}),
        audit=audit,
    )


def _robust(
    error: ndarray, units: Units, slices: Sequence[Slice], resampler: Resampler
) -> pl.DataFrame:
    """Median, robust sigma and share of outliers of every level, with intervals."""
    found: list[tuple[object, ...]] = []
    for part in (Slice("", ("",), np.zeros(len(error), dtype=np.int64)), *slices):
        for at, label in enumerate(part.labels):
            rows = part.rows(at)
            if not len(rows):
                continue
            head = (part.name, label, len(rows), units.of(rows).count)
            own = error[rows]
            middle = float(np.median(own))
            sigma = NORMAL * float(np.median(np.abs(own - middle)))
            away = np.abs(own - middle)
            kinds = {
                "median_error": (middle, _quantiles(own, rows, resampler)),
                "robust_sigma": (sigma, NORMAL * _quantiles(away, rows, resampler)),
                "outliers": (
                    float((away > FAR * sigma).mean()),
                    _shares(away > FAR * sigma, rows, resampler),
                ),
            }
            for kind, (value, drawn) in kinds.items():
                known = drawn[np.isfinite(drawn)]
                ends = np.quantile(known, [0.025, 0.975]).tolist() if len(known) > 1 else [None] * 2
                found.append((*head, kind, value, *ends, None, None, None))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _counts(code: ndarray, rows: ndarray, bins: int, resampler: Resampler) -> ndarray:
    """How often each bin is drawn, each time."""
    batches = resampler.weight.shape[1]
    place = resampler.batch[rows] * bins + code
    table = np.bincount(place, minlength=batches * bins).reshape(batches, bins)
    return resampler.weight @ table


def _quantiles(values: ndarray, rows: ndarray, resampler: Resampler) -> ndarray:
    """The median of each resampling, from bins of equally many rows."""
    order = np.sort(values)
    bins = min(BINS, len(values))
    ends = np.linspace(0, len(values) - 1, bins + 1)
    edges = np.interp(ends, np.arange(len(values)), order)
    code = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    drawn = np.cumsum(_counts(code, rows, bins, resampler), axis=1)
    half = drawn[:, -1:] / 2
    at = np.minimum((drawn < half).sum(axis=1), bins - 1)
    every = np.arange(len(drawn))
    below = np.where(at > 0, drawn[every, at - 1], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (half[:, 0] - below) / (drawn[every, at] - below)
    found = edges[at] + np.clip(part, 0, 1) * (edges[at + 1] - edges[at])
    return np.where(drawn[:, -1] > 0, found, np.nan)


def _shares(hit: ndarray, rows: ndarray, resampler: Resampler) -> ndarray:
    drawn = _counts(hit.astype(np.int64), rows, 2, resampler)
    with np.errstate(invalid="ignore", divide="ignore"):
        return drawn[:, 1] / drawn.sum(axis=1)
