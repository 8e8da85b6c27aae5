"""What every calibrator of class probabilities does, and how one is kept as JSON."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.doors import Inputs, is_one_row, read_labels, read_scores
from errorbar.core.errors import ArtifactError, InputError, SettingsError

__all__ = [
    "PROBABILITY_FLOOR",
    "BaseProbCalibrator",
    "IdentityCalibrator",
    "as_logits",
    "as_probs",
    "log_softmax",
    "read_array",
    "read_positive",
]

# What a probability of zero counts as where its logarithm is needed.
PROBABILITY_FLOOR = 1e-12

FORMAT = 1


class BaseProbCalibrator:
    """A map from a classifier's logits or probabilities to calibrated probabilities.

    `fit` learns it from rows that the classifier did not see, and `transform` applies it to others.
    With `inputs=None` the first of them looks at what it is given: rows that are non-negative and
    sum to one are probabilities, anything else is logits; `fit` remembers which. A probability of
    zero counts as 1e-12 where its logarithm is taken.

    `to_dict` is plain JSON that holds the whole fit; `BaseProbCalibrator.from_dict` gives back a
    calibrator of the kind that wrote it, with the same bits.
    """

    kinds: ClassVar[dict[str, type["BaseProbCalibrator"]]] = {}

    def __init__(self, *, inputs: Inputs | None = None) -> None:
        if inputs not in (None, "logits", "probs"):
            raise SettingsError(f"inputs={inputs!r} is not one of 'logits', 'probs' or None.")
        self.inputs: Inputs | None = inputs
        self.n_classes: int | None = None

    def __init_subclass__(cls) -> None:
        BaseProbCalibrator.kinds[cls.__name__] = cls

    def fit(self, values: ArrayLike, y: ArrayLike) -> Self:
        """Learn from logits or probabilities and the true classes' columns; gives itself."""
        matrix, inputs = read_scores(values, self.inputs)
        rows, classes = matrix.shape
        self._learn(matrix, read_labels(y, rows, classes), inputs)
        self.inputs, self.n_classes = inputs, classes
        return self

    def transform(self, values: ArrayLike) -> ndarray:
        """Calibrated probabilities; one row in, one row out."""
        self._check_fitted()
        single = is_one_row(values)
        matrix, inputs = read_scores(cast("Any", [values] if single else values), self.inputs)
        if self.n_classes not in (None, matrix.shape[1]):
            raise InputError(
                f"this calibrator was fitted on {self.n_classes} classes, and {matrix.shape[1]} "
                "columns came: pass one column for each class, in the same order."
            )
        found = self._apply(matrix, inputs)
        return found[0] if single else found

    def fit_transform(self, values: ArrayLike, y: ArrayLike) -> ndarray:
        """Calibrated probabilities of the rows it was fitted on: for a look, not for a score."""
        return self.fit(values, y).transform(values)

    def to_dict(self) -> dict[str, Any]:
        """Everything a calibrator knows, as plain JSON."""
        return {
            "type": type(self).__name__,
            "format": FORMAT,
            "inputs": self.inputs,
            "n_classes": self.n_classes,
            **self._state(),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Self:
        """The calibrator that wrote the payload."""
        kind = BaseProbCalibrator.kinds.get(str(payload.get("type")))
        if kind is None or not issubclass(kind, cls):
            names = [name for name, kind in cls.kinds.items() if issubclass(kind, cls)]
            raise ArtifactError(
                f"the payload is of type {payload.get('type')!r}; {cls.__name__} reads "
                f"{', '.join(sorted(names))}."
            )
        if payload.get("format", FORMAT) != FORMAT:
            raise ArtifactError(
                f"the payload has format {payload['format']!r}, and this version reads {FORMAT}: "
                "read it with the version that wrote it, or fit again."
            )
        made = kind(inputs=payload.get("inputs"))
        made.n_classes = _read_count(payload)
        made._restore(payload)
        return made

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        raise NotImplementedError

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        return {}

    def _restore(self, payload: Mapping[str, Any]) -> None:
        return None

    def _check_fitted(self) -> None:
        if self.n_classes is None:
            raise InputError(
                f"this {type(self).__name__} has not been fitted: call `fit(values, y)` on rows "
                "that the classifier was not trained on."
            )


class IdentityCalibrator(BaseProbCalibrator):
    """Probabilities as they are, or the softmax of logits: what any other must beat."""

    def _learn(self, matrix: ndarray, labels: ndarray, inputs: Inputs) -> None:
        return None

    def _apply(self, matrix: ndarray, inputs: Inputs) -> ndarray:
        return matrix if inputs == "probs" else np.exp(log_softmax(matrix))


def log_softmax(logits: ndarray) -> ndarray:
    """Logarithms of probabilities, row by row."""
    low = logits - logits.max(axis=1, keepdims=True)
    return low - np.log(np.exp(low).sum(axis=1, keepdims=True))


def as_logits(matrix: ndarray, inputs: Inputs) -> ndarray:
    """Logits as they are, or floored logarithms of probabilities."""
    return matrix if inputs == "logits" else np.log(np.maximum(matrix, PROBABILITY_FLOOR))


def as_probs(matrix: ndarray, inputs: Inputs) -> ndarray:
    """Probabilities as they are, or the softmax of logits."""
    return matrix if inputs == "probs" else np.exp(log_softmax(matrix))


def _read_count(payload: Mapping[str, Any]) -> int | None:
    count = payload.get("n_classes")
    if count is not None and (not isinstance(count, int) or count < 2):
        raise ArtifactError(f"`n_classes` of a {payload.get('type')} is {count!r}, not 2 or more.")
    return count


def read_array(payload: Mapping[str, Any], name: str, shape: tuple[int, ...] | None) -> ndarray:
    """An array of a payload, which must be there, finite and of this shape."""
    try:
        found = np.asarray(payload[name], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as reason:
        raise ArtifactError(
            f"the payload of a {payload.get('type')} holds no fit: `{name}` is missing or is not "
            "numbers. Fit again and write it with `to_dict`."
        ) from reason
    if (shape is not None and found.shape != shape) or not np.isfinite(found).all():
        raise ArtifactError(
            f"`{name}` of a {payload.get('type')} has shape {found.shape} or is not finite; "
            f"{shape} is needed. The payload has been changed since it was written."
        )
    return found


def read_positive(payload: Mapping[str, Any], name: str, default: float) -> float:
    """A number of a payload that is finite and not negative."""
    value = payload.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ArtifactError(f"`{name}` of a {payload.get('type')} is {value!r}, not a number >= 0.")
    return float(value)
