"""What may come in: probabilities, logits, labels, groups and levels, checked once."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import InputError, SettingsError

__all__ = [
    "Inputs",
    "find_inputs",
    "is_one_row",
    "one_hot",
    "read_column",
    "read_groups",
    "read_labels",
    "read_level",
    "read_matrix",
    "read_probs",
    "read_scores",
    "read_weights",
]

Inputs = Literal["logits", "probs"]

# Sums of probabilities made in single precision are one to within this.
SUM_TOLERANCE = 1e-5


def read_matrix(values: ArrayLike, name: str) -> ndarray:
    """Finite numbers, a row for each object and a column for each class."""
    matrix = _numbers(values, name)
    if matrix.ndim != 2 or matrix.shape[0] == 0 or matrix.shape[1] < 2:
        raise InputError(
            f"`{name}` has shape {matrix.shape}; it must have a row for each object and a column "
            "for each of two or more classes (two classes: `np.column_stack([1 - p, p])`)."
        )
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if bad.size:
        raise InputError(
            f"`{name}` is not finite in {bad.size} of {len(matrix)} rows, first at row {bad[0]} "
            f"({matrix[bad[0]].tolist()}). Leave rows without a prediction out; for the logarithm "
            "of a probability of zero pass the probabilities themselves."
        )
    return matrix


def read_probs(values: ArrayLike, name: str = "probs") -> ndarray:
    """Probabilities whose rows sum to one; zeros and ones are welcome."""
    matrix = read_matrix(values, name)
    bad = np.flatnonzero(~_rows_are_probs(matrix))
    if bad.size:
        raise InputError(
            f"`{name}` must lie in [0, 1] and each row must sum to one; {bad.size} of "
            f"{len(matrix)} rows do not, first at row {bad[0]} (sum {matrix[bad[0]].sum():.6g}, "
            f"least {matrix[bad[0]].min():.6g}). Turn logits into probabilities with a softmax, "
            "or divide each row by its sum."
        )
    return matrix


def read_scores(values: ArrayLike, inputs: Inputs | None) -> tuple[ndarray, Inputs]:
    """A matrix and what it holds, found by looking where `inputs` does not say."""
    if inputs == "probs":
        return read_probs(values), inputs
    matrix = read_matrix(values, "probs" if inputs is None else "logits")
    return matrix, inputs or find_inputs(matrix)


def find_inputs(matrix: ndarray) -> Inputs:
    """Probabilities, if every row is non-negative and sums to one; logits otherwise."""
    return "probs" if bool(_rows_are_probs(matrix).all()) else "logits"


def read_labels(y: ArrayLike, rows: int, classes: int) -> ndarray:
    """Column numbers of the true classes, one for each row."""
    labels = np.asarray(y)
    if labels.shape != (rows,):
        raise InputError(
            f"labels have shape {labels.shape} for {rows} rows: one whole number a row is needed "
            "(one-hot labels: `labels.argmax(axis=1)`)."
        )
    if labels.dtype.kind not in "biuf":
        raise InputError(
            f"labels are {labels.dtype}, not numbers of columns: use "
            "`[names.index(label) for label in labels]`."
        )
    bad = np.flatnonzero(~((labels >= 0) & (labels < classes) & (labels == np.floor(labels))))
    if bad.size:
        raise InputError(
            f"labels must be whole numbers from 0 to {classes - 1}, the columns; {bad.size} of "
            f"{rows} are not, first at row {bad[0]} ({labels[bad[0]]}). Leave rows without a label "
            "out, or predict a column for every class."
        )
    return labels.astype(np.int64)


def one_hot(labels: ndarray, classes: int) -> ndarray:
    """A one in each row's true column, zeros beside it."""
    return np.eye(classes)[labels]


def read_column(values: ArrayLike, rows: int | None, name: str) -> ndarray:
    """Finite numbers, one for each row."""
    column = _numbers(values, name)
    if column.ndim != 1 or len(column) == 0 or (rows is not None and len(column) != rows):
        raise InputError(
            f"`{name}` has shape {column.shape}; it must be one column"
            f"{'' if rows is None else f' of {rows} rows, as the others'}."
        )
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise InputError(
            f"`{name}` is not finite in {bad.size} of {len(column)} rows, first at row {bad[0]} "
            f"({column[bad[0]]}). Leave rows without a value out."
        )
    return column


def read_weights(values: ArrayLike, rows: int | None, name: str = "weights") -> ndarray:
    """Likelihood ratios: finite, not negative, not all zero."""
    column = read_column(values, rows, name)
    bad = np.flatnonzero(column < 0)
    if bad.size:
        raise InputError(
            f"`{name}` are ratios of densities and not negative; {bad.size} of {len(column)} are, "
            f"first at row {bad[0]} ({column[bad[0]]:g}). Exponentiate logarithms first."
        )
    return column


def read_groups(groups: ArrayLike | None, rows: int, name: str = "groups") -> ndarray | None:
    """Names of what rows belong to, one for each row."""
    if groups is None:
        return None
    found = np.asarray(groups)
    if found.shape != (rows,):
        raise InputError(
            f"`{name}` has shape {found.shape} for {rows} rows: one name or number a row is needed."
        )
    if found.dtype.kind not in "biuSU":
        found = np.array([str(name) for name in found.tolist()])
    return found


def read_level(value: float, name: str = "alpha") -> float:
    """A share strictly between zero and one."""
    if not 0 < value < 1:
        raise SettingsError(
            f"{name}={value:g} must lie between 0 and 1: sets that miss one truth in ten have "
            "alpha=0.1."
        )
    return float(value)


def is_one_row(values: ArrayLike) -> bool:
    """Whether numbers stand in one line, and not in a matrix."""
    if isinstance(values, Sequence):
        first = cast("Sequence[object]", values)[:1]
        return bool(first) and not isinstance(first[0], Sequence | ndarray)
    return np.ndim(cast("Any", values)) == 1


def _numbers(values: ArrayLike, name: str) -> ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as reason:
        raise InputError(f"`{name}` {_fault(values)}") from reason


def _fault(values: object) -> str:
    """Why something did not become an array of numbers."""
    rows = list(cast("Sequence[Any]", values)) if isinstance(values, Sequence) else []
    lengths = [int(np.size(row)) for row in rows]
    bad = [at for at, length in enumerate(lengths) if length != lengths[0]]
    if bad:
        return (
            f"is ragged: row 0 has {lengths[0]} numbers, {len(bad)} of {len(lengths)} rows have "
            f"another count, first row {bad[0]} ({lengths[bad[0]]}). Give every row a column for "
            "every class."
        )
    return "holds something that is not a number: pass an array of floats."


def _rows_are_probs(matrix: ndarray) -> ndarray:
    inside = (matrix >= 0).all(axis=1) & (matrix <= 1 + SUM_TOLERANCE).all(axis=1)
    return np.asarray(inside & (np.abs(matrix.sum(axis=1) - 1) <= SUM_TOLERANCE))
