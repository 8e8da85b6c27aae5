"""Minutes, and how times give away that they are none."""

import warnings

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from errorbar.core.errors import TableError

__all__ = ["check_minutes", "check_one_unit", "in_seconds"]

# In minutes no chromatogram takes longer; in seconds nearly every one does.
LONG_MEDIAN, LONG_TIME = 120.0, 600.0
# No table that holds seconds, even in few of its rows, has all of its times below.
SHORT = 60.0
# Times over expected ones between these are seconds taken for minutes.
SIXTY = (40.0, 90.0)
# Fewer peaks of a run do not tell its unit.
LEAST = 3


def check_minutes(rt: Float[ndarray, " rows"], rows: Int[ndarray, " rows"], where: str) -> None:
    """Refuse times that look like seconds as a whole, and negative ones."""
    if not rt.size:
        return
    longest = float(rt.max())
    if longest > LONG_TIME or (longest > LONG_MEDIAN and float(np.median(rt)) > LONG_MEDIAN):
        raise TableError(
            f"`rt` of {where} must be minutes; its median is {np.median(rt):.4g} and its largest "
            f"{longest:.4g}, which look like seconds. Say unit='seconds' to have them divided "
            "by 60."
        )
    early = np.flatnonzero(rt < 0)
    if early.size:
        raise TableError(
            f"`rt` of {where} is negative in {early.size} rows, first at row {rows[early[0]]} "
            f"({rt[early[0]]:.4g}): times are counted from the injection."
        )


def check_one_unit(
    rt: Float[ndarray, " rows"],
    run: Shaped[ndarray, " rows"],
    pair: Shaped[ndarray, " rows"],
    compound: Shaped[ndarray, " rows"],
    rows: Int[ndarray, " rows"],
    where: str,
) -> None:
    """Refuse runs whose pairs come sixty times as late as the same pairs in other runs.

    Where whole species do so it may be their chromatography, and there is a warning.
    """
    if not rt.size or rt.max() <= SHORT:
        return
    names, counts, first, late = _late(rt, run, pair)
    strange = late & (counts >= LEAST)
    if strange.any():
        raise TableError(
            f"{int(strange.sum())} of {len(names)} runs of {where} have their peaks about sixty "
            f"times as late as other runs have the same ones, first the run of row "
            f"{rows[first[strange].min()]}: seconds and minutes are mixed. Bring the table to one "
            "unit."
        )
    names, counts, first, late = _late(rt, run, compound)
    strange = late & (counts >= LEAST)
    if strange.any():
        warnings.warn(
            f"{int(strange.sum())} of {len(names)} runs of {where} have their compounds about "
            f"sixty times as late as others have them, first the run of row "
            f"{rows[first[strange].min()]}: are these seconds? All times must be in one unit.",
            stacklevel=4,
        )


def in_seconds(
    found: Float[ndarray, " rows"], expected: Float[ndarray, " rows"]
) -> Bool[ndarray, " rows"]:
    """Which times are some sixty times what is expected of them."""
    return (expected > 0) & (found > SIXTY[0] * expected) & (found < SIXTY[1] * expected)


def _late(rt: ndarray, run: ndarray, name: ndarray) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Runs, their peaks, their first rows, and which are sixty times late (or all others are)."""
    frame = pl.DataFrame({"run": run, "name": name, "rt": rt}).with_row_index("at")
    # The lower of two middle values: half of the runs may be in either unit.
    usual = pl.col("rt").quantile(0.5, "lower").over("name")
    runs = (
        frame.with_columns(ratio=pl.col("rt") / usual)
        .group_by("run", maintain_order=True)
        .agg(pl.len(), pl.col("at").first(), pl.col("ratio").median())
    )
    ratio = runs["ratio"].to_numpy()
    low, high = SIXTY
    late = ((ratio > low) & (ratio < high)) | ((ratio > 1 / high) & (ratio < 1 / low))
    return runs["run"].to_numpy(), runs["len"].to_numpy(), runs["at"].to_numpy(), late
