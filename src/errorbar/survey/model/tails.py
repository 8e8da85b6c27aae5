r"""The log likelihood of one planet: a detection or an upper limit, with its far tails.

A detection has a normal density. An upper limit $l$ says that the noisy abundance fell below it,
$\Phi\big((l - \mu)/s\big)$, whose logarithm behaves like $-z^2/2$ far below zero, where $\Phi$
itself is zero in floating point.
"""

import math

import numba as nb
from numba import types

__all__ = ["log_below", "log_normal"]

_options = {"cache": True, "nogil": True, "error_model": "numpy", "inline": "never"}

_HALF_LOG_2PI = 0.9189385332046727
# Below this the series is exact to rounding, above it the error function is.
_FAR = -20.0


@nb.njit(types.float64(types.float64), **_options)
def log_below(z):
    r"""$\log\Phi(z)$ without underflow or cancellation."""
    if z > 0.0:
        return math.log1p(-0.5 * math.erfc(z * 0.7071067811865476))
    if z > _FAR:
        return math.log(0.5 * math.erfc(-z * 0.7071067811865476))
    # 1 - 1/z^2 + 3/z^4 - 15/z^6 + ..., cut where its terms pass below rounding.
    y = 1.0 / (z * z)
    series = 1.0 - y * (1.0 - y * (3.0 - y * (15.0 - y * (105.0 - y * (945.0 - y * 10395.0)))))
    return -0.5 * z * z - _HALF_LOG_2PI - math.log(-z) + math.log(series)


@nb.njit(types.float64(types.float64, types.float64), **_options)
def log_normal(r, variance):
    """Log of a normal density at residual r."""
    return -_HALF_LOG_2PI - 0.5 * (math.log(variance) + r * r / variance)
