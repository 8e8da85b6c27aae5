r"""The exact posteriors of the three models, conditioned on their scatters, on expected data.

Every quadratic form $r^\top P r$ of the residuals is replaced by its expectation under the trend,
$$ E[r^\top P r] = \sum_i \mathrm{tr}(P_iT_i)
   - \mathrm{tr}\Big(A^{-1}\sum_i F_i^\top P_iT_iP_iF_i\Big), $$
$T_i$ the true covariance of planet $i$, $P_i$ the precision that the posterior tries and
$A=\sum F_i^\top P_iF_i$ plus the prior. The outer parameters are $\epsilon$ (single),
$(\beta_s,\epsilon)$ (mass-star) and $(\sigma_p,\sigma_s,\rho)$ (joint).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.model import JointPrior, MassStarPrior, SinglePrior
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.information import joint_covariance, total_variance
from errorbar.survey.plan.prior import prior_precision
from errorbar.survey.plan.trend import JointTrend, MassStarTrend, SingleTrend

__all__ = ["Conditional", "Outer", "joint_outer", "mass_star_outer", "single_outer"]


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """A normal for the coefficients at each outer node, with the log density of the node.

    `shift` is the mean of the coefficients less their true values.
    """

    log_density: Float[ndarray, " nodes"]
    shift: Float[ndarray, "nodes k"]
    covariance: Float[ndarray, "nodes k k"]


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    """Bounds of the outer parameters and what follows at any of their values."""

    lower: Float[ndarray, " dims"]
    upper: Float[ndarray, " dims"]
    conditional: Callable[[Float[ndarray, "nodes dims"]], Conditional]


def single_outer(
    design: Design, trend: SingleTrend, prior: SinglePrior, pivot: float, luck: float
) -> Outer:
    """The single model: the scatter outside, intercept and slope inside."""
    true = total_variance(design, trend)
    fixed = prior_precision(prior, design, trend, pivot)[:2, :2]

    def conditional(nodes: Float[ndarray, "nodes 1"]) -> Conditional:
        w = 1.0 / (true - trend.epsilon**2 + nodes**2)
        log_prior = -0.5 * (nodes[:, 0] / prior.epsilon_scale) ** 2
        return _line(design, pivot, w, true * luck, np.zeros_like(w), fixed, log_prior)

    top = _top(float(np.average(true, weights=design.weight)) * luck, design.n, prior.epsilon_scale)
    return Outer(np.array([0.0]), np.array([top]), conditional)


def mass_star_outer(
    design: Design, trend: MassStarTrend, prior: MassStarPrior, pivot: float, luck: float
) -> Outer:
    """The plane: the star's slope and the scatter outside, intercept and mass slope inside."""
    true = total_variance(design, trend)
    star_variance = design.need_star_sigma() ** 2
    star = design.need_star() - design.star_centre
    known = true - trend.epsilon**2 - trend.beta_s**2 * star_variance
    fixed = prior_precision(prior, design, trend, pivot)[:2, :2]

    def conditional(nodes: Float[ndarray, "nodes 2"]) -> Conditional:
        slope, epsilon = nodes[:, :1], nodes[:, 1:]
        w = 1.0 / (known + epsilon**2 + slope**2 * star_variance)
        away = (slope[:, 0] - prior.beta_s_mean) / prior.beta_s_sd
        log_prior = -0.5 * ((epsilon[:, 0] / prior.epsilon_scale) ** 2 + away**2)
        return _line(design, pivot, w, true * luck, (trend.beta_s - slope) * star, fixed, log_prior)

    found = float(np.average(true, weights=design.weight)) * luck
    wide = 12.0 * np.sqrt(found / np.sum(design.weight * star**2))
    if np.isfinite(prior.beta_s_sd):
        wide = min(wide, abs(trend.beta_s - prior.beta_s_mean) + 8.0 * prior.beta_s_sd)
    top = _top(found, design.n, prior.epsilon_scale)
    return Outer(
        np.array([trend.beta_s - wide, 0.0]), np.array([trend.beta_s + wide, top]), conditional
    )


