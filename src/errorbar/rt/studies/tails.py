"""Is the gain of pooling in the tails? Three ways to group peaks, scored by support.

The reference groups by supercategory; grouping by species is finer and starves; pooling has both.
All three see the same rows and covariates, and rows are binned by one count of training peaks.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Bool, Int
from numpy import ndarray

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.engine import run_pieces
from errorbar.core.errors import SettingsError
from errorbar.rt.baselines import fit_ridge
from errorbar.rt.data import Chemistry, Peaks, hold_out_runs
from errorbar.rt.estimator import RetentionTimes
from errorbar.rt.evaluate import (
    Evaluation,
    PartialTimes,
    compare,
    evaluate_models,
    evaluate_times,
    tails,
)
from errorbar.rt.model import Times
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.studies.frames import chemistry_from, pack_chemistry, pack_peaks, peaks_from
from errorbar.rt.studies.settings import TailSettings
from errorbar.rt.synth import production_table

__all__ = ["TailStudy", "run_tails", "tail_variant"]

JOURNAL = "journal"
POOLED, CLUSTER, SPECIES = "species, pooled", "supercategory ridge", "species ridge"
VARIANTS = (POOLED, CLUSTER, SPECIES)


@dataclass(frozen=True, slots=True, eq=False)
class TailStudy:
    """What was found. `evaluation` and `tails` are of the rows that all three can score; `alone`
    of all that each one can. `costs` are CPU seconds of fitting and predicting."""

    settings: TailSettings
    evaluation: Evaluation
    scores: pl.DataFrame
    tails: pl.DataFrame
    alone: pl.DataFrame
    costs: pl.DataFrame
    rows_train: int
    rows_test: int


def run_tails(
    settings: TailSettings | None = None,
    out: str | Path | None = None,
    *,
    peaks: Peaks | None = None,
    test: Peaks | None = None,
    chemistry: Chemistry | None = None,
    progress: bool | None = None,
    workers: int = 1,
) -> TailStudy:
    """Run the study on a made table, or on `peaks` (of which some runs test, unless `test` is
    given). With a folder `out` a run that was killed goes on."""
    settings = TailSettings() if settings is None else settings
    if peaks is None:
        if test is not None or chemistry is not None:
            raise SettingsError("test peaks or chemistry were given without peaks to train with.")
        made = production_table(settings.generator, settings.seed)
        peaks, chemistry = made.peaks, made.chemistry
    if test is None:
        held = hold_out_runs(peaks, settings.test_share, settings.seed)
        peaks, test = peaks.select(held.train), peaks.select(held.test)
    train = peaks if settings.cap is None else peaks.select(_capped(peaks, settings))
    shared = pack_peaks(train, "train") | pack_peaks(test, "test")
    shared |= pack_chemistry(chemistry, "chemistry")
    shared |= {"model": json.dumps(asdict(settings.model)), "penalty": settings.penalty}
    found = run_pieces(
        tail_variant,
        [{**shared, "variant": name} for name in VARIANTS],
        seed=settings.seed,
        journal=None if out is None else Path(out) / JOURNAL,
        workers="threads" if workers == 1 else "processes",
        n_workers=workers,
        progress=progress,
        label="variants",
    )
    times = {name: _times(values) for name, values in zip(VARIANTS, found)}
    return _summary(settings, train, test, times, [float(str(v["cpu_seconds"])) for v in found])


def tail_variant(piece: PieceValues, seed: int) -> dict[str, PieceValue]:
    """One variant as the engine runs it: what it predicts of the test rows."""
    del seed
    train, test = peaks_from(piece, "train"), peaks_from(piece, "test")
    start = time.process_time()
    scored = np.ones(len(test), dtype=bool)
    if piece["variant"] == POOLED:
        model = PoolModel(**json.loads(str(piece["model"])))
        fit = RetentionTimes(model, widen=False).fit(train, chemistry_from(piece, "chemistry"))
        times = fit.predictor.times(test)
    else:
        column = "species" if piece["variant"] == SPECIES else "species_cluster"
        ridge = fit_ridge(train, group_col=column, penalty=float(str(piece["penalty"])))
        times, scored = ridge.predict(test, unseen="skip")
    return {
        "mean": times.mean,
        "sd": times.sd,
        "known": times.known,
        "support": times.support,
        "freedom": times.degrees.copy(),
        "scored": scored,
        "cpu_seconds": time.process_time() - start,
    }


def _times(values: Mapping[str, PieceValue]) -> PartialTimes:
    mean, sd, known, support, freedom, scored = (
        np.asarray(values[n]) for n in ("mean", "sd", "known", "support", "freedom", "scored")
    )
    return PartialTimes(Times(mean, sd, known, support, freedom), scored)


def _capped(peaks: Peaks, settings: TailSettings) -> Bool[ndarray, " rows"]:
    """At most `cap` random rows of each pair."""
    keys: Int[ndarray, " rows"] = peaks.keys()
    order = np.lexsort((np.random.default_rng(settings.seed).random(len(keys)), keys))
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    rank = np.arange(len(keys)) - np.repeat(starts, np.diff(np.append(starts, len(keys))))
    kept = np.zeros(len(keys), dtype=bool)
    kept[order[rank < (settings.cap or len(keys))]] = True
    return kept


def _summary(
    settings: TailSettings,
    train: Peaks,
    test: Peaks,
    times: dict[str, PartialTimes],
    seconds: list[float],
) -> TailStudy:
    value = evaluate_models(
        test, times, training=train, column=settings.support_of, seed=settings.seed
    )
    alone = {name: evaluate_times(test, each) for name, each in times.items()}
    return TailStudy(
        settings=settings,
        evaluation=value,
        scores=compare(value.scores),
        tails=tails(value.scores),
        alone=compare(alone, "support").filter(pl.col("by") == "all"),
        costs=pl.DataFrame({"model": VARIANTS, "cpu_seconds": seconds}),
        rows_train=len(train),
        rows_test=len(test),
    )
