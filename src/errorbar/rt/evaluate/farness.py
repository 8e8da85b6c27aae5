"""How far a run lies from the runs that were trained on, by what was measured of it."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import stats
from scipy.spatial import KDTree

from errorbar.core.errors import InputError, SettingsError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate.rows import Slice

__all__ = ["FAR_PERCENTILES", "farness", "farness_slice", "replicate_means", "run_covariates"]

FAR_PERCENTILES = (60, 70, 80, 90, 95, 100)
_student = cast(Any, stats).t


def run_covariates(
    peaks: Peaks,
) -> tuple[Int[ndarray, " runs"], Float[ndarray, "runs features"]]:
    """Numbers of the runs that have peaks, and their covariates (the mean over their peaks)."""
    runs, place, rows = np.unique(peaks.run, return_inverse=True, return_counts=True)
    sums = np.zeros((len(runs), peaks.features))
    np.add.at(sums, place, peaks.covariates)
    return runs, sums / rows[:, None]


def farness(
    train_runs: Float[ndarray, "trained features"],
    runs: Float[ndarray, "runs covariates"] | None = None,
) -> Float[ndarray, " asked"]:
    """Distance from each run to the nearest training run; without `runs`, of each to the others.

    Euclidean, in units of each covariate's standard deviation over the training runs. A covariate
    that is the same in all of them is left in its own unit.
    """
    least = 2 if runs is None else 1
    if len(train_runs) < least:
        raise InputError(f"{len(train_runs)} training runs: a distance needs at least {least}.")
    if runs is not None and runs.shape[1] != train_runs.shape[1]:
        raise InputError(
            f"runs have {runs.shape[1]} covariates and training runs {train_runs.shape[1]}: read "
            "both with the same features."
        )
    centre, scale = train_runs.mean(axis=0), train_runs.std(axis=0)
    # What rounding leaves of a constant column is no scale.
    scale = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(centre)), scale, 1.0)
    tree = KDTree((train_runs - centre) / scale)
    if runs is None:
        return np.asarray(tree.query(tree.data, k=2)[0])[:, 1]
    return np.asarray(tree.query((runs - centre) / scale)[0])


def farness_slice(
    values: Float[ndarray, " rows"],
    percentiles: Sequence[float] = FAR_PERCENTILES,
    *,
    of: Float[ndarray, " others"] | None = None,
) -> Slice:
    """Rows by percentiles of far-ness (`of` these numbers, else the rows' own), upper ends in.

    What is nearer than the first percentile is in no bin; the first and last bins are open where
    the percentiles are 0 and 100.
    """
    levels = np.asarray(percentiles, dtype=np.float64)
    if len(levels) < 2 or np.any(np.diff(levels) <= 0) or levels[0] < 0 or levels[-1] > 100:
        raise SettingsError(
            f"percentiles {tuple(percentiles)} must rise from at least 0 to at most 100."
        )
    edges = np.percentile(values if of is None else of, levels)
    edges[0] = -np.inf if levels[0] == 0 else edges[0]
    edges[-1] = np.inf if levels[-1] == 100 else edges[-1]
    place = np.searchsorted(edges, values, side="left") - 1
    place[place >= len(edges) - 1] = -1
    return Slice(place, tuple(f"{a:g}-{b:g} %" for a, b in zip(levels, levels[1:])))


def replicate_means(
    frame: pl.DataFrame, by: Sequence[str], value: str = "mae", level: float = 0.95
) -> pl.DataFrame:
    """Mean of `value` over replicates for each combination of `by`, with Student's interval.

    Columns `by`, `value`, `se`, `low`, `high` and `replicates`; a single replicate has no error.
    """
    found = (
        frame.drop_nulls(value)
        .group_by(by, maintain_order=True)
        .agg(
            pl.col(value).mean(),
            (pl.col(value).std() / pl.len().sqrt()).alias("se"),
            pl.len().alias("replicates"),
        )
    )
    count = found["replicates"].to_numpy()
    reach = np.where(count > 1, _student.ppf(0.5 + level / 2, np.maximum(count - 1, 1)), np.nan)
    half = pl.col("se") * pl.Series(reach)
    return found.with_columns(
        (pl.col(value) - half).alias("low"), (pl.col(value) + half).alias("high")
    )
