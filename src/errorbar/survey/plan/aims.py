"""Criteria of a task: the wanted parameter, all coefficients, or the whole line."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.plan.criterion import COptimal, Criterion, DOptimal, IOptimal
from errorbar.survey.plan.task import Task
from errorbar.survey.plan.trend import MassStarTrend

__all__ = ["line_criterion", "target_criterion"]


def target_criterion(task: Task) -> Criterion:
    """Minus the log variance of the wanted parameter."""
    return COptimal(task.index)


def line_criterion(task: Task, kind: str, *, bent: bool) -> Criterion:
    """`d-optimal` over the coefficients, or `i-optimal` over the planets on offer."""
    names = task.information.names
    lines = [i for i, n in enumerate(names) if n.startswith(("alpha", "beta"))]
    if kind == "d-optimal":
        return DOptimal(tuple(lines))
    size = len(names) if bent else len(names) - len(task.bends)
    return IOptimal(_moments(task)[:size, :size])


def _moments(task: Task) -> Float[ndarray, "k k"]:
    """Mean outer product of the features of the wanted parameter's line, over targets on offer."""
    design = task.targets.design.take(task.targets.allowed)
    offset = design.x - task.pivot
    names = task.information.names
    suffix = "_s" if task.bend != task.bends[0] else "_p"
    features = np.zeros((design.rows, len(names)))
    for name, column in (("alpha", np.ones_like(offset)), ("beta", offset)):
        features[:, names.index(name if name in names else name + suffix)] = column
    if isinstance(task.trend, MassStarTrend):
        star = design.need_star()
        features[:, names.index("beta_s")] = star - star.mean()
    features[:, task.bend] = offset**2
    return features.T @ features / design.rows
