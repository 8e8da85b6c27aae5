"""Observed peaks as frozen arrays: one row, one retention time of one compound in one run."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.rt.data.keys import MAX_GROUP, MAX_ID, find_places, pair_keys

__all__ = ["Chemistry", "Peaks"]


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Peaks with what explains their times; every array has a row for each peak.

    `rt` is in minutes. `covariates` are the run's internal standards (and what else was measured
    of the run), as in the table: not centred, what was missing is 0, or NaN where a model that is
    asked shall know of it. `species` is nested in `supercategory`. `run` numbers the runs of this
    table from 0 in order of their `run_keys` (sampleset, worksheet, task). `chem_id` and
    `compound_class` are -1 where they are not known.
    `rows` are the rows' numbers in the table they came from.
    """

    rt: Float[ndarray, " rows"]
    covariates: Float[ndarray, "rows features"]
    species: Int[ndarray, " rows"]
    supercategory: Int[ndarray, " rows"]
    compound: Int[ndarray, " rows"]
    run: Int[ndarray, " rows"]
    chem_id: Int[ndarray, " rows"]
    compound_class: Int[ndarray, " rows"]
    rows: Int[ndarray, " rows"]
    feature_names: tuple[str, ...]
    run_keys: Int[ndarray, "runs 3"]

    def __post_init__(self) -> None:
        count = len(self.rt)
        for name in ("species", "supercategory", "compound", "run", "chem_id", "compound_class"):
            if (shape := getattr(self, name).shape) != (count,):
                raise TableError(f"`{name}` {shape} must have one value for each of {count} rows.")
        if self.covariates.shape != (count, len(self.feature_names)):
            raise TableError(
                f"covariates {self.covariates.shape} must be {count} rows of "
                f"{len(self.feature_names)} named features."
            )
        bad = np.flatnonzero(~np.isfinite(self.rt))
        if bad.size:
            raise TableError(
                f"`rt` is not a number in {bad.size} of {count} rows, first at row "
                f"{self.rows[bad[0]]}: leave out peaks that were not found."
            )
        infinite = np.isinf(self.covariates)
        if infinite.any():
            bad = np.flatnonzero(infinite.any(axis=1))
            raise TableError(
                f"covariates are infinite in {bad.size} of {count} rows, first at row "
                f"{self.rows[bad[0]]}: a standard that was not found is 0, or NaN."
            )
        for name in ("species", "supercategory", "compound"):
            ids, most = getattr(self, name), MAX_ID if name == "compound" else MAX_GROUP
            if count and (ids.min() < 0 or ids.max() > most):
                bad = np.flatnonzero((ids < 0) | (ids > most))
                column = {"supercategory": "species_cluster", "compound": "comp_id"}.get(name, name)
                raise TableError(
                    f"`{column}` must lie between 0 and {most}; {bad.size} of {count} rows do "
                    f"not, first at row {self.rows[bad[0]]} ({ids[bad[0]]}). Number them anew."
                )

    def __len__(self) -> int:
        return len(self.rt)

    @property
    def features(self) -> int:
        """How many covariates a run has."""
        return len(self.feature_names)

    @property
    def gaps(self) -> Bool[ndarray, " rows"]:
        """Rows that lack some covariate."""
        return np.asarray(np.isnan(self.covariates).any(axis=1))

    def check_measured(self) -> None:
        """Refuse gaps, where a model is to be fitted."""
        if not np.isnan(self.covariates).any():
            return
        lost = np.flatnonzero(self.gaps)
        raise TableError(
            f"covariates are missing in {lost.size} of {len(self)} rows, first at row "
            f"{self.rows[lost[0]]}: a model that knows of gaps can be asked of such rows, but none "
            "is fitted to them. Read the table without gaps=True."
        )

    def group(self, column: str = "species") -> Int[ndarray, " rows"]:
        """The ids that compounds are grouped with: `species` or `species_cluster`."""
        if column == "species":
            return self.species
        if column == "species_cluster":
            return self.supercategory
        raise TableError(f"group_col={column!r} must be species or species_cluster.")

    def keys(self, column: str = "species") -> Int[ndarray, " rows"]:
        """`(group << 32) + compound`, one number for each pair."""
        return pair_keys(self.group(column), self.compound)

    def select(self, chosen: Shaped[ndarray, " chosen"]) -> Self:
        """Some of the rows, by a mask or by their places; runs keep their numbers."""
        names = ("rt", "covariates", "species", "supercategory", "compound", "run", "chem_id")
        names += ("compound_class", "rows")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class Chemistry:
    """Descriptors of compounds; one that is not listed has none and stands at their mean.

    `compound_class` is -1 where none is known.
    """

    compound: Int[ndarray, " compounds"]
    values: Float[ndarray, "compounds descriptors"]
    names: tuple[str, ...]
    compound_class: Int[ndarray, " compounds"]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.compound), len(self.names)):
            raise TableError(
                f"descriptors {self.values.shape} must be {len(self.compound)} compounds by "
                f"{len(self.names)} names."
            )
        if self.compound_class.shape != self.compound.shape:
            raise TableError(
                f"{self.compound_class.shape} classes were given for {len(self.compound)} "
                "compounds: one each, -1 where none is known."
            )
        values, counts = np.unique(self.compound, return_counts=True)
        if (counts > 1).any():
            raise TableError(
                f"{int((counts > 1).sum())} compounds have several rows of descriptors, first "
                f"{values[counts > 1][0]}: keep one row for each."
            )
        bad = np.flatnonzero(~np.isfinite(self.values).all(axis=1))
        if bad.size:
            raise TableError(
                f"descriptors are not finite for {bad.size} compounds, first for compound "
                f"{self.compound[bad[0]]}: leave such compounds out, they stand at the mean then."
            )

    def of(self, compounds: Int[ndarray, " asked"]) -> Float[ndarray, "asked descriptors"]:
        """Their descriptors less the mean of all listed; zero where there are none."""
        place = self._places(compounds)
        centred = self.values - self.values.mean(axis=0) if len(self.values) else self.values
        found = np.zeros((len(compounds), len(self.names)))
        found[place >= 0] = centred[place[place >= 0]]
        return found

    def lists(self, compounds: Int[ndarray, " asked"]) -> Bool[ndarray, " asked"]:
        """Which of the compounds have descriptors."""
        return self._places(compounds) >= 0

    def classes(self, compounds: Int[ndarray, " asked"]) -> Int[ndarray, " asked"]:
        """Their classes, -1 where none is known."""
        place = self._places(compounds)
        found = np.full(len(compounds), -1, dtype=np.int64)
        found[place >= 0] = self.compound_class[place[place >= 0]]
        return found

    def _places(self, compounds: Int[ndarray, " asked"]) -> Int[ndarray, " asked"]:
        order = np.argsort(self.compound)
        at = find_places(self.compound[order], compounds)
        return np.where(at >= 0, order[at] if len(order) else -1, -1)
