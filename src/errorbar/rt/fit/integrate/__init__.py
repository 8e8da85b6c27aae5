"""Integrated scales: Laplace's approximation made exact by adaptive importance sampling."""

from errorbar.rt.fit.integrate.curvature import Curvature, curvature, log_posterior
from errorbar.rt.fit.integrate.importance import Weighted, explore
from errorbar.rt.fit.integrate.mixture import MixturePredictor, PoolMixture, integrate_scales

__all__ = [
    "Curvature",
    "MixturePredictor",
    "PoolMixture",
    "Weighted",
    "curvature",
    "explore",
    "integrate_scales",
    "log_posterior",
]
