"""A planning question as numbers: what is wanted, what is on offer, what is had already."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.guard import CurvatureGuard
from errorbar.survey.plan.information import Information, target_information
from errorbar.survey.plan.prior import Prior, assumed_prior, prior_precision
from errorbar.survey.plan.relaxed import Purchase
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.trend import JointTrend, MassStarTrend, Trend, check_parameter

__all__ = [
    "Task",
    "had",
    "list_sd",
    "make_task",
    "parameter_sd",
    "purchase",
    "trimmed",
]

# Information on a parameter that no target measures, so that the others can be solved for.
BLIND = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Everything a strategy needs to choose a list.

    `information` holds one matrix per target over the model's parameters and its curvature, `base`
    what prior and observed planets bring. `must` are planets that are on every list.
    """

    targets: Targets
    trend: Trend
    parameter: str
    budget: float
    pivot: float
    information: Information
    base: Float[ndarray, "k k"]
    must: Bool[ndarray, " rows"]
    guard: CurvatureGuard | None = None

    @property
    def index(self) -> int:
        """Where the wanted parameter stands among the information's names."""
        return self.information.names.index(self.parameter)

    @property
    def bends(self) -> Int[ndarray, " bends"]:
        """Where the curvatures stand."""
        names = self.information.names
        return np.array([i for i, n in enumerate(names) if n.startswith("curvature")])

    @property
    def bend(self) -> int:
        """Where the curvature of the wanted parameter's own line stands."""
        last = self.parameter in ("alpha_s", "beta_s", "sigma_s") and len(self.bends) == 2
        return int(self.bends[1 if last else 0])

    @property
    def left(self) -> float:
        """Hours left once the planets that must be observed have been."""
        return self.budget - float(self.targets.hours[self.must].sum())

    @property
    def free(self) -> Bool[ndarray, " rows"]:
        """Targets a strategy may choose from."""
        return self.targets.allowed & ~self.must & (self.targets.hours <= self.left)


def make_task(
    targets: Targets,
    trend: Trend,
    parameter: str,
    budget: float,
    *,
    prior: Prior | None = None,
    must: Sequence[str] = (),
    exclude: Sequence[str] = (),
    observed: Design | None = None,
    guard: CurvatureGuard | None = None,
) -> Task:
    """Check a question and turn it into numbers.

    Of a prior, only the slopes' part guides the choice: the intercept's stands at the mean mass of
    a list that is not chosen yet. `observed` is what has been measured, at no further cost.
    """
    check_parameter(parameter, [trend])
    if not budget > 0:
        raise DesignError(f"a budget of {budget} h buys nothing: give a positive number of hours.")
    if isinstance(trend, JointTrend | MassStarTrend):
        targets = targets.need_star()
    targets = targets.bar(targets.find(exclude, "excluded planet"), "excluded")
    forced = np.zeros(targets.rows, dtype=bool)
    forced[targets.find(must, "planet that must be included")] = True
    _check_forced(targets, forced, budget)
    on_offer = targets.design.take(targets.allowed) if targets.allowed.any() else None
    if on_offer is None:
        raise DesignError(
            f"none of the {targets.rows} targets may be observed; the first is barred because: "
            f"{targets.barred[0]}. Loosen the limits or give other targets."
        )
    information = target_information(
        targets.design,
        trend,
        pivot=on_offer.centre,
        star_pivot=_star_centre(on_offer, trend),
        curvature=True,
    )
    base = _base(information, on_offer, trend, prior, observed)
    bends = [i for i, n in enumerate(information.names) if n.startswith("curvature")]
    base[bends, bends] += (guard or CurvatureGuard()).prior_sd ** -2.0
    return Task(
        targets=targets,
        trend=trend,
        parameter=parameter,
        budget=float(budget),
        pivot=on_offer.centre,
        information=information,
        base=base,
        must=forced,
        guard=guard,
    )


