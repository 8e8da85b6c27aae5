"""One planning question from targets to a list with tables: `plan_survey`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from jaxtyping import Bool
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule
from errorbar.survey.plan.budget import budget_table, budgets_around
from errorbar.survey.plan.columns import read_targets
from errorbar.survey.plan.guard import CurvatureGuard
from errorbar.survey.plan.observed import Observed, fitted_trends, read_observed
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.reach import Required
from errorbar.survey.plan.required import required_hours
from errorbar.survey.plan.strategy import Choice, Strategy, choose_list
from errorbar.survey.plan.table import (
    RANDOM_LISTS,
    comparison_table,
    list_table,
    offer_table,
    precision_table,
)
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.task import Task, list_sd, make_task
from errorbar.survey.plan.trend import ModelName, Trend, default_trend, model_of

__all__ = ["SurveyPlan", "plan_survey"]

# Draws of what is open when hours are asked for: a joint posterior takes fifty times as long.
DRAWS: dict[ModelName, int] = {"single": 100, "joint": 30, "mass-star": 60}


@dataclass(frozen=True, slots=True, eq=False)
class SurveyPlan:
    """A list of targets, why these, and what they will bring.

    Tables (Polars):

    - `listed`: the list in observing order, with what is known after each planet;
    - `others`: every other target, with what it alone would add or why it is barred;
    - `comparison`: other strategies at the same hours, with and without the guard;
    - `precision`: the standard deviation of every parameter;
    - `budgets`: what fewer or more hours would buy.

    `sd` is the leading order of the wanted parameter, `typical_sd` the median posterior, and
    `least_sd` a bound that no list of these hours can pass (NaN if the strategy proves none).
    Under a guard, both are for a line that may be curved.
    """

    parameter: str
    strategy: str
    guard: CurvatureGuard | None
    budget_hours: float
    hours: float
    planets: int
    sd: float
    typical_sd: float
    least_sd: float
    curvature_sd: float
    trend: Trend
    seed: int
    listed: pl.DataFrame
    others: pl.DataFrame
    comparison: pl.DataFrame
    precision: pl.DataFrame
    budgets: pl.DataFrame
    reach: Required | None = None
    observed_planets: int = 0

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables by name, the reach curve among them where a precision was asked for."""
        tables = {
            "listed": self.listed,
            "others": self.others,
            "comparison": self.comparison,
            "precision": self.precision,
            "budgets": self.budgets,
        }
        if self.reach is not None:
            curve = self.reach.curve
            columns = {self.reach.unit: curve.effort, "planets_median": curve.planets}
            columns |= {f"sd_{100 * q:g}": row for q, row in zip(curve.levels, curve.sd)}
            tables["reach"] = pl.DataFrame(columns | {"probability": curve.probability})
        return tables


def plan_survey(
    targets: Targets | Any,
    *,
    budget_hours: float | None = None,
    wanted_sd: float | None = None,
    parameter: str = "beta",
    strategy: Strategy = "leverage-per-hour",
    guard: CurvatureGuard | None = None,
    model: ModelName = "single",
    trend: Trend | Sequence[Trend] | Literal["observed"] | None = None,
    prior: Prior | PriorRule | None = None,
    must: Sequence[str] = (),
    exclude: Sequence[str] = (),
    observed: Observed | Any | None = None,
    probability: float = 0.8,
    random_lists: int = RANDOM_LISTS,
    seed: int = 42,
) -> SurveyPlan:
    """Choose targets for the hours at hand, or for the least hours that reach a wanted sd.

    `targets` is a `Targets` or any table `read_targets` reads. `trend` is what is taken to be
    true (several of them where it is uncertain; the first one guides the choice), by default the
    default trend of `model`. `observed` is what has been measured already: it costs nothing and
    its planets are not offered again; with `trend="observed"` it also says what is true.
    """
    offer = targets if isinstance(targets, Targets) else read_targets(targets)
    if (budget_hours is None) == (wanted_sd is None):
        raise DesignError(
            "say either the hours at hand (budget_hours) or the precision wanted (wanted_sd): "
            "one of them follows from the other."
        )
    if budget_hours is not None and not (np.isfinite(budget_hours) and budget_hours > 0):
        raise DesignError(
            f"a budget of {budget_hours:g} h buys nothing: give a positive number of hours."
        )
    done = observed if isinstance(observed, Observed) or observed is None else None
    if observed is not None and done is None:
        blurred = offer.design.x_sigma is not None
        done = read_observed(observed, _kind(trend, model), mass_errors=blurred)
    trends = _trends(trend, model, done, seed)
    if done is not None:
        offer = offer.bar(done.rows(offer), "observed already")
    offer = offer.bar(offer.find(exclude, "excluded planet"), "excluded")
    design = None if done is None else done.design
    reach, hours = None, budget_hours
    if wanted_sd is not None:
        reach = required_hours(
            offer,
            wanted_sd,
            trends,
            parameter=parameter,
            strategy=strategy,
            guard=guard,
            prior=prior,
            probability=probability,
            must=must,
            observed=design,
            draws=DRAWS[model_of(trends[0])],
            seed=seed,
        )
        hours = reach.effort
    numbers = None if isinstance(prior, PriorRule) else prior
    task = make_task(
        offer,
        trends[0],
        parameter,
        float(hours or 0.0),
        prior=numbers,
        must=must,
        observed=design,
        guard=guard,
    )
    choice = choose_list(task, strategy, seed=seed)
    return _plan(task, choice, strategy, prior, done, reach, random_lists, seed)


