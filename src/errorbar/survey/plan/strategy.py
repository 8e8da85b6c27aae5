"""Ways to choose a list of targets, from drawing lots to the best there can be."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.plan.aims import line_criterion, target_criterion
from errorbar.survey.plan.choose import best_list, fill
from errorbar.survey.plan.criterion import Criterion
from errorbar.survey.plan.guard import (
    Guarded,
    guarded_optimum,
    least_curvature_sd,
    tightened,
)
from errorbar.survey.plan.relaxed import information_per_hour, relaxed_optimum
from errorbar.survey.plan.task import Task, list_sd, purchase

__all__ = ["STRATEGIES", "Choice", "Strategy", "choose_list", "guard_can_be_kept", "random_lists"]

Strategy = Literal[
    "leverage-per-hour", "c-optimal", "d-optimal", "i-optimal", "cheapest-first", "random"
]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

CENTRES = 201
FILLED = 12
TIGHTENINGS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """One list: `chosen` marks its planets, those that must be observed among them.

    `least_sd` is a bound below which no list of these hours brings the wanted parameter, NaN where
    the strategy proves none. Under a guard, `curvature_share` is the weight of the curvature in
    the criterion and `curvature_limit` the sd it was held to.
    """

    chosen: Bool[ndarray, " rows"]
    least_sd: float = float("nan")
    curvature_share: float = 0.0
    curvature_limit: float = float("nan")


def choose_list(task: Task, strategy: Strategy, *, seed: int = 0) -> Choice:
    """The list that a strategy makes of a task's hours.

    - `leverage-per-hour` ranks by $w_i(x_i-m)^2/h_i$ and scans the centre $m$; under a guard it
      ranks by what an hour buys at the guarded optimum. It fills the hours once.
    - `c-optimal` is the same question with exchange until no swap helps, for any parameter.
    - `d-optimal` shrinks the volume of all coefficients, `i-optimal` the mean variance of the
      line over the planets on offer.
    - `cheapest-first` takes planets by their hours, `random` by lot until the hours run out.
    """
    if strategy not in STRATEGIES:
        raise DesignError(
            f"strategy={strategy!r} is not one of {', '.join(STRATEGIES)}: choose one of these."
        )
    if not task.free.any():
        return Choice(task.must.copy())
    if strategy == "random":
        return Choice(random_lists(task, 1, seed=seed)[0])
    if strategy == "cheapest-first":
        shop, rows = purchase(task, bent=False)
        return Choice(_on_list(task, rows, fill(np.argsort(shop.hours), shop.hours, shop.budget)))
    if strategy == "leverage-per-hour":
        _check_slope(task)
        if task.guard is None:
            return _leverage(task)
    return _optimal(task, strategy)


def guard_can_be_kept(task: Task) -> bool:
    """Whether any list of the task's hours measures the curvature as well as its guard asks."""
    if task.guard is None or task.guard.limit is None or not task.free.any():
        return True
    shop, _ = purchase(task, bent=True)
    return least_curvature_sd(shop, task.bend)[1] <= task.guard.limit


def random_lists(task: Task, lists: int, *, seed: int) -> Bool[ndarray, "lists rows"]:
    """Lists that take planets by lot until the next would pass the hours."""
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(task.targets.allowed & ~task.must)
    chosen = np.repeat(task.must[None], lists, axis=0)
    for one in chosen:
        order = rng.permutation(rows)
        one[order[np.cumsum(task.targets.hours[order]) <= task.left]] = True
    return chosen


def _check_slope(task: Task) -> None:
    """Leverage is about slopes with mass: any other parameter is sent to `c-optimal`."""
    plane = "alpha_s" not in task.information.names and task.parameter == "beta_s"
    if plane or not task.parameter.startswith("beta"):
        raise DesignError(
            f"`leverage-per-hour` measures slopes with mass, and {task.parameter} is none: "
            "use the strategy `c-optimal`."
        )


def _leverage(task: Task) -> Choice:
    """Rank by leverage an hour around each of many centres and keep the best list."""
    shop, rows = purchase(task, bent=False)
    x = task.targets.design.x[rows] - task.pivot
    weight = _line_weight(task)[rows]
    centres = np.linspace(x.min(), x.max(), CENTRES)
    orders = np.argsort(-weight * (x - centres[:, None]) ** 2 / shop.hours, axis=1, kind="stable")
    affordable = np.cumsum(shop.hours[orders], axis=1) <= shop.budget
    lists = np.zeros((CENTRES, task.targets.rows), dtype=bool)
    np.put_along_axis(lists, rows[orders], affordable, axis=1)
    # The hours that are left over are filled only where the list already looks best.
    looks = np.argsort(list_sd(task, lists), kind="stable")[:FILLED]
    filled = np.array(
        [_on_list(task, rows, fill(orders[i], shop.hours, shop.budget)) for i in looks]
    )
    best = filled[int(np.argmin(list_sd(task, filled)))]
    relaxed = relaxed_optimum(shop, target_criterion(task))
    return Choice(best, least_sd=float(np.exp(-0.5 * relaxed.bound)))


def _line_weight(task: Task) -> Float[ndarray, " rows"]:
    """What a planet tells about the height of the line whose slope is wanted."""
    names = task.information.names
    own = task.parameter.replace("beta", "alpha", 1)
    intercept = names.index(own if own in names else "alpha")
    return task.information.matrices[:, intercept, intercept]


def _optimal(task: Task, strategy: Strategy) -> Choice:
    bent = task.guard is not None
    shop, rows = purchase(task, bent=bent)
    wanted: Criterion = target_criterion(task)
    if strategy in ("d-optimal", "i-optimal"):
        wanted = line_criterion(task, strategy, bent=bent)
    proves = strategy in ("c-optimal", "leverage-per-hour")
    if task.guard is None:
        relaxed = relaxed_optimum(shop, wanted)
        chosen = _on_list(task, rows, best_list(shop, wanted, relaxed))
        return Choice(chosen, _bound(relaxed.bound) if proves else float("nan"))
    guarded = guarded_optimum(shop, wanted, task.bend, task.guard)
    first = guarded
    for _ in range(TIGHTENINGS):
        chosen = _on_list(task, rows, _guarded_list(task, strategy, guarded))
        if list_sd(task, chosen[None], bent=True, of=task.bend)[0] <= first.limit:
            break
        guarded = tightened(shop, wanted, task.bend, guarded)
    else:
        chosen = _on_list(task, rows, first.straightest)
    least = _bound(first.bound) if proves else float("nan")
    return Choice(chosen, least, guarded.share, first.limit)


def _guarded_list(task: Task, strategy: Strategy, guarded: Guarded) -> Bool[ndarray, " free"]:
    shop, _ = purchase(task, bent=True)
    if strategy == "leverage-per-hour":
        rate = information_per_hour(shop, guarded.relaxed.gradient)
        return fill(np.argsort(-rate, kind="stable"), shop.hours, shop.budget)
    return best_list(shop, guarded.criterion, guarded.relaxed)


def _on_list(task: Task, rows: ndarray, picked: Bool[ndarray, " free"]) -> Bool[ndarray, " rows"]:
    chosen = task.must.copy()
    chosen[rows[picked]] = True
    return chosen


def _bound(value: float) -> float:
    return float(np.exp(-0.5 * value))
