r"""Questions to class probabilities: is each class as frequent as claimed, for every claim?

If the truth of row $i$ is drawn from the claimed $p_i$, any score of it has a known distribution.
Asked are the slope of the likelihood in an inverse temperature (too sure, too shy), for each class
its number and the slope in its own logit, and in equal-mass bins of the largest probability the
number of hits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize, stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.chances import grouped_chance, sum_chance
from errorbar.core.audit.faults import Question, Repair
from errorbar.core.audit.units import Slice, Units, equal_mass
from errorbar.core.audit.whole import enough
from errorbar.core.calibrate.base import PROBABILITY_FLOOR, log_softmax
from errorbar.core.calibrate.scaling import fit_temperature

__all__ = ["ClassState"]

_stats = cast(Any, stats)
_minimise = cast("Callable[..., Any]", optimize.minimize)  # pyright: ignore[reportUnknownMemberType]

BINS = 10
LEAST_VARIANCE = 2.0
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class ClassState:
    """Logarithms of probabilities, repaired for the faults that were found."""

    logs: ndarray
    labels: ndarray
    names: tuple[str, ...]
    units: Units
    slices: tuple[Slice, ...]
    tolerance: float

    def questions(self) -> list[Question]:
        rows = len(self.labels)
        if not enough(self.units, rows):
            return []
        probs = np.exp(self.logs)
        every = np.arange(rows)
        found = [self._confidence("", "", every, probs, self.units), *self._each_class(probs)]
        found.append(self._shape(probs))
        for part in self.slices:
            for at, label in enumerate(part.labels):
                some = part.rows(at)
                units = self.units.of(some)
                if enough(units, len(some)) and len(some) < rows:
                    found.append(self._confidence(part.name, label, some, probs[some], units))
                    found.append(self._shares(part.name, label, some, probs[some], units))
        return found

    def _confidence(
        self, by: str, level: str, rows: ndarray, probs: ndarray, units: Units
    ) -> Question:
        logs, labels = self.logs[rows], self.labels[rows]
        mean = (probs * logs).sum(axis=1)
        own = np.take_along_axis(logs, labels[:, None], 1)[:, 0] - mean
        size, spread = _step(own, float((probs * (logs - mean[:, None]) ** 2).sum()))
        chance = 1.0
        if spread > LEAST_VARIANCE:
            chance = grouped_chance(sum_chance(logs, probs, labels), own, units)
        kind = "overconfident" if size > 0 else "underconfident"
        return Question(kind, by, level, "", len(rows), units.count, size, chance, self.tolerance)

    def _each_class(self, probs: ndarray) -> list[Question]:
        found: list[Question] = []
        # Of two classes one is what the other is not.
        for at in range(1 if len(self.names) == 2 else 0, len(self.names)):
            p = np.clip(probs[:, at], PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
            hit = (self.labels == at).astype(np.int64)
            if (p * (1 - p)).sum() < LEAST_VARIANCE:
                continue
            pair, logit = np.column_stack([1 - p, p]), np.log(p / (1 - p))
            ones = np.tile([0.0, 1.0], (len(p), 1))
            ratio = float(np.log(max(hit.sum(), 0.5) / p.sum()))
            slope = -_step((hit - p) * logit, float((p * (1 - p) * logit**2).sum()))[0]
            shared = ("", "", self.names[at], len(p), self.units.count)
            counted = grouped_chance(sum_chance(ones, pair, hit), hit - p, self.units)
            found.append(Question("class", *shared, ratio, counted, self.tolerance))
            if len(self.names) > 2:
                sharp = sum_chance(ones * logit[:, None], pair, hit)
                sharp = grouped_chance(sharp, (hit - p) * logit, self.units)
                found.append(Question("class", *shared, slope, sharp, self.tolerance))
        return found

    def _shares(self, by: str, level: str, rows: ndarray, probs: ndarray, units: Units) -> Question:
        labels = self.labels[rows]
        away = np.eye(len(self.names))[labels] - probs
        claimed = probs.sum(axis=0)
        # Classes that are too rare for chi square are counted as one.
        rare = claimed < 5
        keep = np.eye(len(claimed))[:, ~rare]
        if rare.sum() > 0 and claimed[rare].sum() >= 5:
            keep = np.column_stack([keep, rare])
        total = (away @ keep).sum(axis=0)
        joined = probs @ keep
        matrix = np.diag(joined.sum(axis=0)) - joined.T @ joined
        square = float(total @ np.linalg.pinv(matrix, rcond=1e-9) @ total)
        free = int(np.linalg.matrix_rank(matrix, tol=1e-9 * max(float(np.trace(matrix)), 1.0)))
        chance = float(_stats.chi2.sf(square, free)) if free else 1.0
        worst = int(np.argmax(np.abs(away.sum(axis=0))))
        chance = grouped_chance(chance, away[:, worst], units)
        size = float(np.abs(away.sum(axis=0)).sum() / 2 / len(rows))
        return Question(
            "class shares", by, level, "", len(rows), units.count, size, chance, self.tolerance / 2
        )

    def _shape(self, probs: ndarray) -> Question:
        claim = probs.max(axis=1)
        hit = probs.argmax(axis=1) == self.labels
        code = equal_mass("claim", claim, BINS).code
        rows = np.bincount(code)
        gap = np.bincount(code, weights=hit - claim)
        spread = np.bincount(code, weights=claim * (1 - claim))
        spread *= [self.units.of(at).effect((hit - claim)[at]) for at in _places(code)]
        kept = spread > LEAST_VARIANCE
        square = float((gap[kept] ** 2 / spread[kept]).sum())
        chance = float(_stats.chi2.sf(square, kept.sum())) if kept.any() else 1.0
        size = float(np.abs(gap[rows > 0]).sum() / rows.sum())
        return Question(
            "shape", "", "", "", len(claim), self.units.count, size, chance, self.tolerance / 4
        )

    def repair(self, question: Question) -> Repair:
        rows = np.arange(len(self.labels))
        for part in self.slices:
            if part.name == question.by:
                rows = part.rows(part.labels.index(question.level))
        if question.kind == "shape":
            return Repair(0.0, 0, {}, None)
        logs, labels = self.logs[rows], self.labels[rows]
        if question.kind in ("overconfident", "underconfident"):
            temperature = fit_temperature(logs, labels, 1.0)
            after, free, numbers = logs / temperature, 1, {"temperature": temperature}
        elif question.kind == "class":
            at = self.names.index(question.of)
            after, numbers, free = _own_logit(logs, labels, at), _counts(logs, labels, at), 2
        else:
            after, numbers, free = _right_shares(logs, labels), {}, logs.shape[1] - 1
        after = log_softmax(after)
        place = np.arange(len(labels)), labels
        changed = self.logs.copy()
        changed[rows] = after
        gain = float((after[place] - logs[place]).sum())
        return Repair(gain, free, numbers, replace(self, logs=changed))


def _places(code: ndarray) -> list[ndarray]:
    """The rows of every bin."""
    return [np.flatnonzero(code == at) for at in range(int(code.max()) + 1)]


def _step(own: ndarray, spread: float) -> tuple[float, float]:
    """A step of Newton's from no change, as the logarithm of a temperature, and its curvature."""
    if not spread > 0:
        return 0.0, 0.0
    return -float(np.clip(own.sum() / spread, -3, 3)), spread


