r"""The rank that makes a promise for finitely many rows.

Of $n$ calibration scores exchangeable with a new one, the new one is at most the score of rank
$\lceil (n+1)(1-\alpha) \rceil$ with probability at least $1-\alpha$ (Vovk, Gammerman & Shafer 2005)
and, without ties, at most $1-\alpha+1/(n+1)$. For $\alpha < 1/(n+1)$ that rank does not exist.
Given one calibration set the coverage is itself random: $\mathrm{Beta}(k, n+1-k)$ with $k$ the rank
(Vovk 2012), and of $m$ test rows a beta-binomial number is covered.

Rows of one group (a star seen ten times) are not exchangeable with rows of others; groups are. Each
of $G$ groups then weighs $1/(G+1)$, divided among its rows, and the rest lies at infinity: the
quantile of that distribution holds for a row of a new group (Lee, Barber & Willett 2023,
arXiv:2306.06342).
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.doors import read_level
from errorbar.core.errors import InputError, SettingsError

__all__ = [
    "CoverageBand",
    "conformal_quantile",
    "conformal_rank",
    "coverage_band",
    "least_alpha",
    "least_rows",
]

_stats = cast(Any, stats)

# (n + 1) alpha is often a whole number but for rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class CoverageBand:
    """Coverage to expect of sets from `n` rows: from `low` to `high` with probability `level`.

    With `tests`, the share covered of that many test rows; without, of infinitely many.
    """

    low: float
    high: float
    mean: float
    n: int
    alpha: float
    level: float
    tests: int | None

    def holds(self, coverage: float) -> bool:
        """Whether a coverage that was found lies in the band."""
        return self.low <= coverage <= self.high


def least_alpha(n: int) -> float:
    """The smallest alpha that `n` rows can vouch for, 1 / (n + 1)."""
    return 1.0 / (n + 1)


def least_rows(alpha: float) -> int:
    """The fewest rows (or groups) that can vouch for `alpha`: 19 for 0.05."""
    return int(np.ceil(1.0 / read_level(alpha) - 1.0 - ROUNDING))


def conformal_rank(n: int, alpha: float) -> int:
    """The rank, from 1, of the score that is the threshold; refused where it would be n + 1."""
    read_level(alpha)
    rank = n + 1 - int(np.floor((n + 1) * alpha + ROUNDING))
    if rank > n:
        raise InputError(
            f"{n} calibration rows cannot vouch for alpha={alpha:g}: the smallest possible is "
            f"1/(n+1) = {least_alpha(n):.6g}. Take {least_rows(alpha)} rows or more, or a larger "
            "alpha."
        )
    return rank


def conformal_quantile(scores: ndarray, alpha: float, groups: ndarray | None = None) -> float:
    """The threshold below which a new score lies with probability at least 1 - alpha.

    With `groups` the promise is for a row of a new group, and groups are counted.
    """
    if groups is None:
        rank = conformal_rank(len(scores), alpha)
        return float(np.partition(scores, rank - 1)[rank - 1])
    _, place, rows = np.unique(groups, return_inverse=True, return_counts=True)
    rank_all = len(rows) + 1
    conformal_rank(len(rows), alpha)
    order = np.argsort(scores, kind="stable")
    weight = np.cumsum(1.0 / rows[place][order])
    at = int(np.searchsorted(weight, rank_all * (1 - alpha) - ROUNDING))
    return float(scores[order][min(at, len(scores) - 1)])


def coverage_band(
    n: int, alpha: float, level: float = 0.95, *, tests: int | None = None
) -> CoverageBand:
    """The central range of coverage over calibration sets of `n` rows.

    For continuous scores; with ties, or sets that are filled, coverage may lie above it.
    """
    read_level(level, "level")
    if tests is not None and tests < 1:
        raise SettingsError(f"tests={tests}: coverage is a share of one or more test rows.")
    rank = conformal_rank(n, alpha)
    tails = [(1 - level) / 2, (1 + level) / 2]
    if tests is None:
        low, high = _stats.beta.ppf(tails, rank, n + 1 - rank)
    else:
        low, high = _stats.betabinom.ppf(tails, tests, rank, n + 1 - rank) / tests
    return CoverageBand(float(low), float(high), rank / (n + 1), n, alpha, level, tests)
