"""Surveys in, posterior summaries out, by summing lattices.

Surveys of one size are stacked; each is still summed on its own, so that a survey's numbers do not
depend on which others it was fitted with.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import ndtri, sici

from errorbar.core.errors import SurveyError
from errorbar.survey.data import SurveyData
from errorbar.survey.model import PriorRule

__all__ = [
    "IDENTITY",
    "LOGISTIC",
    "SINH",
    "STATUS",
    "TANH",
    "Accuracy",
    "FitBatch",
    "LatticeModel",
    "Problem",
    "check_limits",
    "natural",
    "odd_weights",
    "sum_surveys",
]

# Kinds of outer coordinate as errorbar.core.maths.lattice numbers them; importing that loads Numba.
IDENTITY, SINH, TANH, LOGISTIC = 0, 1, 2, 3

STATUS = ("ok", "lattice too large", "no mode", "not finite")


# Data, prior, draws and a generator to the draws of the planets' true values.
Latent = Callable[[SurveyData, Any, Mapping[str, ndarray], np.random.Generator], dict[str, ndarray]]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How finely a lattice is laid: step in sds, depth in log f, share that halving may move."""

    step: float
    cut: float
    tolerance: float
    tolerance_folded: float
    cells: int
    side: int
    capacity: int


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


@cache
def odd_weights(side: int) -> Float[ndarray, " nodes"]:
    r"""$(2/\pi)\,\mathrm{Si}(\pi i)$: the half-line integral of the odd sinc interpolant."""
    return np.ascontiguousarray(2 / np.pi * sici(np.pi * np.arange(side))[0])


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
    from errorbar.core.maths.lattice import batch_kernel

    check_limits(model, datas)
    acc = accuracy or model.accuracy
    s, p = len(datas), len(model.names)
    mean, sd, low, high = (np.empty((s, p)) for _ in range(4))
    log_z = np.empty(s)
    pairs = model.inner // 2
    covariance = np.empty((s, pairs))
    status, nodes = np.empty(s, dtype=np.int64), np.empty(s, dtype=np.int64)
    sizes = np.array([data.n for data in datas])
    for n in np.unique(sizes):
        rows = np.flatnonzero(sizes == n).tolist()
        group = [datas[i] for i in rows]
        chosen = [prior[i] for i in rows] if isinstance(prior, Sequence) else prior
        problem = model.build(group, chosen)
        parts = [np.empty((len(rows), p)) for _ in range(4)]
        z = np.empty(len(rows))
        st, nd = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
        cross = np.full((len(rows), pairs), np.nan)
        batch_kernel()(
            model.density(),
            problem.data,
            problem.hyper,
            problem.start,
            model.kinds,
            problem.scales,
            model.folds,
            model.odd,
            model.inner,
            acc.step,
            acc.cut,
            acc.tolerance,
            acc.tolerance_folded,
            odd_weights(acc.side),
            acc.side,
            acc.capacity,
            acc.cells,
            level,
            float(ndtri(0.5 + 0.5 * level)),
            *parts,
            z,
            st,
            nd,
            cross,
        )
        for i in (0, 2, 3):
            parts[i] += problem.shift
        mean[rows], sd[rows], low[rows], high[rows] = parts
        log_z[rows], status[rows], nodes[rows], covariance[rows] = z, st, nd, cross
    return FitBatch(model.names, level, mean, sd, low, high, log_z, status, nodes, covariance)
