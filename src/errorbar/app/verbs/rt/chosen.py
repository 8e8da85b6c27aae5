"""Which rows of a table a training sees: hold-outs first, then seeded subsets, all of it named."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    Peaks,
    hold_out_compounds,
    hold_out_pairs,
    hold_out_supercategories,
)
from errorbar.rt.evaluate import subset_rows

__all__ = ["Exclusions", "choose_rows"]


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What is kept from a training, and how much of the rest it may see."""

    pairs_frac: float = 0.0
    pairs_seed: int = 42
    chems_frac: float = 0.0
    chems_seed: int = 42
    clusters: Sequence[int] = ()
    max_rows: int | None = None
    max_groups: int | None = None
    seed: int = 42

    @property
    def any(self) -> bool:
        """Whether anything is left out at all."""
        some = self.max_rows is not None or self.max_groups is not None
        return bool(self.pairs_frac or self.chems_frac or self.clusters or some)


def choose_rows(
    peaks: Peaks, wanted: Exclusions, group_col: str
) -> tuple[Peaks, Peaks, tuple[str, ...]]:
    """The rows to train with, those held out on purpose, and what was done in words."""
    notes: list[str] = []
    out = np.zeros(len(peaks), dtype=bool)
    for test, what in _holdouts(peaks, wanted, group_col):
        notes.append(f"held out: {what}, {int(test.sum())} of {len(peaks)} rows")
        out |= test
    held, rest = peaks.select(out), peaks.select(~out)
    if not len(peaks):
        raise TableError("there is no row to learn from: the table is empty.")
    if not len(rest):
        raise SettingsError("the hold-outs leave no row to train with: hold out less.")
    if wanted.max_groups is not None:
        keys = rest.keys(group_col)
        names = np.unique(keys)
        some = names[subset_rows(len(names), wanted.max_groups, wanted.seed)]
        if len(some) < len(names):
            rest = rest.select(np.isin(keys, some))
            notes.append(
                f"subset: {len(some)} of {len(names)} groups with all their {len(rest)} rows, "
                f"chosen at random with seed {wanted.seed}"
            )
    if wanted.max_rows is not None and wanted.max_rows < len(rest):
        before = len(rest)
        rest = rest.select(subset_rows(before, wanted.max_rows, wanted.seed))
        notes.append(
            f"subset: {len(rest)} of {before} rows, chosen at random with seed {wanted.seed}"
        )
    return rest, held, tuple(notes)


def _holdouts(peaks: Peaks, wanted: Exclusions, group_col: str) -> list[tuple[ndarray, str]]:
    found: list[tuple[ndarray, str]] = []
    if wanted.pairs_frac:
        part = hold_out_pairs(peaks, wanted.pairs_frac, wanted.pairs_seed, column=group_col)
        what = f"{100 * wanted.pairs_frac:g} % of pairs by hash with seed {wanted.pairs_seed}"
        found.append((part.test, what))
    if wanted.chems_frac:
        known = bool((peaks.chem_id >= 0).any())
        part = hold_out_compounds(
            peaks, wanted.chems_frac, wanted.chems_seed, by="chem_id" if known else "compound"
        )
        kind = "chemicals" if known else "compounds (no chemical is known)"
        what = f"{100 * wanted.chems_frac:g} % of {kind} by hash with seed {wanted.chems_seed}"
        found.append((part.test, what))
    if wanted.clusters:
        part = hold_out_supercategories(peaks, ids=list(wanted.clusters))
        found.append((part.test, f"supercategories {', '.join(map(str, wanted.clusters))}"))
    return found