def _plan(
    task: Task,
    choice: Choice,
    strategy: Strategy,
    prior: Prior | PriorRule | None,
    done: Observed | None,
    reach: Required | None,
    random_lists: int,
    seed: int,
) -> SurveyPlan:
    chosen = choice.chosen
    _check_measurable(task, chosen)
    bent = task.guard is not None
    precision = precision_table(task, chosen, prior, None if done is None else done.design)
    row = precision.filter(pl.col("parameter") == task.parameter)
    sd = float(list_sd(task, chosen[None], bent=bent)[0])
    straight = float(list_sd(task, chosen[None])[0])
    return SurveyPlan(
        parameter=task.parameter,
        strategy=strategy,
        guard=task.guard,
        budget_hours=task.budget,
        hours=float(task.targets.hours[chosen].sum()),
        planets=int(chosen.sum()),
        sd=sd,
        typical_sd=float(row["typical_sd"][0]) * sd / straight,
        least_sd=choice.least_sd,
        curvature_sd=float(list_sd(task, chosen[None], bent=True, of=task.bend)[0]),
        trend=task.trend,
        seed=seed,
        listed=list_table(task, chosen),
        others=offer_table(task, chosen),
        comparison=comparison_table(task, strategy, choice, random_lists, seed),
        precision=precision,
        budgets=budget_table(task, strategy, budgets_around(task), seed=seed),
        reach=reach,
        observed_planets=0 if done is None else len(done.names),
    )


def _check_measurable(task: Task, chosen: Bool[ndarray, " rows"]) -> None:
    if np.isfinite(list_sd(task, chosen[None])[0]):
        return
    cheapest = float(np.sort(task.targets.hours[task.targets.allowed])[:2].sum())
    raise DesignError(
        f"{task.budget:g} h buy {int(chosen.sum())} planets with the strategy chosen, which do not "
        f"determine {task.parameter}: a line needs two planets of different mass, and the two "
        f"cheapest cost {cheapest:.1f} h. Raise the budget or choose another strategy."
    )


def _kind(trend: Trend | Sequence[Trend] | Literal["observed"] | None, model: ModelName) -> Trend:
    """Any trend of the model that is planned for."""
    if trend is None or isinstance(trend, str):
        return default_trend(model)
    return next(iter(trend)) if isinstance(trend, Sequence) else trend


def _trends(
    trend: Trend | Sequence[Trend] | Literal["observed"] | None,
    model: ModelName,
    done: Observed | None,
    seed: int,
) -> tuple[Trend, ...]:
    if isinstance(trend, str):
        if trend != "observed" or done is None:
            raise DesignError(
                f"trend={trend!r} is no trend: pass one, or 'observed' together with a survey that "
                "has been observed."
            )
        return fitted_trends(done.data, model, draws=DRAWS[model], seed=seed)
    if trend is None:
        return (default_trend(model),)
    return tuple(trend) if isinstance(trend, Sequence) else (trend,)
