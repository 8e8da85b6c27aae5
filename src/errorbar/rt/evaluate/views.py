"""What a person looks up: how runs drift, and one compound's times over runs."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.core.maths.calibration import PredictedTruth, predicted_truth
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate.whole import subset_rows
from errorbar.rt.model import Times

__all__ = ["CompoundTimes", "RunDrift", "compound_times", "predicted_times", "run_drift"]


@dataclass(frozen=True, slots=True, eq=False)
class RunDrift:
    """Mean error of each run, found less predicted, in the order given; `error` is its own.

    `spread` is the standard deviation of the errors within a run.
    """

    run: Int[ndarray, " runs"]
    mean: Float[ndarray, " runs"]
    error: Float[ndarray, " runs"]
    spread: Float[ndarray, " runs"]
    count: Int[ndarray, " runs"]


@dataclass(frozen=True, slots=True, eq=False)
class CompoundTimes:
    """Times of one compound over runs, in their order: predicted with intervals, and found.

    `name` says which compound, `species` of which sample each peak is.
    """

    name: str
    run: Int[ndarray, " peaks"]
    species: Int[ndarray, " peaks"]
    found: Float[ndarray, " peaks"]
    mean: Float[ndarray, " peaks"]
    low: Float[ndarray, " peaks"]
    high: Float[ndarray, " peaks"]
    level: float

    @property
    def outside(self) -> Bool[ndarray, " peaks"]:
        """Peaks that were found outside of their interval."""
        return (self.found < self.low) | (self.found > self.high)


def run_drift(
    rt: Float[ndarray, " rows"],
    times: Times,
    runs: Int[ndarray, " rows"],
    order: Shaped[ndarray, " runs"] | None = None,
) -> RunDrift:
    """Mean error run by run; `order` lists runs as they were acquired, by number if not given."""
    names, place, rows = np.unique(runs, return_inverse=True, return_counts=True)
    if order is not None:
        if missing := sorted(set(names.tolist()) - set(np.asarray(order).tolist())):
            raise InputError(f"`order` lacks {len(missing)} runs, first {missing[0]}.")
        rank = {run: at for at, run in enumerate(np.asarray(order).tolist())}
        turn = np.argsort([rank[run] for run in names.tolist()], kind="stable")
    else:
        turn = np.arange(len(names))
    error = rt - times.mean
    mean = np.bincount(place, weights=error) / rows
    spread = np.sqrt(
        np.bincount(place, weights=(error - mean[place]) ** 2) / np.maximum(rows - 1, 1)
    )
    # One peak says nothing of its scatter: the mean of the others stands in.
    alone = rows < 2
    if alone.any() and not alone.all():
        spread[alone] = np.sqrt(np.mean(spread[~alone] ** 2))
    return RunDrift(
        names[turn], mean[turn], (spread / np.sqrt(rows))[turn], spread[turn], rows[turn]
    )


def compound_times(
    peaks: Peaks, times: Times, compound: int, *, level: float = 0.95, name: str = ""
) -> CompoundTimes:
    """The times of one compound, run by run."""
    chosen = np.flatnonzero(peaks.compound == compound)
    if not len(chosen):
        raise InputError(f"no peak is of comp_id {compound}.")
    chosen = chosen[np.argsort(peaks.run[chosen], kind="stable")]
    held = times.select(chosen)
    low, high = held.interval(level).T
    return CompoundTimes(
        name or f"comp_id {compound}",
        peaks.run[chosen],
        peaks.species[chosen],
        peaks.rt[chosen],
        held.mean,
        low,
        high,
        level,
    )


def predicted_times(
    rt: Float[ndarray, " rows"], times: Times, *, most: int | None = 200_000, seed: int = 0
) -> PredictedTruth:
    """Predicted beside found times, of at most so many rows."""
    rows = subset_rows(len(rt), most, seed)
    return predicted_truth(rt[rows], times.mean[rows], times.sd[rows])
