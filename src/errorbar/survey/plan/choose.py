"""Whole planets within the budget: from the divisible optimum to a list, improved by exchange."""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.survey.plan.criterion import Criterion, criterion_values
from errorbar.survey.plan.relaxed import Purchase, Relaxed, information_per_hour

__all__ = ["best_list", "exchange", "fill", "list_value"]

# Planets near the edge of the list that are tried against each other; all, on short lists.
EDGE = 40
EXCHANGES = 200
WORTH = 1e-10


def best_list(purchase: Purchase, criterion: Criterion, relaxed: Relaxed) -> Bool[ndarray, " rows"]:
    """A list within the budget whose criterion comes close to the divisible optimum's."""
    rate = information_per_hour(purchase, relaxed.gradient)
    starts = [
        fill(np.argsort(-order, kind="stable"), purchase.hours, purchase.budget)
        for order in (rate, relaxed.share, rate * purchase.hours)
    ]
    values = [list_value(purchase, criterion, start) for start in starts]
    return exchange(purchase, criterion, starts[int(np.argmax(values))])


def fill(
    order: Int[ndarray, " some"], hours: Float[ndarray, " rows"], budget: float
) -> Bool[ndarray, " rows"]:
    """Take planets in this order, passing over each that no longer fits."""
    chosen = np.zeros(len(hours), dtype=bool)
    left = budget
    for row in order:
        if hours[row] <= left:
            chosen[row] = True
            left -= hours[row]
    return chosen


def list_value(purchase: Purchase, criterion: Criterion, chosen: Bool[ndarray, " rows"]) -> float:
    """The criterion of one list, minus infinity where it determines nothing."""
    total = purchase.total(chosen.astype(np.float64))
    return float(criterion_values(criterion, total[None])[0])


def exchange(
    purchase: Purchase, criterion: Criterion, chosen: Bool[ndarray, " rows"]
) -> Bool[ndarray, " rows"]:
    """Change planets near the edge of the list as long as one step makes it better.

    A step adds one planet, swaps two, or forces one in or out and fills the hours anew.
    """
    here = list_value(purchase, criterion, chosen)
    for _ in range(EXCHANGES):
        if not np.isfinite(here):
            return chosen
        total = purchase.total(chosen.astype(np.float64))
        rate = information_per_hour(purchase, criterion.gradient(total))
        better, value = _swapped(purchase, criterion, total, chosen, rate)
        if value <= here + WORTH:
            better, value = _refilled(purchase, criterion, chosen, rate)
        if value <= here + WORTH:
            return chosen
        chosen, here = better, value
    return chosen


def _swapped(
    purchase: Purchase,
    criterion: Criterion,
    total: Float[ndarray, "k k"],
    chosen: Bool[ndarray, " rows"],
    rate: Float[ndarray, " rows"],
) -> tuple[Bool[ndarray, " rows"], float]:
    """The best list one addition or one swap away."""
    leaving, coming = _edge(chosen, rate)
    values = _step_values(purchase, criterion, total, chosen, leaving, coming)
    if values.size == 0:
        return chosen, -np.inf
    out, new = np.unravel_index(int(np.argmax(values)), values.shape)
    better = chosen.copy()
    # Row 0 of the table is the step that adds a planet and drops none.
    if out > 0:
        better[leaving[out - 1]] = False
    better[coming[new]] = True
    return better, float(values[out, new])


def _refilled(
    purchase: Purchase,
    criterion: Criterion,
    chosen: Bool[ndarray, " rows"],
    rate: Float[ndarray, " rows"],
) -> tuple[Bool[ndarray, " rows"], float]:
    """The best list with one planet forced in or out and all others refilled in order."""
    leaving, coming = _edge(chosen, rate)
    order = np.lexsort((-rate, ~chosen))
    tries = [fill(order[order != row], purchase.hours, purchase.budget) for row in leaving]
    tries += [
        fill(np.concatenate([[row], order[order != row]]), purchase.hours, purchase.budget)
        for row in coming
    ]
    if not tries:
        return chosen, -np.inf
    totals = purchase.base + np.einsum("lr,rjk->ljk", np.array(tries, float), purchase.matrices)
    values = criterion_values(criterion, totals)
    best = int(np.argmax(values))
    return tries[best], float(values[best])


def _edge(
    chosen: Bool[ndarray, " rows"], rate: Float[ndarray, " rows"]
) -> tuple[Int[ndarray, " leaving"], Int[ndarray, " coming"]]:
    """The chosen planets that buy least an hour, and the others that would buy most."""
    inside, outside = np.flatnonzero(chosen), np.flatnonzero(~chosen)
    leaving = inside[np.argsort(rate[inside], kind="stable")[:EDGE]]
    coming = outside[np.argsort(-rate[outside], kind="stable")[:EDGE]]
    return leaving, coming


def _step_values(
    purchase: Purchase,
    criterion: Criterion,
    total: Float[ndarray, "k k"],
    chosen: Bool[ndarray, " rows"],
    leaving: Int[ndarray, " leaving"],
    coming: Int[ndarray, " coming"],
) -> Float[ndarray, "steps coming"]:
    """The criterion after each addition (row 0) and each swap, minus infinity over budget."""
    left = purchase.budget - purchase.hours[chosen].sum()
    freed = np.concatenate([[0.0], purchase.hours[leaving]])
    affordable = purchase.hours[coming] <= (left + freed)[:, None] + 1e-9
    lost = np.concatenate([np.zeros((1, *total.shape)), purchase.matrices[leaving]])
    values = np.full(affordable.shape, -np.inf)
    out, new = np.nonzero(affordable)
    totals = total - lost[out] + purchase.matrices[coming[new]]
    values[out, new] = criterion_values(criterion, totals)
    return values
