"""The log posterior of the scales about its mode."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.rt.fit.marginal import solve
from errorbar.rt.fit.run import PoolFit

__all__ = ["Curvature", "curvature", "log_posterior"]

STEP = 1e-3
# A coordinate that the data hardly see is held by its prior; nothing is flatter than this.
FLATTEST = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """Minus the second derivatives at the mode, and their inverse: Laplace's covariance."""

    hessian: Float[ndarray, "coordinates coordinates"]
    covariance: Float[ndarray, "coordinates coordinates"]


def log_posterior(fit: PoolFit, at: ndarray) -> tuple[float, ndarray]:
    """Log marginal likelihood plus log prior at a point, and the gradient."""
    known = solve(fit.statistics, fit.layout, fit.parameters.scales(at), fit.cells, whole=False)
    prior, slope = fit.parameters.log_prior(at)
    return known.log_marginal + prior, fit.parameters.pull(at, known.gradient) + slope


def curvature(fit: PoolFit) -> Curvature:
    """Laplace's approximation by differences of the exact gradient: two for each coordinate."""
    return curvature_of(lambda at: log_posterior(fit, at)[1], fit.at)


def curvature_of(gradient: Callable[[ndarray], ndarray], at: ndarray) -> Curvature:
    """The same for any gradient."""
    moves = STEP * np.eye(len(at))
    slopes = np.array([gradient(at + move) - gradient(at - move) for move in moves])
    hessian = -(slopes + slopes.T) / (4 * STEP)
    # In units of each coordinate's own curvature, so that none is small beside another.
    unit = np.sqrt(np.maximum(np.diag(hessian), FLATTEST))
    size, vectors = np.linalg.eigh(hessian / np.outer(unit, unit))
    size = np.maximum(size, FLATTEST)
    turned = vectors / unit[:, None]
    return Curvature(hessian, (turned / size) @ turned.T)
