r"""Which calibrator? The one whose held-out likelihood is best, and none if none helps.

Every candidate is scored by cross-validation, and the best of them is taken. The best of several
noisy scores is flattered, so the choice itself is cross-validated too: in each outer fold it is
made anew from inner folds of the other rows, and scored on rows that had no part in it (Varma &
Simon 2006). Where that score is not better than the identity's, the identity is returned. Groups
(the rows of one star) are never divided between folds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.base import PROBABILITY_FLOOR, BaseProbCalibrator, IdentityCalibrator
from errorbar.core.calibrate.doors import Inputs, read_groups, read_labels, read_scores
from errorbar.core.calibrate.isotonic import IsotonicCalibrator
from errorbar.core.calibrate.scaling import DirichletCalibrator, TemperatureScaler, VectorScaler
from errorbar.core.errors import FitError, InputError, SettingsError

__all__ = ["CALIBRATORS", "CalibratorScores", "choose_calibrator"]

Maker = Callable[[Inputs], BaseProbCalibrator]

# From the simplest to the freest: of equal scores the first is taken.
CALIBRATORS: Mapping[str, Maker] = {
    "identity": lambda inputs: IdentityCalibrator(inputs=inputs),
    "temperature": lambda inputs: TemperatureScaler(inputs=inputs),
    "vector": lambda inputs: VectorScaler(inputs=inputs),
    "dirichlet": lambda inputs: DirichletCalibrator(inputs=inputs),
    "isotonic": lambda inputs: IsotonicCalibrator(per_class=True, inputs=inputs),
}


@dataclass(frozen=True, slots=True)
class CalibratorScores:
    """Held-out negative log likelihoods, the less the better, and what was `chosen`.

    `gain` is how much better than the identity a candidate is, `gain_error` one standard error of
    it over groups (or rows). `nested_nll` is that of the whole choice on rows without a part in it,
    `nested_choices` what was chosen in each outer fold. A candidate that could not be fitted in
    some fold has an infinite score and its reason in `notes`.
    """

    names: tuple[str, ...]
    nll: tuple[float, ...]
    gain: tuple[float, ...]
    gain_error: tuple[float, ...]
    notes: tuple[str, ...]
    chosen: str
    nested_nll: float
    nested_choices: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each candidate, as a table wants them."""
        columns = ("names", "nll", "gain", "gain_error", "notes")
        keys = ("calibrator", "nll", "gain", "gain_error", "note")
        return [dict(zip(keys, row)) for row in zip(*(getattr(self, name) for name in columns))]


def choose_calibrator(
    logits_or_probs: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    seed: int = 0,
    *,
    folds: int = 5,
    candidates: Sequence[str] = tuple(CALIBRATORS),
    inputs: Inputs | None = None,
) -> tuple[BaseProbCalibrator, CalibratorScores]:
    """The calibrator of the best held-out likelihood, fitted on all rows, and the table of scores.

    A probability below 1e-12 of a true class counts as 1e-12. `candidates` are names of
    `CALIBRATORS`; the identity always stands among them.
    """
    matrix, inputs = read_scores(logits_or_probs, inputs)
    labels = read_labels(y, *matrix.shape)
    named = read_groups(groups, len(matrix))
    unit = np.arange(len(matrix)) if named is None else np.unique(named, return_inverse=True)[1]
    names = _names(candidates)
    rng = np.random.default_rng(seed)
    fold = _folds(unit, folds, rng)
    trial = _Trial(matrix, labels, names, inputs)

    losses, notes = trial.losses(fold)
    nested = np.empty(len(labels))
    chosen: list[str] = []
    for at in range(folds):
        train = np.flatnonzero(fold != at)
        inner, _ = trial.losses(_folds(unit[train], folds, rng), train)
        # What cannot be fitted on all of the outer rows is not available to the choice.
        inner[:, np.isinf(losses[fold == at]).any(axis=0)] = np.inf
        best = int(np.argmin(inner.mean(axis=0)))
        chosen.append(names[best])
        nested[fold == at] = losses[fold == at, best]
    means = losses.mean(axis=0)
    best = int(np.argmin(means)) if nested.mean() < means[0] else 0
    gain, error = _gains(losses, unit)
    table = CalibratorScores(
        names, tuple(means.tolist()), gain, error, notes,
        names[best], float(nested.mean()), tuple(chosen),
    )  # fmt: skip
    return CALIBRATORS[names[best]](inputs).fit(matrix, labels), table


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Candidates and the rows on which they are tried."""

    matrix: ndarray
    labels: ndarray
    names: tuple[str, ...]
    inputs: Inputs

    def losses(self, fold: ndarray, rows: ndarray | None = None) -> tuple[ndarray, tuple[str, ...]]:
        """Each row's loss under each candidate fitted on the other folds, and why one failed."""
        matrix = self.matrix if rows is None else self.matrix[rows]
        labels = self.labels if rows is None else self.labels[rows]
        found = np.empty((len(labels), len(self.names)))
        notes = [""] * len(self.names)
        for at in range(int(fold.max()) + 1):
            held = fold == at
            for column, name in enumerate(self.names):
                try:
                    fitted = CALIBRATORS[name](self.inputs).fit(matrix[~held], labels[~held])
                except FitError as reason:
                    found[held, column], notes[column] = np.inf, str(reason)
                    continue
                probs = fitted.transform(matrix[held])
                given = probs[np.arange(len(probs)), labels[held]]
                found[held, column] = -np.log(np.maximum(given, PROBABILITY_FLOOR))
        return found, tuple(notes)


def _names(candidates: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in candidates if name not in CALIBRATORS]
    if unknown:
        raise SettingsError(
            f"there is no calibrator {unknown[0]!r}; choose from {', '.join(CALIBRATORS)}."
        )
    return tuple(name for name in CALIBRATORS if name == "identity" or name in candidates)


def _folds(unit: ndarray, folds: int, rng: np.random.Generator) -> ndarray:
    """Each row's fold: whole groups, the largest first to the fold that has the fewest rows."""
    if folds < 2:
        raise SettingsError(f"folds={folds}: cross-validation needs two or more.")
    groups, place, rows = np.unique(unit, return_inverse=True, return_counts=True)
    if len(groups) < folds:
        raise InputError(
            f"{len(groups)} groups cannot be divided into {folds} folds, inside and outside: "
            f"{folds * 2} or more are needed. Pass fewer folds or more groups."
        )
    order = rng.permutation(len(groups))
    order = order[np.argsort(-rows[order], kind="stable")]
    where = np.empty(len(groups), dtype=np.int64)
    if (rows == rows[0]).all():
        where[order] = np.arange(len(groups)) % folds
        return where[place]
    held = np.zeros(folds, dtype=np.int64)
    for group in order:
        where[group] = np.argmin(held)
        held[where[group]] += rows[group]
    return where[place]


def _gains(losses: ndarray, unit: ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean gains over the identity and their standard errors, groups taken whole."""
    with np.errstate(invalid="ignore"):
        gain = losses[:, :1] - losses
    gain[np.isinf(losses)] = -np.inf
    mean = gain.mean(axis=0)
    error = np.full(len(mean), np.inf)
    groups = len(np.unique(unit))
    for column in np.flatnonzero(np.isfinite(mean)):
        total = np.bincount(unit, weights=gain[:, column] - mean[column])
        error[column] = np.sqrt(total @ total * groups / max(groups - 1, 1)) / len(unit)
    return tuple(mean.tolist()), tuple(error.tolist())
