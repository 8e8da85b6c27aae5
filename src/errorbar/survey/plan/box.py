"""Integrals over a few scatter parameters: shrink a box around the mass, then Gauss-Legendre."""

from collections.abc import Callable
from functools import cache

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["box_quadrature"]

LogDensity = Callable[[Float[ndarray, "nodes dims"]], Float[ndarray, " nodes"]]

# A node this far below the highest carries less than a part in 10^7 of the mass.
DEPTH = 18.0
SHRINKS = 4
COARSE = {1: 12, 2: 12, 3: 8}


def box_quadrature(
    log_density: LogDensity,
    lower: Float[ndarray, " dims"],
    upper: Float[ndarray, " dims"],
    points: int,
) -> tuple[Float[ndarray, "nodes dims"], Float[ndarray, " nodes"]]:
    """Nodes and normalised weights of a density on a box, whose mass may fill little of it."""
    lower, upper = np.array(lower, dtype=np.float64), np.array(upper, dtype=np.float64)
    coarse = COARSE[len(lower)]
    for _ in range(SHRINKS):
        axes, _ = _rule(lower, upper, coarse)
        height = log_density(_grid(axes)).reshape((coarse,) * len(axes))
        for dim, axis in enumerate(axes):
            others = tuple(d for d in range(len(axes)) if d != dim)
            profile = height.max(axis=others)
            inside = np.flatnonzero(profile > profile.max() - DEPTH)
            if inside[0] > 0:
                lower[dim] = axis[inside[0] - 1]
            if inside[-1] < coarse - 1:
                upper[dim] = axis[inside[-1] + 1]
    axes, weights = _rule(lower, upper, points)
    nodes = _grid(axes)
    height = log_density(nodes)
    weight = np.exp(height - height.max()) * _grid(weights).prod(axis=1)
    return nodes, weight / weight.sum()


def _rule(
    lower: Float[ndarray, " dims"], upper: Float[ndarray, " dims"], points: int
) -> tuple[list[Float[ndarray, " points"]], list[Float[ndarray, " points"]]]:
    node, weight = _legendre(points)
    half = 0.5 * (upper - lower)
    return [lo + h * (node + 1.0) for lo, h in zip(lower, half)], [h * weight for h in half]


@cache
def _legendre(points: int) -> tuple[Float[ndarray, " points"], Float[ndarray, " points"]]:
    node, weight = np.polynomial.legendre.leggauss(points)
    return node, weight


def _grid(axes: list[Float[ndarray, " points"]]) -> Float[ndarray, "nodes dims"]:
    return np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
