"""Recalibration of class probabilities: chosen, fitted, applied, kept as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.mend_choice import FOLDS, draw_folds, gain_of
from errorbar.core.audit.units import Units
from errorbar.core.calibrate import (
    BaseProbCalibrator,
    CalibratorScores,
    IdentityCalibrator,
    TemperatureScaler,
    choose_calibrator,
    expected_calibration_error,
)
from errorbar.core.calibrate.base import PROBABILITY_FLOOR
from errorbar.core.calibrate.choice import CALIBRATORS
from errorbar.core.calibrate.strata import read_payload
from errorbar.core.errors import ArtifactError, FitError

__all__ = ["ChosenCalibrator", "ProbabilityRecalibration", "choose_class_mend"]

MOST_ROWS, MOST_FITTED = 10_000, 200_000
MANY_CLASSES = 12
FEW_ROWS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityRecalibration:
    """A calibrator with the names of its columns, in order."""

    kind: str
    classes: tuple[str, ...]
    calibrator: BaseProbCalibrator

    def apply(self, probs: ndarray) -> ndarray:
        """Recalibrated probabilities; a column for each class, in the order of `classes`."""
        return np.asarray(self.calibrator.transform(probs))

    def words(self) -> str:
        """What it does, in one sentence."""
        if self.kind == "identity":
            return "Nothing: no calibrator helps by more than its own error."
        if isinstance(self.calibrator, TemperatureScaler):
            return f"Divide logits by {self.calibrator.temperature:.3g}."
        told = {
            "vector": "Scale and shift each class's logit.",
            "dirichlet": "Mix logits by a matrix (Dirichlet calibration).",
            "isotonic": "Put each class's probability through a rising curve.",
        }
        return told.get(self.kind, self.kind)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; `from_dict` gives the same bits back."""
        return {
            "type": "ProbabilityRecalibration",
            "format": 1,
            "kind": self.kind,
            "classes": list(self.classes),
            "calibrator": self.calibrator.to_dict(),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "ProbabilityRecalibration":
        """The value that wrote the payload."""
        with read_payload(payload, "ProbabilityRecalibration"):
            made = BaseProbCalibrator.from_dict(payload["calibrator"])
            found = cls(str(payload["kind"]), tuple(map(str, payload["classes"])), made)
        if made.n_classes not in (None, len(found.classes)):
            raise ArtifactError(
                f"the payload names {len(found.classes)} classes for {made.n_classes} columns: "
                "fit it again."
            )
        return found


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCalibrator:
    """The recalibration, fitted on all rows, and the evidence for it, on held-out rows."""

    recalibration: ProbabilityRecalibration
    candidates: pl.DataFrame
    compared: pl.DataFrame
    note: str = ""


def choose_class_mend(
    probs: ndarray, labels: ndarray, names: tuple[str, ...], units: Units, seed: int
) -> ChosenCalibrator:
    """The calibrator of the best held-out likelihood, or none if its gain may be chance."""
    rng = np.random.default_rng(seed)
    nothing = ProbabilityRecalibration(
        "identity", names, IdentityCalibrator(inputs="probs").fit(probs, labels)
    )
    if units.count < 4 * FOLDS:
        note = f"{units.count} groups are too few to choose a calibrator; {4 * FOLDS} are needed."
        return ChosenCalibrator(nothing, pl.DataFrame(), pl.DataFrame(), note)
    rows = np.arange(len(labels))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    code = rows if units.code is None else units.code[rows]
    code = np.unique(code, return_inverse=True)[1]
    some, truth = probs[rows], labels[rows]
    tried = _candidates(len(names), len(rows))
    scores = _choose(some, truth, code, tried, seed)
    kind = _sure(scores)
    fold = draw_folds(code, rng)
    after = some.copy()
    for at in range(FOLDS):
        train = fold != at
        own = _sure(_choose(some[train], truth[train], code[train], tried, seed, folds=3))
        after[~train] = _fitted(own, some[train], truth[train]).transform(some[~train])
    compared = _compared(some, after, truth, code)
    if float(compared.filter(pl.col("quantity") == "nll")["change"][0]) > 0:
        kind = "identity"
    if kind != "identity":
        every = np.arange(0, len(labels), max(1, len(labels) // MOST_FITTED))
        made = _fitted(kind, probs[every], labels[every])
        nothing = ProbabilityRecalibration(kind, names, made)
    table = pl.DataFrame([
        {
            "recalibration": row["calibrator"],
            **{name: _finite(row[name]) for name in ("nll", "gain", "gain_error")},
            "chosen": row["calibrator"] == kind,
            "chosen_in_folds": scores.nested_choices.count(row["calibrator"]),
        }
        for row in scores.rows()
    ])  # fmt: skip
    return ChosenCalibrator(nothing, table, compared)


def _candidates(classes: int, rows: int) -> tuple[str, ...]:
    left_out = {"dirichlet"} if classes > MANY_CLASSES else set[str]()
    if rows < FEW_ROWS:
        left_out.add("isotonic")
    return tuple(name for name in CALIBRATORS if name not in left_out)


def _choose(
    probs: ndarray, labels: ndarray, code: ndarray, tried: tuple[str, ...], seed: int,
    folds: int = FOLDS,
) -> CalibratorScores:  # fmt: skip
    _, scores = choose_calibrator(
        probs, labels, code, seed, folds=folds, candidates=tried, inputs="probs"
    )
    return scores


def _sure(scores: CalibratorScores) -> str:
    """The simplest calibrator that is better than none by twice its error, and near the best."""
    best = scores.names.index(scores.chosen)
    if not scores.gain[best] > 2 * scores.gain_error[best]:
        return "identity"
    for at, name in enumerate(scores.names[: best + 1]):
        near = scores.gain[at] > scores.gain[best] - scores.gain_error[best]
        if near and scores.gain[at] > 2 * scores.gain_error[at]:
            return name
    return scores.chosen


def _fitted(kind: str, probs: ndarray, labels: ndarray) -> BaseProbCalibrator:
    try:
        return CALIBRATORS[kind]("probs").fit(probs, labels)
    except FitError:
        return IdentityCalibrator(inputs="probs").fit(probs, labels)


def _compared(before: ndarray, after: ndarray, labels: ndarray, code: ndarray) -> pl.DataFrame:
    place = np.arange(len(labels)), labels
    rows: list[dict[str, object]] = []
    pairs = {
        "nll": [-np.log(np.maximum(p[place], PROBABILITY_FLOOR)) for p in (before, after)],
        "brier": [(p**2).sum(axis=1) - 2 * p[place] + 1 for p in (before, after)],
        "accuracy": [(p.argmax(axis=1) == labels).astype(float) for p in (before, after)],
    }
    for name, (one, two) in pairs.items():
        change, error = gain_of(two - one, code)
        rows.append({
            "quantity": name, "before": float(one.mean()), "after": float(two.mean()),
            "change": change, "change_error": error,
        })  # fmt: skip
    ece = [expected_calibration_error(p, labels, strategy="mass") for p in (before, after)]
    rows.append({
        "quantity": "ece", "before": ece[0], "after": ece[1], "change": ece[1] - ece[0],
        "change_error": None,
    })  # fmt: skip
    return pl.DataFrame(rows)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
