"""The regression that expects outliers, and reads upper limits, as a lattice model."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.special import expit, log_expit, log_ndtr, logit, roots_jacobi

from errorbar.core.maths.lattice import IDENTITY, SINH, Accuracy
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.lattice import LatticeModel, Problem
from errorbar.survey.fit.models.inputs import (
    HALF_NORMAL,
    LOG_2PI,
    fields,
    limits_stack,
    precision,
    prior_columns,
    robust_line,
    scatter_scale,
    stack,
)
from errorbar.survey.model import SINGLE_PARAMETERS, PriorRule, RobustPrior

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | RobustPrior) -> Problem:
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    limit = limits_stack(datas)
    mean, alpha_sd, beta_sd, scale, width, few, many = prior_columns(
        datas,
        prior,
        lambda rule: rule.robust_columns(x, y, np.sqrt(v)),
        lambda p: (
            p.alpha_mean,
            p.alpha_sd,
            p.beta_sd,
            p.epsilon_scale,
            p.outlier_sd,
            *p.outlier_share,
        ),
    )
    c = scatter_scale(v, scale)
    p_alpha, k_alpha = precision(alpha_sd)
    p_beta, k_beta = precision(beta_sd)
    constant = k_alpha + k_beta - LOG_2PI + HALF_NORMAL - np.log(scale)
    xc = x - x.mean(1, keepdims=True)
    alpha, beta, scatter = robust_line(xc, y - mean[:, None], v, limit, c, scale)
    one, zero = np.ones(len(datas)), np.zeros(len(datas))
    shares = np.array([share_nodes(a, b, x.shape[1]) for a, b in zip(few, many)])
    return Problem(
        data=fields(xc, y - mean[:, None], v, limit),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, width, constant, shares]),
        start=np.column_stack([alpha, beta, np.arcsinh(scatter / c)]),
        scales=np.column_stack([one, one, c]),
        shift=np.column_stack([mean, zero, zero]),
    )


@cache
def share_nodes(few: float, many: float, n: int) -> ndarray:
    """Nodes, then weights, that integrate a likelihood of n planets over the share's beta prior.

    Half as many nodes as planets are exact; where planets are many, nodes closer than the
    posterior's width are as good.
    """
    count = int(min((n + 2) // 2, np.ceil(3.5 * np.sqrt(n))))
    at, weight = roots_jacobi(count, many - 1.0, few - 1.0)
    return np.concatenate([0.5 * (1.0 + at), weight / weight.sum()])


def latent(
    data: SurveyData, prior: RobustPrior, draws: Mapping[str, ndarray], rng: np.random.Generator
) -> dict[str, ndarray]:
    """The share of outliers `q`, one column, and each planet's probability to be one."""
    line = draws["alpha"][:, None] + draws["beta"][:, None] * data.xc
    variance = data.sigma**2 + draws["epsilon"][:, None] ** 2
    wide = variance + prior.outlier_sd**2
    r = data.y - line
    gap = 0.5 * (np.log(variance / wide) + r * r * (1 / variance - 1 / wide))
    if data.limit is not None:
        below = log_ndtr(r / np.sqrt(wide)) - log_ndtr(r / np.sqrt(variance))
        gap = np.where(data.limit, below, gap)
    few, many = prior.outlier_share
    t = np.linspace(-20.0, 12.0, 513)
    log_in, log_out = log_expit(-t), log_expit(t)
    # The density of the share's logit, in cells far narrower than it varies.
    logf = np.tile(few * log_out + many * log_in, (len(gap), 1))
    for planet in gap.T:
        logf += np.logaddexp(log_in, log_out + planet[:, None])
    cumulative = np.cumsum(np.exp(logf - logf.max(1, keepdims=True)), axis=1)
    level = rng.random(len(gap)) * cumulative[:, -1]
    cell = np.array([np.searchsorted(row, at) for row, at in zip(cumulative, level)])
    q = expit(t[cell] + (rng.random(len(gap)) - 0.5) * (t[1] - t[0]))
    return {"q": q[:, None], "outlier": expit(gap + logit(q)[:, None])}


def density() -> Any:
    from errorbar.survey.model.robust import robust_density

    return robust_density


MODEL = LatticeModel(
    name="robust",
    names=SINGLE_PARAMETERS,
    inner=0,
    kinds=np.array([IDENTITY, IDENTITY, SINH]),
    folds=np.array([0, 0, 1]),
    odd=np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]]),
    accuracy=Accuracy(
        step=0.95,
        cut=16.0,
        tolerance=1e-3,
        tolerance_folded=6e-3,
        cells=129,
        side=401,
        capacity=1_000_000,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.robust(data),
    latent=latent,
    usual=PriorRule(intercept="flat"),
    reads_limits=True,
)
