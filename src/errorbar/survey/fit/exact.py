"""Exact posteriors of many surveys at once, by summing lattices.

Surveys of one size are stacked; each is still summed on its own, so that a survey's numbers do not
depend on which others it was fitted with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import ndtri, sici

from errorbar.survey.data import SurveyData
from errorbar.survey.model import (
    JOINT_PARAMETERS,
    MASS_STAR_PARAMETERS,
    SINGLE_PARAMETERS,
    JointPrior,
    MassStarPrior,
    PriorRule,
    SinglePrior,
)

__all__ = ["MODELS", "Accuracy", "LatticeModel", "Problem"]

LOG_2PI = float(np.log(2 * np.pi))
HALF_NORMAL = float(np.log(2 / np.sqrt(2 * np.pi)))


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

    `kinds` names each outer coordinate's transform, `folds` marks scales (even at zero), and
    `odd[k, a]` whether outer parameter `a` changes sign when scale `k` does.
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


@cache
def odd_weights(side: int) -> Float[ndarray, " nodes"]:
    r"""$(2/\pi)\,\mathrm{Si}(\pi i)$: the half-line integral of the odd sinc interpolant."""
    return np.ascontiguousarray(2 / np.pi * sici(np.pi * np.arange(side))[0])


def _stack(datas: Sequence[SurveyData], name: str) -> ndarray:
    return np.stack([getattr(data, name) for data in datas])


def _fields(*columns: ndarray) -> ndarray:
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _prior_columns(
    datas: Sequence[SurveyData],
    prior: Any,
    by_rule: Callable[[PriorRule], tuple[ndarray, ...]],
    by_value: Callable[[Any], tuple[float, ...]],
) -> list[ndarray]:
    if isinstance(prior, PriorRule):
        return list(by_rule(prior))
    values = prior if isinstance(prior, Sequence) else [prior] * len(datas)
    return list(np.array([by_value(value) for value in values]).T)


def _precision(sd: ndarray) -> tuple[ndarray, ndarray]:
    """Prior precision and log constant of a normal prior; a flat one counts as density one."""
    flat = np.isinf(sd)
    safe = np.where(flat, 1.0, sd)
    return np.where(flat, 0.0, 1 / safe**2), np.where(flat, 0.5 * LOG_2PI, -np.log(safe))


def _scatter_scale(variance: ndarray, limit: ndarray) -> ndarray:
    r"""Where $s = c\sinh t$ turns from linear to exponential: the sd of a scatter that is zero.

    At zero scatter the information on $s^2$ is $\sum v_i^{-2}/2$.
    """
    width = (2 / np.sum(variance**-2.0, axis=-1)) ** 0.25
    return np.minimum(0.7 * width, 0.5 * limit)


def _residual(x: ndarray, y: ndarray) -> ndarray:
    xc = x - x.mean(-1, keepdims=True)
    yc = y - y.mean(-1, keepdims=True)
    slope = (xc * yc).sum(-1) / (xc * xc).sum(-1)
    return yc - slope[:, None] * xc


def _start_scatter(residual: ndarray, variance: ndarray, c: ndarray, limit: ndarray) -> ndarray:
    excess = (residual**2).mean(-1) - variance.mean(-1)
    start = np.sqrt(np.maximum(excess, (0.5 * c) ** 2))
    return np.minimum(start, 2 * limit)


def build_single(datas: Sequence[SurveyData], prior: PriorRule | SinglePrior) -> Problem:
    x, y, v = _stack(datas, "x"), _stack(datas, "y"), _stack(datas, "sigma") ** 2
    mean, alpha_sd, beta_sd, scale = _prior_columns(
        datas,
        prior,
        lambda rule: rule.single_columns(x, y),
        lambda p: (p.alpha_mean, p.alpha_sd, p.beta_sd, p.epsilon_scale),
    )
    c = _scatter_scale(v, scale)
    p_alpha, k_alpha = _precision(alpha_sd)
    p_beta, k_beta = _precision(beta_sd)
    constant = -0.5 * x.shape[1] * LOG_2PI + k_alpha + k_beta + HALF_NORMAL - np.log(scale)
    start = _start_scatter(_residual(x, y), v, c, scale)
    return Problem(
        data=_fields(x - x.mean(1, keepdims=True), y - mean[:, None], v),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, constant]),
        start=np.arcsinh(start / c)[:, None],
        scales=c[:, None].copy(),
        shift=np.column_stack([mean, np.zeros((len(datas), 2))]),
    )


def build_joint(datas: Sequence[SurveyData], prior: PriorRule | JointPrior) -> Problem:
    for data in datas:
        data.need_star()
    x, y, v = _stack(datas, "x"), _stack(datas, "y"), _stack(datas, "sigma") ** 2
    star, u = _stack(datas, "star"), _stack(datas, "star_sigma") ** 2
    if isinstance(prior, PriorRule):
        columns = [*prior.joint_columns(x, y, star), np.full(len(datas), 0.5)]
    else:
        columns = _prior_columns(
            datas,
            prior,
            lambda rule: rule.joint_columns(x, y, star),
            lambda p: (*p.alpha_mean, *p.alpha_sd, *p.beta_sd, p.scatter_scale),
        )
    mean_p, mean_s, sd_ap, sd_as, sd_bp, sd_bs, scale = columns
    c_p, c_s = _scatter_scale(v, scale), _scatter_scale(u, scale)
    precisions = [_precision(sd) for sd in (sd_ap, sd_bp, sd_as, sd_bs)]
    constant = (
        -x.shape[1] * LOG_2PI
        + sum(k for _, k in precisions)
        + 2 * (HALF_NORMAL - np.log(scale))
        + np.log(0.75)
    )
    res_p, res_s = _residual(x, y), _residual(x, star)
    s_p = _start_scatter(res_p, v, c_p, scale)
    s_s = _start_scatter(res_s, u, c_s, scale)
    rho = np.clip((res_p * res_s).mean(1) / (s_p * s_s), -0.9, 0.9)
    zero = np.zeros(len(datas))
    return Problem(
        data=_fields(
            x - x.mean(1, keepdims=True), y - mean_p[:, None], star - mean_s[:, None], v, u
        ),
        hyper=np.column_stack([c_p, c_s, *(p for p, _ in precisions), scale, constant]),
        start=np.column_stack([np.arcsinh(s_p / c_p), np.arcsinh(s_s / c_s), np.arctanh(rho)]),
        scales=np.column_stack([c_p, c_s, np.ones(len(datas))]),
        shift=np.column_stack([mean_p, zero, mean_s, zero, zero, zero, zero]),
    )


def build_mass_star(datas: Sequence[SurveyData], prior: PriorRule | MassStarPrior) -> Problem:
    for data in datas:
        data.need_star()
    x, y, v = _stack(datas, "x"), _stack(datas, "y"), _stack(datas, "sigma") ** 2
    star, u = _stack(datas, "star"), _stack(datas, "star_sigma") ** 2
    if isinstance(prior, PriorRule):
        columns = [*prior.mass_star_columns(x, y, star), np.ones(len(datas))]
    else:
        columns = _prior_columns(
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
    c = _scatter_scale(v, scale)
    p_alpha, k_alpha = _precision(sd_a)
    p_beta, k_beta = _precision(sd_p)
    p_star, k_star = _precision(sd_s)
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
    residual = _residual(x, y)
    res_star = _residual(x, star)
    slope = (residual * res_star).sum(1) / np.maximum((res_star**2).sum(1), 1e-12)
    wide = np.where(np.isinf(sd_s), 10.0, sd_s)
    slope = np.clip(slope, slope_mean - 2 * wide, slope_mean + 2 * wide)
    s = _start_scatter(residual - slope[:, None] * res_star, v, c, scale)
    zero = np.zeros(len(datas))
    return Problem(
        data=_fields(xc, y - mean[:, None], v, sc, u),
        hyper=np.column_stack([c, p_alpha, p_beta, scale, slope_mean, p_star, constant]),
        start=np.column_stack([slope, np.arcsinh(s / c)]),
        scales=np.column_stack([zero + 1.0, c]),
        shift=np.column_stack([mean, zero, zero, zero]),
    )


def _single_density() -> Any:
    from errorbar.survey.model.single import single_density

    return single_density


def _joint_density() -> Any:
    from errorbar.survey.model.joint import joint_density

    return joint_density


def _mass_star_density() -> Any:
    from errorbar.survey.model.mass_star import mass_star_density

    return mass_star_density


# Kinds of outer coordinate, as errorbar.core.maths.lattice numbers them (importing it compiles).
_IDENTITY, _SINH, _TANH = 0, 1, 2

MODELS = {
    "single": LatticeModel(
        "single",
        SINGLE_PARAMETERS,
        2,
        np.array([_SINH]),
        np.array([1]),
        np.array([[1]]),
        Accuracy(
            step=0.55,
            cut=22.0,
            tolerance=3e-4,
            tolerance_folded=3e-4,
            cells=257,
            side=401,
            capacity=400,
        ),
        _single_density,
        build_single,
    ),
    "joint": LatticeModel(
        "joint",
        JOINT_PARAMETERS,
        4,
        np.array([_SINH, _SINH, _TANH]),
        np.array([1, 1, 0]),
        np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]]),
        Accuracy(
            step=0.95,
            cut=16.0,
            tolerance=3e-5,
            tolerance_folded=2e-3,
            cells=81,
            side=101,
            capacity=60000,
        ),
        _joint_density,
        build_joint,
    ),
    "mass-star": LatticeModel(
        "mass-star",
        MASS_STAR_PARAMETERS,
        2,
        np.array([_IDENTITY, _SINH]),
        np.array([0, 1]),
        np.array([[0, 0], [0, 1]]),
        Accuracy(
            step=0.6,
            cut=24.0,
            tolerance=2e-5,
            tolerance_folded=1e-4,
            cells=257,
            side=1601,
            capacity=40000,
        ),
        _mass_star_density,
        build_mass_star,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class FitBatch:
    """Posterior summaries of many surveys; a survey that failed holds NaN and a status above 0."""

    names: tuple[str, ...]
    level: float
    mean: Float[ndarray, "surveys parameters"]
    sd: Float[ndarray, "surveys parameters"]
    hdi_low: Float[ndarray, "surveys parameters"]
    hdi_high: Float[ndarray, "surveys parameters"]
    log_evidence: Float[ndarray, " surveys"]
    status: Int[ndarray, " surveys"]
    nodes: Int[ndarray, " surveys"]


def sum_surveys(
    model: LatticeModel,
    datas: Sequence[SurveyData],
    prior: Any,
    level: float,
    accuracy: Accuracy | None = None,
) -> FitBatch:
    from errorbar.core.maths.lattice import batch_kernel

    acc = accuracy or model.accuracy
    s, p = len(datas), len(model.names)
    mean, sd, low, high = (np.empty((s, p)) for _ in range(4))
    log_z = np.empty(s)
    status, nodes = np.empty(s, dtype=np.int64), np.empty(s, dtype=np.int64)
    sizes = np.array([data.n for data in datas])
    for n in np.unique(sizes):
        rows = np.flatnonzero(sizes == n)
        group = [datas[i] for i in rows]
        chosen = [prior[i] for i in rows] if isinstance(prior, Sequence) else prior
        problem = model.build(group, chosen)
        parts = [np.empty((len(rows), p)) for _ in range(4)]
        z = np.empty(len(rows))
        st, nd = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
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
        )
        for i in (0, 2, 3):
            parts[i] += problem.shift
        mean[rows], sd[rows], low[rows], high[rows] = parts
        log_z[rows], status[rows], nodes[rows] = z, st, nd
    return FitBatch(model.names, level, mean, sd, low, high, log_z, status, nodes)
