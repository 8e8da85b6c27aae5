"""Surveys in, posterior summaries out, by summing lattices.

Surveys of one size are stacked; each is still summed on its own, so that a survey's numbers do not
depend on which others it was fitted with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import SurveyError
from errorbar.core.maths.lattice import LOGISTIC, SINH, TANH, Accuracy, sum_batch
from errorbar.survey.data import SurveyData
from errorbar.survey.model import PriorRule

__all__ = [
    "STATUS",
    "FitBatch",
    "LatticeModel",
    "Problem",
    "check_limits",
    "natural",
    "sum_surveys",
]

STATUS = ("ok", "lattice too large", "no mode", "not finite")


# Data, prior, draws and a generator to the draws of the planets' true values.
Latent = Callable[[SurveyData, Any, Mapping[str, ndarray], np.random.Generator], dict[str, ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Stacked surveys of one size, ready to sum; `shift` is added to the parameters afterwards."""

    data: Float[ndarray, "surveys fields planets"]
    hyper: Float[ndarray, "surveys numbers"]
    start: Float[ndarray, "surveys outer"]
    scales: Float[ndarray, "surveys outer"]
    shift: Float[ndarray, "surveys parameters"]


@dataclass(frozen=True, slots=True, eq=False)
class LatticeModel:
    """A model as the lattice sees it: `inner` coefficients first, then the outer parameters.

    `density` gives the compiled function, `build` stacks surveys of one size under a prior rule, a
    prior or one prior each, `rule` turns a prior rule into one survey's prior. `kinds` names each
    outer coordinate's transform, `folds` marks scales (even at zero), and `odd[k, a]` whether
    outer parameter `a` changes sign when scale `k` does. `usual` is the prior rule where none is
    asked for; a model that does not `reads_limits` refuses surveys with upper limits.
    """

    name: str
    names: tuple[str, ...]
    inner: int
    kinds: Int[ndarray, " outer"]
    folds: Int[ndarray, " outer"]
    odd: Int[ndarray, "outer outer"]
    accuracy: Accuracy
    density: Callable[[], Any]
    build: Callable[[Sequence[SurveyData], Any], Problem]
    rule: Callable[[Any, SurveyData], Any]
    latent: Latent | None = None
    usual: PriorRule = PriorRule()
    reads_limits: bool = False


def check_limits(model: LatticeModel, datas: Sequence[SurveyData]) -> None:
    """Refuse upper limits where they would be read as detections."""
    if model.reads_limits:
        return
    for place, data in enumerate(datas):
        if data.limit is not None and data.limit.any():
            raise SurveyError(
                f"{int(data.limit.sum())} abundances of survey {place} are upper limits (first at "
                f"row {np.flatnonzero(data.limit)[0]}), and the model {model.name!r} would read "
                "them as detections: fit the model 'limits' or 'robust', or leave these planets "
                "out."
            )


@dataclass(frozen=True, slots=True, eq=False)
class FitBatch:
    """Posterior summaries of many surveys; a survey that failed holds NaN and a status above 0.

    `line_covariance` is that of intercept and slope, per response: with it an intercept moves to
    any other log mass.
    """

    names: tuple[str, ...]
    level: float
    mean: Float[ndarray, "surveys parameters"]
    sd: Float[ndarray, "surveys parameters"]
    hdi_low: Float[ndarray, "surveys parameters"]
    hdi_high: Float[ndarray, "surveys parameters"]
    log_evidence: Float[ndarray, " surveys"]
    status: Int[ndarray, " surveys"]
    nodes: Int[ndarray, " surveys"]
    line_covariance: Float[ndarray, "surveys lines"]


def natural(kind: int, scale: float, u: ndarray) -> ndarray:
    """The parameter at a coordinate."""
    if kind == SINH:
        return scale * np.sinh(u)
    if kind == TANH:
        return np.tanh(u)
    if kind == LOGISTIC:
        return 1.0 / (1.0 + np.exp(-u))
    return u


def sum_surveys(
    model: LatticeModel,
    datas: Sequence[SurveyData],
    prior: Any,
    level: float,
    accuracy: Accuracy | None = None,
) -> FitBatch:
    """The summaries of many surveys, stacked by their number of planets."""
    check_limits(model, datas)
    s, p = len(datas), len(model.names)
    mean, sd, low, high = (np.empty((s, p)) for _ in range(4))
    log_z = np.empty(s)
    covariance = np.empty((s, model.inner // 2))
    status, nodes = np.empty(s, dtype=np.int64), np.empty(s, dtype=np.int64)
    sizes = np.array([data.n for data in datas])
    for n in np.unique(sizes):
        rows = np.flatnonzero(sizes == n).tolist()
        chosen = [prior[i] for i in rows] if isinstance(prior, Sequence) else prior
        problem = model.build([datas[i] for i in rows], chosen)
        sums = sum_batch(
            model.density(),
            problem.data,
            problem.hyper,
            problem.start,
            problem.scales,
            inner=model.inner,
            kinds=model.kinds,
            folds=model.folds,
            odd=model.odd,
            accuracy=accuracy or model.accuracy,
            level=level,
        )
        mean[rows] = sums.mean + problem.shift
        low[rows], high[rows] = sums.low + problem.shift, sums.high + problem.shift
        sd[rows], log_z[rows], covariance[rows] = sums.sd, sums.log_integral, sums.covariance
        status[rows], nodes[rows] = sums.status, sums.nodes
    return FitBatch(model.names, level, mean, sd, low, high, log_z, status, nodes, covariance)
