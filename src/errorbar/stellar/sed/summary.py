r"""Stars whose label their photometry and parallax contradict.

A star's residual, in units of its predicted spread and from members that had not seen it, is a
pull. The core of all pulls is taken for normal, its width from the median of their sizes, so that
contradictions themselves do not widen it; $p$ is how rare a pull is under that core, and the list
is cut by Benjamini and Hochberg's rule. Real errors have heavier tails than a normal: the list is
where to look, not a verdict on the label. A binary, a blend or a wrong match contradicts as well.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from errorbar.core.errors import SettingsError

__all__ = ["Contradiction", "find_contradictions"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One star: which parameter, what the label says, what photometry says, and by how much.

    `pull` is in units of the predicted spread, `chance` how often the normal core is as far off.
    """

    row: object
    parameter: str
    label: float
    predicted: float
    pull: float
    chance: float


def find_contradictions(
    rows: ndarray,
    names: tuple[str, ...],
    label: Float[ndarray, "rows targets"],
    predicted: Float[ndarray, "rows targets"],
    pull: Float[ndarray, "rows targets"],
    *,
    rate: float = 0.05,
) -> list[Contradiction]:
    """Contradictions, the largest pull first; `rate` is the share of false ones put up with."""
    if not 0 < rate < 1:
        raise SettingsError(f"rate={rate:g} must lie between 0 and 1.")
    found: list[Contradiction] = []
    for at, name in enumerate(names):
        chance = _chances(pull[:, at])
        for row in np.flatnonzero(_benjamini_hochberg(chance, rate)):
            numbers = (label[row, at], predicted[row, at], pull[row, at], chance[row])
            found.append(Contradiction(_plain(rows[row]), name, *map(float, numbers)))
    return sorted(found, key=lambda each: -abs(each.pull))


def _chances(pull: ndarray) -> ndarray:
    width = np.median(np.abs(pull)) / stats.norm.ppf(0.75)
    return 2.0 * stats.norm.sf(np.abs(pull) / width)


def _benjamini_hochberg(chance: ndarray, rate: float) -> ndarray:
    order = np.argsort(chance)
    allowed = rate * np.arange(1, len(chance) + 1) / len(chance)
    passed = np.flatnonzero(chance[order] <= allowed)
    chosen = np.zeros(len(chance), dtype=bool)
    if passed.size:
        chosen[order[: passed[-1] + 1]] = True
    return chosen


def _plain(row: object) -> object:
    return row.item() if isinstance(row, np.generic) else row
