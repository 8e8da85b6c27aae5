r"""Questions to intervals and quantiles, whose claims are shares of the truth between their ends.

With the normal deviates of the claimed levels as edges, a truth is in one of a few bins. Its score
for a bias is the mean normal deviate of that bin, for the width the mean of $z^2 - 1$: for one
interval that is coverage, and for many quantiles the best use of all of them. Repairs move and
stretch the normal that stands behind the edges.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize, special, stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.chances import binomial_chance, grouped_chance, sum_chance
from errorbar.core.audit.claims import Claims
from errorbar.core.audit.faults import Question, Repair
from errorbar.core.audit.units import Slice, Units
from errorbar.core.audit.whole import enough

__all__ = ["BinState", "begin_bins"]

_stats = cast(Any, stats)
_least = cast("Callable[..., Any]", optimize.minimize_scalar)  # pyright: ignore[reportUnknownMemberType]
_ndtr = cast("Callable[..., ndarray]", special.ndtr)
_ndtri = cast("Callable[..., ndarray]", special.ndtri)


@dataclass(frozen=True, slots=True, eq=False)
class BinState:
    """Each row's bin, the edges of all bins, and where the normal behind them now stands."""

    bin: ndarray
    edges: ndarray
    shift: ndarray
    scale: ndarray
    units: Units
    slices: tuple[Slice, ...]
    tolerance: float

    def questions(self) -> list[Question]:
        if not enough(self.units, len(self.bin)):
            return []
        every = np.arange(len(self.bin))
        found = self._asked("", "", every, self.units)
        for part in self.slices:
            for at, label in enumerate(part.labels):
                rows = part.rows(at)
                units = self.units.of(rows)
                if enough(units, len(rows)) and len(rows) < len(every):
                    found += self._asked(part.name, label, rows, units)
        return found

    def _asked(self, by: str, level: str, rows: ndarray, units: Units) -> list[Question]:
        masses, first, second = self._parts(rows)
        own = self.bin[rows]
        at = np.arange(len(rows))
        b, w = first[at, own], second[at, own]
        if masses.shape[1] == 3:
            low, high = int((own == 0).sum()), int((own == 2).sum())
            outside = masses[:, ::2].sum(axis=0)
            share = float(outside[0] / outside.sum())
            biased = binomial_chance(low, low + high, share) if low + high else 1.0
            biased = grouped_chance(biased, b, units)
        else:
            t = abs(float(b.sum())) / np.sqrt(max(float(b @ b) * units.effect(b), 1e-300))
            biased = float(2 * _stats.t.sf(t, units.count - 1))
        wide = grouped_chance(sum_chance(second, masses, own), w, units)
        shift, factor = self._shift(rows), self._factor(rows)
        kind = "too narrow" if factor > 1 else "too wide"
        shared = (by, level, "", len(rows), units.count)
        asked = [
            Question("biased", *shared, shift, biased, self.tolerance),
            Question(kind, *shared, float(np.log(factor)), wide, self.tolerance),
        ]
        if not by and masses.shape[1] > 3:
            asked.append(self._shape(masses, own, units))
        return asked

    def _shape(self, masses: ndarray, own: ndarray, units: Units) -> Question:
        found = np.bincount(own, minlength=masses.shape[1])
        claimed = masses.sum(axis=0)
        grown = [units.effect((own == at).astype(np.float64)) for at in range(len(claimed))]
        square = float(((found - claimed) ** 2 / np.maximum(claimed * grown, 1e-300)).sum())
        chance = float(_stats.chi2.sf(square, len(claimed) - 1))
        far = float(np.abs(np.cumsum(found - claimed)).max()) / len(own)
        return Question("shape", "", "", "", len(own), units.count, far, chance, self.tolerance / 2)

    def repair(self, question: Question) -> Repair:
        rows = np.arange(len(self.bin))
        for part in self.slices:
            if part.name == question.by:
                rows = part.rows(part.labels.index(question.level))
        before = self._loss(rows, 0.0, 1.0)
        shift, scale = self.shift.copy(), self.scale.copy()
        if question.kind == "shape":
            return Repair(0.0, 0, {}, None)
        if question.kind == "biased":
            moved = self._shift(rows)
            numbers, after = {"shift_sd": moved}, self._loss(rows, moved, 1.0)
            shift[rows] += moved * scale[rows]
        else:
            factor = self._factor(rows)
            numbers, after = {"factor": factor}, self._loss(rows, 0.0, factor)
            scale[rows] *= factor
        return Repair(before - after, 1, numbers, replace(self, shift=shift, scale=scale))

    def _parts(self, rows: ndarray) -> tuple[ndarray, ndarray, ndarray]:
        """Masses of all bins and the mean deviate and squared deviate, less one, in each."""
        edge = (self.edges - self.shift[rows, None]) / self.scale[rows, None]
        edge = np.pad(edge, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
        mass = np.maximum(np.diff(_ndtr(edge), axis=1), 1e-300)
        flat = np.where(np.isfinite(edge), edge, 0.0)
        height = np.where(np.isfinite(edge), np.exp(-0.5 * flat**2) / np.sqrt(2 * np.pi), 0.0)
        return mass, -np.diff(height, axis=1) / mass, -np.diff(flat * height, axis=1) / mass

    def _shift(self, rows: ndarray) -> float:
        def loss(shift: float) -> float:
            return self._loss(rows, shift, 1.0)

        return float(_least(loss, bounds=(-6, 6), method="bounded").x)

    def _factor(self, rows: ndarray) -> float:
        def loss(logarithm: float) -> float:
            return self._loss(rows, 0.0, float(np.exp(logarithm)))

        return float(np.exp(_least(loss, bounds=(-4, 4), method="bounded").x))

    def _loss(self, rows: ndarray, shift: float, scale: float) -> float:
        """Minus the log likelihood of the bins; rows of one kind are counted together."""
        place = self.shift[rows] + 1j * self.scale[rows]
        kinds, at = np.unique(place, return_inverse=True)
        bins = len(self.edges) + 1
        counts = np.bincount(at * bins + self.bin[rows], minlength=len(kinds) * bins)
        edge = ((self.edges - kinds.real[:, None]) / kinds.imag[:, None] - shift) / scale
        edge = np.pad(edge, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
        mass = np.maximum(np.diff(_ndtr(edge), axis=1), 1e-300)
        return -float(counts @ np.log(mass).ravel())


def begin_bins(
    claims: Claims, units: Units, slices: tuple[Slice, ...], tolerance: float
) -> BinState:
    """The state before any repair."""
    # A truth at an end is inside, as coverage counts it; of two ends it is the upper's bin.
    own = (claims.truth[:, None] > claims.ends).sum(axis=1)
    if claims.form == "interval":
        own[claims.truth == claims.ends[:, 0]] = 1
    rows = len(claims)
    edges = np.asarray(_ndtri(claims.levels))
    return BinState(own, edges, np.zeros(rows), np.ones(rows), units, slices, tolerance)
