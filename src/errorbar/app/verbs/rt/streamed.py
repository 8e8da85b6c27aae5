"""Scores of models on a table larger than memory, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from errorbar.app.verbs.rt.gradients import in_minutes, minutes_of_all, peaks_in_minutes
from errorbar.app.verbs.rt.remarks import Remarks
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.app.verbs.rt.tables import columns_of, count_rows
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks, scan_peaks
from errorbar.rt.data.columns import RUN
from errorbar.rt.data.units import in_seconds
from errorbar.rt.evaluate import (
    Evaluation,
    PartialTimes,
    ScoreSettings,
    SupportMap,
    SupportScores,
    common_rows,
    evaluate_times,
    merge_scores,
    subset_rows,
)
from errorbar.rt.evaluate.whole import subset_words

__all__ = ["check_seen", "evaluate_stream"]

BATCH = 50_000


def check_seen(
    times: Mapping[str, PartialTimes], peaks: Peaks, required: bool, notes: list[str]
) -> None:
    """Rows whose group a model has not seen: refused, or counted."""
    for name, each in times.items():
        lost = int((~each.scored).sum())
        if required:
            lost += int((each.times.support == 0).sum())
        if lost and required:
            raise TableError(
                f"{lost} of {len(peaks)} rows are of pairs that {name} has not seen, and "
                "require_seen_group was asked for: leave it out to have them scored or skipped."
            )
        if lost and not each.scored.any():
            raise TableError(
                f"none of the {len(peaks)} rows is of a pair that {name} can score: it has no "
                "back-off. Evaluate the hierarchy, which scores every row, or another table."
            )
        if lost:
            notes.append(f"{name} cannot score {lost} of {len(peaks)} rows, of unseen pairs.")


def check_times(peaks: Peaks, times: PartialTimes, data: Path | str) -> None:
    """Refuse a table whose times are some sixty times what a model says."""
    found = peaks.rt[times.scored]
    wrong = in_seconds(found, times.times.mean)
    if 2 * wrong.sum() > len(found):
        raise TableError(
            f"{int(wrong.sum())} of {len(found)} times of {data} are some sixty times what is "
            f"predicted, first row {peaks.rows[times.scored][wrong][0]}: they look like seconds. "
            "Say unit='seconds' to have them divided by 60."
        )


def remarked(name: str, model: OpenModel, parts: Sequence[Peaks], models: int) -> list[str]:
    """What is to be said of a table before this model, which is named where there are several."""
    remarks = Remarks(model)
    for part in parts:
        remarks.add(part)
    return [_by(name, words, models) for words in remarks.words()]


def plain(peaks: Peaks, models: Mapping[str, OpenModel]) -> Peaks:
    """Peaks without gaps, for what looks at covariates alone."""
    first = next(iter(models.values()))
    if first.feature_names == peaks.feature_names:
        return first.filled(peaks)
    return replace(peaks, covariates=np.nan_to_num(peaks.covariates))


def _by(name: str, words: str, models: int) -> str:
    return words if models == 1 else f"{name}: {words}"


def evaluate_stream(
    models: Mapping[str, OpenModel], data: Path, features: Sequence[str],
    counts: SupportMap | None, settings: ScoreSettings, most: int | None, seed: int,
    required: bool, notes: list[str], progress: bool | None,
    unit: Literal["minutes", "seconds"] = "minutes",
) -> Evaluation:  # fmt: skip
    """Scores alone, batch by batch, in memory that does not grow with the table."""
    rows = count_rows(data)
    if not rows:
        raise TableError(f"{data} has no rows: there is nothing to evaluate on.")
    chosen = subset_rows(rows, most, seed)
    column = next(iter(models.values())).group_col
    runs = bool(set(columns_of(data)) & set(RUN))
    parts: dict[str, list[SupportScores]] = {name: [] for name in models}
    batches = scan_peaks(data, batch_rows=BATCH, features=features, runs=runs, unit=unit, gaps=True)
    remarks = {name: Remarks(model) for name, model in models.items()}
    with progress_bar(progress, "batches", -(-rows // BATCH), 0) as advance:
        for peaks in _some(batches, chosen):
            with told_warnings(notes):
                times = {name: model.predict(peaks) for name, model in models.items()}
            check_seen(times, peaks, required, [])
            minutes = minutes_of_all(models, peaks, data)
            for name, each in times.items():
                check_times(peaks, each, data)
                times[name] = in_minutes(each, minutes)
                remarks[name].add(peaks)
            peaks = plain(peaks_in_minutes(peaks, minutes), models)
            common = common_rows(times, len(peaks))
            for name, each in times.items():
                if common.any():
                    parts[name].append(
                        evaluate_times(
                            peaks, each, column=column, common_support_map=counts, on=common,
                            settings=settings,
                        )
                    )  # fmt: skip
            advance()
    for name, each in remarks.items():
        notes += [_by(name, words, len(models)) for words in each.words()]
    scores = {name: merge_scores(each) for name, each in parts.items()}
    words = subset_words(len(chosen), rows, seed)
    return Evaluation(
        scores={name: replace(each, subset=words) for name, each in scores.items()},
        paired=pl.DataFrame(),
        conformal=pl.DataFrame(),
        column=column if counts is None else counts.column,
        mapped=None if counts is None else len(counts),
    )


def _some(batches: Iterator[Peaks], chosen: np.ndarray) -> Iterator[Peaks]:
    """The chosen rows of each batch, by their numbers in the table."""
    for peaks in batches:
        kept = peaks.select(np.isin(peaks.rows, chosen))
        if len(kept):
            yield kept
