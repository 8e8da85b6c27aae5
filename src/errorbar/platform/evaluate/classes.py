"""How good predicted classes are: scores, curves and sets, overall, by class and by slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.audit import ProbabilityAudit, audit_probabilities
from errorbar.core.audit.resample import Formula, Resampler, make_resampler
from errorbar.core.audit.tables import Quantity, in_order, whole_table
from errorbar.core.audit.units import Slice, Units, read_slices, read_units
from errorbar.core.calibrate.doors import read_probs
from errorbar.core.errors import InputError
from errorbar.platform.evaluate.curves import Curves, class_curves
from errorbar.platform.evaluate.labels import as_codes
from errorbar.platform.evaluate.sets import ClassSets, set_table

__all__ = ["ClassEvaluation", "evaluate_classes"]


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvaluation:
    """Scores of predicted classes, with 95 % intervals from whole groups drawn again.

    `scores` has a row for each quantity of all rows (the slice `""`) and of each level of each
    slice; `classes` the same by class. `confusion` counts rows, true classes down. `curves` are
    ROC and precision-recall of each class against the others. `sets` tell coverage and size of
    prediction sets; `audit` says whether the probabilities are true, `before` whether those before
    calibration were.
    """

    names: tuple[str, ...]
    rows: int
    groups: int
    scores: pl.DataFrame
    classes: pl.DataFrame
    confusion: ndarray
    curves: Curves
    sets: pl.DataFrame
    audit: ProbabilityAudit
    before: ProbabilityAudit | None = field(default=None)

    def value(self, quantity: str, by: str = "", level: str = "") -> float:
        """One number of the scores."""
        chosen = (pl.col("quantity") == quantity) & (pl.col("by") == by)
        found = self.scores.filter(chosen & (pl.col("slice") == level))["value"]
        if not len(found):
            known = ", ".join(self.scores["quantity"].unique().sort())
            raise InputError(f"there is no {quantity!r} of {by or 'all rows'} {level}: {known}.")
        return float(found[0])


def evaluate_classes(
    truth: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    slices: Mapping[str, ArrayLike] | None = None,
    sets: Sequence[ClassSets] = (),
    before: ArrayLike | None = None,
    bins: int = 5,
    trials: int = 1000,
    seed: int = 0,
) -> ClassEvaluation:
    """Score class probabilities of rows that nothing was fitted to.

    Parameters
    ----------
    truth, probabilities, classes
        True classes by name, and a row for each object with a column for each of `classes`.
    groups
        What rows share their errors with, such as stars: intervals draw whole groups.
    slices
        Values by which rows are looked at apart; numbers are cut into `bins` of equally many rows.
    sets
        Prediction sets that were made for these rows, to be judged by class and slice.
    before
        Probabilities before they were calibrated, to be audited beside.
    """
    probs = read_probs(probabilities, "probabilities")
    names = tuple(classes)
    labels = as_codes(truth, names, len(probs))
    units = read_units(groups, len(probs))
    parts = read_slices(slices, len(probs), bins)
    resampler = make_resampler(units, len(probs), trials, seed)
    options = {
        "classes": names, "slices": slices, "groups": groups, "bins": bins, "trials": trials,
        "seed": seed,
    }  # fmt: skip
    predicted = probs.argmax(axis=1)
    curves = class_curves(labels, probs, names, units, resampler)
    columns, quantities = _columns(labels, predicted, names)
    scores = whole_table(columns, quantities, units, parts, resampler)
    return ClassEvaluation(
        names=names,
        rows=len(probs),
        groups=units.count,
        scores=in_order([scores, curves.table]),
        classes=_by_class(labels, predicted, names, units, resampler, curves),
        confusion=np.bincount(labels * len(names) + predicted, minlength=len(names) ** 2).reshape(
            len(names), len(names)
        ),
        curves=curves,
        sets=set_table(sets, labels, names, units, parts),
        audit=audit_probabilities(truth, probs, **options),
        before=None if before is None else audit_probabilities(truth, before, **options),
    )


def _columns(
    labels: ndarray, predicted: ndarray, names: tuple[str, ...]
) -> tuple[dict[str, ndarray], list[Quantity]]:
    """Shares of rows that all the usual scores are made of, and these scores."""
    columns = {"accuracy": (labels == predicted).astype(np.float64)}
    for at in range(len(names)):
        columns[f"true {at}"] = (labels == at).astype(np.float64)
        columns[f"called {at}"] = (predicted == at).astype(np.float64)
        columns[f"hit {at}"] = columns[f"true {at}"] * columns[f"called {at}"]
    size = len(names)
    return columns, [
        Quantity("accuracy", lambda m: m["accuracy"], share="accuracy"),
        Quantity("balanced_accuracy", lambda m: _mean(_ratios(m, size, "true"))),
        Quantity("macro_f1", lambda m: _mean(_f1(m, size))),
        Quantity("mcc", lambda m: _mcc(m, size)),
    ]


def _ratios(means: Mapping[str, ndarray], size: int, of: str) -> list[ndarray]:
    """Recalls (of what is true) or precisions (of what is called), NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return [
            np.where(means[f"{of} {at}"] > 0, means[f"hit {at}"] / means[f"{of} {at}"], np.nan)
            for at in range(size)
        ]