def purchase(task: Task, *, bent: bool) -> tuple[Purchase, Int[ndarray, " free"]]:
    """What is on offer and had, and the rows on offer; `bent` keeps the curvature as a nuisance."""
    rows = np.flatnonzero(task.free)
    base = had(task, bent=bent)
    return Purchase(trimmed(task, bent=bent)[rows], task.targets.hours[rows], task.left, base), rows


def trimmed(task: Task, *, bent: bool) -> Float[ndarray, "rows m m"]:
    """One matrix per target, with the curvature or without."""
    return _straightened(task, task.information.matrices, bent=bent)


def had(task: Task, *, bent: bool) -> Float[ndarray, "k k"]:
    """Information before any choice: prior, observed planets and those that must be observed."""
    base = task.base + task.information.matrices[task.must].sum(axis=0)
    return _straightened(task, base, bent=bent)


def list_sd(
    task: Task, lists: Bool[ndarray, "lists rows"], *, bent: bool = False, of: int | None = None
) -> Float[ndarray, " lists"]:
    """Leading-order sd of the wanted parameter (or the one at `of`) for whole lists."""
    index = task.index if of is None else of
    chosen = (lists | task.must).astype(np.float64)
    matrices = task.information.matrices
    totals = (chosen @ matrices.reshape(len(matrices), -1)).reshape(-1, *task.base.shape)
    return parameter_sd(_straightened(task, totals + task.base, bent=bent), index)


def parameter_sd(totals: Float[ndarray, "lists k k"], index: int) -> Float[ndarray, " lists"]:
    """Leading-order sd of one parameter under many information matrices, infinite if unknown."""
    scale = np.sqrt(np.maximum(np.diagonal(totals, axis1=1, axis2=2), 1e-300))
    shape = totals / (scale[:, :, None] * scale[:, None, :])
    sd = np.full(len(totals), np.inf)
    regular = np.linalg.eigvalsh(shape)[:, 0] > 1e-12
    inverse = np.linalg.inv(shape[regular])[:, index, index]
    sd[regular] = np.sqrt(inverse) / scale[regular, index]
    return sd


def _straightened(
    task: Task, matrices: Float[ndarray, "... k k"], *, bent: bool
) -> Float[ndarray, "... m m"]:
    """Matrices without the curvatures, which come last, unless the line may be bent."""
    size = len(task.information.names) - (0 if bent else len(task.bends))
    return matrices[..., :size, :size]


def _base(
    information: Information,
    on_offer: Design,
    trend: Trend,
    prior: Prior | None,
    observed: Design | None,
) -> Float[ndarray, "k k"]:
    size = len(information.names)
    base = np.zeros((size, size))
    if prior is not None:
        precision = prior_precision(
            assumed_prior(prior, on_offer, trend), on_offer, trend, on_offer.centre
        )
        slopes = [i for i, n in enumerate(information.names) if n.startswith("beta")]
        base[slopes, slopes] = precision[slopes, slopes]
    if observed is not None:
        seen = target_information(
            observed,
            trend,
            pivot=on_offer.centre,
            star_pivot=_star_centre(on_offer, trend),
            curvature=True,
        )
        base += seen.total(observed.weight)
    everything = np.diag(base) + np.einsum("rjj->j", information.matrices)
    blind = np.flatnonzero(everything <= 0)
    base[blind, blind] = BLIND
    return base


def _star_centre(design: Design, trend: Trend) -> float | None:
    return design.star_centre if isinstance(trend, MassStarTrend) else None


def _check_forced(targets: Targets, forced: Bool[ndarray, " rows"], budget: float) -> None:
    barred = np.flatnonzero(forced & ~targets.allowed)
    if barred.size:
        row = int(barred[0])
        raise DesignError(
            f"{targets.names[row]} must be included but may not be observed: "
            f"{targets.barred[row]}. Take it off one of the two lists."
        )
    cost = float(targets.hours[forced].sum())
    if cost > budget:
        raise DesignError(
            f"the planets that must be included cost {cost:.0f} h, more than the budget of "
            f"{budget:g} h: drop some or raise the budget."
        )
