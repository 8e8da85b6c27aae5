r"""Row weights: heavy-tailed noise, and rows that stand for several.

A Student-t error is a normal one whose precision was drawn from a gamma distribution. Given all
else a row's expected precision is $w = (\nu + 1) / (\nu + \mathrm{E}[r^2] / \sigma^2)$, so the
exact solve alternates with new weights until both rest (expectation-maximisation; the scales are at
their mode for the weighted rows). Weights are kept at a mean of one, which they have at rest
(Liu, Rubin & Wu 1998, Biometrika 85, 755), and it is much faster. How heavy the tails are is found
from each row as the others predict it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import optimize

from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.fit.cells import Cells
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.replicates import Replicates
from errorbar.rt.fit.run import MOST_EVALUATIONS, PoolFit, fit_statistics
from errorbar.rt.fit.statistics import collect
from errorbar.rt.fit.stretch import stretched
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.model.times import Times, blend, student_quantile

__all__ = ["Residuals", "fit_rows"]

FIRST_FREEDOM = 5.0
# Beyond these nobody could tell a t from a normal, or has a mean.
FREEDOMS = (2.0, 200.0)
SIMPLEX = np.array([[0.0, 0.0], [-0.2, 0.0], [0.0, 0.4]])
# Rows that the tail is found from, and the most that a row may know of itself.
MOST_ROWS, MOST_LEVERAGE = 20_000, 0.95
# The share of rows that intervals of this level are made to hold, by widening in so many steps.
HELD, WIDENINGS = 0.95, 5
ROUNDS = 15
# Evaluations in the first and the next rounds: while weights still move, the scales' exact mode is
# of no use.
FIRST, NEXT = 30, 8
# Scales have come to rest when their logarithms move less than this.
REST = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Errors of the rows that were fitted: `mean` and `variance` of what is left of each.

    `noise` is the variance of its noise.
    """

    mean: Float[ndarray, " rows"]
    variance: Float[ndarray, " rows"]
    noise: Float[ndarray, " rows"]

    @property
    def square(self) -> Float[ndarray, " rows"]:
        """The expected square, in units of the noise."""
        return (self.mean**2 + self.variance) / self.noise


def fit_rows(
    peaks: Peaks,
    model: PoolModel,
    chemistry: Chemistry | None = None,
    *,
    group_col: str = "species",
    floor: float = 0.0,
    progress: Callable[[int, float], None] | None = None,
) -> PoolFit:
    """Fit a table that is in memory, with whatever weights its rows need."""
    merged = Replicates.of(peaks)
    if model.replicates == "separate" or not merged.sets:
        merged = Replicates(peaks, np.ones(len(peaks), dtype=np.int64), 0.0, 0)
    rows = merged.peaks
    heavy = model.freedom != "normal"
    freedom = _first_freedom(model)
    weight: ndarray | None = merged.weight(2 * merged.within) if merged.sets else None
    fit, before, stretch, last_precision, factor = None, None, None, None, 1.0
    total = 0
    alone = not (heavy or merged.sets or model.stretch)
    for _ in range(1 if alone else ROUNDS):
        statistics = collect(rows, group_col, weight)
        cells = Cells.of(rows, statistics, weight) if model.run_effect else None
        start = None if fit is None else fit.at
        fit = fit_statistics(
            statistics, model, chemistry, cells, stretch=stretch, floor=floor, start=start,
            most=MOST_EVALUATIONS if alone else FIRST if fit is None else NEXT, progress=progress,
        )  # fmt: skip
        total += fit.evaluations
        left = residuals(fit, rows)
        weight = merged.weight(float(left.noise.mean())) if merged.sets else np.ones(len(rows))
        if heavy:
            # No row can be told better than its time was written.
            most = left.noise / weight / floor**2 if floor else np.full(len(rows), np.inf)
            left = replace(left, noise=left.noise / weight)
            old = 1.0 if last_precision is None else last_precision
            told = None if model.freedom == "learned" else freedom
            freedom, factor = likely_tail(left, np.broadcast_to(old, len(rows)), told, floor)
            precision = (freedom + 1) / (freedom + left.square)
            last_precision = np.minimum(precision / precision.mean(), np.maximum(most, 1.0))
            weight = weight * last_precision
        moved = np.inf if before is None else float(np.abs(fit.at - before).max())
        before = fit.at
        if model.stretch:
            last, stretch = stretch, stretched(fit)
            factors = 0.0 if last is None else last.species
            moved = max(moved, float(np.sqrt(np.mean((stretch.species - factors) ** 2))))
        if moved < REST and fit.converged:
            break
    assert fit is not None
    if not merged.sets:
        return replace(fit, freedom=freedom, tail=factor, evaluations=total)
    # Support counts peaks, not sets of them.
    count = collect(peaks, group_col).count
    return replace(
        fit,
        freedom=freedom,
        tail=factor,
        evaluations=total,
        peaks_of_group=count,
        within=merged.within,
    )


