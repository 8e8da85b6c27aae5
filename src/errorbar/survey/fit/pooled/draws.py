"""Independent draws of a pooled fit: spread, mean slope, then every class on its own."""

import numpy as np
from numpy import ndarray

from errorbar.survey.fit.pooled.outer import OuterSum, cut_slice
from errorbar.survey.fit.pooled.profile import Profile
from errorbar.survey.model import PooledPrior
from errorbar.survey.model.classes import slope_curves

__all__ = ["draw_pooled"]


def draw_pooled(
    outer: OuterSum,
    profiles: dict[str, Profile],
    prior: PooledPrior,
    tau: ndarray,
    rng: np.random.Generator,
) -> dict[str, ndarray]:
    r"""Everything else given draws of $\tau$."""
    n = len(tau)
    mu = np.empty(n)
    for i, spread in enumerate(tau):
        cut = cut_slice(outer.grid, float(spread))
        density = np.exp(cut.log_density - cut.log_density.max())
        mu[i] = _from_lines(cut.mu, density[None], rng)[0]
    drawn = {"mu": mu, "tau": tau}
    for label, profile in profiles.items():
        curves = profile.curves
        wide = curves.variance + tau[:, None] ** 2
        away = mu[:, None] - curves.slope
        log = profile.log_weight - 0.5 * (np.log(wide) + away * away / wide)
        epsilon = profile.scale * np.sinh(
            _from_lines(profile.t, np.exp(log - log.max(1, keepdims=True)), rng)
        )
        now = slope_curves(profile.data, epsilon, prior.alpha_mean, prior.alpha_sd)
        shrink = tau**2 / (now.variance + tau**2)
        beta = mu + shrink * (now.slope - mu)
        beta = beta + np.sqrt(shrink * now.variance) * rng.normal(size=n)
        alpha = now.intercept + now.gradient * (beta - now.slope)
        drawn[f"alpha[{label}]"] = alpha + np.sqrt(now.remainder) * rng.normal(size=n)
        drawn[f"beta[{label}]"] = beta
        drawn[f"epsilon[{label}]"] = epsilon
    return drawn


def _from_lines(x: ndarray, density: ndarray, rng: np.random.Generator) -> ndarray:
    """One draw from each row's density, which runs straight between the places `x`."""
    left, right, gap = density[:, :-1], density[:, 1:], np.diff(x)
    cumulative = np.cumsum(0.5 * (left + right) * gap, axis=1)
    level = rng.random(len(density)) * cumulative[:, -1]
    cell = np.minimum((cumulative < level[:, None]).sum(1), len(gap) - 1)
    rows = np.arange(len(density))
    a, b = left[rows, cell], right[rows, cell]
    share = (cumulative[rows, cell] - level) / (0.5 * (a + b) * gap[cell])
    # The share of the cell below a point at s of its width is (2 a s + (b - a) s^2) / (a + b).
    below = 1.0 - np.clip(share, 0.0, 1.0)
    root = np.sqrt(a * a + below * (b * b - a * a))
    return x[cell] + gap[cell] * below * (a + b) / (a + root)
