"""Rows gathered by group: sums about each group's own mean, and what a compound is called."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.data.keys import find_places
from errorbar.rt.data.peaks import Peaks

__all__ = ["GroupSums", "compound_labels", "group_rows", "parents", "sum_groups"]

# Covariates gathered at once.
GATHERED = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class GroupSums:
    """Counts, means and centred sums of products of each group, sorted by key.

    `xx`, `xy` and `yy` are sums about the group's means, so that nothing cancels however far the
    times are from zero. `first` is one row of each group.
    """

    keys: Int[ndarray, " groups"]
    first: Int[ndarray, " groups"]
    count: Int[ndarray, " groups"]
    x_mean: Float[ndarray, "groups features"]
    y_mean: Float[ndarray, " groups"]
    xx: Float[ndarray, "groups features features"]
    xy: Float[ndarray, "groups features"]
    yy: Float[ndarray, " groups"]

    def __len__(self) -> int:
        return len(self.keys)


def group_rows(
    keys: Int[ndarray, " rows"],
) -> tuple[Int[ndarray, " rows"], Int[ndarray, " groups"], Int[ndarray, " groups"]]:
    """The order that puts rows of a key together, and where each key starts and how many it has.

    Rows of one key keep their order.
    """
    order = np.argsort(keys, kind="stable")
    turned = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], turned[1:] != turned[:-1]]))
    return order, starts, np.diff(np.append(starts, len(keys)))


def sum_groups(
    keys: Int[ndarray, " rows"], x: Float[ndarray, "rows features"], y: Float[ndarray, " rows"]
) -> GroupSums:
    """Sums of all groups at once: groups of one size are one batch of products."""
    if not len(keys):
        raise TableError("there are no peaks, so there is nothing to fit: read some first.")
    order, starts, count = group_rows(keys)
    groups, features = len(starts), x.shape[1]
    x_mean, y_mean = np.empty((groups, features)), np.empty(groups)
    xx, xy, yy = np.empty((groups, features, features)), np.empty((groups, features)), y_mean.copy()
    for size in np.unique(count):
        same = np.flatnonzero(count == size)
        step = max(1, GATHERED // (size * max(features, 1)))
        for start in range(0, len(same), step):
            part = same[start : start + step]
            rows = order[starts[part, None] + np.arange(size)]
            X, Y = x[rows].astype(np.float64), y[rows].astype(np.float64)
            x_mean[part], y_mean[part] = X.mean(axis=1), Y.mean(axis=1)
            X -= x_mean[part, None]
            Y -= y_mean[part, None]
            xx[part] = X.transpose(0, 2, 1) @ X
            xy[part] = (Y[:, None] @ X)[:, 0]
            yy[part] = np.square(Y).sum(axis=1)
    return GroupSums(keys[order[starts]], order[starts], count, x_mean, y_mean, xx, xy, yy)


def compound_labels(
    peaks: Peaks,
) -> tuple[Int[ndarray, " compounds"], Int[ndarray, " compounds"], Int[ndarray, " compounds"]]:
    """Sorted compounds with the chemical id and the class that most of their rows have.

    The two go together; of pairs with equally many rows the smallest is taken.
    """
    columns = np.stack([peaks.compound, peaks.chem_id, peaks.compound_class]).astype(np.int64)
    order = np.lexsort(columns[::-1])
    turned = columns[:, order]
    changed = (turned[:, 1:] != turned[:, :-1]).any(axis=0)
    starts = np.flatnonzero(np.concatenate([np.full(min(len(peaks), 1), True), changed]))
    labels, rows = turned[:, starts], np.diff(np.append(starts, len(peaks)))
    best = np.lexsort((labels[2], labels[1], -rows, labels[0]))
    compounds, at = np.unique(labels[0, best], return_index=True)
    return compounds, labels[1, best][at], labels[2, best][at]


def parents(peaks: Peaks, first: Int[ndarray, " groups"]) -> Int[ndarray, " groups"]:
    """The supercategory of the species of each group, of which `first` is one row."""
    species, at = np.unique(peaks.species, return_index=True)
    parent = peaks.supercategory[at]
    bad = np.flatnonzero(parent[find_places(species, peaks.species)] != peaks.supercategory)
    if bad.size:
        raise TableError(
            f"{bad.size} rows have a species of another supercategory, first at row "
            f"{peaks.rows[bad[0]]} (species {peaks.species[bad[0]]}): a species belongs to one."
        )
    return peaks.supercategory[first].astype(np.int64)
