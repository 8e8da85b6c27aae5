"""Predicted times as the table that people read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.rt.data import Peaks
from errorbar.rt.data.columns import RUN
from errorbar.rt.evaluate import PartialTimes
from errorbar.rt.model import KNOWN

__all__ = ["TimesAnswer", "timetable"]

FAR = "the run's standards lie outside of training"


@dataclass(frozen=True, slots=True, eq=False)
class TimesAnswer:
    """Times with intervals, a row for each run and compound; `unscored` rows have none.

    `far` runs lie outside of the range of training. Of a table that was read in parts `table` has
    the first rows, and the file at `path` has all.
    """

    rows: int
    runs: int
    unscored: int
    far: int
    level: float
    table: pl.DataFrame
    notes: tuple[str, ...]
    path: Path | None


def timetable(
    model: OpenModel,
    peaks: Peaks,
    times: PartialTimes,
    far: ndarray | None,
    level: float,
    runs: list[str] | None = None,
) -> pl.DataFrame:
    """A row for each of `peaks`; runs are called `runs`, or by their keys."""
    rows = len(peaks)
    numbers = {name: np.full(rows, np.nan) for name in ("rt", "sd", "lower", "upper")}
    numbers["rt"][times.scored] = times.times.mean
    if times.spread:
        numbers["sd"][times.scored] = times.times.sd
        numbers["lower"][times.scored], numbers["upper"][times.scored] = times.times.interval(
            level
        ).T
    known, support = np.full(rows, -1), np.zeros(rows, dtype=np.int64)
    known[times.scored], support[times.scored] = times.times.known, times.times.support
    columns: dict[str, object]
    if runs is None:
        columns = dict(zip(RUN, peaks.run_keys[peaks.run].T))
    else:
        columns = {"run": [runs[at] for at in peaks.run.tolist()]}
    columns["species"] = peaks.species
    if called := model.names.called("species"):
        columns["species_name"] = _words([called.get(each) for each in peaks.species.tolist()])
    columns["comp_id"] = peaks.compound
    if called := model.names.called("compounds"):
        columns["name"] = _words([called.get(each) for each in peaks.compound.tolist()])
    columns |= numbers
    columns["known"] = _words([KNOWN[at] if at >= 0 else None for at in known.tolist()])
    columns["support"] = support
    if far is not None:
        columns["farness"] = far
    columns["warning"] = _words(_warnings(peaks, far))
    return pl.DataFrame(columns).with_columns(pl.col("rt", "sd", "lower", "upper").fill_nan(None))


def _warnings(peaks: Peaks, far: ndarray | None) -> list[str | None]:
    """What is to be known of each row's run."""
    lacking = np.isnan(peaks.covariates).sum(axis=1).tolist()
    away = [False] * len(peaks) if far is None else (far > 1).tolist()
    told = {
        (gone, out): "; ".join([
            *([FAR] if out else []),
            *([f"{gone} of {peaks.features} standards were not found"] if gone else []),
        ])
        for gone, out in set(zip(lacking, away))
    }  # fmt: skip
    return [told[each] or None for each in zip(lacking, away)]


def _words(values: list[str | None]) -> pl.Series:
    """Text even where all of it is missing, so that the parts of a table fit together."""
    return pl.Series(values, dtype=pl.String)
