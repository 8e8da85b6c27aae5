r"""The survey regressions' densities written anew in NumPy, to judge the compiled ones by.

Each takes rows of outer parameters and gives the log density, the coefficients' means (less the
prior mean of each intercept) and their variances, at every row. Matrices are inverted by LAPACK,
nothing is accumulated cleverly.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from errorbar.survey.data import SurveyData
from errorbar.survey.model import JointPrior, MassStarPrior, SinglePrior

Array = NDArray[np.float64]
Density = Callable[[Array], tuple[Array, Array, Array]]


def coefficients(precision: Array, pull: Array) -> tuple[Array, Array, Array, Array]:
    """Means and covariances of coefficients, log determinant and completed square, by node."""
    covariance = np.linalg.inv(precision)
    mean = np.einsum("mij,mj->mi", covariance, pull)
    _, log_det = np.linalg.slogdet(precision)
    return mean, covariance, log_det, np.einsum("mi,mi->m", mean, pull)


def normal_log_constant(sd: float) -> float:
    """What a normal prior adds besides its square; a flat one counts as density one."""
    return 0.5 * np.log(2 * np.pi) if np.isinf(sd) else -np.log(sd)


def half_normal(s: Array, scale: float) -> Array:
    return 0.5 * np.log(2 / np.pi) - np.log(scale) - 0.5 * (s / scale) ** 2


def single_density(data: SurveyData, prior: SinglePrior) -> Density:
    """Log density of the scatter with its coefficients (less the prior mean) integrated out."""
    x, y, v = data.x - data.x.mean(), data.y - prior.alpha_mean, data.sigma**2
    powers = np.stack([np.ones_like(x), x, x * x, y, x * y, y * y], axis=1)

    def density(eps: Array) -> tuple[Array, Array, Array]:
        d = v + eps[:, None] ** 2
        s0, s1, s2, t0, t1, q = ((1 / d) @ powers).T
        precision = np.array([[s0 + prior.alpha_sd**-2, s1], [s1, s2 + prior.beta_sd**-2]])
        mean, covariance, log_det, gain = coefficients(
            np.moveaxis(precision, 2, 0), np.stack([t0, t1], axis=1)
        )
        log_f = (
            -0.5 * len(x) * np.log(2 * np.pi)
            - 0.5 * np.log(d).sum(axis=1)
            + normal_log_constant(prior.alpha_sd)
            + normal_log_constant(prior.beta_sd)
            - 0.5 * log_det
            - 0.5 * (q - gain)
            + half_normal(eps, prior.epsilon_scale)
        )
        return log_f, mean, np.diagonal(covariance, axis1=1, axis2=2)

    return density


def joint_density(data: SurveyData, prior: JointPrior) -> Density:
    """Log density of rows (sigma_p, sigma_s, atanh rho), the four coefficients integrated out."""
    star, star_sigma = data.need_star()
    x = data.x - data.x.mean()
    y, s = data.y - prior.alpha_mean[0], star - prior.alpha_mean[1]
    v, u = data.sigma**2, star_sigma**2
    one = np.ones_like(x)
    of_p = np.stack([one, x, x * x, y, x * y, y * y], axis=1)
    of_q = np.stack([one, x, x * x, y, x * y, s, x * s, 2 * y * s], axis=1)
    of_r = np.stack([one, x, x * x, s, x * s, s * s], axis=1)
    diagonal = np.array([prior.alpha_sd[0], prior.beta_sd[0], prior.alpha_sd[1], prior.beta_sd[1]])
    constant = (
        -len(x) * np.log(2 * np.pi) + sum(normal_log_constant(sd) for sd in diagonal) + np.log(0.75)
    )

    def density(outer: Array) -> tuple[Array, Array, Array]:
        sp, ss, z = outer.T[:, :, None]
        # 1 - rho^2 as sech^2: their difference loses digits on the ridge.
        rest = 1 / np.cosh(z) ** 2
        k = np.tanh(z) * sp * ss
        det = sp**2 * ss**2 * rest + sp**2 * u + ss**2 * v + u * v
        p0, p1, p2, gp0, gp1, pp = (((ss**2 + u) / det) @ of_p).T
        q0, q1, q2, hq0, hq1, gq0, gq1, cross = ((-k / det) @ of_q).T
        r0, r1, r2, hs0, hs1, rr = (((sp**2 + v) / det) @ of_r).T
        precision = np.array(
            [[p0, p1, q0, q1], [p1, p2, q1, q2], [q0, q1, r0, r1], [q1, q2, r1, r2]]
        )
        precision = np.moveaxis(precision, 2, 0) + np.diag(diagonal**-2.0)
        pull = np.stack([gp0 + gq0, gp1 + gq1, hs0 + hq0, hs1 + hq1], axis=1)
        mean, covariance, log_det, gain = coefficients(precision, pull)
        log_f = (
            constant
            - 0.5 * np.log(det).sum(axis=1)
            - 0.5 * log_det
            - 0.5 * (pp + cross + rr - gain)
            + half_normal(sp[:, 0], prior.scatter_scale)
            + half_normal(ss[:, 0], prior.scatter_scale)
            # LKJ(2) is 1 - rho^2, and d rho / dz is the same.
            + 2 * np.log(rest[:, 0])
        )
        return log_f, mean, np.diagonal(covariance, axis1=1, axis2=2)

    return density


def mass_star_density(data: SurveyData, prior: MassStarPrior) -> Density:
    """Log density of rows (beta_s, epsilon) with intercept and mass slope integrated out."""
    star, star_sigma = data.need_star()
    x, s = data.x - data.x.mean(), star - star.mean()
    y, v, u = data.y - prior.alpha_mean, data.sigma**2, star_sigma**2
    powers = np.stack([np.ones_like(x), x, x * x, y, x * y, s, x * s, y * y, y * s, s * s], axis=1)

    def density(outer: Array) -> tuple[Array, Array, Array]:
        b, eps = outer.T
        d = v + (eps**2)[:, None] + (b**2)[:, None] * u
        s0, s1, s2, ty0, ty1, ts0, ts1, yy, ys, ss = ((1 / d) @ powers).T
        precision = np.array([[s0 + prior.alpha_sd**-2, s1], [s1, s2 + prior.beta_p_sd**-2]])
        pull = np.stack([ty0 - b * ts0, ty1 - b * ts1], axis=1)
        mean, covariance, log_det, gain = coefficients(np.moveaxis(precision, 2, 0), pull)
        log_f = (
            -0.5 * len(x) * np.log(2 * np.pi)
            - 0.5 * np.log(d).sum(axis=1)
            + normal_log_constant(prior.alpha_sd)
            + normal_log_constant(prior.beta_p_sd)
            + normal_log_constant(prior.beta_s_sd)
            - 0.5 * np.log(2 * np.pi)
            - 0.5 * ((b - prior.beta_s_mean) / prior.beta_s_sd) ** 2
            - 0.5 * log_det
            - 0.5 * (yy - 2 * b * ys + b * b * ss - gain)
            + half_normal(eps, prior.epsilon_scale)
        )
        return log_f, mean, np.diagonal(covariance, axis1=1, axis2=2)

    return density
