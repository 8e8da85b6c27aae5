"""The audit of class probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.audit.class_mend import ChosenCalibrator, choose_class_mend
from errorbar.core.audit.class_tables import class_table, per_class, reliability_table, set_columns
from errorbar.core.audit.classes import ClassState
from errorbar.core.audit.faults import find_faults
from errorbar.core.audit.numbers import check_settings
from errorbar.core.audit.resample import make_resampler
from errorbar.core.audit.units import read_slices, read_units
from errorbar.core.audit.verdict import Verdict, make_verdict
from errorbar.core.calibrate import BrierParts, brier_parts
from errorbar.core.calibrate.base import PROBABILITY_FLOOR, log_softmax
from errorbar.core.calibrate.doors import read_labels, read_probs
from errorbar.core.errors import InputError

__all__ = ["SET_LEVELS", "ProbabilityAudit", "audit_probabilities"]

SET_LEVELS = (0.9, 0.95)
PREDICTED_CLASS = "predicted class"


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityAudit:
    """Whether probabilities are true: the verdict, the tables behind it, and what would mend them.

    `overall` and `slices` are those of `IntervalAudit`; `classes` has the same columns, by class.
    `reliability` holds found against claimed shares of the likeliest class, `class_reliability`
    the same for each class's own probability.
    """

    names: tuple[str, ...]
    rows: int
    groups: int
    verdict: Verdict
    overall: pl.DataFrame
    slices: pl.DataFrame
    classes: pl.DataFrame
    brier: BrierParts
    reliability: pl.DataFrame
    class_reliability: Mapping[str, pl.DataFrame]
    mend: ChosenCalibrator

    def value(self, quantity: str) -> float:
        """One number of the whole table."""
        found = self.overall.filter(pl.col("quantity") == quantity)
        return float(found["value"][0])


def audit_probabilities(
    truth: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str] | None = None,
    *,
    slices: Mapping[str, ArrayLike] | None = None,
    groups: ArrayLike | None = None,
    levels: Sequence[float] = SET_LEVELS,
    alpha: float = 0.05,
    tolerance: float = 0.02,
    bins: int = 5,
    trials: int = 1000,
    seed: int = 0,
) -> ProbabilityAudit:
    """Ask whether class probabilities are as sure as they claim, whoever made them.

    Parameters
    ----------
    truth
        The true classes: names among `classes`, or numbers of columns where there are no names.
    probabilities
        A row for each object, a column for each class; or one column, the probability of the
        second of two classes.
    slices, groups, bins, alpha
        As those of `audit_intervals`.
    levels
        Levels of the sets of classes whose coverage is told, from held-out thresholds.
    tolerance
        What is called no fault however sure it is: a temperature or a class's share off by less.
    """
    check_settings(alpha, tolerance, bins, trials)
    matrix = np.asarray(probabilities)
    if matrix.ndim == 1:
        matrix = np.column_stack([1 - matrix, matrix])
    probs = read_probs(matrix, "probabilities")
    rows, count = probs.shape
    names = tuple(str(one) for one in (classes or range(count)))
    if len(names) != count or len(set(names)) < count:
        raise InputError(
            f"{len(names)} names ({', '.join(names[:8])}) for {count} columns of probabilities: "
            "one each, all different."
        )
    labels = _labels(truth, rows, names, classes is not None)
    units = read_units(groups, rows)
    parts = tuple(read_slices(slices, rows, bins))
    resampler = make_resampler(units, rows, trials, seed)
    sets = set_columns(probs, labels, units, levels, seed)
    table = class_table(probs, labels, units, parts, resampler, sets)
    logs = log_softmax(np.log(np.maximum(probs, PROBABILITY_FLOOR)))
    trial = find_faults(ClassState(logs, labels, names, units, parts, tolerance), alpha)
    overall = table.filter(pl.col("by") == "")
    hit = (probs.argmax(axis=1) == labels).astype(np.float64)
    told = (
        f"The likeliest class is claimed with {probs.max(axis=1).mean():.1%} on average and right "
        f"in {hit.mean():.1%} of rows."
    )
    return ProbabilityAudit(
        names=names,
        rows=rows,
        groups=units.count,
        verdict=make_verdict(trial, alpha, tolerance, "probabilities", rows, told),
        overall=overall,
        slices=table.filter(pl.col("by") != ""),
        classes=per_class(probs, labels, names, units, resampler, sets),
        brier=brier_parts(probs, labels),
        reliability=reliability_table(probs.max(axis=1), hit, units),
        class_reliability={
            name: reliability_table(probs[:, at], (labels == at).astype(np.float64), units, 10)
            for at, name in enumerate(names)
        },
        mend=choose_class_mend(probs, labels, names, units, seed),
    )


def _labels(truth: ArrayLike, rows: int, names: tuple[str, ...], named: bool) -> ndarray:
    if not named:
        return read_labels(truth, rows, len(names))
    column = truth if isinstance(truth, pl.Series) else pl.Series(cast(Any, np.asarray(truth)))
    if len(column) != rows:
        raise InputError(f"`truth` has {len(column)} values for {rows} rows of probabilities.")
    code = {name: at for at, name in enumerate(names)}
    text = column.cast(pl.String)
    found = text.replace_strict(code, default=None, return_dtype=pl.Int64)
    bad = np.flatnonzero(found.is_null().to_numpy())
    if bad.size:
        first = text[int(bad[0])]
        raise InputError(
            f"`truth` is no class with a probability in {bad.size} of {rows} rows, first at row "
            f"{bad[0]} ({first!r}); there are {', '.join(names)}. Leave these rows out, or give "
            "their class a column."
        )
    return found.to_numpy()