def _first_freedom(model: PoolModel) -> float:
    if model.freedom == "normal":
        return np.inf
    return FIRST_FREEDOM if isinstance(model.freedom, str) else float(model.freedom)


def residuals(fit: PoolFit, peaks: Peaks) -> Residuals:
    """What is left of the rows that were fitted."""
    predictor, statistics = Predictor(fit), fit.statistics
    centre, variance, noise = predictor.rows(peaks)
    mean = peaks.rt - centre
    if fit.cells is not None:
        group = statistics.places(peaks)
        _, run = np.unique((statistics.species[group] << 32) + peaks.run, return_inverse=True)
        mean -= fit.known.core[fit.layout.offsets[-1] :][run]
    return Residuals(mean, variance, noise)


def likely_tail(
    left: Residuals, weight: ndarray, freedom: float | None, floor: float = 0.0
) -> tuple[float, float]:
    """Degrees of freedom, and by what factor the noise's variance is off, likeliest for rows.

    Each row is predicted from the others (its own share of what is known is taken out), because
    what a row says of itself looks better than it is. A freedom that is given is kept. Errors are
    at least as wide as `floor`, or times that are written in steps would look like spikes.
    """
    chosen = slice(None, None, 1 + len(left.mean) // MOST_ROWS)
    mean, variance, noise = left.mean[chosen], left.variance[chosen], left.noise[chosen]
    own = np.minimum(weight[chosen] * variance / noise, MOST_LEVERAGE)
    off, unsure = mean / (1 - own), variance / (1 - own)
    zero = np.zeros(len(off), dtype=np.int64)

    def unlikely(at: ndarray) -> float:
        nu = freedom or _degrees(at[1])
        scale = float(np.exp(np.clip(at[0], -2, 2)))
        sd, degrees = blend(unsure, np.maximum(scale * noise, floor**2), nu)
        return -float(Times(0.0 * off, sd, zero, zero, degrees).log_density(off).mean())

    start = np.array([0.0, np.log(freedom or FIRST_FREEDOM)])
    options = {"xatol": 0.02, "fatol": 1e-6, "initial_simplex": start + SIMPLEX}
    found = cast(Any, optimize).minimize(unlikely, start, method="Nelder-Mead", options=options)
    nu, scale = freedom or _degrees(found.x[1]), float(np.exp(np.clip(found.x[0], -2, 2)))
    for _ in range(WIDENINGS):
        # Where the likeliest t leaves out more than it says, it is not the rows' shape: its
        # intervals are to hold.
        sd, degrees = blend(unsure, np.maximum(scale * noise, floor**2), nu)
        reach = student_quantile(np.broadcast_to(degrees, sd.shape), 0.5 + HELD / 2)
        short = float(np.quantile(np.abs(off) / (reach * sd), HELD))
        if short <= 1:
            break
        scale *= short**2
    return nu, scale


def _degrees(log_freedom: float) -> float:
    """A freedom in steps of two percent: finer ones differ in nothing that can be seen."""
    low, high = np.log(FREEDOMS)
    return float(np.exp(np.round(np.clip(log_freedom, low, high) / 0.02) * 0.02))
