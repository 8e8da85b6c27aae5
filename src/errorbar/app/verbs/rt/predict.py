"""When will compounds elute in this run?"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from errorbar.app.verbs.output import TABLES, put_table
from errorbar.app.verbs.rt.ask import anchor_peaks, read_wanted, wanted_peaks
from errorbar.app.verbs.rt.gradients import in_minutes, row_minutes
from errorbar.app.verbs.rt.met import MetRuns, read_table_anchors
from errorbar.app.verbs.rt.parts import Outside, predict_parts, unscored_words
from errorbar.app.verbs.rt.remarks import Remarks
from errorbar.app.verbs.rt.standards import read_runs
from errorbar.app.verbs.rt.stored import open_model
from errorbar.app.verbs.rt.tables import read_rows, too_large
from errorbar.app.verbs.rt.timetable import TimesAnswer, timetable
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.errors import SettingsError, TableError

__all__ = ["TimesAnswer", "rt_predict"]


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
    stream: bool | None = None,
    out: Path | str | None = None,
    progress: bool | None = None,
) -> TimesAnswer:
    """Predict when compounds elute, given a run's internal standards.

    `model` is a file that a training saved, its folder, or the reference code's `.npz`. `standards`
    are one run's internal standards (`name` and `time`, or a row for each of several runs),
    `compounds` a list of what to predict (`comp_id` or `name`, perhaps `species`; all compounds of
    the training if there is none), `anchors` what was already found in the run (`comp_id`, `rt`).
    Instead of these `data` may be a whole `*_rt_prod` table; anchors then name their run by its
    keys. `unit` is that of all times given; the answer is in minutes. Standards that were not found
    are expected from the others, and intervals are the wider for it. A table that takes more than
    a quarter of the memory is read and answered in parts (`stream`), to `out`; `table` has the
    first rows then.
    """
    if out is not None and Path(out).suffix.lower() not in TABLES:
        raise SettingsError(f"out={out} must end in {', '.join(TABLES)}.")
    if not 0 < level < 1:
        raise SettingsError(f"level={level:g} must lie between 0 and 1: 95 % is written 0.95.")
    if unit not in ("minutes", "seconds"):
        raise SettingsError(f"unit={unit!r} must be minutes or seconds.")
    opened, minute = open_model(model), 60.0 if unit == "seconds" else 1.0
    notes: list[str] = []
    found, names = None, None
    if data is not None:
        if standards is not None or compounds is not None:
            raise SettingsError("data holds standards and compounds itself: give either.")
        path = Path(data)
        if stream or (stream is None and too_large(path, notes, "nothing is left out.")):
            return predict_parts(
                opened, path, anchors, out, unit=unit, level=level, notes=notes,
                progress=progress,
            )  # fmt: skip
        peaks = read_rows(data, features=opened.feature_names, times=False, unit=unit, gaps=True)
        if anchors is not None:
            told = read_table_anchors(anchors, minute)
            found = MetRuns.of([peaks], told).anchors(told)
    elif stream:
        raise SettingsError("stream reads a table in parts: give data, or leave it out.")
    else:
        runs = read_runs(opened, standards, minute)
        notes += runs.notes
        wanted = read_wanted(opened, compounds, species, species_cluster)
        peaks, names = wanted_peaks(opened, wanted, runs), list(runs.names)
        if anchors is not None:
            found = anchor_peaks(opened, anchors, wanted, runs, minute)
    if not len(peaks):
        raise TableError(f"{data} has no rows: there is nothing to predict.")
    beside = None if data is None else Path(data).parent
    far, outside = opened.farness(peaks), Outside()
    numbers, first = np.unique(peaks.run, return_index=True)
    if far is not None:
        outside.add(peaks.run_keys[numbers], far[first])
    if found is not None and (own := row_minutes(opened, found, beside)) is not None:
        found = replace(found, rt=found.rt / own)
    minutes = row_minutes(opened, peaks, beside)
    with told_warnings(notes):
        times = in_minutes(opened.predict(peaks, found, far), minutes)
    table = timetable(opened, peaks, times, far, level, names)
    remarks = Remarks(opened)
    remarks.add(peaks)
    notes += remarks.words(gaps=data is not None)
    notes += outside.words(len(numbers))
    if lost := int((~times.scored).sum()):
        notes.append(unscored_words(lost))
    return TimesAnswer(
        rows=len(peaks),
        runs=len(numbers),
        unscored=lost,
        far=outside.runs,
        level=level,
        table=table,
        notes=tuple(notes),
        path=None if out is None else put_table(out, table),
    )
