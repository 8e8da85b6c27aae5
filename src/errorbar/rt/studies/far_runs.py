"""One replicate of the covariate-shift study: a table, its far runs, three methods, anchors."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.baselines import LassoFit, fit_lasso
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.estimator import FarRunWarning, RetentionTimes
from errorbar.rt.evaluate import ALL, farness, farness_slice, run_covariates
from errorbar.rt.model import Times
from errorbar.rt.model.pool import PoolModel

__all__ = [
    "CLUSTER_LASSO",
    "HIERARCHY",
    "METHODS",
    "MODELS",
    "SPECIES_LASSO",
    "FarSplit",
    "fit_hierarchy",
    "score_anchors",
    "split_far",
]

HIERARCHY = "hierarchy"
CLUSTER_LASSO, SPECIES_LASSO = "cluster × compound lasso", "species × compound lasso"
METHODS = (HIERARCHY, CLUSTER_LASSO, SPECIES_LASSO)
REACH = 1.959963984540054

# `full` fits both, and the one that training finds likelier predicts.
MODELS = {
    "quick": PoolModel(run_effect=True),
    "full": PoolModel(run_effect=True, compound_slopes=True, classes=True),
}


@dataclass(frozen=True, slots=True, eq=False)
class FarSplit:
    """Near runs to train with and far ones to test, with anchors set aside.

    `scored` are test rows that no method has as an anchor, nor any other row of an anchor's
    compound in its run: they share its error. `bin` is the place of each of these in `labels`.
    `anchors` are rows of the test runs, `rank` their order in each run.
    """

    train: Peaks
    scored: Peaks
    bin: Int[ndarray, " rows"]
    labels: tuple[str, ...]
    anchors: Peaks
    rank: Int[ndarray, " anchors"]
    test_rows: int

    def first(self, count: int) -> Peaks:
        """The first `count` anchors of each run."""
        return self.anchors.select(self.rank < count)


def split_far(peaks: Peaks, percentiles: Sequence[float], anchors: int, seed: int = 0) -> FarSplit:
    """Runs by how far each lies from any other; at most `anchors` random compounds of a test run
    are set aside, and never all of them."""
    runs, covariates = run_covariates(peaks)
    far = farness(covariates)
    rows = far[np.searchsorted(runs, peaks.run)]
    part = farness_slice(rows, percentiles, of=far)
    near = rows <= np.percentile(far, percentiles[0])
    held = part.place >= 0
    if not near.any() or not held.any():
        raise TableError(f"{len(runs)} runs cannot be parted at the percentiles {percentiles}.")
    test = peaks.select(held)
    rank, aside = _draw_anchors(test, anchors, seed)
    kept = rank >= 0
    return FarSplit(
        train=peaks.select(near),
        scored=test.select(~aside),
        bin=part.place[held][~aside],
        labels=part.labels,
        anchors=test.select(kept),
        rank=rank[kept],
        test_rows=len(test),
    )


def _draw_anchors(
    test: Peaks, count: int, seed: int
) -> tuple[Int[ndarray, " rows"], Bool[ndarray, " rows"]]:
    """Each row's place among its run's anchors (-1: it is none), and the rows to set aside."""
    rng = np.random.default_rng((seed, 1))
    rank, aside = np.full(len(test), -1), np.zeros(len(test), dtype=bool)
    for run in np.unique(test.run):
        rows = np.flatnonzero(test.run == run)
        compounds = np.unique(test.compound[rows])
        chosen = rng.permutation(compounds)[: min(count, len(compounds) - 1)]
        for place, compound in enumerate(chosen):
            same = rows[test.compound[rows] == compound]
            aside[same] = True
            rank[rng.choice(same)] = place
    return rank, aside


def fit_hierarchy(
    train: Peaks, chemistry: Chemistry | None, fit: str
) -> tuple[RetentionTimes, list[dict[str, Any]]]:
    """The hierarchy for `quick` or `full`, and what training says of each candidate."""
    names = ("quick",) if fit == "quick" else tuple(MODELS)
    told: list[dict[str, Any]] = []
    models: dict[str, RetentionTimes] = {}
    for name in names:
        start = time.process_time()
        models[name] = RetentionTimes(MODELS[name]).fit(train, chemistry)
        seconds = time.process_time() - start
        reach, result = models[name].run_range, models[name].result
        told.append({
            "model": name, "log_posterior": result.log_posterior, "scales_found": len(result.at),
            "growth": 0.0 if reach is None else reach.growth, "cpu_seconds": seconds,
        })  # fmt: skip
    best = max(told, key=lambda row: row["log_posterior"])["model"]
    return models[best], [row | {"chosen": row["model"] == best} for row in told]


def score_anchors(
    split: FarSplit, model: RetentionTimes, counts: Sequence[int]
) -> list[dict[str, Any]]:
    """Scores of the three methods for each number of anchors, in each bin, on the same rows."""
    lassos = {
        CLUSTER_LASSO: fit_lasso(split.train, group_col="species_cluster"),
        SPECIES_LASSO: fit_lasso(split.train, group_col="species"),
    }
    rows: list[dict[str, Any]] = []
    for count in counts:
        anchors = split.first(count)
        with warnings.catch_warnings():
            # That runs are far is what is studied.
            warnings.simplefilter("ignore", FarRunWarning)
            times = model.predict(split.scored, anchors if count else None)
        means = {HIERARCHY: times.mean}
        means |= {name: _moved(lasso, split.scored, anchors) for name, lasso in lassos.items()}
        common = np.isfinite(means[HIERARCHY]) & np.isfinite(means[CLUSTER_LASSO])
        for place in (*range(len(split.labels)), None):
            inside = np.ones(len(common), bool) if place is None else split.bin == place
            label = ALL if place is None else split.labels[place]
            for name in METHODS:
                rows.append(
                    {"anchors": count, "bin": label, "method": name}
                    | _scores(split.scored.rt, means[name], inside, inside & common)
                    | _spread(split.scored.rt, times if name == HIERARCHY else None, inside)
                )
    return rows


def _moved(lasso: LassoFit, peaks: Peaks, anchors: Peaks) -> Float[ndarray, " rows"]:
    """The lasso's times, each run moved by the mean error of its anchors."""
    mean, _ = lasso.predict(peaks)
    if not len(anchors):
        return mean
    error = anchors.rt - lasso.predict(anchors)[0]
    told = np.isfinite(error)
    runs = int(max(peaks.run.max(), anchors.run.max())) + 1
    count = np.bincount(anchors.run[told], minlength=runs)
    total = np.bincount(anchors.run[told], error[told], minlength=runs)
    return mean + (total / np.maximum(count, 1))[peaks.run]


def _scores(rt: ndarray, mean: ndarray, inside: ndarray, common: ndarray) -> dict[str, Any]:
    """Errors on the rows that the method scores, and on those that the baseline does too."""
    error = np.abs(rt - mean)
    own = inside & np.isfinite(mean)
    both = common & np.isfinite(mean)
    return {
        "rows": int(inside.sum()),
        "rows_scored": int(own.sum()),
        "nan_share": 1 - float(own.sum() / max(inside.sum(), 1)),
        "mae": float(error[own].mean()) if own.any() else np.nan,
        "rmse": float(np.sqrt((error[own] ** 2).mean())) if own.any() else np.nan,
        "mae_common": float(error[both].mean()) if both.any() else np.nan,
    }


def _spread(rt: ndarray, times: Times | None, inside: ndarray) -> dict[str, float]:
    """Coverage and z of a method with intervals."""
    if times is None or not inside.any():
        return {"coverage": np.nan, "z_mean": np.nan, "z_sd": np.nan, "width": np.nan}
    z = times.score(rt)[inside]
    return {
        "coverage": float((np.abs(z) <= REACH).mean()),
        "z_mean": float(z.mean()),
        "z_sd": float(z.std()),
        "width": float(2 * REACH * times.sd[inside].mean()),
    }
