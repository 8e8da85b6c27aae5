"""How many training peaks stand behind a prediction: bins of that number, and one count for all.

Models that group species differently count different peaks as a row's own. `SupportMap` gives every
model the same counts, so that a bin holds the same rows whatever the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.keys import MAX_ID
from errorbar.rt.data.peaks import Peaks

__all__ = [
    "SUPPORT_EDGES",
    "UNSEEN",
    "SupportMap",
    "count_support",
    "read_support_map",
    "support_bins",
    "support_labels",
]

SUPPORT_EDGES = (1, 2, 5, 10, 20, 50, 100)
UNSEEN = "unseen"


@dataclass(frozen=True, slots=True, eq=False)
class SupportMap:
    """Training peaks of each (group, compound) pair; a pair that is not listed has none.

    `keys` are `Peaks.keys(column)`, sorted.
    """

    keys: Int[ndarray, " groups"]
    count: Int[ndarray, " groups"]
    column: str = "species_cluster"

    def __post_init__(self) -> None:
        if self.keys.shape != self.count.shape:
            raise TableError(f"{self.keys.shape} keys need as many counts, not {self.count.shape}.")
        bad = np.flatnonzero(np.diff(self.keys) <= 0)
        if bad.size:
            first = int(self.keys[bad[0] + 1])
            raise TableError(
                f"keys must be sorted and each there once; {bad.size} are not, first "
                f"({self.column} {first >> 32}, comp_id {first & MAX_ID}): add up their counts."
            )
        if (self.count < 0).any():
            raise TableError(
                f"counts of training peaks cannot be negative; {int((self.count < 0).sum())} are."
            )

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, keys: Int[ndarray, " rows"]) -> Int[ndarray, " rows"]:
        """Training peaks of each key, 0 for one that is not listed."""
        if not len(self):
            return np.zeros(len(keys), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self) - 1)
        return np.where(self.keys[at] == keys, self.count[at], 0)


def count_support(training: Peaks, column: str = "species_cluster") -> SupportMap:
    """The counts of these training peaks."""
    keys, count = np.unique(training.keys(column), return_counts=True)
    return SupportMap(keys, count.astype(np.int64), column)


def read_support_map(path: str | Path, column: str = "species_cluster") -> SupportMap:
    """Counts from a CSV or Parquet table with the columns `column`, `comp_id` and `n`."""
    path = Path(path)
    parquet = path.suffix.lower() in (".parquet", ".pq")
    frame = pl.read_parquet(path) if parquet else pl.read_csv(path)
    names = [column, "comp_id", "n"]
    if missing := [name for name in names if name not in frame.columns]:
        raise TableError(
            f"{path} has no column {', '.join(missing)} (it has {', '.join(frame.columns)}): a map "
            f"of support needs {', '.join(names)}."
        )
    try:
        numbers = frame.select(pl.col(names).cast(pl.Int64)).drop_nulls()
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: {', '.join(names)} must be whole numbers ({error}).") from error
    if numbers.height < frame.height:
        raise TableError(
            f"{path} has {frame.height - numbers.height} of {frame.height} rows with an empty "
            f"{column}, comp_id or n: fill them or leave these rows out."
        )
    group, compound, count = (numbers[name].to_numpy() for name in names)
    for name, ids in zip(names, (group, compound)):
        bad = np.flatnonzero((ids < 0) | (ids > MAX_ID))
        if bad.size:
            raise TableError(
                f"{path}: `{name}` must lie between 0 and {MAX_ID}; {bad.size} rows do not, first "
                f"row {bad[0]} ({ids[bad[0]]})."
            )
    keys = (group << 32) + compound
    order = np.argsort(keys, kind="stable")
    return SupportMap(keys[order], count[order], column)


def support_bins(
    support: Int[ndarray, " rows"], edges: Sequence[int] = SUPPORT_EDGES
) -> Int[ndarray, " rows"]:
    """Each row's place in `support_labels(edges)`; no training peak at all is place 0."""
    bins = 1 + np.digitize(support, np.asarray(edges), right=True)
    return np.where(support <= 0, 0, bins)


def support_labels(edges: Sequence[int] = SUPPORT_EDGES) -> tuple[str, ...]:
    """`unseen`, `<= 1`, `2-2`, `3-5` and so on: the names of bins, upper ends included."""
    ends = [int(edge) for edge in edges]
    if not ends or ends[0] < 1 or any(b <= a for a, b in zip(ends, ends[1:])):
        raise SettingsError(f"edges {tuple(edges)} must be whole numbers from 1 that rise.")
    middle = (f"{low + 1}-{high}" for low, high in zip(ends, ends[1:]))
    return (UNSEEN, f"<= {ends[0]}", *middle, f"> {ends[-1]}")
