r"""Single response with upper limits: intercept, slope and scatter all outside.

A detection is $y_i \sim N(\alpha + \beta x_i,\; v_i + \epsilon^2)$, an upper limit contributes
$\Phi\big((y_i - \alpha - \beta x_i)/\sqrt{v_i + \epsilon^2}\big)$: the probability that what was
measured fell below the limit $y_i$. The factor is not normal in the coefficients, so nothing is
integrated in closed form. Outer coordinates: $\alpha$, $\beta$, and $t$ in $\epsilon = c \sinh t$.

Rows of `data`: $x_i$, $y_i$ less the prior mean of the intercept, $v_i$, one for a limit and zero
else. `hyper`: $c$, the prior precisions of $\alpha$ and $\beta$, half-normal scale, log of all
constants.
"""

import math

import numba as nb

from errorbar.core.maths.lattice.basics import DENSITY
from errorbar.survey.model.tails import log_below, log_normal

__all__ = ["limits_density"]


@nb.njit(DENSITY, cache=True, nogil=True, error_model="numpy")
def limits_density(u, data, hyper, out):
    """Log posterior density of (alpha, beta, t)."""
    x, y, v, limit = data[0], data[1], data[2], data[3]
    alpha, slope = u[0], u[1]
    eps = hyper[0] * math.sinh(u[2])
    e2 = eps * eps
    total = 0.0
    for i in range(x.size):
        r = y[i] - alpha - slope * x[i]
        variance = v[i] + e2
        if limit[i] > 0.0:
            total += log_below(r / math.sqrt(variance))
        else:
            total += log_normal(r, variance)
    half = eps / hyper[3]
    return (
        hyper[4]
        + total
        - 0.5 * (hyper[1] * alpha * alpha + hyper[2] * slope * slope + half * half)
        + math.log(hyper[0] * math.cosh(u[2]))
    )
