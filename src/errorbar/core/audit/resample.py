"""Means by slice with intervals from whole groups drawn again, without drawing rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.core.audit.units import Slice, Units

__all__ = ["Means", "Resampler", "make_resampler"]

MOST_BATCHES = 2000
LEVEL = 0.95

# From means of columns to a number; columns are arrays when resampled.
Formula = Callable[[Mapping[str, ndarray]], ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means of columns over the rows of one level, and over each resampling of them."""

    rows: int
    mean: Mapping[str, ndarray]
    drawn: Mapping[str, ndarray]

    def number(self, formula: Formula) -> tuple[float, float, float]:
        """What the formula gives, and its central 95 % interval."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value, drawn = float(formula(self.mean)), formula(self.drawn)
        known = drawn[np.isfinite(drawn)]
        if len(known) < 2:
            return value, float("nan"), float("nan")
        low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return value, float(low), float(high)


@dataclass(frozen=True, slots=True, eq=False)
class Resampler:
    """Each row's batch of groups, and how often every batch is drawn each time."""

    batch: ndarray
    weight: ndarray

    def means(self, columns: Mapping[str, ndarray], part: Slice) -> list[Means]:
        """The means of every level of a slice."""
        levels, batches = len(part.labels), self.weight.shape[1]
        place = part.code * batches + self.batch
        size = levels * batches
        rows = np.bincount(place, minlength=size).reshape(levels, batches)
        sums = {
            name: np.bincount(place, weights=column, minlength=size).reshape(levels, batches)
            for name, column in columns.items()
        }
        drawn_rows = rows @ self.weight.T
        found: list[Means] = []
        with np.errstate(invalid="ignore", divide="ignore"):
            for at in range(levels):
                count = rows[at].sum()
                mean = {name: np.asarray(total[at].sum() / count) for name, total in sums.items()}
                drawn = {
                    name: (self.weight @ total[at]) / drawn_rows[at] for name, total in sums.items()
                }
                found.append(Means(int(count), mean, drawn))
        return found


def make_resampler(units: Units, rows: int, trials: int, seed: int) -> Resampler:
    """Whole groups are drawn with replacement; above 2000 of them, 2000 batches of groups."""
    rng = np.random.default_rng(seed)
    batches = min(units.count, MOST_BATCHES)
    where = rng.permutation(units.count) % batches if units.count > batches else None
    code = np.arange(rows) if units.code is None else units.code
    batch = code if where is None else where[code]
    weight = rng.multinomial(batches, np.full(batches, 1 / batches), size=trials)
    return Resampler(batch, weight.astype(np.float64))
