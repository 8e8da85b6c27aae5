r"""Plain means, with every row scored: by its pair, its compound, its class, or all of them.

A row of a mean over $n$ rows has variance $s^2 (1 + 1/n)$, with $s^2$ the variance about the means
pooled over all of that level. A class (or everything) is the mean of its $m$ compounds, for one
compound more: variance $B (1 + 1/m) + s^2$, with $B$ the pooled variance of compounds about their
class and $s^2$ that of rows about their compound.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.baselines.groups import compound_labels
from errorbar.rt.data.keys import find_places, pair_keys
from errorbar.rt.data.peaks import Peaks
from errorbar.rt.model.times import Times, known_codes

__all__ = ["Level", "MeansFit", "fit_means"]

# Minutes. Times are written with few digits, and equal times in all pairs are no certainty.
SMALLEST_SD = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Means of one level, sorted by id, with the standard deviation of a new row about each."""

    ids: Int[ndarray, " ids"]
    mean: Float[ndarray, " ids"]
    sd: Float[ndarray, " ids"]


@dataclass(frozen=True, slots=True, eq=False)
class MeansFit:
    """Means of pairs, compounds and classes, and of everything; `by` says where a row begins.

    `pair_rows` are the rows of each pair, `species` all that were seen.
    """

    by: Literal["pair", "compound"]
    pairs: Level
    compounds: Level
    classes: Level
    everything: Level
    pair_rows: Int[ndarray, " pairs"]
    species: Int[ndarray, " species"]

    def predict(self, peaks: Peaks) -> Times:
        """Times of all peaks, each from the finest level that has it."""
        keys = pair_keys(peaks.species, peaks.compound)
        levels = [
            (self.pairs, keys),
            (self.compounds, peaks.compound),
            (self.classes, peaks.compound_class),
            (self.everything, np.zeros(len(peaks), dtype=np.int64)),
        ]
        mean, sd = np.full((2, len(peaks)), np.nan)
        for level, ids in levels[0 if self.by == "pair" else 1 :]:
            at = find_places(level.ids, ids)
            found = np.isnan(mean) & (at >= 0)
            mean[found], sd[found] = level.mean[at[found]], level.sd[at[found]]
        at = find_places(self.pairs.ids, keys)
        known = known_codes(
            pair=at >= 0,
            species=find_places(self.species, peaks.species) >= 0,
            compound=find_places(self.compounds.ids, peaks.compound) >= 0,
        )
        support = np.where(at >= 0, self.pair_rows[at], 0)
        return Times(mean, sd, known, support)


def fit_means(peaks: Peaks, *, by: Literal["pair", "compound"] = "compound") -> MeansFit:
    """Means that know nothing of runs: of each compound, or of each species and compound.

    Rows without a class of compounds (-1) fall back on the mean of all.
    """
    if by not in ("pair", "compound"):
        raise SettingsError(f"by={by!r} must be pair or compound.")
    if not len(peaks):
        raise TableError("there are no peaks, so there is nothing to fit: read some first.")
    compounds, _, classes = compound_labels(peaks)
    one = np.zeros(len(compounds), dtype=np.int64)
    _, plain, members, within = _pooled(peaks.compound, peaks.rt, np.nan)
    apart = _pooled(one, plain, 0.0)[3]
    # With one row of every compound, what sets compounds apart stands for what sets rows apart.
    within = apart if np.isnan(within) else within
    keys, pair_means, pair_rows, between_rows = _pooled(
        pair_keys(peaks.species, peaks.compound), peaks.rt, within
    )
    named = classes >= 0
    within_class = _pooled(classes[named], plain[named], apart)[3] if named.any() else apart
    return MeansFit(
        by=by,
        pairs=_level(keys, pair_means, between_rows * (1 + 1 / pair_rows)),
        compounds=_level(compounds, plain, within * (1 + 1 / members)),
        classes=_of_compounds(classes[named], plain[named], within_class, within),
        everything=_of_compounds(one, plain, apart, within),
        pair_rows=pair_rows,
        species=np.unique(peaks.species),
    )


def _of_compounds(
    ids: Int[ndarray, " compounds"],
    means: Float[ndarray, " compounds"],
    apart: float,
    within: float,
) -> Level:
    """Groups of compounds, for one compound more."""
    names, centre, count, _ = _pooled(ids, means, apart)
    return _level(names, centre, apart * (1 + 1 / count) + within)


def _level(
    ids: Int[ndarray, " ids"], mean: Float[ndarray, " ids"], variance: Float[ndarray, " ids"]
) -> Level:
    return Level(ids.astype(np.int64), mean, np.maximum(np.sqrt(variance), SMALLEST_SD))


def _pooled(
    ids: Int[ndarray, " rows"], y: Float[ndarray, " rows"], otherwise: float
) -> tuple[Int[ndarray, " ids"], Float[ndarray, " ids"], Int[ndarray, " ids"], float]:
    """Ids, their means and counts, and the variance about them, `otherwise` where none shows."""
    names, at, count = np.unique(ids, return_inverse=True, return_counts=True)
    # About a middle first, so that a time far from zero loses no digits.
    middle = float(y.mean()) if len(y) else 0.0
    mean = middle + np.bincount(at, y - middle, minlength=len(names)) / count
    freedom = len(y) - len(names)
    if freedom == 0:
        return names, mean, count, otherwise
    return names, mean, count, float(np.square(y - mean[at]).sum() / freedom)
