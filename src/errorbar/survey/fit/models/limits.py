"""The regression with upper limits as a lattice model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from scipy.special import log_ndtr, ndtri_exp

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
from errorbar.survey.model import SINGLE_PARAMETERS, PriorRule, SinglePrior

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | SinglePrior) -> Problem:
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    limit = limits_stack(datas)
    mean, alpha_sd, beta_sd, scale = prior_columns(
        datas,
        prior,
        lambda rule: rule.single_columns(x, y),
        lambda p: (p.alpha_mean, p.alpha_sd, p.beta_sd, p.epsilon_scale),
    )
    c = scatter_scale(v, scale)
    p_alpha, k_alpha = precision(alpha_sd)
    p_beta, k_beta = precision(beta_sd)
    # The roots of 2 pi of the two normal priors are not integrated away here.
    constant = k_alpha + k_beta - LOG_2PI + HALF_NORMAL - np.log(scale)
    xc = x - x.mean(1, keepdims=True)
    alpha, beta, scatter = robust_line(xc, y - mean[:, None], v, limit, c, scale)
    zero = np.zeros(len(datas))
    return Problem(
        data=fields(xc, y - mean[:, None], v, limit),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, constant]),
        start=np.column_stack([alpha, beta, np.arcsinh(scatter / c)]),
        scales=np.column_stack([zero + 1.0, zero + 1.0, c]),
        shift=np.column_stack([mean, zero, zero]),
    )


def latent(
    data: SurveyData, prior: Any, draws: Mapping[str, ndarray], rng: np.random.Generator
) -> dict[str, ndarray]:
    """True abundances z; behind a limit the noisy abundance is drawn first, from below it."""
    line = draws["alpha"][:, None] + draws["beta"][:, None] * data.xc
    scatter, noise = draws["epsilon"][:, None] ** 2, data.sigma**2
    measured = np.broadcast_to(data.y, line.shape)
    if data.limit is not None:
        root = np.sqrt(scatter + noise)
        below = log_ndtr((data.y - line) / root) + np.log(rng.random(line.shape))
        measured = np.where(data.limit, line + root * ndtri_exp(below), measured)
    share = scatter / (scatter + noise)
    spread = np.sqrt(share * noise)
    return {"z": line + share * (measured - line) + spread * rng.normal(size=line.shape)}


def density() -> Any:
    from errorbar.survey.model.limits import limits_density

    return limits_density


MODEL = LatticeModel(
    name="limits",
    names=SINGLE_PARAMETERS,
    inner=0,
    kinds=np.array([IDENTITY, IDENTITY, SINH]),
    folds=np.array([0, 0, 1]),
    odd=np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1]]),
    accuracy=Accuracy(
        step=0.95,
        cut=16.0,
        tolerance=3e-5,
        tolerance_folded=2e-3,
        cells=129,
        side=401,
        capacity=1_000_000,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.single(data),
    latent=latent,
    usual=PriorRule(intercept="flat"),
    reads_limits=True,
)
