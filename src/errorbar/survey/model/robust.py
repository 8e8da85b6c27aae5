r"""Outliers and upper limits: two normals for each planet, their share integrated by quadrature.

A share $q$ of the planets are outliers, of which the line knows little: their variance is larger
by $w^2$. With $f(\cdot; s)$ a normal density for a detection and a normal probability for an upper
limit,

$$p(y_i) = (1 - q) f\big(y_i - \alpha - \beta x_i;\; v_i + \epsilon^2\big)
+ q f\big(y_i - \alpha - \beta x_i;\; v_i + \epsilon^2 + w^2\big).$$

The likelihood is a polynomial of degree $n$ in $q$, whose prior is a beta distribution:
Gauss-Jacobi quadrature integrates it away, exactly with more than $n/2$ nodes. Outer coordinates:
$\alpha$, $\beta$, and $t$ in $\epsilon = c\sinh t$.

Rows of `data`: $x_i$, $y_i$ less the prior mean of the intercept, $v_i$, one for a limit and zero
else. `hyper`: $c$, the prior precisions of $\alpha$ and $\beta$, half-normal scale, $w$, log of all
constants, then the quadrature's nodes and their weights, which sum to one.
"""

import math

import numba as nb
import numpy as np

from errorbar.core.maths.lattice.basics import DENSITY
from errorbar.survey.model.tails import log_below, log_normal

__all__ = ["robust_density"]


@nb.njit(DENSITY, cache=True, nogil=True, error_model="numpy")
def robust_density(u, data, hyper, out):
    """Log posterior density of (alpha, beta, t) with the share of outliers integrated out."""
    x, y, v, limit = data[0], data[1], data[2], data[3]
    alpha, slope = u[0], u[1]
    eps = hyper[0] * math.sinh(u[2])
    e2, w2 = eps * eps, hyper[4] * hyper[4]
    nodes = (hyper.size - 6) // 2
    share, product = hyper[6 : 6 + nodes], np.empty(nodes)
    for k in range(nodes):
        product[k] = hyper[6 + nodes + k]
    total = 0.0
    n = x.size
    for i in range(n):
        r = y[i] - alpha - slope * x[i]
        variance = v[i] + e2
        if limit[i] > 0.0:
            inside = log_below(r / math.sqrt(variance))
            outside = log_below(r / math.sqrt(variance + w2))
        else:
            inside = log_normal(r, variance)
            outside = log_normal(r, variance + w2)
        larger = max(inside, outside)
        total += larger
        a, b = math.exp(inside - larger), math.exp(outside - larger)
        for k in range(nodes):
            product[k] *= a + share[k] * (b - a)
        if i % 16 == 15:
            # Products of many planets leave the range of floating point.
            most = 0.0
            for k in range(nodes):
                most = max(most, product[k])
            for k in range(nodes):
                product[k] /= most
            total += math.log(most)
    integral = 0.0
    for k in range(nodes):
        integral += product[k]
    half = eps / hyper[3]
    return (
        hyper[5]
        + total
        + math.log(integral)
        - 0.5 * (hyper[1] * alpha * alpha + hyper[2] * slope * slope + half * half)
        + math.log(hyper[0] * math.cosh(u[2]))
    )
