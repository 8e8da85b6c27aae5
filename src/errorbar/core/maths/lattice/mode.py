# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand in `types`.
"""The mode of a density and its widths there."""

import math
from functools import cache
from typing import Any

import numba as nb
import numpy as np

from errorbar.core.maths.lattice.basics import CLIMB, PIECE, cholesky, fill, small, solve

__all__ = ["climb_kernel", "width"]


@small
def _curvature(density, u, f0, data, hyper, out, delta, g, neg_h):
    """Gradient and minus the Hessian at u by central differences."""
    d = u.size
    for i in range(d):
        x = u[i]
        u[i] = x + delta[i]
        up = density(u, data, hyper, out)
        u[i] = x - delta[i]
        down = density(u, data, hyper, out)
        u[i] = x
        g[i] = (up - down) / (2.0 * delta[i])
        neg_h[i, i] = (2.0 * f0 - up - down) / (delta[i] * delta[i])
    for i in range(d):
        for j in range(i):
            x, y = u[i], u[j]
            s = 0.0
            for a in (-1.0, 1.0):
                for b in (-1.0, 1.0):
                    u[i] = x + a * delta[i]
                    u[j] = y + b * delta[j]
                    s += a * b * density(u, data, hyper, out)
            u[i], u[j] = x, y
            neg_h[i, j] = -s / (4.0 * delta[i] * delta[j])
            neg_h[j, i] = neg_h[i, j]


@small
def width(density, data, hyper, mode, f0, out, axis):
    """How far along an axis log f falls by one half, the nearer of the two sides."""
    u = mode.copy()
    least = 1e9
    for sign in (-1.0, 1.0):
        near, far = 0.0, 0.01
        for _ in range(40):
            u[axis] = mode[axis] + sign * far
            if not density(u, data, hyper, out) > f0 - 0.5:
                break
            near, far = far, 1.5 * far
        for _ in range(5):
            middle = 0.5 * (near + far)
            u[axis] = mode[axis] + sign * middle
            if density(u, data, hyper, out) > f0 - 0.5:
                near = middle
            else:
                far = middle
        least = min(least, 0.5 * (near + far))
    return least


def _climb(density, data, hyper, u, out, neg_h):
    """Damped Newton from u to the mode, in place, with minus the Hessian: (log f there, found)."""
    d = u.size
    g, step, trial = np.empty(d), np.empty(d), np.empty(d)
    low, damped = np.zeros((d, d)), np.empty((d, d))
    delta = np.empty(d)
    fill(delta, 0.02)
    f0 = density(u, data, hyper, out)
    damping = 1e-3
    if not math.isfinite(f0):
        return f0, False
    for _ in range(200):
        _curvature(density, u, f0, data, hyper, out, delta, g, neg_h)
        moved = False
        for _ in range(40):
            for i in range(d):
                for j in range(d):
                    damped[i, j] = neg_h[i, j]
                damped[i, i] += damping * (abs(neg_h[i, i]) + 1.0)
            if not cholesky(damped, low):
                damping = max(4.0 * damping, 1e-3)
                continue
            solve(low, g, step)
            longest = 1.0
            for i in range(d):
                longest = max(longest, abs(step[i]))
            gain = 0.0
            for i in range(d):
                step[i] /= longest
                gain += g[i] * step[i]
                trial[i] = u[i] + step[i]
            f1 = density(trial, data, hyper, out)
            if f1 > f0 or (gain < 1e-9 and f1 > f0 - 1e-9):
                moved = True
                break
            if gain < 1e-8:
                break
            damping = max(4.0 * damping, 1e-3)
        if not moved:
            # No uphill step is left at the differences' resolution: this is the mode.
            return f0, damping < 1e12
        for i in range(d):
            u[i] = trial[i]
            if neg_h[i, i] > 0.0:
                delta[i] = min(max(0.1 / math.sqrt(neg_h[i, i]), 1e-4), 0.1)
        f0 = f1
        damping *= 0.1
        if gain < 1e-6:
            _curvature(density, u, f0, data, hyper, out, delta, g, neg_h)
            return f0, True
    return f0, False


@cache
def climb_kernel() -> Any:
    """`_climb`, compiled at its first use."""
    return nb.njit(CLIMB, **PIECE)(_climb)
