r"""Surveys straight from a model with given parameters, for calibration and tests: arrays only.

Keyword names are the parameters' own, so that a draw from a prior can be passed as it is.
Intercepts are at `pivot`, by default the mean of the given masses. `x` are true masses: with
`x_sigma` the survey holds measured ones. With `threshold` a measured abundance below it becomes an
upper limit.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import SettingsError
from errorbar.survey.data import SurveyData

__all__ = ["simulate_joint", "simulate_mass_star", "simulate_single"]

Values = NDArray[np.float64]


def simulate_single(
    rng: np.random.Generator,
    x: ArrayLike,
    sigma: ArrayLike,
    alpha: float,
    beta: float,
    epsilon: float,
    *,
    x_sigma: ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    outlier_share: float = 0.0,
    outlier_size: float = 0.0,
    pivot: float | None = None,
) -> SurveyData:
    r"""$y_i \sim N(\alpha + \beta x_i, \sigma_i^2 + \epsilon^2)$.

    A share of the abundances is displaced by a further normal of standard deviation
    `outlier_size`.
    """
    x, sigma = _columns(x, sigma)
    y = alpha + beta * _away(x, pivot) + np.hypot(sigma, epsilon) * rng.normal(size=len(x))
    if outlier_share:
        chosen = rng.random(len(x)) < outlier_share
        y = y + np.where(chosen, outlier_size * rng.normal(size=len(x)), 0.0)
    return _survey(rng, x, y, sigma, x_sigma=x_sigma, threshold=threshold)


def simulate_joint(
    rng: np.random.Generator,
    x: ArrayLike,
    sigma: ArrayLike,
    star_sigma: ArrayLike,
    alpha_p: float,
    beta_p: float,
    alpha_s: float,
    beta_s: float,
    sigma_p: float,
    sigma_s: float,
    rho: float,
    *,
    x_sigma: ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    pivot: float | None = None,
) -> SurveyData:
    """Planet and star scattered together about two lines, then measured one by one."""
    if not -1 <= rho <= 1:
        raise SettingsError(f"rho={rho:g} is a correlation: between -1 and 1.")
    x, sigma = _columns(x, sigma)
    _, star_sigma = _columns(x, star_sigma)
    away = _away(x, pivot)
    first, second, noise_p, noise_s = rng.normal(size=(4, len(x)))
    mixed = rho * first + np.sqrt(1.0 - rho**2) * second
    y = alpha_p + beta_p * away + sigma_p * first + sigma * noise_p
    star = alpha_s + beta_s * away + sigma_s * mixed + star_sigma * noise_s
    return _survey(
        rng, x, y, sigma, star=star, star_sigma=star_sigma, x_sigma=x_sigma, threshold=threshold
    )


def simulate_mass_star(
    rng: np.random.Generator,
    x: ArrayLike,
    sigma: ArrayLike,
    star: ArrayLike,
    star_sigma: ArrayLike,
    alpha: float,
    beta_p: float,
    beta_s: float,
    epsilon: float,
    *,
    star_is_true: bool = False,
    x_sigma: ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    pivot: float | None = None,
) -> SurveyData:
    r"""The planet's abundance on its mass and its star's true metallicity.

    `star` are measured values by default, and the true ones scatter about them, as the model
    assumes: $\xi_i \sim N(s_i, u_i)$. With `star_is_true` it is the other way about, as in
    nature. The star's slope acts on $\xi_i - \bar s$ with the mean of the *measured* values.
    """
    x, sigma = _columns(x, sigma)
    given, star_sigma = _columns(star, star_sigma)
    other = given + star_sigma * rng.normal(size=len(given))
    true, measured = (given, other) if star_is_true else (other, given)
    y = alpha + beta_p * _away(x, pivot) + beta_s * (true - measured.mean())
    y = y + np.hypot(sigma, epsilon) * rng.normal(size=len(x))
    return _survey(
        rng,
        x,
        y,
        sigma,
        star=measured,
        star_sigma=star_sigma,
        x_sigma=x_sigma,
        threshold=threshold,
    )


def _survey(
    rng: np.random.Generator,
    x: Values,
    y: Values,
    sigma: Values,
    *,
    star: Values | None = None,
    star_sigma: Values | None = None,
    x_sigma: ArrayLike | None,
    threshold: ArrayLike | None,
) -> SurveyData:
    limit = None
    if threshold is not None:
        limit = y < np.asarray(threshold, dtype=np.float64)
        y = np.where(limit, threshold, y)
    if x_sigma is not None:
        x, x_sigma = _columns(x, x_sigma)
        x = x + x_sigma * rng.normal(size=len(x))
    return SurveyData(x, y, sigma, star=star, star_sigma=star_sigma, x_sigma=x_sigma, limit=limit)


def _columns(values: ArrayLike, error: ArrayLike) -> tuple[Values, Values]:
    values = np.asarray(values, dtype=np.float64)
    return values, np.broadcast_to(np.asarray(error, dtype=np.float64), values.shape)


def _away(x: Values, pivot: float | None) -> Values:
    return x - (x.mean() if pivot is None else pivot)
