"""ROC and precision-recall curves of each class against the others, with their areas.

Areas of all rows are exact. Those of resamplings are of claims in bins of equally many rows, whose
error is far below what resampling tells.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.resample import Resampler
from errorbar.core.audit.tables import SCHEMA
from errorbar.core.audit.units import Units

__all__ = ["Curves", "area_under_roc", "average_precision", "class_curves"]

BINS = 400
POINTS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """`points` of the curves; `classes` areas by class, `table` their means over classes."""

    points: pl.DataFrame
    classes: pl.DataFrame
    table: pl.DataFrame


def class_curves(
    labels: ndarray, probs: ndarray, names: tuple[str, ...], units: Units, resampler: Resampler
) -> Curves:
    """The curves of every class that has both members and others."""
    points: list[pl.DataFrame] = []
    rows: list[tuple[object, ...]] = []
    drawn: dict[str, list[ndarray]] = {"roc_auc": [], "pr_auc": []}
    whole: dict[str, list[float]] = {"roc_auc": [], "pr_auc": []}
    for at, name in enumerate(names):
        hit, claim = labels == at, probs[:, at]
        if not hit.any() or hit.all():
            continue
        points.append(_points(hit, claim, name))
        tables = _binned(hit, claim, resampler)
        for kind, value, again in (
            ("roc_auc", area_under_roc(hit, claim), _roc_of(*tables)),
            ("pr_auc", average_precision(hit, claim), _precision_of(*tables)),
        ):
            low, high = _interval(again, value)
            head = ("class", name, len(labels), units.count)
            rows.append((*head, kind, value, low, high, None, None, None))
            drawn[kind].append(again)
            whole[kind].append(value)
    table: list[tuple[object, ...]] = []
    for kind, values in whole.items():
        if values:
            value = float(np.mean(values))
            low, high = _interval(np.mean(drawn[kind], axis=0), value)
            head = ("", "", len(labels), units.count)
            table.append((*head, f"{kind}_ovr", value, low, high, None, None, None))
    kinds = {"class": pl.String, "x": pl.Float64, "y": pl.Float64, "curve": pl.String}
    return Curves(
        points=pl.concat(points) if points else pl.DataFrame(schema=kinds),
        classes=pl.DataFrame(rows, schema=SCHEMA, orient="row"),
        table=pl.DataFrame(table, schema=SCHEMA, orient="row"),
    )


def area_under_roc(hit: ndarray, claim: ndarray) -> float:
    """The chance that a member's claim is above another's, ties counted half."""
    true, false, _ = _steps(hit, claim)
    return float(np.trapezoid(np.r_[0, true] / true[-1], np.r_[0, false] / false[-1]))


def average_precision(hit: ndarray, claim: ndarray) -> float:
    """The mean of precisions over members, from the surest claim down."""
    true, false, _ = _steps(hit, claim)
    return float((np.diff(np.r_[0, true]) * true / (true + false)).sum() / true[-1])


def _steps(hit: ndarray, claim: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Members and others at or above each distinct claim, from the largest down."""
    order = np.argsort(-claim, kind="stable")
    ends = np.flatnonzero(np.r_[np.diff(claim[order]) != 0, True])
    true = np.cumsum(hit[order])[ends].astype(np.float64)
    return true, 1.0 + ends - true, claim[order][ends]


def _points(hit: ndarray, claim: ndarray, name: str) -> pl.DataFrame:
    """Both curves, thinned to what a picture shows."""
    true, false, _ = _steps(hit, claim)
    rate, wrong = np.r_[0, true / true[-1]], np.r_[0, false / false[-1]]
    precision = true / (true + false)
    some = np.unique(np.linspace(0, len(true) - 1, POINTS).astype(np.int64))
    both = np.r_[0, some + 1]
    return pl.concat([
        pl.DataFrame({"class": name, "x": wrong[both], "y": rate[both], "curve": "roc"}),
        pl.DataFrame({"class": name, "x": rate[some + 1], "y": precision[some], "curve": "pr"}),
    ])  # fmt: skip


def _binned(hit: ndarray, claim: ndarray, resampler: Resampler) -> tuple[ndarray, ndarray]:
    """Members and others in bins from the largest claim down, for each resampling."""
    edges = np.unique(np.quantile(claim, np.linspace(0, 1, BINS + 1)[1:-1]))
    code = len(edges) - np.searchsorted(edges, claim, side="left")
    batches, bins = resampler.weight.shape[1], len(edges) + 1
    place = resampler.batch * bins + code
    return tuple(
        resampler.weight @ np.bincount(place[some], minlength=batches * bins).reshape(batches, bins)
        for some in (hit, ~hit)
    )  # pyright: ignore[reportReturnType] (two of them)


def _roc_of(true: ndarray, false: ndarray) -> ndarray:
    above = np.cumsum(true, axis=1) - true / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (above * false).sum(axis=1) / (true.sum(axis=1) * false.sum(axis=1))


def _precision_of(true: ndarray, false: ndarray) -> ndarray:
    members, rows = np.cumsum(true, axis=1), np.cumsum(true + false, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(rows > 0, true * members / rows, 0.0)
        return part.sum(axis=1) / true.sum(axis=1)


def _interval(drawn: ndarray, value: float) -> tuple[float | None, float | None]:
    """Central 95 %, with what binning loses put back."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < 2:
        return None, None
    moved = known - np.median(known) + value
    low, high = np.quantile(moved, [0.025, 0.975])
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))
