"""The single-response regression as a lattice model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.maths.lattice import SINH, Accuracy
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
from errorbar.survey.model import SINGLE_PARAMETERS, PriorRule, SinglePrior

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | SinglePrior) -> Problem:
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    mean, alpha_sd, beta_sd, scale = prior_columns(
        datas,
        prior,
        lambda rule: rule.single_columns(x, y),
        lambda p: (p.alpha_mean, p.alpha_sd, p.beta_sd, p.epsilon_scale),
    )
    c = scatter_scale(v, scale)
    p_alpha, k_alpha = precision(alpha_sd)
    p_beta, k_beta = precision(beta_sd)
    constant = -0.5 * x.shape[1] * LOG_2PI + k_alpha + k_beta + HALF_NORMAL - np.log(scale)
    start = start_scatter(residual(x, y), v, c, scale)
    return Problem(
        data=fields(x - x.mean(1, keepdims=True), y - mean[:, None], v),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, constant]),
        start=np.arcsinh(start / c)[:, None],
        scales=c[:, None].copy(),
        shift=np.column_stack([mean, np.zeros((len(datas), 2))]),
    )


def latent(
    data: SurveyData, prior: Any, draws: Mapping[str, ndarray], rng: np.random.Generator
) -> dict[str, ndarray]:
    """True abundances z: the weighted mean of line and measurement, with its own spread."""
    line = draws["alpha"][:, None] + draws["beta"][:, None] * data.xc
    scatter, noise = draws["epsilon"][:, None] ** 2, data.sigma**2
    share = scatter / (scatter + noise)
    spread = np.sqrt(share * noise)
    return {"z": line + share * (data.y - line) + spread * rng.normal(size=line.shape)}


def density() -> Any:
    from errorbar.survey.model.single import single_density

    return single_density


MODEL = LatticeModel(
    name="single",
    names=SINGLE_PARAMETERS,
    inner=2,
    kinds=np.array([SINH]),
    folds=np.array([1]),
    odd=np.array([[1]]),
    accuracy=Accuracy(
        step=0.65,
        cut=20.0,
        tolerance=1e-4,
        tolerance_folded=5e-5,
        cells=257,
        side=401,
        capacity=400,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.single(data),
    latent=latent,
)
