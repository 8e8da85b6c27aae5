"""What a table of peaks holds, in numbers that one looks at before a fit."""

from dataclasses import dataclass

import numpy as np

from errorbar.rt.data.grid import time_step
from errorbar.rt.data.peaks import Peaks

__all__ = ["PeaksSummary", "describe_peaks"]

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
FEW = 5
# Zeros this many times as common as any other value are gaps.
ODD = 5


@dataclass(frozen=True, slots=True)
class PeaksSummary:
    """Counts of a table's rows and of what they belong to.

    `support` are quantiles (least, 25, 50, 75, 95 %, most) of the peaks that a pair has.
    `constant` are covariates that have one value in all rows: they take no part in a pooled
    ridge, and do no harm there. `zeros` is the share of runs in which a covariate is exactly 0,
    what a missing standard is read as, for covariates where that is far commoner than any other
    value. `repeated` counts rows beyond the first of one compound in
    one run and species, `first_repeated` is the first such row of the table. `unmapped` rows have
    no chemical. `step` is the distance between values that times take (0: they take any).
    """

    rows: int
    runs: int
    species: int
    supercategories: int
    compounds: int
    pairs: int
    features: int
    shortest: float
    longest: float
    support: tuple[float, ...]
    constant: tuple[str, ...]
    zeros: dict[str, float]
    step: float
    repeated: int
    first_repeated: int | None
    unmapped: int

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence about each thing that may surprise."""
        told = []
        if self.constant:
            few = ", ".join(self.constant[:FEW])
            told.append(f"{len(self.constant)} covariates are constant ({few}).")
        if self.step:
            told.append(
                f"times come in steps of about {self.step:.2g} min, so noise is at least "
                f"{self.step / 12**0.5:.2g}."
            )
        if self.repeated:
            told.append(
                f"{self.repeated} rows repeat a compound in its run, first row "
                f"{self.first_repeated}."
            )
        if self.zeros:
            worst = max(self.zeros, key=lambda name: self.zeros[name])
            told.append(
                f"{len(self.zeros)} covariates are 0 in some runs, most often {worst} "
                f"({100 * self.zeros[worst]:.3g} %): a missing standard is read as 0."
            )
        if self.unmapped:
            told.append(f"{self.unmapped} rows have no chemical.")
        return tuple(told)

    def __str__(self) -> str:
        head = (
            f"{self.rows} peaks in {self.runs} runs: {self.compounds} compounds, {self.species} "
            f"species in {self.supercategories} supercategories, {self.pairs} pairs with "
            f"{self.support[2]:g} peaks in the median, {self.features} covariates, times from "
            f"{self.shortest:.4g} to {self.longest:.4g} min."
        )
        return " ".join([head, *self.notes])


def describe_peaks(peaks: Peaks) -> PeaksSummary:
    """Counts, support and oddities of a table."""
    rows = len(peaks)
    _, support = np.unique(peaks.keys(), return_counts=True)
    order = np.lexsort((peaks.rows, peaks.compound, peaks.species, peaks.run))
    same = np.ones(max(rows - 1, 0), dtype=bool)
    for ids in (peaks.run, peaks.species, peaks.compound):
        same &= np.diff(ids[order]) == 0
    again = peaks.rows[order[1:][same]]
    values = peaks.covariates
    constant = (values == values[:1]).all(axis=0) if rows else np.zeros(peaks.features, bool)
    return PeaksSummary(
        rows=rows,
        runs=len(np.unique(peaks.run)),
        species=len(np.unique(peaks.species)),
        supercategories=len(np.unique(peaks.supercategory)),
        compounds=len(np.unique(peaks.compound)),
        pairs=len(support),
        features=peaks.features,
        shortest=float(peaks.rt.min()) if rows else np.nan,
        longest=float(peaks.rt.max()) if rows else np.nan,
        support=tuple(float(q) for q in np.quantile(support, QUANTILES)) if rows else (0.0,) * 6,
        constant=tuple(peaks.feature_names[j] for j in np.flatnonzero(constant)),
        zeros=_zeros(peaks),
        step=time_step(peaks),
        repeated=len(again),
        first_repeated=int(again.min()) if len(again) else None,
        unmapped=int((peaks.chem_id < 0).sum()),
    )


def _zeros(peaks: Peaks) -> dict[str, float]:
    """Shares of runs where a covariate is 0, if zeros are no values among others.

    Times that are written in steps are often at their median, but so are they a step beside it.
    """
    _, first = np.unique(peaks.run, return_index=True)
    found: dict[str, float] = {}
    for name, column in zip(peaks.feature_names, peaks.covariates[first].T):
        values, counts = np.unique(column, return_counts=True)
        zero = counts[values == 0].sum()
        others = counts[values != 0]
        if zero and len(others) and zero > ODD * others.max():
            found[name] = float(zero / len(first))
    return found
