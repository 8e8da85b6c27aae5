"""Surveys and priors as the stacked numbers a lattice starts from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.survey.data import SurveyData
from errorbar.survey.model import PriorRule

__all__ = [
    "HALF_NORMAL",
    "LOG_2PI",
    "fields",
    "limits_stack",
    "precision",
    "prior_columns",
    "residual",
    "robust_line",
    "scatter_scale",
    "stack",
    "start_scatter",
]

LOG_2PI = float(np.log(2 * np.pi))
HALF_NORMAL = float(np.log(2 / np.sqrt(2 * np.pi)))


def stack(datas: Sequence[SurveyData], name: str) -> ndarray:
    """One field of all surveys, one row each."""
    return np.stack([getattr(data, name) for data in datas])


def limits_stack(datas: Sequence[SurveyData]) -> ndarray:
    """One where an abundance is an upper limit, zero elsewhere."""
    return np.stack(
        [
            np.zeros(data.n) if data.limit is None else data.limit.astype(np.float64)
            for data in datas
        ]
    )


def fields(*columns: ndarray) -> ndarray:
    """Columns of a stack of surveys as the lattice reads them: survey, field, planet."""
    return np.ascontiguousarray(np.stack(columns, axis=1))


def prior_columns(
    datas: Sequence[SurveyData],
    prior: Any,
    by_rule: Callable[[PriorRule], tuple[ndarray, ...]],
    by_value: Callable[[Any], tuple[float, ...]],
) -> list[ndarray]:
    """The numbers of the prior, each as one column over the surveys."""
    if isinstance(prior, PriorRule):
        return list(by_rule(prior))
    values = prior if isinstance(prior, Sequence) else [prior] * len(datas)
    return list(np.array([by_value(value) for value in values]).T)


def precision(sd: ndarray) -> tuple[ndarray, ndarray]:
    """Prior precision and log constant of a normal prior; a flat one counts as density one."""
    flat = np.isinf(sd)
    safe = np.where(flat, 1.0, sd)
    return np.where(flat, 0.0, 1 / safe**2), np.where(flat, 0.5 * LOG_2PI, -np.log(safe))


def scatter_scale(variance: ndarray, limit: ndarray) -> ndarray:
    r"""Where $s = c\sinh t$ turns from linear to exponential: the sd of a scatter that is zero.

    At zero scatter the information on $s^2$ is $\sum v_i^{-2}/2$.
    """
    width = (2 / np.sum(variance**-2.0, axis=-1)) ** 0.25
    return np.minimum(0.7 * width, 0.5 * limit)


def residual(x: ndarray, y: ndarray) -> ndarray:
    """What a least-squares line leaves of each survey."""
    xc = x - x.mean(-1, keepdims=True)
    yc = y - y.mean(-1, keepdims=True)
    slope = (xc * yc).sum(-1) / (xc * xc).sum(-1)
    return yc - slope[:, None] * xc


def start_scatter(residual: ndarray, variance: ndarray, c: ndarray, limit: ndarray) -> ndarray:
    """A first guess of the scatter: what the residuals have beyond their errors."""
    excess = (residual**2).mean(-1) - variance.mean(-1)
    start = np.sqrt(np.maximum(excess, (0.5 * c) ** 2))
    return np.minimum(start, 2 * limit)


def robust_line(
    x: ndarray, y: ndarray, variance: ndarray, limit: ndarray, c: ndarray, top: ndarray
) -> tuple[ndarray, ndarray, ndarray]:
    """Intercept, slope and scatter to start from, with little regard for outliers and limits."""
    weight = np.where(limit > 0, 0.1, 1.0)
    spread = np.std(y, axis=1)
    alpha = beta = np.zeros(len(x))
    for _ in range(12):
        total, mx = weight.sum(1), (weight * x).sum(1)
        my, xx, xy = (weight * y).sum(1), (weight * x * x).sum(1), (weight * x * y).sum(1)
        beta = (total * xy - mx * my) / np.maximum(total * xx - mx * mx, 1e-12)
        alpha = (my - beta * mx) / total
        r = y - alpha[:, None] - beta[:, None] * x
        spread = np.maximum(1.4826 * np.median(np.abs(r), axis=1), np.sqrt(variance.mean(1)))
        weight = np.where(limit > 0, 0.1, 1.0) / (1.0 + (r / (2.0 * spread[:, None])) ** 2)
    excess = spread**2 - variance.mean(1)
    scatter = np.sqrt(np.maximum(excess, (0.5 * c) ** 2))
    return alpha, beta, np.minimum(scatter, 2 * top)
