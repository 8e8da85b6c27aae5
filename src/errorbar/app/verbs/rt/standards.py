"""One run's internal standards, as an analyst has them, as the covariates of a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import read_table
from errorbar.rt.data.numbers import as_floats

__all__ = ["Runs", "one_column", "read_runs"]

NAMES, TIMES = ("name", "standard", "covariate", "feature"), ("time", "rt", "value")
RUN = ("run", "task_id")
# Standards this many times as late as in training are in seconds.
SECONDS = (30.0, 90.0)


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Runs by name, and the covariates of each in the model's order."""

    names: tuple[str, ...]
    values: Float[ndarray, "runs features"]
    notes: tuple[str, ...]


def read_runs(model: OpenModel, path: Path | str | None, minute: float = 1.0) -> Runs:
    """The standards of one run, or of several.

    Either a row for each standard (`name` and `time`, with `run` where there are several), or a row
    for each run with a column for each standard. Where the model knows the standards' medians in
    training, times are taken less them; else covariates are as the training table has them.
    """
    features = model.feature_names
    if path is None:
        if features:
            raise SettingsError(
                f"this model asks for the {len(features)} internal standards of the run "
                f"({', '.join(features[:4])}{', …' if len(features) > 4 else ''}): give them in a "
                "table (standards=...)."
            )
        return Runs(("run",), np.zeros((1, 0)), ())
    long = _long(read_table(path), path, model)
    runs = tuple(dict.fromkeys(long["run"].to_list()))
    notes: list[str] = []
    _check_names(long, model, path, notes)
    values = np.zeros((len(runs), len(features)))
    medians = model.names.medians
    _check_raw(long, medians, path)
    held = {(run, name): time for run, name, time in long.rows()}
    for row, run in enumerate(runs):
        absent = [f for f in features if (run, f) not in held]
        if absent and not set(absent) <= medians.keys():
            raise TableError(
                f"{path} lacks {len(absent)} of {len(features)} standards of run {run}: "
                f"{', '.join(absent[:5])}. One that was not found is a row with an empty time."
            )
        gone = absent + [f for f in features if held.get((run, f), np.nan) is None]
        if gone:
            notes.append(f"run {run}: {', '.join(gone)} not found, {_stand_in(model)}")
        for column, name in enumerate(features):
            time = held.get((run, name))
            if time is not None:
                values[row, column] = time / minute - medians.get(name, 0.0)
            elif model.knows_gaps:
                values[row, column] = np.nan
    _check_minutes(values, model, path)
    return Runs(runs, values, tuple(notes))


def one_column(frame: pl.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first of these columns that a table has."""
    return next((name for name in names if name in frame.columns), None)


def _long(frame: pl.DataFrame, path: Path | str, model: OpenModel) -> pl.DataFrame:
    """`run`, `covariate` and `time`, whatever shape the file has."""
    run, name, time = (one_column(frame, each) for each in (RUN, NAMES, TIMES))
    if name is not None and time is not None:
        names = frame[name].cast(pl.String).str.strip_chars()
        found = pl.DataFrame({
            "run": ["run"] * frame.height if run is None else frame[run].cast(pl.String),
            "covariate": [model.names.covariate(each or "") for each in names],
            "time": as_floats(frame[time], str(path)).cast(pl.Float64).fill_nan(None),
        })  # fmt: skip
    else:
        columns = [c for c in frame.columns if model.names.covariate(c) in model.feature_names]
        if not columns:
            raise TableError(
                f"{path} holds no standards: it needs the columns `name` and `time`, or a column "
                f"for each of {', '.join(model.feature_names[:5])}; it has "
                f"{', '.join(frame.columns[:8])}."
            )
        keys: Any = (
            [str(i + 1) for i in range(frame.height)] if frame.height > 1 else ["run"]
        ) if run is None else frame[run].cast(pl.String)  # fmt: skip
        wide = frame.select(
            as_floats(frame[c], str(path)).cast(pl.Float64).fill_nan(None).alias(
                model.names.covariate(c)
            )
            for c in columns
        ).with_columns(pl.Series("run", keys))  # fmt: skip
        found = wide.unpivot(index="run", variable_name="covariate", value_name="time")
    twice = found.select("run", "covariate").is_duplicated()
    if twice.any():
        row = found.filter(twice).row(0)
        raise TableError(
            f"{path}: {row[1]} has several times in run {row[0]}: keep one, or name the runs in a "
            "column `run`."
        )
    return found


def _check_names(long: pl.DataFrame, model: OpenModel, path: Path | str, notes: list[str]) -> None:
    strange = [n for n in long["covariate"].unique(maintain_order=True) if n not in
               model.feature_names]  # fmt: skip
    if strange and len(strange) == long["covariate"].n_unique():
        raise TableError(
            f"{path}: none of {', '.join(strange[:5])} is a standard of this model, which has "
            f"{', '.join(model.feature_names[:8])}."
        )
    if strange:
        notes.append(f"not used: {', '.join(strange[:8])}, which the model does not know")


def _stand_in(model: OpenModel) -> str:
    """What is taken for standards that were not found."""
    if model.knows_gaps:
        return "expected from the others, and intervals are the wider for it"
    return "read as its median" if model.names.medians else "read as 0, as training read it"


def _check_raw(long: pl.DataFrame, medians: dict[str, float], path: Path | str) -> None:
    """Where covariates are times less their medians, times are asked for, which are positive."""
    early = long.filter(pl.col("covariate").is_in(list(medians)) & (pl.col("time") <= 0))
    if early.height:
        run, name, time = early.row(0)
        raise TableError(
            f"{path}: {early.height} standards have no positive time, first {name} of run {run} "
            f"({time:.4g}). Give the times themselves, counted from the injection (the model takes "
            "their medians off), and leave empty what was not found."
        )


def _check_minutes(values: ndarray, model: OpenModel, path: Path | str) -> None:
    """Refuse standards that are sixty times as late as those of training."""
    medians, centre = model.names.medians, model.centre
    if centre is None or not values.size:
        return
    shift = np.array([medians.get(name, 0.0) for name in model.feature_names])
    usual = np.asarray(centre) + shift
    seen = np.isfinite(values) & (values != 0) & (np.abs(usual) > 0.5)
    if not seen.any():
        return
    ratio = float(np.median(((values + shift) / np.where(seen, usual, 1.0))[seen]))
    if SECONDS[0] < ratio < SECONDS[1]:
        raise TableError(
            f"the standards of {path} are about {ratio:.0f} times as late as in training, which "
            "looks like seconds: say unit='seconds' to have them divided by 60."
        )
