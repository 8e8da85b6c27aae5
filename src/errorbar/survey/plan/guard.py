r"""Against the design that puts every planet at the ends of the mass range.

The list that measures a slope best assumes a straight line, and spends nothing on the middle, where
a bend would show. The guard adds a curvature $\gamma(x-p)^2$ that the list must allow for:

- the slope is the tangent at the pivot with $\gamma$ marginalised under $N(0, \kappa^2)$, and
- $\gamma$ itself must be measured to a `limit`, by default to within `slack` of the best that the
  same hours could do.

The list then maximises $(1-\lambda)\varphi_{\rm wanted}+\lambda\varphi_\gamma$ with the smallest
$\lambda$ that keeps the limit. Both parts are concave, so the bound $b$ on the mixture gives one
on the wanted criterion alone: $(b-\lambda\varphi_{\rm limit})/(1-\lambda)$.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.plan.choose import best_list, list_value
from errorbar.survey.plan.criterion import Compound, COptimal, Criterion, criterion_value
from errorbar.survey.plan.relaxed import Purchase, Relaxed, relaxed_optimum

__all__ = ["CurvatureGuard", "Guarded", "guarded_optimum", "least_curvature_sd", "tightened"]

HALVINGS = 9
MOST = 0.999


@dataclass(frozen=True, slots=True)
class CurvatureGuard:
    """How much a list must know about a bend, in dex per squared dex.

    `prior_sd` is how bent the line is thought to be able to be. `limit` is the largest standard
    deviation of the curvature a list may leave; without it, `slack` times the best that a list of
    the same hours leaves.
    """

    prior_sd: float = 0.3
    slack: float = 1.2
    limit: float | None = None

    def __post_init__(self) -> None:
        if not self.prior_sd > 0 or not self.slack >= 1:
            raise DesignError(
                f"a guard with prior_sd={self.prior_sd} and slack={self.slack} guards nothing: the "
                "first must be positive and the second at least 1."
            )
        if self.limit is not None and not self.limit > 0:
            raise DesignError(f"the guard's limit={self.limit} must be a positive curvature sd.")


@dataclass(frozen=True, slots=True, eq=False)
class Guarded:
    """The criterion that keeps a curvature limit, its divisible optimum, and what was asked.

    `bound` is above the wanted criterion of every list that keeps the limit. `straightest` is the
    list that measures the curvature best: it keeps the limit whatever the criterion finds.
    """

    criterion: Criterion
    relaxed: Relaxed
    share: float
    limit: float
    bound: float
    straightest: Bool[ndarray, " rows"]


def guarded_optimum(
    purchase: Purchase, wanted: Criterion, curvature: int, guard: CurvatureGuard
) -> Guarded:
    """The mixture with the least curvature in it that keeps the guard's limit."""
    straightest, best = least_curvature_sd(purchase, curvature)
    limit = guard.slack * best if guard.limit is None else guard.limit
    if not best <= limit:
        raise DesignError(
            f"no list of {purchase.budget:.0f} h measures the curvature to {limit:g}: the best "
            f"reachable sd is {best:.4g}. Raise the guard's limit or the hours."
        )
    return _mixture(purchase, wanted, COptimal(curvature), limit, straightest)


def least_curvature_sd(purchase: Purchase, curvature: int) -> tuple[Bool[ndarray, " rows"], float]:
    """The list that measures the curvature best, and how well."""
    bend = COptimal(curvature)
    chosen = best_list(purchase, bend, relaxed_optimum(purchase, bend))
    return chosen, float(np.exp(-0.5 * list_value(purchase, bend, chosen)))


def tightened(purchase: Purchase, wanted: Criterion, curvature: int, guarded: Guarded) -> Guarded:
    """The same guard leaning a little more on curvature, for lists that rounding left outside."""
    share = min(MOST, guarded.share + 0.1 * (1.0 - guarded.share))
    bend = COptimal(curvature)
    start = guarded.relaxed.share
    return _at(purchase, wanted, bend, guarded.limit, guarded.straightest, share, start)


def _mixture(
    purchase: Purchase,
    wanted: Criterion,
    bend: COptimal,
    limit: float,
    straightest: Bool[ndarray, " rows"],
) -> Guarded:
    low, high = 0.0, MOST
    plain = _at(purchase, wanted, bend, limit, straightest, low)
    if _bend_sd(purchase, bend, plain) <= limit:
        return plain
    tried = plain
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        tried = _at(purchase, wanted, bend, limit, straightest, middle, tried.relaxed.share)
        inside = _bend_sd(purchase, bend, tried) <= limit
        low, high = (low, middle) if inside else (middle, high)
    return _at(purchase, wanted, bend, limit, straightest, high, tried.relaxed.share)


def _at(
    purchase: Purchase,
    wanted: Criterion,
    bend: COptimal,
    limit: float,
    straightest: Bool[ndarray, " rows"],
    share: float,
    start: Float[ndarray, " rows"] | None = None,
) -> Guarded:
    criterion = wanted if share == 0 else Compound((wanted, bend), (1.0 - share, share))
    relaxed = relaxed_optimum(purchase, criterion, start)
    bound = (relaxed.bound + 2.0 * share * float(np.log(limit))) / (1.0 - share)
    return Guarded(criterion, relaxed, share, limit, bound, straightest)


def _bend_sd(purchase: Purchase, bend: COptimal, guarded: Guarded) -> float:
    return float(np.exp(-0.5 * criterion_value(bend, purchase.total(guarded.relaxed.share))))
