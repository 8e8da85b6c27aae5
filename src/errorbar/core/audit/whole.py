r"""Questions to claims that are whole distributions, asked of their normal scores.

Standard normal scores have mean 0 (Student's t), spread 1 (chi square, around their own mean), the
kurtosis and skewness of a normal (Anscombe & Glynn 1983; D'Agostino 1970), and a uniform PIT
(Kolmogorov). Spread is asked around the mean, kurtosis of standardised scores, so that one fault
does not pass for another.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import special, stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.chances import grouped_chance, two_sided
from errorbar.core.audit.faults import Question, Repair
from errorbar.core.audit.tails import fit_tails
from errorbar.core.audit.units import Slice, Units

__all__ = ["LEAST_GROUPS", "LEAST_ROWS", "ScoreState", "enough"]

_stats = cast(Any, stats)
_ndtr = cast("Callable[..., ndarray]", special.ndtr)

# Fewer say nothing that a correction for many questions would let stand.
LEAST_ROWS, LEAST_GROUPS = 20, 8


def enough(units: Units, rows: int) -> bool:
    """Whether rows and groups are enough to ask anything."""
    return rows >= LEAST_ROWS and units.count >= LEAST_GROUPS


@dataclass(frozen=True, slots=True, eq=False)
class ScoreState:
    """Normal scores, repaired for the faults that were found."""

    z: ndarray
    units: Units
    slices: tuple[Slice, ...]
    tolerance: float

    def questions(self) -> list[Question]:
        if not enough(self.units, len(self.z)):
            return []
        found = [*self._moments("", "", self.z, self.units), *self._shapes()]
        for part in self.slices:
            for at, label in enumerate(part.labels):
                rows = part.rows(at)
                units = self.units.of(rows)
                if enough(units, len(rows)) and len(rows) < len(self.z):
                    found += self._moments(part.name, label, self.z[rows], units)
        return found

    def _moments(self, by: str, level: str, z: ndarray, units: Units) -> list[Question]:
        rows, mean, spread = len(z), float(z.mean()), float(z.std(ddof=1))
        t = abs(mean) / max(spread, 1e-300) * np.sqrt(rows / units.effect(z))
        biased = float(2 * _stats.t.sf(t, units.count - 1))
        chi = (rows - 1) * spread**2
        apart = np.square(np.clip(z, -3, 3))
        wide = grouped_chance(
            two_sided(_stats.chi2.cdf(chi, rows - 1), _stats.chi2.sf(chi, rows - 1)), apart, units
        )
        kind = "too narrow" if spread > 1 else "too wide"
        shared = (by, level, "", rows, units.count)
        return [
            Question("biased", *shared, mean, biased, self.tolerance),
            Question(kind, *shared, float(np.log(max(spread, 1e-300))), wide, self.tolerance),
        ]

    def _shapes(self) -> list[Question]:
        x: ndarray = (self.z - self.z.mean()) / max(float(self.z.std()), 1e-300)
        kept = np.clip(x, -3, 3)
        heavy, skew = _mean(x**4) - 3, _mean(x**3)
        u: ndarray = np.sort(_ndtr(self.z))
        rows = len(u)
        place = np.arange(rows)
        above, below = np.max((place + 1) / rows - u), np.max(u - place / rows)
        far = float(max(above, below))
        ks = float(_stats.kstwobign.sf(far * (np.sqrt(rows) + 0.12 + 0.11 / np.sqrt(rows))))
        chances = (
            grouped_chance(float(_stats.kurtosistest(x).pvalue), kept**4 - 6 * kept**2, self.units),
            grouped_chance(float(_stats.skewtest(x).pvalue), kept**3 - 3 * kept, self.units),
            grouped_chance(ks, np.sign(self.z), self.units),
        )
        shared = ("", "", "", rows, self.units.count)
        return [
            Question("heavy tails" if heavy > 0 else "light tails", *shared, heavy, chances[0],
                     5 * self.tolerance),
            Question("skewed", *shared, skew, chances[1], 2.5 * self.tolerance),
            Question("shape", *shared, far, chances[2], self.tolerance / 2),
        ]  # fmt: skip

    def repair(self, question: Question) -> Repair:
        rows = np.arange(len(self.z))
        for part in self.slices:
            if part.name == question.by:
                rows = part.rows(part.labels.index(question.level))
        z = self.z[rows]
        if question.kind == "biased":
            shift = float(z.mean())
            return self._repaired(rows, z - shift, len(z) * shift**2 / 2, 1, {"shift_sd": shift})
        if question.kind in ("too narrow", "too wide"):
            factor, square = max(float(z.std(ddof=1)), 1e-9), float(np.mean(z**2))
            gain = len(z) / 2 * (square - square / factor**2 - 2 * np.log(factor))
            return self._repaired(rows, z / factor, gain, 1, {"factor": factor})
        if question.kind == "shape":
            return Repair(0.0, 0, {}, None)
        fitted = fit_tails(z, question.kind)
        return self._repaired(rows, fitted.scores, fitted.gain, fitted.free, fitted.numbers)

    def _repaired(
        self, rows: ndarray, scores: ndarray, gain: float, free: int, numbers: dict[str, float]
    ) -> Repair:
        z = self.z.copy()
        z[rows] = scores
        return Repair(float(gain), free, numbers, replace(self, z=z))


def _mean(values: ndarray) -> float:
    return float(values.mean())