def joint_outer(
    design: Design,
    trend: JointTrend,
    prior: JointPrior,
    pivot: float,
    luck: Float[ndarray, "2 2"],
) -> Outer:
    """Two lines: both scatters and their correlation outside, four coefficients inside."""
    true = joint_covariance(design, trend)
    half = np.linalg.cholesky(true)
    found = half @ luck @ half.transpose(0, 2, 1)
    noise = true - _intrinsic(np.array([[trend.sigma_p, trend.sigma_s, trend.rho]]))
    fixed = prior_precision(prior, design, trend, pivot)[:4, :4]
    offset = design.x - pivot
    powers = design.weight[:, None] * np.stack([np.ones_like(offset), offset, offset**2], axis=1)

    def conditional(nodes: Float[ndarray, "nodes 3"]) -> Conditional:
        covariance = _intrinsic(nodes)[:, None] + noise
        a, b, d = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
        det = a * d - b * b
        p, q, r = d / det, -b / det, a / det
        information = _blocks(p, q, r, powers) + fixed
        cross = np.linalg.inv(information)
        f, g, h = found[:, 0, 0], found[:, 0, 1], found[:, 1, 1]
        pull = _blocks(
            p * p * f + 2 * p * q * g + q * q * h,
            p * q * f + (p * r + q * q) * g + q * r * h,
            q * q * f + 2 * q * r * g + r * r * h,
            powers,
        )
        misfit = (p * f + 2 * q * g + r * h) @ design.weight
        misfit -= np.einsum("mjk,mkj->m", cross, pull)
        log_density = -0.5 * (np.log(det) @ design.weight + misfit)
        log_density -= 0.5 * np.linalg.slogdet(information)[1]
        log_density -= 0.5 * np.sum((nodes[:, :2] / prior.scatter_scale) ** 2, axis=1)
        log_density += np.log1p(-(nodes[:, 2] ** 2))
        return Conditional(log_density, np.zeros((len(nodes), 4)), cross)

    mean = np.average(found, axis=0, weights=design.weight)
    tops = [_top(float(mean[i, i]), design.n, prior.scatter_scale) for i in range(2)]
    return Outer(np.array([0.0, 0.0, -1.0]), np.array([*tops, 1.0]), conditional)


def _line(
    design: Design,
    pivot: float,
    w: Float[ndarray, "nodes rows"],
    found: Float[ndarray, " rows"],
    missed: Float[ndarray, "nodes rows"],
    fixed: Float[ndarray, "2 2"],
    log_prior: Float[ndarray, " nodes"],
) -> Conditional:
    """Intercept and slope at variances 1/w, residuals having variance `found`, mean `missed`."""
    offset = design.x - pivot
    row = np.stack([np.ones_like(offset), offset], axis=1)
    square = (row[:, :, None] * row[:, None, :]).reshape(-1, 4)
    weighted = w * design.weight
    information = (weighted @ square).reshape(-1, 2, 2) + fixed
    covariance = np.linalg.inv(information)
    pull = ((weighted * w * found) @ square).reshape(-1, 2, 2)
    gradient = (weighted * missed) @ row
    shift = np.einsum("mjk,mk->mj", covariance, gradient)
    misfit = np.sum(weighted * (found + missed**2), axis=1)
    misfit -= np.einsum("mjk,mkj->m", covariance, pull) + np.einsum("mj,mj->m", shift, gradient)
    log_density = 0.5 * (np.log(w) @ design.weight - np.linalg.slogdet(information)[1] - misfit)
    return Conditional(log_density + log_prior, shift, covariance)


def _blocks(
    p: Float[ndarray, "nodes rows"],
    q: Float[ndarray, "nodes rows"],
    r: Float[ndarray, "nodes rows"],
    powers: Float[ndarray, "rows 3"],
) -> Float[ndarray, "nodes 4 4"]:
    """Sums of [[p, q], [q, r]] times (1, x)(1, x)', coefficients ordered planet then star."""
    matrix = np.empty((len(p), 2, 2, 2, 2))
    for (i, j), element in (((0, 0), p), ((0, 1), q), ((1, 0), q), ((1, 1), r)):
        sums = element @ powers
        matrix[:, i, :, j, :] = sums[:, [0, 1, 1, 2]].reshape(-1, 2, 2)
    return matrix.reshape(-1, 4, 4)


def _intrinsic(nodes: Float[ndarray, "nodes 3"]) -> Float[ndarray, "nodes 2 2"]:
    covariance = np.empty((len(nodes), 2, 2))
    covariance[:, 0, 0] = nodes[:, 0] ** 2
    covariance[:, 1, 1] = nodes[:, 1] ** 2
    covariance[:, 0, 1] = covariance[:, 1, 0] = nodes.prod(axis=1)
    return covariance


def _top(found: float, n: float, scale: float) -> float:
    """A scatter beyond what data or prior leave room for: eight sd of the variance, six scales."""
    few = 8.0 * np.sqrt(2.0 / max(n - 2.0, 1.0))
    return float(min(np.sqrt(found) * (1.0 + few), np.sqrt(found) + 6.0 * scale))
