"""Tables of a plan: the list in order, everything else on offer, and other strategies."""

from dataclasses import replace

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule
from errorbar.survey.plan.design import Design, join_designs
from errorbar.survey.plan.expected import FEWEST, expected_precision
from errorbar.survey.plan.order import further_gains, gains_in_order, observing_order
from errorbar.survey.plan.precision import leading_precision
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.strategy import STRATEGIES, Choice, choose_list, random_lists
from errorbar.survey.plan.task import Task, list_sd

__all__ = [
    "RANDOM_LISTS",
    "comparison_table",
    "finite",
    "list_table",
    "offer_table",
    "precision_table",
]

RANDOM_LISTS = 1000
PER_HOURS = 100.0


def list_table(task: Task, chosen: Bool[ndarray, " rows"]) -> pl.DataFrame:
    """The list in observing order, with what is known after each planet.

    `sd_if_next` is what the planet would bring if it came first of all, right after what has been
    observed; it is empty where that leaves the parameter undetermined.
    """
    order = observing_order(task, chosen)
    gains = gains_in_order(task, order)
    nothing = np.zeros(task.targets.rows, dtype=bool)
    alone = further_gains(replace(task, must=nothing), nothing)
    first = dict(zip(alone.rows.tolist(), alone.sd.tolist(), strict=True))
    design = task.targets.design
    return finite(
        pl.DataFrame(
            {
                "order": np.arange(1, len(order) + 1),
                "name": [task.targets.names[row] for row in order],
                "log_mass": design.x[order],
                "abundance_sigma": design.sigma[order],
                "hours": task.targets.hours[order],
                "cumulative_hours": gains.hours,
                "sd_after": gains.sd,
                "bent_sd_after": gains.bent_sd,
                "curvature_sd_after": gains.curvature_sd,
                "sd_if_next": [first[row] for row in order.tolist()],
                "must": task.must[order],
            }
        )
    )


def offer_table(task: Task, chosen: Bool[ndarray, " rows"]) -> pl.DataFrame:
    """Every target that is not on the list: what it alone would add, or why it is barred.

    `gain_percent` is by how much it would shrink the sd, of a line that may be curved if there is a
    guard. Best value for an hour comes first.
    """
    targets = task.targets
    bent = task.guard is not None
    here = float(list_sd(task, chosen[None], bent=bent)[0])
    gains = further_gains(task, chosen)
    sd = np.full(targets.rows, np.nan)
    sd[gains.rows] = gains.bent_sd if bent else gains.sd
    rest = np.flatnonzero(~(chosen | task.must))
    shrink = 100.0 * (1.0 - sd[rest] / here)
    frame = pl.DataFrame(
        {
            "name": [targets.names[row] for row in rest],
            "log_mass": targets.design.x[rest],
            "hours": targets.hours[rest],
            "sd_if_added": sd[rest],
            "gain_percent": shrink,
            "gain_percent_per_100_hours": PER_HOURS * shrink / targets.hours[rest],
            "barred": [targets.barred[row] for row in rest],
        }
    )
    best = "gain_percent_per_100_hours"
    return finite(frame).sort(best, "name", descending=[True, False], nulls_last=True)


def comparison_table(
    task: Task, strategy: str, choice: Choice, lists: int, seed: int
) -> pl.DataFrame:
    """Other strategies at the same hours, with and without the guard, best first.

    `random` is the mean over `lists` lists that determine the parameter; `undetermined` counts the
    rest. `gain` is how many times smaller the sd is than that mean, `note` why a strategy has no
    list.
    """
    draws = random_lists(task, lists, seed=seed)
    random_sd = list_sd(task, draws)
    known = np.isfinite(random_sd)
    mean = float(random_sd[known].mean()) if known.any() else float("inf")
    rows = [
        {
            "strategy": "random",
            "guarded": False,
            "planets": float(draws.sum(axis=1).mean()),
            "hours": float((draws @ task.targets.hours).mean()),
            "sd": mean,
            "bent_sd": _mean(list_sd(task, draws, bent=True)),
            "curvature_sd": _mean(list_sd(task, draws, bent=True, of=task.bend)),
            "least_sd": float("nan"),
            "undetermined": int((~known).sum()),
            "note": "",
        }
    ]
    for guarded in (False, True) if task.guard is not None else (False,):
        question = task if guarded else replace(task, guard=None)
        for name in STRATEGIES:
            if name == "random" or (guarded and name == "cheapest-first"):
                continue
            asked = name == strategy and guarded == (task.guard is not None)
            try:
                other = choice if asked else choose_list(question, name, seed=seed)
            except DesignError as reason:
                rows.append({"strategy": name, "guarded": guarded, "note": str(reason)})
                continue
            rows.append(_strategy_row(task, name, guarded, other))
    frame = pl.DataFrame(rows, schema_overrides={"least_sd": pl.Float64})
    frame = frame.with_columns(gain=mean / pl.col("sd"))
    return finite(frame).sort("sd", "strategy", nulls_last=True)


def precision_table(
    task: Task,
    chosen: Bool[ndarray, " rows"],
    prior: Prior | PriorRule | None,
    observed: Design | None,
) -> pl.DataFrame:
    """The sd of every parameter: leading order, and the median posterior of a straight line."""
    design = task.targets.design.take(chosen | task.must)
    whole = design if observed is None else join_designs(observed, design)
    leading = leading_precision(whole, task.trend, prior, pivot=task.pivot)
    typical = np.full(len(leading.names), np.nan)
    if whole.n >= FEWEST:
        typical = expected_precision(whole, task.trend, prior, pivot=task.pivot).sd
    frame = pl.DataFrame(
        {"parameter": leading.names, "leading_sd": leading.sd, "typical_sd": typical}
    )
    return finite(frame)


def _strategy_row(task: Task, name: str, guarded: bool, choice: Choice) -> dict[str, object]:
    chosen = choice.chosen
    return {
        "strategy": name,
        "guarded": guarded,
        "planets": float(chosen.sum()),
        "hours": float(task.targets.hours[chosen].sum()),
        "sd": float(list_sd(task, chosen[None])[0]),
        "bent_sd": float(list_sd(task, chosen[None], bent=True)[0]),
        "curvature_sd": float(list_sd(task, chosen[None], bent=True, of=task.bend)[0]),
        "least_sd": choice.least_sd,
        "undetermined": 0,
        "note": "",
    }


def _mean(sd: Float[ndarray, " lists"]) -> float:
    known = np.isfinite(sd)
    return float(sd[known].mean()) if known.any() else float("inf")


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Gaps where a number is not finite, so that every writer of tables agrees on them."""
    floats = [name for name, kind in frame.schema.items() if kind == pl.Float64]
    return frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats
    )
