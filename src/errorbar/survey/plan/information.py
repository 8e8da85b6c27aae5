r"""Fisher information that one planet brings, for each of the three models.

With $t_i$ the total variance of planet $i$ and $f_i=(1, x_i-p)$ around the pivot $p$:

- **single**: $t_i=v_i+\epsilon^2+\beta^2\sigma_{x,i}^2$; the line gains $f_if_i^\top/t_i$ and the
  scatter $2\epsilon^2/t_i^2$.
- **joint**: $S_i=\Sigma+\mathrm{diag}(v_i,u_i)+bb^\top\sigma_{x,i}^2$ with $b=(\beta_p,\beta_s)$;
  the lines gain $J_i^\top S_i^{-1}J_i$ and the scatters
  $\tfrac12\mathrm{tr}(S_i^{-1}\partial_jS_i\,S_i^{-1}\partial_kS_i)$.
- **mass-star**: $t_i=v_i+\epsilon^2+\beta_s^2u_i+\beta_p^2\sigma_{x,i}^2$, the marginal variance
  once the star's true metallicity is integrated out; the plane gains $f_if_i^\top/t_i$ with
  $f_i=(1,x_i-p,s_i-\bar s)$, and the pair $(\beta_s,\epsilon)$ gains
  $\tfrac12\partial_jt_i\,\partial_kt_i/t_i^2$.

A mass error enters through the variance it adds and nothing else: the slope could also be read
from how the residuals widen, but that leans wholly on the mass errors being right.

A `curvature` term $(x_i-p)^2$ may join the line as a nuisance: then the slope is the tangent at
the pivot.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.plan.design import Design
from errorbar.survey.plan.trend import (
    JointTrend,
    MassStarTrend,
    SingleTrend,
    Trend,
    parameters_of,
)

__all__ = ["Information", "joint_covariance", "target_information", "total_variance"]


@dataclass(frozen=True, slots=True, eq=False)
class Information:
    """One symmetric matrix per planet over the parameters `names`."""

    names: tuple[str, ...]
    matrices: Float[ndarray, "rows k k"]

    def total(self, weight: Float[ndarray, " rows"]) -> Float[ndarray, "k k"]:
        """The information of a list: matrices add."""
        return np.einsum("r,rjk->jk", weight, self.matrices)


def target_information(
    design: Design,
    trend: Trend,
    *,
    pivot: float,
    star_pivot: float | None = None,
    curvature: bool = False,
) -> Information:
    """What each planet of `design` would tell about every parameter of the trend's model.

    Parameters come in the order of the model's own list, then `curvature` (joint: `curvature_p`
    and `curvature_s`).
    """
    if isinstance(trend, JointTrend):
        return _joint(design, trend, pivot, curvature)
    if isinstance(trend, MassStarTrend):
        centre = design.star_centre if star_pivot is None else star_pivot
        return _mass_star(design, trend, pivot, centre, curvature)
    return _single(design, trend, pivot, curvature)


def total_variance(design: Design, trend: SingleTrend | MassStarTrend) -> Float[ndarray, " rows"]:
    """Variance of one planet's abundance around the line or plane."""
    slope = trend.beta_p if isinstance(trend, MassStarTrend) else trend.beta
    variance = design.sigma**2 + trend.epsilon**2 + slope**2 * _mass_variance(design)
    if isinstance(trend, MassStarTrend):
        variance = variance + trend.beta_s**2 * design.need_star_sigma() ** 2
    return variance


def joint_covariance(design: Design, trend: JointTrend) -> Float[ndarray, "rows 2 2"]:
    """Covariance of one planet's abundance and its host's metallicity around the two lines."""
    off = trend.rho * trend.sigma_p * trend.sigma_s
    slopes = np.array([trend.beta_p, trend.beta_s])
    covariance = np.empty((design.rows, 2, 2))
    covariance[:] = [[trend.sigma_p**2, off], [off, trend.sigma_s**2]]
    covariance[:, 0, 0] += design.sigma**2
    covariance[:, 1, 1] += design.need_star_sigma() ** 2
    return covariance + np.outer(slopes, slopes) * _mass_variance(design)[:, None, None]


def _single(design: Design, trend: SingleTrend, pivot: float, curvature: bool) -> Information:
    weight = 1.0 / total_variance(design, trend)
    row = _features(design.x - pivot, curvature)
    # The scatter sits between the line and the nuisance, as the model's own order has it.
    full = np.insert(row, 2, 0.0, axis=1)
    matrices = weight[:, None, None] * full[:, :, None] * full[:, None, :]
    matrices[:, 2, 2] = 2.0 * trend.epsilon**2 * weight**2
    return Information(_names(trend, curvature), matrices)


def _mass_star(
    design: Design, trend: MassStarTrend, pivot: float, star_pivot: float, curvature: bool
) -> Information:
    weight = 1.0 / total_variance(design, trend)
    row = _features(design.x - pivot, curvature)
    full = np.insert(row, 2, design.need_star() - star_pivot, axis=1)
    full = np.insert(full, 3, 0.0, axis=1)
    matrices = weight[:, None, None] * full[:, :, None] * full[:, None, :]
    slope = np.zeros_like(full)
    slope[:, 2] = 2.0 * trend.beta_s * design.need_star_sigma() ** 2
    slope[:, 3] = 2.0 * trend.epsilon
    matrices += 0.5 * weight[:, None, None] ** 2 * slope[:, :, None] * slope[:, None, :]
    return Information(_names(trend, curvature), matrices)


def _joint(design: Design, trend: JointTrend, pivot: float, curvature: bool) -> Information:
    precision = np.linalg.inv(joint_covariance(design, trend))
    row = _features(design.x - pivot, curvature)
    names = _names(trend, curvature)
    mean = np.zeros((design.rows, 2, len(names)))
    for response in range(2):
        mean[:, response, 2 * response : 2 * response + 2] = row[:, :2]
        if curvature:
            mean[:, response, 7 + response] = row[:, 2]
    matrices = np.einsum("raj,rab,rbk->rjk", mean, precision, mean)
    turned = precision[:, None] @ _scatter_derivatives(trend)
    matrices[:, 4:7, 4:7] = 0.5 * np.einsum("rjab,rkba->rjk", turned, turned)
    return Information(names, matrices)


def _scatter_derivatives(trend: JointTrend) -> Float[ndarray, "3 2 2"]:
    """The intrinsic covariance differentiated by sigma_p, sigma_s and rho."""
    p, s, r = trend.sigma_p, trend.sigma_s, trend.rho
    return np.array(
        [
            [[2 * p, r * s], [r * s, 0.0]],
            [[0.0, r * p], [r * p, 2 * s]],
            [[0.0, p * s], [p * s, 0.0]],
        ]
    )


def _features(offset: Float[ndarray, " rows"], curvature: bool) -> Float[ndarray, "rows terms"]:
    return np.stack([offset**power for power in range(3 if curvature else 2)], axis=1)


def _names(trend: Trend, curvature: bool) -> tuple[str, ...]:
    nuisance = ("curvature_p", "curvature_s") if isinstance(trend, JointTrend) else ("curvature",)
    return parameters_of(trend) + (nuisance if curvature else ())


def _mass_variance(design: Design) -> Float[ndarray, " rows"]:
    return np.zeros(design.rows) if design.x_sigma is None else design.x_sigma**2