def _own_logit(logs: ndarray, labels: ndarray, at: int) -> ndarray:
    """One column stretched and moved for itself."""
    every = max(1, len(labels) // MOST_ROWS)
    some, truth = logs[::every], labels[::every]
    column = some[:, at].copy()
    rest = np.delete(some, at, axis=1)
    top = rest.max(axis=1)
    others = top + np.log(np.exp(rest - top[:, None]).sum(axis=1))
    hit = truth == at

    def loss(free: ndarray) -> float:
        logit = free[0] * column + free[1] - others
        signed: ndarray = np.where(hit, -1.0, 1.0) * logit
        # A pull to no change, for what the rows leave open.
        pull = float((free[0] - 1) ** 2 + free[1] ** 2)
        return float(np.logaddexp(0.0, signed).sum()) + pull

    found = _minimise(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    after = logs.copy()
    after[:, at] = found[0] * logs[:, at] + found[1]
    return after


def _counts(logs: ndarray, labels: ndarray, at: int) -> dict[str, float]:
    return {
        "found_share": float((labels == at).mean()),
        "claimed_share": float(np.exp(logs[:, at]).mean()),
    }


def _right_shares(logs: ndarray, labels: ndarray) -> ndarray:
    """A bias for each class until each is claimed as often as it is found."""
    found = np.bincount(labels, minlength=logs.shape[1]) + 0.5
    after = logs
    for _ in range(30):
        after = log_softmax(after + np.log(found / (np.exp(after).sum(axis=0) + 0.5)))
    return after
