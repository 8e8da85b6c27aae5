"""How many planets, or how many telescope hours, a wanted precision takes, and how surely."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.survey.model import PriorRule
from errorbar.survey.plan.chance import FEWEST, list_sds, ordered_sd
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.guard import CurvatureGuard
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.reach import LEVELS, Question, ReachCurve, Required, make_question
from errorbar.survey.plan.strategy import Strategy, choose_list, guard_can_be_kept
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.task import make_task
from errorbar.survey.plan.trend import Trend

__all__ = ["required_hours", "required_n"]

BUDGETS = 16
BUDGETS_BY_LOT = 64
HALVINGS = 9


def required_n(
    targets: Targets,
    wanted_sd: float,
    trend: Trend | Sequence[Trend],
    *,
    parameter: str = "beta",
    prior: Prior | PriorRule | None = None,
    probability: float = 0.8,
    lucky: bool = True,
    must: Sequence[str] = (),
    observed: Design | None = None,
    draws: int = 200,
    seed: int = 42,
) -> Required:
    """The least number of planets, drawn by lot from the targets that may be observed.

    Many trends stand for a truth that is not known (`spread_trend`). `lucky=False` asks for the
    sd of a typical survey instead of one whose residuals happen to be large or small. Planets
    already `observed` are added to every survey and not counted.
    """
    question = make_question(
        targets, wanted_sd, trend, parameter, prior, probability, lucky, must, observed, draws, seed
    )
    orders = question.orders()
    sd = ordered_sd(question.chances, question.offer.design, orders, observed)
    reached = (sd <= wanted_sd).mean(axis=0)
    size = _first(reached >= probability)
    if size is None:
        raise question.unreachable(sd[:, -1])
    hours = np.cumsum(question.offer.hours[orders], axis=1)
    sizes = np.arange(1.0, question.offer.rows + 1)
    shown = np.isfinite(sd).all(axis=0)
    quantiles = np.quantile(sd[:, shown], LEVELS, axis=0)
    return question.answer(
        "planets",
        "random",
        float(sizes[size]),
        float(reached[size]),
        float(sizes[size]),
        float(np.median(hours[:, size])),
        ReachCurve(sizes[shown], quantiles, reached[shown], sizes[shown]),
    )


def required_hours(
    targets: Targets,
    wanted_sd: float,
    trend: Trend | Sequence[Trend],
    *,
    parameter: str = "beta",
    strategy: Strategy = "leverage-per-hour",
    guard: CurvatureGuard | None = None,
    prior: Prior | PriorRule | None = None,
    probability: float = 0.8,
    lucky: bool = True,
    must: Sequence[str] = (),
    observed: Design | None = None,
    draws: int = 100,
    seed: int = 42,
) -> Required:
    """The least telescope hours, for planets drawn by lot or chosen by a strategy."""
    question = make_question(
        targets, wanted_sd, trend, parameter, prior, probability, lucky, must, observed, draws, seed
    )
    if strategy == "random":
        return _hours_by_lot(question)
    return _hours_by_choice(question, strategy, guard, must)


def _hours_by_choice(
    question: Question, strategy: Strategy, guard: CurvatureGuard | None, must: Sequence[str]
) -> Required:
    chances, offer = question.chances, question.offer
    had = 0.0 if question.observed is None else question.observed.n
    ratios = chances.ratios(offer.design, had + np.arange(1.0, offer.rows + 1))

    def outcome(budget: float) -> tuple[Bool[ndarray, " rows"], Float[ndarray, " draws"]]:
        task = make_task(
            offer,
            chances.trends[0],
            chances.parameter,
            budget,
            must=must,
            observed=question.observed,
            guard=guard,
        )
        nothing = np.zeros(offer.rows, dtype=bool)
        if not guard_can_be_kept(task):
            return nothing, np.full(chances.draws, np.inf)
        chosen = choose_list(task, strategy, seed=question.seed).chosen
        if not chosen.any():
            return nothing, np.full(chances.draws, np.inf)
        ratio = ratios[:, int(chosen.sum()) - 1]
        return chosen, list_sds(chances, offer.design.take(chosen), ratio, question.observed)

    total = float(offer.hours.sum())
    least = max(total * 2e-3, float(np.sort(offer.hours)[:FEWEST].sum()))
    least = max(least, 1.001 * float(offer.hours[question.must].sum()))
    budgets = np.geomspace(min(least, total), total, BUDGETS)
    lists, sds = zip(*(outcome(float(budget)) for budget in budgets), strict=True)
    reached = np.array([(sd <= question.wanted_sd).mean() for sd in sds])
    found = _first(reached >= question.asked)
    if found is None:
        raise question.unreachable(sds[-1])
    low, high = float(budgets[max(found - 1, 0)]), float(budgets[found])
    chosen, sd = lists[found], sds[found]
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        try_list, try_sd = outcome(middle)
        if (try_sd <= question.wanted_sd).mean() >= question.asked:
            high, chosen, sd = middle, try_list, try_sd
        else:
            low = middle
    planets = np.array([float(one.sum()) for one in lists])
    return question.answer(
        "hours",
        strategy,
        high,
        float((sd <= question.wanted_sd).mean()),
        float(chosen.sum()),
        float(offer.hours[chosen].sum()),
        ReachCurve(budgets, _quantiles(np.array(sds)), reached, planets),
    )


def _hours_by_lot(question: Question) -> Required:
    offer, orders = question.offer, question.orders()
    sd = ordered_sd(question.chances, offer.design, orders, question.observed)
    hours = np.cumsum(offer.hours[orders], axis=1)
    done = sd <= question.wanted_sd
    needed = np.where(done.any(axis=1), hours[np.arange(len(sd)), done.argmax(axis=1)], np.inf)
    effort = float(np.quantile(needed, question.asked, method="higher"))
    if not np.isfinite(effort):
        raise question.unreachable(sd[:, -1])
    start = float(np.median(hours[:, min(FEWEST, offer.rows - 1)]))
    budgets = np.geomspace(start, float(offer.hours.sum()), BUDGETS_BY_LOT)
    budgets[-1] = float(hours[:, -1].max())
    count = np.array([np.searchsorted(row, budgets, side="right") for row in hours])
    padded = np.concatenate([np.full((len(sd), 1), np.inf), sd], axis=1)
    at_effort = [np.searchsorted(row, effort, side="right") for row in hours]
    return question.answer(
        "hours",
        "random",
        effort,
        float((needed <= effort).mean()),
        float(np.median(at_effort)),
        effort,
        ReachCurve(
            budgets,
            _quantiles(np.take_along_axis(padded, count, axis=1).T),
            (needed[:, None] <= budgets).mean(axis=0),
            np.median(count, axis=0),
        ),
    )


def _quantiles(sds: Float[ndarray, "efforts draws"]) -> Float[ndarray, "levels efforts"]:
    # Not interpolated: between a finite sd and an infinite one there is no number.
    return np.quantile(sds, LEVELS, axis=1, method="inverted_cdf")


def _first(mask: Bool[ndarray, " efforts"]) -> int | None:
    return int(np.argmax(mask)) if mask.any() else None
