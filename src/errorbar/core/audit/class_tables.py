"""Tables of an audit of probabilities: scores, calibration errors, sets, by slice and by class."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.resample import Resampler
from errorbar.core.audit.tables import (
    SCHEMA,
    Quantity,
    constant,
    in_order,
    mean_of,
    percent,
    whole_table,
)
from errorbar.core.audit.units import Slice, Units, equal_mass
from errorbar.core.calibrate import (
    ScoreName,
    debiased_calibration_error,
    fit_class_conformal,
    least_alpha,
)
from errorbar.core.calibrate.base import PROBABILITY_FLOOR

__all__ = ["class_table", "per_class", "reliability_table", "set_columns"]

_stats = cast(Any, stats)

BINS, SLICE_BINS = 15, 10
SCORES: tuple[ScoreName, ...] = ("lac", "aps")
# Two rows that share a bin are the least that tell chance from error.
LEAST_ROWS = 20


def class_table(
    probs: ndarray,
    labels: ndarray,
    units: Units,
    slices: Sequence[Slice],
    resampler: Resampler,
    sets: dict[str, ndarray],
) -> pl.DataFrame:
    """One row for each quantity of each level; all rows are the level `""` of the slice `""`."""
    place = np.arange(len(labels)), labels
    claim = probs.max(axis=1)
    truth = np.zeros(probs.shape)
    truth[place] = 1.0
    columns = {
        "accuracy": (probs.argmax(axis=1) == labels).astype(np.float64),
        "confidence": claim,
        "nll": -np.log(np.maximum(probs[place], PROBABILITY_FLOOR)),
        "brier": ((probs - truth) ** 2).sum(axis=1),
        "entropy": -(probs * np.log(np.maximum(probs, PROBABILITY_FLOOR))).sum(axis=1),
        "spread": (probs * (1 - probs)).sum(axis=1),
        **sets,
    }
    quantities = [
        Quantity("accuracy", mean_of("accuracy"), mean_of("confidence"), "accuracy"),
        Quantity("confidence", mean_of("confidence"), mean_of("accuracy")),
        Quantity("nll", mean_of("nll"), mean_of("entropy")),
        Quantity("brier", mean_of("brier"), mean_of("spread")),
        *_set_quantities(sets),
    ]
    table = whole_table(columns, quantities, units, slices, resampler)
    every = Slice("", ("",), np.zeros(len(labels), dtype=np.int64))
    errors = _errors(columns["accuracy"], claim, units, [every, *slices], resampler)
    return in_order([table, errors])


def per_class(
    probs: ndarray, labels: ndarray, names: tuple[str, ...], units: Units, resampler: Resampler,
    sets: dict[str, ndarray],
) -> pl.DataFrame:  # fmt: skip
    """By class: its found and claimed shares, the error of its own column, coverage of its sets."""
    parts: list[pl.DataFrame] = []
    every = Slice("class", ("",), np.zeros(len(labels), dtype=np.int64))
    for at, name in enumerate(names):
        hit = (labels == at).astype(np.float64)
        own = Slice("class", (name,), every.code)
        columns = {"share": hit, "claimed_share": probs[:, at]}
        quantities = [Quantity("share", mean_of("share"), mean_of("claimed_share"), "share")]
        parts.append(whole_table(columns, quantities, units, [own], resampler))
        parts.append(_errors(hit, probs[:, at], units, [own], resampler))
    frame = pl.concat(parts).filter(pl.col("by") == "class")
    if sets:
        own = Slice("class", names, labels)
        covered = whole_table(sets, _set_quantities(sets), units, [own], resampler)
        frame = pl.concat([frame, covered.filter(pl.col("by") == "class")])
    return frame


def _errors(
    hit: ndarray, claim: ndarray, units: Units, slices: Sequence[Slice], resampler: Resampler
) -> pl.DataFrame:
    """The calibration error in equal-mass bins, what chance makes of none, and the debiased one."""
    rows: list[tuple[object, ...]] = []
    batches = resampler.weight.shape[1]
    for part in slices:
        for at, label in enumerate(part.labels):
            chosen = part.rows(at)
            if len(chosen) < LEAST_ROWS:
                continue
            gap, own = (hit - claim)[chosen], claim[chosen]
            code = equal_mass("claim", own, SLICE_BINS if part.name else BINS).code
            bins = int(code.max()) + 1
            cell = code * batches + resampler.batch[chosen]
            sums = np.bincount(cell, weights=gap, minlength=bins * batches).reshape(bins, batches)
            drawn = np.abs(sums @ resampler.weight.T).sum(axis=0) / len(chosen)
            spread = np.bincount(code, weights=own * (1 - own)) * units.of(chosen).effect(gap)
            expected = float(np.sqrt(2 / np.pi) * np.sqrt(spread).sum() / len(chosen))
            value = float(np.abs(sums.sum(axis=1)).sum() / len(chosen))
            # Drawing rows again adds chance to an error that is never negative: taken off here.
            drawn = np.maximum(drawn - drawn.mean() + value, 0)
            low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
            head = (part.name, label, len(chosen), units.of(chosen).count)
            rows.append((*head, "ece", value, low, high, None, None, expected))
            pair = np.clip(own, 0, 1)
            fair = debiased_calibration_error(
                pair, hit[chosen], SLICE_BINS if part.name else BINS, norm="l1"
            )
            rows.append((*head, "ece_debiased", fair, None, None, None, None, 0.0))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def set_columns(
    probs: ndarray, labels: ndarray, units: Units, levels: Sequence[float], seed: int
) -> dict[str, ndarray]:
    """Coverage and size of sets of classes: thresholds of one half of the groups, for the other."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(units.count) % 2
    half = side if units.code is None else side[units.code]
    least = min(int((side == 0).sum()), int((side == 1).sum()))
    alphas = [round(1 - level, 9) for level in levels if 1 - level >= least_alpha(least) + 1e-9]
    found: dict[str, ndarray] = {}
    if not alphas or least < 2:
        return found
    for score in SCORES:
        for alpha in alphas:
            name = f"set_{score}_{percent(1 - alpha)}"
            found[name], found[f"{name}_size"] = np.zeros(len(labels)), np.zeros(len(labels))
        for at in (0, 1):
            fit, test = np.flatnonzero(half != at), np.flatnonzero(half == at)
            groups = None if units.code is None else units.code[fit]
            made = fit_class_conformal(
                probs[fit], labels[fit], groups, alphas=alphas, score=score, empty="allow"
            )
            scores = made.scores(probs[test])
            for alpha in alphas:
                inside = scores <= made.of(alpha).threshold[0]
                name = f"set_{score}_{percent(1 - alpha)}"
                found[name][test] = inside[np.arange(len(test)), labels[test]]
                found[f"{name}_size"][test] = inside.sum(axis=1)
    return found


def _set_quantities(sets: dict[str, ndarray]) -> list[Quantity]:
    return [
        Quantity(name, mean_of(name))
        if name.endswith("_size")
        else Quantity(name, mean_of(name), constant(float(name.split("_")[2]) / 100), name)
        for name in sets
    ]


def reliability_table(claim: ndarray, hit: ndarray, units: Units, bins: int = BINS) -> pl.DataFrame:
    """Found against claimed shares in equal-mass bins, with the range true claims keep to."""
    code = equal_mass("claim", claim, bins).code
    rows = np.bincount(code)
    kept = rows > 0
    claimed = (np.bincount(code, weights=claim) / np.maximum(rows, 1))[kept]
    found = (np.bincount(code, weights=hit) / np.maximum(rows, 1))[kept]
    counted = np.maximum(rows[kept] / units.effect(hit - claim), 1).astype(np.int64)
    low, high = _stats.binom.interval(0.95, counted, np.clip(claimed, 0, 1))
    return pl.DataFrame({
        "rows": rows[kept], "claimed": claimed, "found": found, "low": low / counted,
        "high": high / counted,
    })  # fmt: skip
