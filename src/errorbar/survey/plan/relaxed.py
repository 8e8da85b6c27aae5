r"""The best list there could be if planets were divisible, and the bound it proves.

Let $z_i\in[0,1]$ be the share of planet $i$ that is observed, $\sum z_ih_i\le B$ the hours. The
criterion is concave in $M(z)=M_0+\sum z_iM_i$, so its best is found by conditional gradients
(Frank and Wolfe): each step solves a fractional knapsack, that is ranks planets by
$\mathrm{tr}(GM_i)/h_i$, the information each hour buys. The same knapsack bounds every list, whole
planets or not: $j(M')\le j(M)\max_z\mathrm{tr}(GM(z))$.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.optimize import brentq

from errorbar.survey.plan.criterion import Criterion, criterion_value

__all__ = ["Purchase", "Relaxed", "information_per_hour", "relaxed_optimum"]

STEPS = 600
TOLERANCE = 1e-4
STRIDE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Purchase:
    """What may be bought: matrices and hours of planets, the hours left, what is had already."""

    matrices: Float[ndarray, "rows k k"]
    hours: Float[ndarray, " rows"]
    budget: float
    base: Float[ndarray, "k k"]

    def total(self, share: Float[ndarray, " rows"]) -> Float[ndarray, "k k"]:
        """Information of what is had and of these shares together."""
        return self.base + np.einsum("r,rjk->jk", share, self.matrices)


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """Shares of the divisible optimum, its value, and a bound that no list exceeds.

    `converged` is false where the bound is more than `TOLERANCE` above the value: it still holds.
    """

    share: Float[ndarray, " rows"]
    value: float
    bound: float
    gradient: Float[ndarray, "k k"]
    steps: int
    converged: bool


def information_per_hour(
    purchase: Purchase, gradient: Float[ndarray, "k k"]
) -> Float[ndarray, " rows"]:
    """How much of the criterion an hour on each planet buys."""
    return np.einsum("rjk,kj->r", purchase.matrices, gradient) / purchase.hours


def relaxed_optimum(
    purchase: Purchase, criterion: Criterion, start: Float[ndarray, " rows"] | None = None
) -> Relaxed:
    """The divisible optimum by conditional gradients, with the tightest bound met on the way.

    `start` are shares within the hours to begin from, such as the optimum of a like criterion.
    """
    even = np.full(len(purchase.hours), min(1.0, purchase.budget / purchase.hours.sum()))
    share = even if start is None else 0.9 * start + 0.1 * even
    bound = np.inf
    best = np.eye(len(purchase.base))
    for step in range(STEPS):
        total = purchase.total(share)
        gradient = criterion.gradient(total)
        corner = _knapsack(purchase, information_per_hour(purchase, gradient))
        reach = purchase.total(corner)
        value = criterion_value(criterion, total)
        here = value + float(np.log(np.einsum("jk,kj->", gradient, reach)))
        if here < bound:
            bound, best = here, gradient
        if bound - value < TOLERANCE:
            return Relaxed(share, value, bound, best, step, converged=True)
        share = share + _stride(criterion, total, reach - total) * (corner - share)
    value = criterion_value(criterion, purchase.total(share))
    return Relaxed(share, value, bound, best, STEPS, converged=False)


def _knapsack(purchase: Purchase, rate: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
    """Shares that buy the most at these rates: the best whole, the one at the edge in part."""
    order: Int[ndarray, " rows"] = np.argsort(-rate, kind="stable")
    spent = np.cumsum(purchase.hours[order])
    left = purchase.budget - (spent - purchase.hours[order])
    share = np.empty_like(rate)
    share[order] = np.clip(left / purchase.hours[order], 0.0, 1.0)
    return share


def _stride(
    criterion: Criterion, total: Float[ndarray, "k k"], change: Float[ndarray, "k k"]
) -> float:
    """How far to go along a concave rise: to where its slope is nothing, or to the end."""

    def slope(stride: float) -> float:
        return float(np.vdot(criterion.gradient(total + stride * change), change))

    if slope(1.0) >= 0:
        return 1.0
    if slope(0.0) <= 0:
        return 0.0
    return cast("float", brentq(slope, 0.0, 1.0, xtol=STRIDE))
