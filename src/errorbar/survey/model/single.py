r"""Single response: one scatter outside, intercept and slope integrated in closed form.

Given $\epsilon$ the weights are $w_i = 1/(v_i + \epsilon^2)$ and $(\alpha, \beta)$ is normal with
precision $A = \sum_i w_i (1, x_i)^\top (1, x_i) + \mathrm{diag}(1/a^2, 1/b^2)$. The outer
coordinate is $t$ in $\epsilon = c \sinh t$.

Rows of `data`: $x_i$, $y_i$ less the prior mean of the intercept, $v_i$. `hyper`: $c$, $1/a^2$,
$1/b^2$, half-normal scale, log of all constants.
"""

import math

import numba as nb

from errorbar.core.maths.lattice.basics import DENSITY

__all__ = ["single_density"]


@nb.njit(
    DENSITY,
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)
def single_density(u, data, hyper, out):
    """Log posterior density of t with the coefficients integrated out."""
    x, y, v = data[0], data[1], data[2]
    scale = hyper[0]
    eps = scale * math.sinh(u[0])
    e2 = eps * eps
    s0 = s1 = s2 = t0 = t1 = q = 0.0
    log_det = 0.0
    n = x.size
    # One logarithm per block: a product of 16 variances stays far from overflow.
    for block in range(0, n, 16):
        product = 1.0
        for i in range(block, min(block + 16, n)):
            d = v[i] + e2
            product *= d
            w = 1.0 / d
            wx = w * x[i]
            wy = w * y[i]
            s0 += w
            s1 += wx
            s2 += wx * x[i]
            t0 += wy
            t1 += wy * x[i]
            q += wy * y[i]
        log_det += math.log(product)
    a00, a01, a11 = s0 + hyper[1], s1, s2 + hyper[2]
    det = a00 * a11 - a01 * a01
    m0 = (a11 * t0 - a01 * t1) / det
    m1 = (a00 * t1 - a01 * t0) / det
    out[0], out[1] = m0, m1
    out[2], out[3], out[4] = a11 / det, -a01 / det, a00 / det
    half = eps / hyper[3]
    return (
        hyper[4]
        - 0.5 * (log_det + math.log(det) + q - t0 * m0 - t1 * m1 + half * half)
        + math.log(scale * math.cosh(u[0]))
    )
