r"""Planet on mass and star: star slope and scatter outside, the rest integrated in closed form.

The true stellar metallicity integrates out, so $y_i \sim N(\alpha + \beta_p x_i + \beta_s s_i,\;
v_i + \epsilon^2 + \beta_s^2 u_i)$ with $s_i$ less the survey's mean; $(\alpha, \beta_p)$ is normal
given $(\beta_s, \epsilon)$. Outer coordinates: $\beta_s$ itself and $t$ in $\epsilon = c\sinh t$.

Rows of `data`: $x$, $y$ less the prior mean of the intercept, $v$, centred star, $u$. `hyper`: $c$,
the two prior precisions, half-normal scale, mean and precision of $\beta_s$, log of all constants.
"""

import math

import numba as nb

from errorbar.core.maths.lattice.basics import DENSITY

__all__ = ["mass_star_density"]


@nb.njit(
    DENSITY,
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)
def mass_star_density(u, data, hyper, out):
    """Log posterior density of (beta_s, t) with alpha and beta_p integrated out."""
    x, y, v, star, star_v = data[0], data[1], data[2], data[3], data[4]
    slope = u[0]
    scale = hyper[0]
    eps = scale * math.sinh(u[1])
    e2 = eps * eps
    slope2 = slope * slope
    s0 = s1 = s2 = t0 = t1 = q = 0.0
    log_det = 0.0
    n = x.size
    for block in range(0, n, 16):
        product = 1.0
        for i in range(block, min(block + 16, n)):
            d = v[i] + e2 + slope2 * star_v[i]
            product *= d
            w = 1.0 / d
            z = y[i] - slope * star[i]
            wx = w * x[i]
            wz = w * z
            s0 += w
            s1 += wx
            s2 += wx * x[i]
            t0 += wz
            t1 += wz * x[i]
            q += wz * z
        log_det += math.log(product)
    a00, a01, a11 = s0 + hyper[1], s1, s2 + hyper[2]
    det = a00 * a11 - a01 * a01
    m0 = (a11 * t0 - a01 * t1) / det
    m1 = (a00 * t1 - a01 * t0) / det
    out[0], out[1] = m0, m1
    out[2], out[3], out[4] = a11 / det, -a01 / det, a00 / det
    half = eps / hyper[3]
    off = slope - hyper[4]
    return (
        hyper[6]
        - 0.5 * (log_det + math.log(det) + q - t0 * m0 - t1 * m1 + half * half)
        - 0.5 * hyper[5] * off * off
        + math.log(scale * math.cosh(u[1]))
    )
