"""Which peaks to learn from and which to be judged by, for each question one may ask.

A share of ids is held out by a 64-bit hash of the id and the seed, so an id falls on the same side
in every table that it appears in, in whatever order.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.hashing import hash_columns, uniform
from errorbar.rt.data.peaks import Peaks

__all__ = [
    "Holdout",
    "hold_out_compounds",
    "hold_out_late_runs",
    "hold_out_pairs",
    "hold_out_rare",
    "hold_out_runs",
    "hold_out_species",
    "hold_out_supercategories",
    "hold_out_systems",
    "pick_anchors",
]


@dataclass(frozen=True, slots=True, eq=False)
class Holdout:
    """Masks over the rows of a table. `anchors` are known at prediction but not in training.

    No row is in two of them; a row in none is left aside.
    """

    name: str
    train: Bool[ndarray, " rows"]
    test: Bool[ndarray, " rows"]
    anchors: Bool[ndarray, " rows"]

    def __post_init__(self) -> None:
        if not self.train.shape == self.test.shape == self.anchors.shape:
            raise TableError("the masks of a split must have one value for each row.")
        if (self.train & self.test).any() or (self.anchors & (self.train | self.test)).any():
            raise TableError(f"{self.name}: a row is in two parts of the split.")
        for part in ("train", "test"):
            if not getattr(self, part).any():
                raise TableError(
                    f"{self.name}: no row is left to {part} with; choose another share or seed."
                )


def hold_out_runs(peaks: Peaks, share: float = 0.3, seed: int = 0) -> Holdout:
    """Whole runs at random, so that no run is in both parts."""
    _check_share(share)
    runs = np.unique(peaks.run)
    count = int(round(share * len(runs)))
    chosen = np.random.default_rng(seed).permutation(runs)[:count]
    return _held(f"{100 * share:g} % of runs", np.isin(peaks.run, chosen))


def hold_out_late_runs(peaks: Peaks, share: float = 0.4) -> Holdout:
    """The last of the runs by their numbers, which follow the order of run keys."""
    _check_share(share)
    runs = np.unique(peaks.run)
    late = runs[len(runs) - int(round(share * len(runs))) :]
    return _held(f"last {100 * share:g} % of runs", np.isin(peaks.run, late))


def hold_out_species(
    peaks: Peaks, share: float = 0.2, seed: int = 0, *, ids: Collection[int] | None = None
) -> Holdout:
    """Whole species: those in `ids`, or a share of them."""
    return _by_id("unseen species", peaks.species, share, seed, ids)


def hold_out_systems(
    peaks: Peaks, share: float = 0.2, seed: int = 0, *, ids: Collection[int] | None = None
) -> Holdout:
    """Whole chromatographic systems, which are the species of `peaks_from_systems`."""
    return _by_id("unseen systems", peaks.species, share, seed, ids)


def hold_out_supercategories(
    peaks: Peaks, share: float = 0.2, seed: int = 0, *, ids: Collection[int] | None = None
) -> Holdout:
    """Whole supercategories: those in `ids`, or a share of them."""
    return _by_id("unseen supercategories", peaks.supercategory, share, seed, ids)


def hold_out_pairs(
    peaks: Peaks, share: float = 0.1, seed: int = 0, *, column: str = "species"
) -> Holdout:
    """Whole pairs of species (or `species_cluster`) and compound."""
    return _by_id("unseen pairs", peaks.keys(column), share, seed, None)


def hold_out_compounds(
    peaks: Peaks,
    share: float = 0.1,
    seed: int = 0,
    *,
    by: Literal["compound", "chem_id"] = "compound",
    ids: Collection[int] | None = None,
) -> Holdout:
    """Whole compounds of the library, or whole chemicals; what has no chemical then stays."""
    if by == "compound":
        return _by_id("unseen compounds", peaks.compound, share, seed, ids)
    if by != "chem_id":
        raise SettingsError(f"by={by!r} must be compound or chem_id.")
    known = peaks.chem_id >= 0
    held = _chosen(peaks.chem_id, share, seed, ids) & known
    return _held("unseen chemicals", held)


def hold_out_rare(
    peaks: Peaks, base: Holdout, share: float = 0.2, seed: int = 0, *, most: int = 2
) -> Holdout:
    """A share of pairs made rare: at most `most` of a pair's training rows are kept.

    The test rows are those of `base` that belong to such a pair; training rows of other pairs stay.
    """
    if most < 0:
        raise SettingsError(f"most={most} must be 0 or more rows.")
    rare = _chosen(peaks.keys(), share, seed, None)
    rows = np.flatnonzero(base.train & rare)
    kept = rows[_first_of_each(peaks.keys()[rows], most, seed)]
    train = base.train & ~rare
    train[kept] = True
    name = f"{base.name}, pairs with at most {most} training rows"
    return Holdout(name, train, base.test & rare, base.anchors & rare)


def pick_anchors(peaks: Peaks, base: Holdout, count: int, seed: int = 0) -> Holdout:
    """Turns `count` random test rows of each run into anchors, all but one where they are few.

    Anchors are the few compounds of a new run whose times are known when the rest is predicted.
    """
    if count < 0:
        raise SettingsError(f"count={count} must be 0 or more anchors.")
    rows = np.flatnonzero(base.test)
    _, inverse, size = np.unique(peaks.run[rows], return_inverse=True, return_counts=True)
    allowed = np.minimum(count, size - 1)[inverse]
    chosen = rows[_first_of_each(peaks.run[rows], allowed, seed)]
    anchors, test = base.anchors.copy(), base.test.copy()
    anchors[chosen], test[chosen] = True, False
    return replace(base, name=f"{base.name}, {count} anchors", test=test, anchors=anchors)


def _first_of_each(
    ids: Int[ndarray, " rows"], most: int | Int[ndarray, " rows"], seed: int
) -> Bool[ndarray, " rows"]:
    """At most `most` random rows of each id."""
    order = np.lexsort((np.random.default_rng(seed).random(len(ids)), ids))
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    rank = np.empty(len(ids), dtype=np.int64)
    sizes = np.diff(np.append(starts, len(ids)))
    rank[order] = np.arange(len(ids)) - np.repeat(starts, sizes)
    return rank < most


def _by_id(
    name: str,
    ids: Int[ndarray, " rows"],
    share: float,
    seed: int,
    chosen: Collection[int] | None,
) -> Holdout:
    return _held(name, _chosen(ids, share, seed, chosen))


def _chosen(
    ids: Int[ndarray, " rows"], share: float, seed: int, chosen: Collection[int] | None
) -> Bool[ndarray, " rows"]:
    if chosen is not None:
        asked = np.array(sorted(chosen), dtype=np.int64)
        if (strange := asked[~np.isin(asked, ids)]).size:
            raise TableError(f"{strange.size} ids are not in the table, first {strange[0]}.")
        return np.isin(ids, asked)
    _check_share(share)
    return uniform(hash_columns([ids], seed)) < share


def _held(name: str, test: Bool[ndarray, " rows"]) -> Holdout:
    return Holdout(name, ~test, test, np.zeros_like(test))


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise SettingsError(f"share={share:g} must lie between 0 and 1.")