def _f1(means: Mapping[str, ndarray], size: int) -> list[ndarray]:
    """F1 of each class that is true or called somewhere."""
    found: list[ndarray] = []
    for at in range(size):
        both = means[f"true {at}"] + means[f"called {at}"]
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.where(both > 0, 2 * means[f"hit {at}"] / both, np.nan))
    return found


def _mean(values: list[ndarray]) -> ndarray:
    """The mean over classes that occur."""
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    return np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def _mcc(means: Mapping[str, ndarray], size: int) -> ndarray:
    """Matthews' correlation of any number of classes (Gorodkin 2004)."""
    true = np.stack([means[f"true {at}"] for at in range(size)])
    called = np.stack([means[f"called {at}"] for at in range(size)])
    spread = (1 - (true**2).sum(axis=0)) * (1 - (called**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (means["accuracy"] - (true * called).sum(axis=0)) / np.sqrt(spread)
    return np.where(spread > 1e-15, value, 0.0)


def _by_class(
    labels: ndarray, predicted: ndarray, names: tuple[str, ...], units: Units,
    resampler: Resampler, curves: Curves,
) -> pl.DataFrame:  # fmt: skip
    """Support, precision, recall, F1 and both areas of each class."""
    every = np.zeros(len(labels), dtype=np.int64)
    parts: list[pl.DataFrame] = []
    for at, name in enumerate(names):
        columns = {
            "true 0": (labels == at).astype(np.float64),
            "called 0": (predicted == at).astype(np.float64),
        }
        columns["hit 0"] = columns["true 0"] * columns["called 0"]
        kinds: dict[str, Formula] = {
            "precision": lambda m: _ratios(m, 1, "called")[0],
            "recall": lambda m: _ratios(m, 1, "true")[0],
            "f1": lambda m: _f1(m, 1)[0],
            "share": lambda m: m["true 0"],
        }
        own = [Quantity(kind, formula) for kind, formula in kinds.items()]
        table = whole_table(columns, own, units, [Slice("class", (name,), every)], resampler)
        parts.append(table.filter(pl.col("by") == "class"))
    frame = pl.concat([*parts, curves.classes], how="vertical")
    support = pl.DataFrame({
        "slice": names, "support": np.bincount(labels, minlength=len(names)),
    })  # fmt: skip
    order = pl.DataFrame({"slice": names}).with_row_index("at")
    return (
        frame.join(support, on="slice", how="left")
        .join(order, on="slice", how="left")
        .sort("at", maintain_order=True)
        .drop("at")
    )
