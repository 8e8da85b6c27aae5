"""What other budgets would buy with the same question: sd against telescope hours."""

from dataclasses import replace

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.plan.strategy import (
    Strategy,
    choose_list,
    guard_can_be_kept,
    random_lists,
)
from errorbar.survey.plan.table import finite
from errorbar.survey.plan.task import Task, list_sd

__all__ = ["budget_table", "budgets_around"]

BUDGETS = 11
LOTS = 300


def budgets_around(task: Task) -> Float[ndarray, " budgets"]:
    """Budgets from a tenth of the task's to everything on offer, or ten times as much."""
    everything = float(task.targets.hours[task.targets.allowed | task.must].sum())
    low = max(0.1 * task.budget, 1.001 * float(task.targets.hours[task.must].sum()))
    return np.geomspace(low, max(min(10.0 * task.budget, everything), 1.01 * low), BUDGETS)


def budget_table(
    task: Task, strategy: Strategy, budgets: Float[ndarray, " budgets"], *, seed: int
) -> pl.DataFrame:
    """Planets and sds of lists of other budgets: the strategy's, guarded or not, and by lot.

    For `random`, `sd` is the median over lists by lot, with `sd_16` and `sd_84` around it.
    """
    rows = []
    for budget in budgets:
        question = replace(task, budget=float(budget))
        for guarded in (False, True) if task.guard is not None else (False,):
            one = question if guarded else replace(question, guard=None)
            if not guard_can_be_kept(one):
                continue
            chosen = choose_list(one, strategy, seed=seed).chosen
            rows.append(
                {
                    "budget_hours": float(budget),
                    "strategy": strategy,
                    "guarded": guarded,
                    "planets": float(chosen.sum()),
                    "sd": float(list_sd(task, chosen[None])[0]),
                    "bent_sd": float(list_sd(task, chosen[None], bent=True)[0]),
                    "curvature_sd": float(list_sd(task, chosen[None], bent=True, of=task.bend)[0]),
                    "sd_16": None,
                    "sd_84": None,
                }
            )
        rows.append(_by_lot(question, seed))
    schema = {"sd_16": pl.Float64, "sd_84": pl.Float64}
    return finite(pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None))


def _by_lot(task: Task, seed: int) -> dict[str, object]:
    lists = random_lists(task, LOTS, seed=seed)

    def quantile(sd: Float[ndarray, " lists"], level: float) -> float:
        # Not interpolated: between a finite sd and an infinite one there is no number.
        return float(np.quantile(sd, level, method="inverted_cdf"))

    sd = list_sd(task, lists)
    return {
        "budget_hours": task.budget,
        "strategy": "random",
        "guarded": False,
        "planets": float(np.median(lists.sum(axis=1))),
        "sd": quantile(sd, 0.5),
        "bent_sd": quantile(list_sd(task, lists, bent=True), 0.5),
        "curvature_sd": quantile(list_sd(task, lists, bent=True, of=task.bend), 0.5),
        "sd_16": quantile(sd, 0.16),
        "sd_84": quantile(sd, 0.84),
    }
