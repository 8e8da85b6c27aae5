"""What a linear-Gaussian model needs of the rows: counts, means and products of each group.

A group is a pair of a species (or supercategory) and a compound. The sums are collected in one
pass over a table of any length and hold everything that the likelihood depends on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks
from errorbar.rt.data.keys import find_places, pair_keys
from errorbar.rt.fit.sums import add_rows, finish

__all__ = ["Collector", "GroupStatistics", "collect"]


@dataclass(frozen=True, slots=True, eq=False)
class GroupStatistics:
    """Sums over the rows of each group, groups in order of their keys.

    `species`, `compound` are places in `species_ids`, `compound_ids`; `parent` is the place of
    each species' supercategory in `supercategory_ids`. Covariates are less `centre`, times less
    `centre_rt`. `total` is the sum of row weights (the count, where rows weigh one), `sxx`, `sxy`,
    `syy` are sums of products about the group's means.
    """

    species: Int[ndarray, " groups"]
    compound: Int[ndarray, " groups"]
    count: Int[ndarray, " groups"]
    total: Float[ndarray, " groups"]
    mean_x: Float[ndarray, "groups features"]
    mean_y: Float[ndarray, " groups"]
    sxx: Float[ndarray, "groups features features"]
    sxy: Float[ndarray, "groups features"]
    syy: Float[ndarray, " groups"]
    parent: Int[ndarray, " species"]
    species_ids: Int[ndarray, " species"]
    supercategory_ids: Int[ndarray, " supercategories"]
    compound_ids: Int[ndarray, " compounds"]
    chem_id: Int[ndarray, " compounds"]
    compound_class: Int[ndarray, " compounds"]
    centre: Float[ndarray, " features"]
    centre_rt: float
    feature_names: tuple[str, ...]
    group_col: str

    @property
    def groups(self) -> int:
        """How many pairs have rows."""
        return len(self.count)

    @property
    def rows(self) -> int:
        """How many rows were summed."""
        return int(self.count.sum())

    @property
    def features(self) -> int:
        """How many covariates a row has."""
        return len(self.feature_names)

    @property
    def keys(self) -> Int[ndarray, " groups"]:
        """`(group << 32) + compound`."""
        return pair_keys(self.species_ids[self.species], self.compound_ids[self.compound])

    def places(self, peaks: Peaks) -> Int[ndarray, " rows"]:
        """The group of each row, -1 where it has none."""
        return find_places(self.keys, peaks.keys(self.group_col))

    def centred(self, peaks: Peaks) -> Float[ndarray, "rows features"]:
        """Covariates of other rows as these statistics take them."""
        if peaks.feature_names != self.feature_names:
            wrong = set(self.feature_names) ^ set(peaks.feature_names)
            raise TableError(
                f"the model has the {len(self.feature_names)} covariates "
                f"{', '.join(self.feature_names)}, and the table has {len(peaks.feature_names)}; "
                f"they differ in {', '.join(sorted(wrong)) or 'order'}. Read the table with the "
                "model's features."
            )
        return np.asarray(peaks.covariates, dtype=np.float64) - self.centre


class Collector:
    """Sums of groups as rows come; `add` as many tables as there are, then `result`."""

    def __init__(self, group_col: str = "species") -> None:
        self.group_col = group_col
        self._names: tuple[str, ...] | None = None
        self._keys = np.empty(0, dtype=np.int64)
        self._sums: list[ndarray] = []
        self._parents: dict[int, int] = {}
        self._compounds: dict[int, tuple[int, int]] = {}

    def add(self, peaks: Peaks, weight: Float[ndarray, " rows"] | None = None) -> Self:
        """Add the rows of a table; `weight` multiplies each row's likelihood precision."""
        if self._names is None:
            self._names = peaks.feature_names
            self._sums = _empty(0, peaks.features)
        if peaks.feature_names != self._names:
            raise TableError(
                f"one part of the table has the covariates {', '.join(peaks.feature_names)}, "
                f"another {', '.join(self._names)}: all parts need the same."
            )
        if not len(peaks):
            return self
        peaks.check_measured()
        keys = peaks.keys(self.group_col)
        sorted_already = bool((keys[1:] >= keys[:-1]).all())
        order = np.arange(len(keys)) if sorted_already else np.argsort(keys, kind="stable")
        ordered = keys if sorted_already else keys[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._learn_parents(peaks, order, starts)
        place = self._make_room(ordered[starts])
        self._learn_compounds(peaks, order[starts])
        weight = np.ones(len(keys)) if weight is None else weight
        ends = np.r_[starts, len(keys)]
        add_rows(ends, place, order, peaks.covariates, peaks.rt, weight, *self._sums)
        return self

    def result(self) -> GroupStatistics:
        """The statistics of all rows so far."""
        if self._names is None or not len(self._keys):
            raise TableError("there is no row to learn from: the table is empty.")
        order = np.argsort(self._keys, kind="stable")
        keys = self._keys[order]
        count, total, x0, y0, sx, sy, sxx, sxy, syy = (part[order] for part in self._sums)
        mean_x, mean_y, full = finish(total, x0, y0, sx, sy, sxx, sxy, syy)
        share = total / total.sum()
        centre, centre_rt = share @ mean_x, float(share @ mean_y)
        species_ids, species = np.unique(keys >> 32, return_inverse=True)
        compound_ids, compound = np.unique(keys & 0xFFFFFFFF, return_inverse=True)
        parents = np.array([self._parents[each] for each in species_ids.tolist()], dtype=np.int64)
        supercategory_ids, parent = np.unique(parents, return_inverse=True)
        known = np.array([self._compounds[each] for each in compound_ids.tolist()])
        return GroupStatistics(
            species=species,
            compound=compound,
            count=count,
            total=total,
            mean_x=mean_x - centre,
            mean_y=mean_y - centre_rt,
            sxx=full,
            sxy=sxy,
            syy=syy,
            parent=parent,
            species_ids=species_ids,
            supercategory_ids=supercategory_ids,
            compound_ids=compound_ids,
            chem_id=known[:, 0],
            compound_class=known[:, 1],
            centre=centre,
            centre_rt=centre_rt,
            feature_names=self._names,
            group_col=self.group_col,
        )

    def _learn_parents(self, peaks: Peaks, order: ndarray, starts: ndarray) -> None:
        """What each group belongs to: its first row's, and any other's that differs."""
        parent = peaks.supercategory[order]
        first = np.repeat(parent[starts], np.diff(np.r_[starts, len(parent)]))
        rows = order[np.r_[starts, np.flatnonzero(parent != first)]]
        pairs = np.unique(pair_keys(peaks.group(self.group_col)[rows], peaks.supercategory[rows]))
        for child, parent in zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist()):
            known = self._parents.setdefault(child, parent)
            if known != parent:
                raise TableError(
                    f"species {child} is in the supercategories {known} and {parent}: each species "
                    "belongs to one. Prepare the table again with `errorbar rt prepare`, or use "
                    "group_col='species_cluster'."
                )

    def _learn_compounds(self, peaks: Peaks, rows: ndarray) -> None:
        facts = zip(
            peaks.compound[rows].tolist(),
            peaks.chem_id[rows].tolist(),
            peaks.compound_class[rows].tolist(),
        )
        for compound, chem_id, kind in facts:
            self._compounds.setdefault(compound, (chem_id, kind))

    def _make_room(self, keys: Int[ndarray, " new"]) -> Int[ndarray, " new"]:
        """Where these keys' sums are kept, with new places for keys not seen before."""
        order = np.argsort(self._keys, kind="stable")
        at = find_places(self._keys[order], keys)
        place = np.where(at >= 0, order[np.maximum(at, 0)] if len(order) else 0, -1)
        fresh = place < 0
        place[fresh] = len(self._keys) + np.arange(int(fresh.sum()))
        if fresh.any():
            assert self._names is not None
            self._keys = np.r_[self._keys, keys[fresh]]
            empty = _empty(int(fresh.sum()), len(self._names))
            self._sums = [np.concatenate(both) for both in zip(self._sums, empty)]
        return place


def collect(
    peaks: Peaks | Iterable[Peaks],
    group_col: str = "species",
    weight: Float[ndarray, " rows"] | None = None,
) -> GroupStatistics:
    """The statistics of a table, or of a table that comes in parts."""
    collector = Collector(group_col)
    if isinstance(peaks, Peaks):
        return collector.add(peaks, weight).result()
    for part in peaks:
        collector.add(part)
    return collector.result()


def _empty(groups: int, features: int) -> list[ndarray]:
    packed = features * (features + 1) // 2
    shapes = ((), (), (features,), (), (features,), (), (packed,), (features,), ())
    kinds = [np.int64] + [np.float64] * 8
    return [np.zeros((groups, *shape), dtype=kind) for shape, kind in zip(shapes, kinds)]
