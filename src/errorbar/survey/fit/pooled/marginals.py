"""Marginals of everything that a pooled fit knows, as fine tables."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.polynomial.hermite_e import hermegauss
from scipy.interpolate import CubicSpline, PPoly, make_interp_spline

from errorbar.core.errors import FitError
from errorbar.survey.fit.pooled.outer import OuterSum
from errorbar.survey.fit.pooled.profile import FINE, Profile

__all__ = ["Marginals", "make_marginals"]

_REACH, _POINTS = 14.0, 401
_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)

# Nodes and weights of a standard normal.
_HERMITE = (hermegauss(24)[0], hermegauss(24)[1] / np.sqrt(2 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A marginal as a spline through a fine table, made once: intervals ask for it often."""

    low: float
    high: float
    density: PPoly
    area: PPoly

    def cdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        return np.clip(self.area(np.clip(x, self.low, self.high)), 0.0, 1.0)

    def pdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        inside = (x >= self.low) & (x <= self.high)
        return np.where(inside, np.maximum(self.density(x), 0.0), 0.0)

    def support(self) -> tuple[float, float]:
        return self.low, self.high


def tabulate(place: ndarray, height: ndarray) -> Table:
    """A density known up to its area."""
    curve = CubicSpline(place, height)
    total = float(curve.integrate(place[0], place[-1]))
    density = CubicSpline(place, height / total)
    return Table(float(place[0]), float(place[-1]), density, density.antiderivative())


Marginals = dict[str, tuple[Table, float, float]]


def make_marginals(outer: OuterSum, profiles: dict[str, Profile]) -> Marginals:
    """Curve, mean and sd of `mu`, `tau`, and each class's `alpha`, `beta` and `epsilon`."""
    found: Marginals = {"mu": _mean_slope(outer), "tau": _spread(outer)}
    for c, (label, profile) in enumerate(profiles.items()):
        slope, line = _line(outer, c, profile)
        found[f"alpha[{label}]"] = line
        found[f"beta[{label}]"] = slope
        found[f"epsilon[{label}]"] = _scatter(outer.scatter[c], profile)
    return found


