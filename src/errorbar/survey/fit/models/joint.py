"""The joint planet and star regression as a lattice model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.maths.lattice import SINH, TANH, Accuracy
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
from errorbar.survey.model import JOINT_PARAMETERS, JointPrior, PriorRule

__all__ = ["MODEL"]


def build(datas: Sequence[SurveyData], prior: PriorRule | JointPrior) -> Problem:
    for data in datas:
        data.need_star()
    x, y, v = stack(datas, "x"), stack(datas, "y"), stack(datas, "sigma") ** 2
    star, u = stack(datas, "star"), stack(datas, "star_sigma") ** 2
    if isinstance(prior, PriorRule):
        columns = [*prior.joint_columns(x, y, star), np.full(len(datas), 0.5)]
    else:
        columns = prior_columns(
            datas,
            prior,
            lambda rule: rule.joint_columns(x, y, star),
            lambda p: (*p.alpha_mean, *p.alpha_sd, *p.beta_sd, p.scatter_scale),
        )
    mean_p, mean_s, sd_ap, sd_as, sd_bp, sd_bs, scale = columns
    c_p, c_s = scatter_scale(v, scale), scatter_scale(u, scale)
    precisions = [precision(sd) for sd in (sd_ap, sd_bp, sd_as, sd_bs)]
    constant = (
        -x.shape[1] * LOG_2PI
        + sum(k for _, k in precisions)
        + 2 * (HALF_NORMAL - np.log(scale))
        + np.log(0.75)
    )
    res_p, res_s = residual(x, y), residual(x, star)
    s_p = start_scatter(res_p, v, c_p, scale)
    s_s = start_scatter(res_s, u, c_s, scale)
    rho = np.clip((res_p * res_s).mean(1) / (s_p * s_s), -0.9, 0.9)
    zero = np.zeros(len(datas))
    return Problem(
        data=fields(
            x - x.mean(1, keepdims=True), y - mean_p[:, None], star - mean_s[:, None], v, u
        ),
        hyper=np.column_stack([c_p, c_s, *(p for p, _ in precisions), scale, constant]),
        start=np.column_stack([np.arcsinh(s_p / c_p), np.arcsinh(s_s / c_s), np.arctanh(rho)]),
        scales=np.column_stack([c_p, c_s, np.ones(len(datas))]),
        shift=np.column_stack([mean_p, zero, mean_s, zero, zero, zero, zero]),
    )


def latent(
    data: SurveyData, prior: Any, draws: Mapping[str, ndarray], rng: np.random.Generator
) -> dict[str, ndarray]:
    """True abundances and metallicities z: normal around the weighted mean of line and data."""
    star, star_sigma = data.need_star()
    xc = data.xc
    mu_p = draws["alpha_p"][:, None] + draws["beta_p"][:, None] * xc
    mu_s = draws["alpha_s"][:, None] + draws["beta_s"][:, None] * xc
    vp, vs = draws["sigma_p"][:, None] ** 2, draws["sigma_s"][:, None] ** 2
    k = (draws["rho"] * draws["sigma_p"] * draws["sigma_s"])[:, None]
    a, c = vp + data.sigma**2, vs + star_sigma**2
    det = a * c - k * k
    res_p, res_s = data.y - mu_p, star - mu_s
    # Sigma P = [[vp, k], [k, vs]] [[c, -k], [-k, a]] / det.
    g11, g12 = (vp * c - k * k) / det, (k * a - vp * k) / det
    g21, g22 = (k * c - vs * k) / det, (vs * a - k * k) / det
    v11 = np.maximum(vp - g11 * vp - g12 * k, 0.0)
    v12 = k - g11 * k - g12 * vs
    v22 = np.maximum(vs - g21 * k - g22 * vs, 0.0)
    e1, e2 = rng.normal(size=(2, *res_p.shape))
    root = np.sqrt(v11)
    lean = np.where(root > 0, v12 / np.where(root > 0, root, 1.0), 0.0)
    return {
        "z_p": mu_p + g11 * res_p + g12 * res_s + root * e1,
        "z_s": mu_s
        + g21 * res_p
        + g22 * res_s
        + lean * e1
        + np.sqrt(np.maximum(v22 - lean**2, 0.0)) * e2,
    }


def density() -> Any:
    from errorbar.survey.model.joint import joint_density

    return joint_density


MODEL = LatticeModel(
    name="joint",
    names=JOINT_PARAMETERS,
    inner=4,
    kinds=np.array([SINH, SINH, TANH]),
    folds=np.array([1, 1, 0]),
    odd=np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]]),
    accuracy=Accuracy(
        step=0.95,
        cut=16.0,
        tolerance=3e-5,
        tolerance_folded=2e-3,
        cells=81,
        side=101,
        capacity=60000,
    ),
    density=density,
    build=build,
    rule=lambda rule, data: rule.joint(data),
    latent=latent,
)
