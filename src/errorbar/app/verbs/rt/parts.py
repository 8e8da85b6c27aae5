"""Times of a table larger than memory, part by part into a file.

A row's time depends on its own run alone: on how far that lies, and on its anchors. So where the
model knows far-ness or there are anchors, the table is read twice, first for its runs, and a run
may lie in any number of parts. What is kept of the whole is a few numbers for each run.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy import ndarray

from errorbar.app.verbs.rt.gradients import in_minutes, row_minutes
from errorbar.app.verbs.rt.growing import check_growing, growing_table
from errorbar.app.verbs.rt.met import MetRuns, read_table_anchors
from errorbar.app.verbs.rt.remarks import Remarks
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.app.verbs.rt.tables import columns_of, count_rows
from errorbar.app.verbs.rt.timetable import TimesAnswer, timetable
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks, scan_peaks
from errorbar.rt.data.columns import RUN
from errorbar.rt.estimator.far import far_words

__all__ = ["Outside", "predict_parts", "unscored_words"]

BATCH = 50_000
# Rows that the answer itself has.
SHOWN = 1_000


def predict_parts(
    model: OpenModel, data: Path, anchors: Path | str | None, out: Path | str | None, *,
    unit: Literal["minutes", "seconds"], level: float, notes: list[str], progress: bool | None,
) -> TimesAnswer:  # fmt: skip
    """Times of the rows of `data`, in their order, written to `out` as they come."""
    path, rows = check_growing(out), count_rows(data)
    if not rows:
        raise TableError(f"{data} has no rows: there is nothing to predict.")
    keyed = bool(set(columns_of(data)) & set(RUN))

    def parts() -> Iterator[Peaks]:
        return scan_peaks(
            data, batch_rows=BATCH, features=model.feature_names, runs=keyed, times=False,
            unit=unit, gaps=True,
        )  # fmt: skip

    minute = 60.0 if unit == "seconds" else 1.0
    told = None if anchors is None else read_table_anchors(anchors, minute)
    # Without run keys each row is a run of its own, and tells all of it.
    twice = told is not None or (keyed and model.knows_range)
    met = MetRuns.of(parts(), told, model) if twice else None
    found = None if met is None or told is None else met.anchors(told)
    away = met.farness(model) if met is not None and keyed else None
    outside, remarks, shown = Outside(), Remarks(model), []
    if met is not None and away is not None:
        outside.add(np.array(list(met.number)), away)
    unscored = runs = 0
    with growing_table(path) as add, progress_bar(progress, "parts", -(-rows // BATCH), 0) as moved:
        for peaks in parts():
            if met is not None and away is not None:
                far = away[met.places(peaks)]
            elif (far := model.farness(peaks)) is not None:
                outside.add(peaks.run_keys[peaks.run], far)
            own = _anchors_here(found, peaks)
            if own is not None and (unit_of := row_minutes(model, own, data.parent)) is not None:
                own = replace(own, rt=own.rt / unit_of)
            minutes = row_minutes(model, peaks, data.parent)
            with told_warnings(notes):
                times = in_minutes(model.predict(peaks, own, far), minutes)
            frame = timetable(model, peaks, times, far, level)
            remarks.add(peaks)
            if not shown:
                shown.append(frame.head(SHOWN))
            unscored += int((~times.scored).sum())
            # Where there are run keys, those of all runs met so far.
            runs = len(peaks.run_keys) if keyed else runs + len(peaks)
            add(frame)
            moved()
    notes += outside.words(runs) + remarks.words()
    if unscored:
        notes.append(unscored_words(unscored))
    return TimesAnswer(
        rows=rows,
        runs=runs,
        unscored=unscored,
        far=outside.runs,
        level=level,
        table=shown[0],
        notes=tuple(notes),
        path=path,
    )


def unscored_words(rows: int) -> str:
    """What is said of rows that have no time."""
    return f"{rows} rows are of pairs that this model cannot score: they have no time."


@dataclass(slots=True)
class Outside:
    """Runs outside of training: how many, and the farthest."""

    runs: int = 0
    distance: float = 0.0
    farthest: list[int] = field(default_factory=list)

    def add(self, keys: ndarray, far: ndarray) -> None:
        """Count runs of these keys."""
        self.runs += int((far > 1).sum())
        if len(far) and far.max() > self.distance:
            self.distance = float(far.max())
            self.farthest = keys[far.argmax()].tolist()

    def words(self, runs: int) -> list[str]:
        """What is said of them, of so many runs."""
        if not self.runs:
            return []
        return [far_words(self.runs, runs, self.farthest, self.distance)]


def _anchors_here(anchors: Peaks | None, peaks: Peaks) -> Peaks | None:
    """The anchors of the runs that some rows are of."""
    if anchors is None:
        return None
    here = set(map(tuple, np.c_[peaks.run_keys[peaks.run], peaks.species].tolist()))
    own = np.c_[anchors.run_keys[anchors.run], anchors.species].tolist()
    return anchors.select(np.array([tuple(key) in here for key in own], dtype=bool))
