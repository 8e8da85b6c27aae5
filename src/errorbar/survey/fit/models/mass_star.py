"""The planet-on-mass-and-star regression as a lattice model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from errorbar.core.maths.lattice import IDENTITY, SINH, Accuracy
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.lattice import LatticeModel, Problem
from errorbar.survey.fit.models.inputs import (
    HALF_NORMAL,
    LOG_2PI,
    fields,
    precision,
    prior_columns,
    residual,
    scatter_scale,
    stack,
    start_scatter,
)
from errorbar.survey.model import MASS_STAR_PARAMETERS, MassStarPrior, PriorRule

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | MassStarPrior) -> Problem:
    for data in datas:
        data.need_star()
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    star, u = stack(datas, "star"), stack(datas, "star_sigma") ** 2
    if isinstance(prior, PriorRule):
        columns = [*prior.mass_star_columns(x, y, star), np.ones(len(datas))]
    else:
        columns = prior_columns(
            datas,
            prior,
            lambda rule: rule.mass_star_columns(x, y, star),
            lambda p: (
                p.alpha_mean,
                p.alpha_sd,
                p.beta_p_sd,
                p.beta_s_sd,
                p.epsilon_scale,
                p.beta_s_mean,
            ),
        )
    mean, sd_a, sd_p, sd_s, scale, slope_mean = columns
    c = scatter_scale(v, scale)
    p_alpha, k_alpha = precision(sd_a)
    p_beta, k_beta = precision(sd_p)
    p_star, k_star = precision(sd_s)
    constant = (
        -0.5 * x.shape[1] * LOG_2PI
        + k_alpha
        + k_beta
        + k_star
        - 0.5 * LOG_2PI
        + HALF_NORMAL
        - np.log(scale)
    )
    xc, sc = x - x.mean(1, keepdims=True), star - star.mean(1, keepdims=True)
    res = residual(x, y)
    res_star = residual(x, star)
    slope = (res * res_star).sum(1) / np.maximum((res_star**2).sum(1), 1e-12)
    wide = np.where(np.isinf(sd_s), 10.0, sd_s)
    slope = np.clip(slope, slope_mean - 2 * wide, slope_mean + 2 * wide)
    s = start_scatter(res - slope[:, None] * res_star, v, c, scale)
    zero = np.zeros(len(datas))
    return Problem(
        data=fields(xc, y - mean[:, None], v, sc, u),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, slope_mean, p_star, constant]),
        start=np.column_stack([slope, np.arcsinh(s / c)]),
        scales=np.column_stack([zero + 1.0, c]),
        shift=np.column_stack([mean, zero, zero, zero]),
    )


def density() -> Any:
    from errorbar.survey.model.mass_star import mass_star_density

    return mass_star_density


MODEL = LatticeModel(
    name="mass-star",
    names=MASS_STAR_PARAMETERS,
    inner=2,
    kinds=np.array([IDENTITY, SINH]),
    folds=np.array([0, 1]),
    odd=np.array([[0, 0], [0, 1]]),
    accuracy=Accuracy(
        step=0.6,
        cut=24.0,
        tolerance=2e-5,
        tolerance_folded=1e-4,
        cells=1025,
        side=1601,
        capacity=40000,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.mass_star(data),
)
