"""The regression with errors of the masses as a lattice model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

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
from errorbar.survey.model import MASS_ERRORS_PARAMETERS, MassErrorsPrior, PriorRule

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | MassErrorsPrior) -> Problem:
    for data in datas:
        data.need_x_sigma()
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    xv = stack(datas, "x_sigma") ** 2
    columns = prior_columns(
        datas,
        prior,
        lambda rule: rule.mass_errors_columns(x, y),
        lambda p: (
            p.alpha_mean,
            p.alpha_sd,
            p.beta_sd,
            p.epsilon_scale,
            p.mu_mean,
            p.mu_sd,
            p.tau_scale,
        ),
    )
    mean, alpha_sd, beta_sd, scale, mu_mean, mu_sd, scale_x = columns
    centre = x.mean(1)
    xc = x - centre[:, None]
    c, c_x = scatter_scale(v, scale), scatter_scale(xv, scale_x)
    p_alpha, k_alpha = precision(alpha_sd)
    p_mu, k_mu = precision(mu_sd)
    p_beta, k_beta = precision(beta_sd)
    constant = (
        -x.shape[1] * LOG_2PI
        + k_alpha
        + k_mu
        + k_beta
        # Of the three normal priors the slope's is not integrated here: its root 2 pi stays.
        - 0.5 * LOG_2PI
        + 2 * HALF_NORMAL
        - np.log(scale * scale_x)
    )
    wide = (xc**2).mean(1)
    tau = start_scatter(xc, xv, c_x, scale_x)
    slope = (xc * y).mean(1) / np.maximum(tau**2, 0.3 * wide)
    eps = start_scatter(residual(x, y), v, c, scale)
    one, zero = np.ones(len(datas)), np.zeros(len(datas))
    return Problem(
        data=fields(xc, xv, y - mean[:, None], v),
        hyper=np.column_stack(
            [c, c_x, p_alpha, p_mu, mu_mean - centre, p_beta, scale, scale_x, constant]
        ),
        start=np.column_stack([slope, np.arcsinh(eps / c), np.arcsinh(tau / c_x)]),
        scales=np.column_stack([one, c, c_x]),
        shift=np.column_stack([mean, centre, zero, zero, zero]),
    )


def latent(
    data: SurveyData, prior: Any, draws: Mapping[str, ndarray], rng: np.random.Generator
) -> dict[str, ndarray]:
    """True log masses `x` and true abundances `z` of the planets.

    Given the parameters a true mass is normal between three witnesses: the population, its own
    measurement, and what the abundance says about it through the line.
    """
    x_sigma = data.need_x_sigma()
    alpha, beta = draws["alpha"][:, None], draws["beta"][:, None]
    scatter = draws["epsilon"][:, None] ** 2
    around = draws["mu_x"][:, None] - data.centre
    noise, mass_noise = data.sigma**2, x_sigma**2
    share = draws["tau_x"][:, None] ** 2 / (draws["tau_x"][:, None] ** 2 + mass_noise)
    middle, spread = around + share * (data.xc - around), share * mass_noise
    pull = beta * spread / (noise + scatter + beta**2 * spread)
    middle = middle + pull * (data.y - alpha - beta * middle)
    spread = spread * (1.0 - beta * pull)
    xc = middle + np.sqrt(spread) * rng.normal(size=middle.shape)
    line = alpha + beta * xc
    share = scatter / (scatter + noise)
    z = line + share * (data.y - line) + np.sqrt(share * noise) * rng.normal(size=line.shape)
    return {"x": xc + data.centre, "z": z}


def density() -> Any:
    from errorbar.survey.model.mass_errors import mass_errors_density

    return mass_errors_density


MODEL = LatticeModel(
    name="mass-errors",
    names=MASS_ERRORS_PARAMETERS,
    inner=2,
    kinds=np.array([IDENTITY, SINH, SINH]),
    folds=np.array([0, 1, 1]),
    odd=np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    accuracy=Accuracy(
        step=0.95,
        cut=16.0,
        tolerance=3e-5,
        tolerance_folded=2e-3,
        cells=129,
        side=161,
        capacity=120000,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.mass_errors(data),
    latent=latent,
    usual=PriorRule(intercept="flat"),
)
