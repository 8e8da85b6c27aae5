"""Sums by label that add up: of parts, in any order, to what all rows at once would give."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

__all__ = ["Tally", "count_labels", "empty_tally", "tally"]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Sums of columns for each label; a label is a row of whole numbers, and labels are sorted."""

    labels: Int[ndarray, "cells keys"]
    sums: Float[ndarray, "cells columns"]

    def __len__(self) -> int:
        return len(self.labels)

    def __add__(self, other: "Tally") -> "Tally":
        return tally(
            np.concatenate([self.labels, other.labels]), np.concatenate([self.sums, other.sums])
        )

    def at(self, first: int | None) -> "Tally":
        """Cells whose label begins with `first`, without it; with None all, added up."""
        if first is None:
            return tally(self.labels[:, 1:], self.sums)
        low, high = np.searchsorted(self.labels[:, 0], [first, first + 1])
        return Tally(self.labels[low:high, 1:], self.sums[low:high])


def tally(labels: Int[ndarray, "rows keys"], values: Float[ndarray, "rows columns"]) -> Tally:
    """Sums of `values` over rows with the same label."""
    if not len(labels):
        return Tally(labels, values)
    order = np.lexsort(labels.T[::-1])
    ranked = labels[order]
    first = np.flatnonzero(np.r_[True, (np.diff(ranked, axis=0) != 0).any(axis=1)])
    return Tally(ranked[first], np.add.reduceat(values[order], first, axis=0))


def count_labels(labels: Int[ndarray, "rows keys"]) -> Tally:
    """How many rows have each label."""
    return tally(labels, np.ones((len(labels), 1)))


def empty_tally(keys: int, columns: int) -> Tally:
    """No cells: what is added to it stays as it is."""
    return Tally(np.zeros((0, keys), dtype=np.int64), np.zeros((0, columns)))