def _scale(t: ndarray, share: ndarray, c: float) -> tuple[Table, float, float]:
    r"""A scale from its node probabilities over $t$; from $t = 0$ the curve is even."""
    density = share.copy()
    density[-1] *= 2
    if t[0] == 0:
        density[0] *= 2
    kept = np.flatnonzero(density > 1e-18 * density.max())
    part = slice(kept[0], kept[-1] + 1)
    at, log = t[part], np.log(np.maximum(density[part], 1e-300))
    mirrored = at[0] == 0
    if mirrored:
        at, log = np.concatenate([-at[:0:-1], at]), np.concatenate([log[:0:-1], log])
    curve = make_interp_spline(at, log, k=min(7, (len(at) - 1) // 2 * 2 - 1))
    fine = np.linspace(0.0 if mirrored else at[0], at[-1], 2 * _POINTS)
    # Even steps of t hold the same share of the change of variable.
    height = np.exp(curve(fine) - log.max())
    scale = c * np.sinh(fine)
    marginal = tabulate(scale, height / np.cosh(fine))
    first, second = (_integral(fine, height * scale**power) for power in (1, 2))
    area = _integral(fine, height)
    mean = first / area
    return marginal, mean, float(np.sqrt(max(second / area - mean**2, 0.0)))


def _integral(x: ndarray, y: ndarray) -> float:
    return float(CubicSpline(x, y).integrate(x[0], x[-1]))


def _spread(outer: OuterSum) -> tuple[Table, float, float]:
    return _scale(outer.grid.t, outer.weight.sum(1), outer.grid.scale)


def _scatter(share: ndarray, profile: Profile) -> tuple[Table, float, float]:
    return _scale(profile.t[::FINE], share, profile.scale)


def _over_slopes(outer: OuterSum, j: int, log_density: ndarray) -> Callable[[ndarray], ndarray]:
    """A density of the mean slope at one spread, between its nodes; zero beyond them."""
    middle, width = outer.grid.place(float(outer.tau[j]))
    u = np.arcsinh((outer.mu[j] - middle) / width)
    kept = np.flatnonzero(log_density > log_density.max() - 300.0)
    part = slice(kept[0], kept[-1] + 1)
    curve = CubicSpline(u[part], log_density[part], extrapolate=False)

    def density(at: ndarray) -> ndarray:
        return np.exp(np.nan_to_num(curve(np.arcsinh((at - middle) / width)), nan=-np.inf))

    return density


def _mean_slope(outer: OuterSum) -> tuple[Table, float, float]:
    mean, sd = outer.mu_mean, outer.mu_sd
    at = _stretched(outer, mean, sd)
    total = np.zeros(len(at))
    for j in range(len(outer.tau)):
        log = np.log(np.maximum(outer.weight[j], 1e-300)) - _log_cells(outer, j)
        if log.max() > -60.0:
            total += _over_slopes(outer, j, log)(at)
    return tabulate(at, total), mean, sd


def _log_cells(outer: OuterSum, j: int) -> ndarray:
    """Log width of each node's cell in the mean slope."""
    middle, width = outer.grid.place(float(outer.tau[j]))
    u = np.arcsinh((outer.mu[j] - middle) / width)
    return np.log(width * np.cosh(u) * (u[1] - u[0]))


def _stretched(outer: OuterSum, mean: float, sd: float) -> ndarray:
    """Places dense around the wholly pooled slope, where marginals are sharpest."""
    middle, width = outer.grid.place(0.0)
    low, high = (float(np.arcsinh((mean + k * sd - middle) / width)) for k in (-_REACH, _REACH))
    return middle + width * np.sinh(np.linspace(low, high, _POINTS))


def _line(
    outer: OuterSum, c: int, profile: Profile
) -> tuple[tuple[Table, float, float], tuple[Table, float, float]]:
    """Slope and intercept of one class: what its planets say times what the others predict."""
    mean, sd = float(outer.slope_mean[c]), float(outer.slope_sd[c])
    at = _stretched(outer, mean, sd)
    predicted = _predicted(outer, c, at)
    log_weight, slope, variance = profile.coarse()
    away = at - slope[:, None]
    own = log_weight - 0.5 * np.log(variance) - _HALF_LOG_2PI
    parts = np.exp(
        own[:, None] - 0.5 * away * away / variance[:, None] + np.log(predicted + 1e-300)
    )
    density = parts.sum(0)
    area = _integral(at, density)
    if not abs(area - 1.0) < 1e-3:
        raise FitError(
            f"the slope of class {c} sums to {area:.4g} of its probability: its planets and the "
            "other classes disagree beyond what the sums resolve. Fit the classes apart."
        )
    return (tabulate(at, density), mean, sd), _intercept(profile, at, parts, away)


def _predicted(outer: OuterSum, c: int, at: ndarray) -> ndarray:
    """The density of a class's slope given the other classes, relative to the whole's evidence."""
    others = outer.others[c]
    total = np.zeros(len(at))
    for j, tau in enumerate(outer.tau):
        if others[j].max() < 1e-16 * others.max():
            continue
        if tau > 0.5 * outer.grid.place(float(tau))[1]:
            z = (at[:, None] - outer.mu[j]) / tau
            total += np.exp(-0.5 * z * z) @ (others[j] / (tau * np.sqrt(2 * np.pi)))
            continue
        # Normals narrower than the nodes of their means would ripple: the means' density is smooth.
        log = np.log(np.maximum(others[j], 1e-300)) - _log_cells(outer, j)
        density = _over_slopes(outer, j, log)
        total += density(at[:, None] + tau * _HERMITE[0]) @ _HERMITE[1]
    return total


def _intercept(
    profile: Profile, at: ndarray, parts: ndarray, away: ndarray
) -> tuple[Table, float, float]:
    """Normals given scatter and slope, mixed over both."""
    curves = profile.curves
    weight = parts * np.gradient(at)
    mean = curves.intercept[::FINE, None] + curves.gradient[::FINE, None] * away
    variance = np.broadcast_to(curves.remainder[::FINE, None], mean.shape)
    weight = weight / weight.sum()
    middle = float((weight * mean).sum())
    sd = float(np.sqrt((weight * (variance + (mean - middle) ** 2)).sum()))
    kept = weight > 1e-9 * weight.max()
    w, m, v = weight[kept], mean[kept], variance[kept]
    place = middle + _REACH * sd * np.linspace(-1.0, 1.0, _POINTS)
    height = w / np.sqrt(2 * np.pi * v)
    density = np.array([np.exp(-0.5 * (x - m) ** 2 / v) @ height for x in place])
    return tabulate(place, density), middle, sd
