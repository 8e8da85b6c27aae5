"""Everything that a report tells of one or several models on the same test peaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.calibrate import least_rows
from errorbar.core.errors import InputError
from errorbar.core.maths.calibration import PredictedTruth
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate.conformal import conformal_check, split_runs
from errorbar.rt.evaluate.farness import farness, farness_slice, run_covariates
from errorbar.rt.evaluate.paired import common_rows, paired_table
from errorbar.rt.evaluate.rows import Slice
from errorbar.rt.evaluate.scores import ScoreSettings, SupportScores
from errorbar.rt.evaluate.support import SupportMap, count_support
from errorbar.rt.evaluate.views import (
    CompoundTimes,
    RunDrift,
    compound_times,
    predicted_times,
    run_drift,
)
from errorbar.rt.evaluate.whole import PartialTimes, evaluate_times, subset_rows, subset_words
from errorbar.rt.model import Times

__all__ = ["FAR_SLICE", "Evaluation", "evaluate_models", "run_farness"]

FAR_SLICE = "far-ness"
FAR_LEVELS = (0, 25, 50, 75, 90, 100)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Scores of each model on the rows that all can score, and what is drawn of them.

    `paired` holds differences from the first model (or another that was asked for), `conformal`
    how far intervals would have to be widened. `column` is what groups are pairs of.
    """

    scores: Mapping[str, SupportScores]
    paired: pl.DataFrame
    conformal: pl.DataFrame
    drift: Mapping[str, RunDrift] = field(default_factory=dict[str, RunDrift])
    predicted: Mapping[str, PredictedTruth] = field(default_factory=dict[str, PredictedTruth])
    compounds: Sequence[CompoundTimes] = ()
    column: str = "species"
    mapped: int | None = None

    def __post_init__(self) -> None:
        if not self.scores:
            raise InputError("an evaluation needs at least one model.")

    @property
    def first(self) -> str:
        """The model that the report is about."""
        return next(iter(self.scores))

    @property
    def interval(self) -> float:
        """Level of the intervals."""
        return self.scores[self.first].settings.interval


def evaluate_models(
    peaks: Peaks,
    models: Mapping[str, Times | PartialTimes],
    *,
    training: Peaks | None = None,
    column: str = "species",
    common_support_map: SupportMap | None = None,
    slices: Mapping[str, Slice | ndarray] | None = None,
    reference: str | None = None,
    compounds: Sequence[int] | None = None,
    max_test_rows: int | None = None,
    seed: int = 0,
    settings: ScoreSettings | None = None,
) -> Evaluation:
    """Score models on the rows that all of them can score, the one that matters first.

    With `training`, bins are those of its counts whatever the model (unless another map is given),
    and rows are sliced by how far their run is from the training runs. `compounds` are looked up,
    the three with most peaks if not given.
    """
    if not models:
        raise InputError("there are no models to evaluate.")
    common = common_rows(models, len(peaks))
    if not common.any():
        raise InputError(f"no row is scored by all of {', '.join(models)}: compare fewer models.")
    usable = np.flatnonzero(common)
    chosen = usable[subset_rows(len(usable), max_test_rows, seed)]
    subset = subset_words(len(chosen), len(usable), seed)
    common = np.isin(np.arange(len(peaks)), chosen)
    counts = common_support_map
    if counts is None and training is not None:
        counts = count_support(training, column)
    every = dict(slices or {})
    if training is not None and training.features and len(np.unique(training.run)) > 1:
        every[FAR_SLICE] = farness_slice(run_farness(training, peaks), FAR_LEVELS)
    scores = {
        name: replace(
            evaluate_times(
                peaks, times, column=column, common_support_map=counts, slices=every, on=common,
                settings=settings,
            ),
            subset=subset,
        )
        for name, times in models.items()
    }  # fmt: skip
    scaled = (settings or ScoreSettings()).pred_std_scale
    held = {name: _held(times, common, scaled) for name, times in models.items()}
    rows, level = peaks.select(common), next(iter(scores.values())).settings.interval
    several = len(np.unique(rows.run)) > 1
    first = next(iter(models))
    return Evaluation(
        scores=scores,
        paired=(
            paired_table(rows.rt, held, rows.run, reference=reference)
            if several and len(held) > 1
            else pl.DataFrame()
        ),
        conformal=_conformal(rows, held, scores, level, seed) if several else pl.DataFrame(),
        drift={name: run_drift(rows.rt, times, rows.run) for name, times in held.items()},
        predicted={
            name: predicted_times(rows.rt, times, seed=seed) for name, times in held.items()
        },
        compounds=tuple(
            compound_times(rows, held[first], compound, level=level)
            for compound in (_most_found(rows) if compounds is None else compounds)
        ),
        column=column if counts is None else counts.column,
        mapped=None if counts is None else len(counts),
    )


def run_farness(training: Peaks, peaks: Peaks) -> Float[ndarray, " rows"]:
    """Far-ness of each peak's run from the training runs."""
    if training.feature_names != peaks.feature_names:
        raise InputError(
            f"training peaks have the covariates {', '.join(training.feature_names)} and test "
            f"peaks {', '.join(peaks.feature_names)}: read both with the same features."
        )
    runs, covariates = run_covariates(peaks)
    far = farness(run_covariates(training)[1], covariates)
    return far[np.searchsorted(runs, peaks.run)]


def _held(times: Times | PartialTimes, common: Bool[ndarray, " rows"], scale: float) -> Times:
    held = times.on(common) if isinstance(times, PartialTimes) else times.select(common)
    return replace(held, sd=held.sd * scale)


def _most_found(peaks: Peaks, most: int = 3) -> list[int]:
    compounds, rows = np.unique(peaks.compound, return_counts=True)
    return compounds[np.argsort(-rows, kind="stable")[:most]].tolist()


def _conformal(
    rows: Peaks,
    held: Mapping[str, Times],
    scores: Mapping[str, SupportScores],
    level: float,
    seed: int,
) -> pl.DataFrame:
    found: list[dict[str, Any]] = []
    enough = split_runs(rows.run, seed=seed).sum() >= least_rows(1 - level)
    for name, times in held.items():
        if not (enough and scores[name].spread):
            continue
        check = conformal_check(rows.rt, times, rows.run, level, seed=seed)
        found.append({
            "model": name, "factor": check.factor, "coverage_before": check.before,
            "coverage_after": check.after, "calibrated_by": check.unit, "n_units": check.count,
            "n_obs_checked": check.rows,
        })  # fmt: skip
    return pl.DataFrame(found)
