r"""How rare is this, if claims are true?

For rows whose outcome $k$ has the claimed probability $p_{ik}$ and the score $s_{ik}$, the
distribution of the sum of scores is known, whatever its skewness: its cumulant function is
$K(t) = \sum_i \log \sum_k p_{ik} e^{t s_{ik}}$, and its tail follows from the saddle point
$K'(t) = x$ (Lugannani & Rice 1980). Rows of one group are not independent: the normal deviate is
divided by the root of the design effect and read as Student's $t$ of as many degrees of freedom as
there are groups, less one.
"""

from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.units import Units

__all__ = ["binomial_chance", "exact_band", "grouped_chance", "holm", "sum_chance", "two_sided"]

_stats = cast(Any, stats)

# Above so many terms a sum is normal, and the saddle point costs seconds.
MANY = 1_000_000


def two_sided(below: float, above: float) -> float:
    """The chance of something as rare on either side."""
    return float(min(1.0, 2 * min(below, above)))


def grouped_chance(chance: float, scores: ndarray, units: Units) -> float:
    """A chance found for independent rows, when rows of a group share their errors."""
    if units.code is None or not 0 < chance < 1:
        return chance
    deviate = float(_stats.norm.isf(chance / 2)) / np.sqrt(units.effect(scores))
    return float(2 * _stats.t.sf(deviate, max(units.count - 1, 1)))


def binomial_chance(hits: int, rows: int, share: float) -> float:
    """The chance of a count as far from its mean."""
    binom = _stats.binom
    return two_sided(binom.cdf(hits, rows, share), binom.sf(hits - 1, rows, share))


def exact_band(hits: float, rows: float, level: float = 0.95) -> tuple[float, float]:
    """The range of probabilities that a count does not contradict (Clopper & Pearson 1934)."""
    tail = (1 - level) / 2
    low = 0.0 if hits <= 0 else float(_stats.beta.ppf(tail, hits, rows - hits + 1))
    high = 1.0 if hits >= rows else float(_stats.beta.ppf(1 - tail, hits + 1, rows - hits))
    return low, high


def holm(chances: ndarray) -> ndarray:
    """Chances that may be compared with one alpha, however many there are (Holm 1979)."""
    order = np.argsort(chances)
    raised = chances[order] * np.arange(len(chances), 0, -1)
    found = np.empty(len(chances))
    found[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return found


def sum_chance(scores: ndarray, probs: ndarray, outcome: ndarray) -> float:
    """The chance of a sum of scores as far from its mean, rows of the claimed probabilities."""
    total = float(np.take_along_axis(scores, outcome[:, None], 1).sum())
    mean = (probs * scores).sum(axis=1)
    away = scores - mean[:, None]
    total -= float(mean.sum())
    variance = float((probs * away**2).sum())
    if not variance > 0:
        return 1.0 if abs(total) < 1e-9 else 0.0
    deviate = total / np.sqrt(variance)
    if abs(deviate) < 0.5 or scores.size > MANY:
        return float(2 * _stats.norm.sf(abs(deviate)))
    likely = np.where(probs > 0, away, np.nan)
    most = float(np.nanmax(likely, axis=1).sum() if total > 0 else np.nanmin(likely, axis=1).sum())
    if abs(total) >= abs(most) * (1 - 1e-9):
        # At the edge of what can be: only one outcome is as far.
        edge = likely == (np.nanmax if total > 0 else np.nanmin)(likely, axis=1)[:, None]
        rare = float(np.log((probs * edge).sum(axis=1)).sum())
        return 0.0 if abs(total) > abs(most) * (1 + 1e-9) else min(1.0, 2 * float(np.exp(rare)))
    return _saddle(away, probs, total, variance)


def _saddle(away: ndarray, probs: ndarray, total: float, variance: float) -> float:
    with np.errstate(divide="ignore"):
        logs = np.log(probs)

    def cumulants(t: float) -> tuple[float, float, float]:
        power = logs + t * away
        top = power.max(axis=1, keepdims=True)
        weight = np.exp(power - top)
        norm = weight.sum(axis=1)
        weight = weight / norm[:, None]
        mean = (weight * away).sum(axis=1)
        spread = (weight * away**2).sum(axis=1) - mean**2
        value = float((np.log(norm) + top[:, 0]).sum())
        return value, float(mean.sum()), float(spread.sum())

    t, low, high = total / variance, -np.inf, np.inf
    value, mean, spread = cumulants(t)
    for _ in range(60):
        low, high = (max(low, t), high) if mean < total else (low, min(high, t))
        step = t + (total - mean) / max(spread, 1e-300)
        # Bisect where Newton's step leaves what is known to hold the root.
        inside = low < step < high
        t = step if inside else (2 * t if not np.isfinite(low + high) else (low + high) / 2)
        value, mean, spread = cumulants(t)
        if abs(mean - total) < 1e-8 * np.sqrt(variance):
            break
    w = float(np.sign(t) * np.sqrt(max(2 * (t * total - value), 0.0)))
    v = float(t * np.sqrt(spread))
    if abs(w) < 1e-4 or v == 0:
        return 1.0
    tail = float(_stats.norm.sf(abs(w)) + _stats.norm.pdf(w) * (1 / abs(v) - 1 / abs(w)))
    return float(np.clip(2 * tail, 0.0, 1.0))
