"""What a table has that its model does not expect: gaps, new compounds, other supercategories."""

from dataclasses import dataclass, field

import numpy as np

from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.rt.data import Peaks

__all__ = ["Remarks"]

FEW = 5


@dataclass(slots=True)
class Remarks:
    """Met while the parts of a table go by, told of at the end."""

    model: OpenModel
    gaps: dict[int, int] = field(default_factory=dict)
    runs: set[int] = field(default_factory=set)
    compounds: set[int] = field(default_factory=set)
    parents: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, peaks: Peaks) -> None:
        """Meet the rows of one more part."""
        lacking = np.isnan(peaks.covariates).sum(axis=1)
        some = np.flatnonzero(lacking)
        self.runs.update(np.unique(peaks.run).tolist())
        self.gaps.update(zip(peaks.run[some].tolist(), lacking[some].tolist()))
        seen = np.unique(self.model.keys & 0xFFFFFFFF)
        self.compounds.update(np.setdiff1d(peaks.compound, seen).tolist())
        known = self.model.parents
        if self.model.group_col != "species" or not known:
            return
        pairs = np.unique(np.stack([peaks.species, peaks.supercategory], axis=1), axis=0)
        for species, parent in pairs.tolist():
            if known.get(species, parent) != parent:
                self.parents[species] = (known[species], parent)

    def words(self, *, gaps: bool = True) -> list[str]:
        """A sentence for each kind of surprise."""
        told: list[str] = []
        if self.gaps and gaps:
            most = max(self.gaps.values())
            stand = (
                "they are expected from the run's others, and intervals are the wider for it."
                if self.model.knows_gaps
                else "they are read as 0, as training read them."
            )
            told.append(
                f"{len(self.gaps)} of {len(self.runs)} runs lack some covariates (at most {most} "
                f"of {len(self.model.feature_names)}): {stand}"
            )
        if self.compounds:
            told.append(
                f"{len(self.compounds)} compounds were not in training "
                f"({_some(sorted(self.compounds))}): they are placed by what is said of them alone."
            )
        if self.parents:
            species, (there, here) = next(iter(sorted(self.parents.items())))
            told.append(
                f"{len(self.parents)} species lie in another supercategory than in training, first "
                f"{species} ({here} here, {there} there): training's is used. Are the numbers of "
                "both tables the same?"
            )
        return told


def _some(values: list[int]) -> str:
    return ", ".join(map(str, values[:FEW])) + (", …" if len(values) > FEW else "")
