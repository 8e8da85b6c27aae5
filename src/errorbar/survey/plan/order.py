"""In which order to observe a list, and what each further planet buys."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.survey.plan.aims import target_criterion
from errorbar.survey.plan.criterion import criterion_values
from errorbar.survey.plan.task import Task, had, parameter_sd, trimmed

__all__ = ["Gains", "further_gains", "gains_in_order", "observing_order"]


@dataclass(frozen=True, slots=True, eq=False)
class Gains:
    """Planets `rows` in order, and what is known once each has been observed.

    `sd` is of the wanted parameter if the line is straight, `bent_sd` if it may be curved,
    `curvature_sd` of the curvature; infinite while too few planets are there.
    """

    rows: Int[ndarray, " planets"]
    hours: Float[ndarray, " planets"]
    sd: Float[ndarray, " planets"]
    bent_sd: Float[ndarray, " planets"]
    curvature_sd: Float[ndarray, " planets"]


def observing_order(task: Task, chosen: Bool[ndarray, " rows"]) -> Int[ndarray, " planets"]:
    """The planets of a list, those first whose hours are worth most.

    Found from the end: the planet is put last whose loss would cost least for each hour saved,
    then the last but one. Planets that must be observed come before all others.
    """
    bent = task.guard is not None
    matrices, criterion = trimmed(task, bent=bent), target_criterion(task)
    keep = list(np.flatnonzero(chosen & ~task.must))
    total = had(task, bent=bent) + matrices[keep].sum(axis=0)
    last_first = []
    while keep:
        values = criterion_values(criterion, total - matrices[keep])
        hours = task.targets.hours[keep]
        here = criterion_values(criterion, total[None])[0]
        loss = (here - values) / hours if np.isfinite(here) else hours
        worst = int(np.argmin(loss)) if np.isfinite(loss).any() else int(np.argmax(hours))
        total = total - matrices[keep[worst]]
        last_first.append(keep.pop(worst))
    forced = np.flatnonzero(task.must)
    return np.concatenate([forced, np.array(last_first[::-1], dtype=np.int64)]).astype(np.int64)


def gains_in_order(task: Task, order: Int[ndarray, " planets"]) -> Gains:
    """What is known after each planet of an order, beginning from what is had already."""
    totals = np.cumsum(task.information.matrices[order], axis=0) + task.base
    return Gains(order, np.cumsum(task.targets.hours[order]), *_sds(task, totals))


def further_gains(task: Task, chosen: Bool[ndarray, " rows"]) -> Gains:
    """What each planet that is not on the list would bring if it alone were added."""
    rows = np.flatnonzero(task.targets.allowed & ~chosen & ~task.must)
    listed = task.information.matrices[chosen | task.must].sum(axis=0) + task.base
    totals = listed + task.information.matrices[rows]
    return Gains(rows, task.targets.hours[rows], *_sds(task, totals))


def _sds(
    task: Task, totals: Float[ndarray, "lists k k"]
) -> tuple[Float[ndarray, " lists"], Float[ndarray, " lists"], Float[ndarray, " lists"]]:
    straight = len(task.information.names) - len(task.bends)
    return (
        parameter_sd(totals[:, :straight, :straight], task.index),
        parameter_sd(totals, task.index),
        parameter_sd(totals, task.bend),
    )
