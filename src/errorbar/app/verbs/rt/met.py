"""What is known of a table's runs once all of its rows were met: their far-ness, their anchors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks, read_table
from errorbar.rt.data.columns import RUN

__all__ = ["MetRuns", "TableAnchors", "read_table_anchors"]

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TableAnchors:
    """Anchors that name their run by its keys; `species` is None where the run says it."""

    path: Path | str
    keys: ndarray
    compound: ndarray
    rt: ndarray
    species: ndarray | None


def read_table_anchors(path: Path | str, minute: float) -> TableAnchors:
    """Anchors of a table's runs; `minute` is one in their unit."""
    frame = read_table(path)
    needed = [*RUN, "comp_id", "rt"]
    if lacking := [name for name in needed if name not in frame.columns]:
        raise TableError(f"{path} lacks {', '.join(lacking)}: anchors need {', '.join(needed)}.")
    own = ["species"] if "species" in frame.columns else []
    held = frame.select(pl.col(*RUN, "comp_id", *own).cast(pl.Int64), pl.col("rt").cast(pl.Float64))
    return TableAnchors(
        path,
        held.select(RUN).to_numpy(),
        held["comp_id"].to_numpy(),
        held["rt"].to_numpy() / minute,
        held["species"].to_numpy() if own else None,
    )


@dataclass(slots=True, eq=False)
class MetRuns:
    """Sums of the runs' covariates, and the first row of each run that has anchors.

    Parts of a table are added in its order; a run may lie in several.
    """

    wanted: set[Key]
    model: OpenModel | None = None
    number: dict[Key, int] = field(default_factory=dict)
    sums: ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    rows: ndarray = field(default_factory=lambda: np.zeros(0))
    first: dict[Key, Peaks] = field(default_factory=dict)
    species: set[Key] = field(default_factory=set)

    @classmethod
    def of(
        cls, parts: Iterable[Peaks], anchors: TableAnchors | None, model: OpenModel | None = None
    ) -> Self:
        """The runs of all parts; `model` says what stands for covariates that are missing."""
        wanted = set() if anchors is None else set(map(tuple, anchors.keys.tolist()))
        met = cls(wanted, model)
        for part in parts:
            met.add(part)
        return met

    def add(self, peaks: Peaks) -> None:
        """Meet the rows of one more part."""
        keys, first, inverse = _runs(peaks)
        places = np.array([self.number.setdefault(k, len(self.number)) for k in keys], dtype=int)
        fresh = len(self.number) - len(self.rows)
        self.sums = np.r_[self.sums.reshape(-1, peaks.features), np.zeros((fresh, peaks.features))]
        self.rows = np.r_[self.rows, np.zeros(fresh)]
        whole = peaks if self.model is None else self.model.filled(peaks)
        np.add.at(self.sums, places[inverse], whole.covariates)
        np.add.at(self.rows, places[inverse], 1.0)
        for at, key in enumerate(keys):
            if key in self.wanted:
                self.first.setdefault(key, peaks.select(first[at : at + 1]))
                own = np.unique(peaks.species[inverse == at])
                self.species |= {(*key, each) for each in own.tolist()}

    def farness(self, model: OpenModel) -> ndarray | None:
        """How far each run lies from those of training, in order of `number`."""
        return None if not len(self.rows) else model.run_farness(self.sums / self.rows[:, None])

    def places(self, peaks: Peaks) -> ndarray:
        """The number of each row's run."""
        keys, _, inverse = _runs(peaks)
        return np.array([self.number[key] for key in keys], dtype=int)[inverse]

    def anchors(self, told: TableAnchors) -> Peaks:
        """The anchors as peaks; what was measured of their runs is in the table."""
        keys = list(map(tuple, told.keys.tolist()))
        if lost := [key for key in keys if key not in self.first]:
            raise TableError(
                f"{len(lost)} anchors of {told.path} are of runs that the table does not have, "
                f"first {' '.join(map(str, lost[0]))}."
            )
        firsts = [self.first[key] for key in keys]

        def joined(name: str) -> ndarray:
            return np.concatenate([getattr(each, name) for each in firsts])

        names = self.first[keys[0]].feature_names if keys else ()
        species = joined("species") if told.species is None else told.species
        for key, own in zip(keys, species.tolist()):
            if (*key, own) not in self.species:
                raise TableError(
                    f"{told.path} has anchors of species {own} in run "
                    f"{' '.join(map(str, key))}, and the table no row of it there: what is shared "
                    "is shared within one species of a run."
                )
        return Peaks(
            rt=told.rt,
            covariates=joined("covariates"),
            species=species,
            supercategory=joined("supercategory"),
            compound=told.compound,
            run=np.arange(len(keys)),
            chem_id=np.full(len(keys), -1),
            compound_class=np.full(len(keys), -1),
            rows=np.arange(len(keys)),
            feature_names=names,
            run_keys=told.keys,
        )


def _runs(peaks: Peaks) -> tuple[list[Key], ndarray, ndarray]:
    """The keys of the runs of some rows, their first rows, and the run of each row among them."""
    numbers, first, inverse = np.unique(peaks.run, return_index=True, return_inverse=True)
    return list(map(tuple, peaks.run_keys[numbers].tolist())), first, inverse
