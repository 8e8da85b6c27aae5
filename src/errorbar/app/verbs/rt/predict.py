"""When will compounds elute in this run?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.app.verbs.rt.ask import anchor_peaks, read_wanted, wanted_peaks
from errorbar.app.verbs.rt.standards import read_runs
from errorbar.app.verbs.rt.stored import OpenModel, open_model
from errorbar.app.verbs.rt.tables import read_rows
from errorbar.app.verbs.rt.told import TABLES, put_table, told_warnings
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import Peaks, read_table
from errorbar.rt.data.columns import RUN
from errorbar.rt.evaluate import PartialTimes
from errorbar.rt.model import KNOWN

__all__ = ["TimesAnswer", "rt_predict"]

FAR = "the run's standards lie outside of training"


@dataclass(frozen=True, slots=True, eq=False)
class TimesAnswer:
    """Times with intervals, a row for each run and compound; `unscored` rows have none.

    `far` runs lie outside of the range of training.
    """

    rows: int
    runs: int
    unscored: int
    far: int
    level: float
    table: pl.DataFrame
    notes: tuple[str, ...]
    path: Path | None


def rt_predict(
    model: Path | str,
    *,
    standards: Path | str | None = None,
    compounds: Path | str | None = None,
    species: str | None = None,
    species_cluster: int | None = None,
    anchors: Path | str | None = None,
    data: Path | str | None = None,
    level: float = 0.95,
    unit: Literal["minutes", "seconds"] = "minutes",
    out: Path | str | None = None,
) -> TimesAnswer:
    """Predict when compounds elute, given a run's internal standards.

    `model` is a file that a training saved, its folder, or the reference code's `.npz`. `standards`
    are one run's internal standards (`name` and `time`, or a row for each of several runs),
    `compounds` a list of what to predict (`comp_id` or `name`, perhaps `species`; all compounds of
    the training if there is none), `anchors` what was already found in the run (`comp_id`, `rt`).
    Instead of these `data` may be a whole `*_rt_prod` table; anchors then name their run by its
    keys. `unit` is that of the times given; the answer is in minutes.
    """
    if out is not None and Path(out).suffix.lower() not in TABLES:
        raise SettingsError(f"out={out} must end in {', '.join(TABLES)}.")
    if not 0 < level < 1:
        raise SettingsError(f"level={level:g} must lie between 0 and 1: 95 % is written 0.95.")
    if unit not in ("minutes", "seconds"):
        raise SettingsError(f"unit={unit!r} must be minutes or seconds.")
    opened, minute = open_model(model), 60.0 if unit == "seconds" else 1.0
    notes: list[str] = []
    found: Peaks | None = None
    if data is not None:
        if standards is not None or compounds is not None:
            raise SettingsError("data holds standards and compounds itself: give either.")
        peaks = read_rows(data, features=opened.feature_names, times=False)
        names = [" ".join(map(str, key)) for key in peaks.run_keys.tolist()]
        if anchors is not None:
            found = _anchors_of_table(anchors, peaks, minute)
    else:
        runs = read_runs(opened, standards, minute)
        notes += runs.notes
        wanted = read_wanted(opened, compounds, species, species_cluster)
        peaks, names = wanted_peaks(opened, wanted, runs), list(runs.names)
        if anchors is not None:
            found = anchor_peaks(opened, anchors, wanted, runs, minute)
    if not len(peaks):
        raise TableError(f"{data} has no rows: there is nothing to predict.")
    with told_warnings(notes):
        times = opened.predict(peaks, found)
    far = opened.farness(peaks)
    table = _table(opened, peaks, times, names, far, level, keys=data is not None)
    outside = 0 if far is None else len(np.unique(peaks.run[far > 1]))
    if lost := int((~times.scored).sum()):
        notes.append(f"{lost} rows are of pairs that this model cannot score: they have no time.")
    return TimesAnswer(
        rows=len(peaks),
        runs=len(np.unique(peaks.run)),
        unscored=lost,
        far=outside,
        level=level,
        table=table,
        notes=tuple(notes),
        path=None if out is None else put_table(out, table),
    )


def _table(
    model: OpenModel, peaks: Peaks, times: PartialTimes, runs: list[str], far: ndarray | None,
    level: float, *, keys: bool,
) -> pl.DataFrame:  # fmt: skip
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
    columns: dict[str, object] = {"run": [runs[at] for at in peaks.run.tolist()]}
    if keys:
        columns = dict(zip(RUN, peaks.run_keys[peaks.run].T))
    columns["species"] = peaks.species
    if called := model.names.called("species"):
        columns["species_name"] = [called.get(each) for each in peaks.species.tolist()]
    columns["comp_id"] = peaks.compound
    if called := model.names.called("compounds"):
        columns["name"] = [called.get(each) for each in peaks.compound.tolist()]
    columns |= numbers
    columns["known"] = [KNOWN[at] if at >= 0 else None for at in known.tolist()]
    columns["support"] = support
    if far is not None:
        columns["farness"] = far
        columns["warning"] = [FAR if each > 1 else None for each in far.tolist()]
    return pl.DataFrame(columns).with_columns(pl.col("rt", "sd", "lower", "upper").fill_nan(None))


def _anchors_of_table(path: Path | str, peaks: Peaks, minute: float) -> Peaks:
    """Anchors that name their run by its keys; what was measured of the run is in the table."""
    frame = read_table(path)
    needed = [*RUN, "comp_id", "rt"]
    if lacking := [name for name in needed if name not in frame.columns]:
        raise TableError(f"{path} lacks {', '.join(lacking)}: anchors need {', '.join(needed)}.")
    first = np.unique(peaks.run, return_index=True)[1]
    own = ["species"] if "species" in frame.columns else []
    runs = pl.DataFrame(
        {
            **dict(zip(RUN, peaks.run_keys[peaks.run[first]].T)),
            **({} if own else {"species": peaks.species[first]}),
            "place": first,
        }
    )
    held = frame.select(pl.col(*RUN, "comp_id", *own).cast(pl.Int64), pl.col("rt").cast(pl.Float64))
    told = held.join(runs, on=list(RUN), how="left", maintain_order="left")
    if lost := told["place"].null_count():
        raise TableError(f"{lost} anchors of {path} are of runs that the table does not have.")
    place = told["place"].to_numpy()
    at = peaks.select(place)
    return Peaks(
        rt=told["rt"].to_numpy() / minute,
        covariates=at.covariates,
        species=told["species"].to_numpy().astype(np.int64),
        supercategory=at.supercategory,
        compound=told["comp_id"].to_numpy().astype(np.int64),
        run=at.run,
        chem_id=np.full(told.height, -1),
        compound_class=np.full(told.height, -1),
        rows=np.arange(told.height),
        feature_names=peaks.feature_names,
        run_keys=peaks.run_keys,
    )
