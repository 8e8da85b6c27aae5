r"""Errors of the masses: slope and both scatters outside, the rest in closed form.

The true log masses $\xi_i$ are a Gaussian population, $\xi_i \sim N(\mu_x, \tau_x^2)$, measured as
$x_i \sim N(\xi_i, u_i)$; the abundances are $y_i \sim N(\alpha + \beta\xi_i,\; v_i + \epsilon^2)$.
(Kelly 2007, ApJ 665, 1489, with one Gaussian.) With the share $r_i = \tau_x^2/(\tau_x^2 + u_i)$ the
true masses integrate out,

$$x_i \sim N(\mu_x,\; t_i), \qquad
y_i \mid x_i \sim N\big(\alpha + \beta(1 - r_i)\mu_x + \beta r_i x_i,\; s_i\big), \qquad
t_i = \tau_x^2 + u_i, \quad s_i = v_i + \epsilon^2 + \beta^2 r_i u_i ,$$

so that $(\alpha, \mu_x)$ is normal given $(\beta, \epsilon, \tau_x)$. Outer coordinates: $\beta$
itself, $\epsilon = c \sinh t_1$, $\tau_x = c' \sinh t_2$.

Rows of `data`: $x_i$ and $u_i$, $y_i$ less the prior mean of the intercept, $v_i$; masses and
$\mu_x$ are less the survey's mean. `hyper`: $c$, $c'$, prior precisions of $\alpha$ and $\mu_x$,
prior mean of $\mu_x$, prior precision of $\beta$, half-normal scales of $\epsilon$ and $\tau_x$,
log of all constants.
"""

import math

import numba as nb

from errorbar.core.maths.lattice.basics import DENSITY

__all__ = ["mass_errors_density"]


@nb.njit(
    DENSITY,
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)
def mass_errors_density(u, data, hyper, out):
    """Log posterior density of (beta, t1, t2) with alpha and mu_x integrated out."""
    x, xv, y, v = data[0], data[1], data[2], data[3]
    slope = u[0]
    eps, tau = hyper[0] * math.sinh(u[1]), hyper[1] * math.sinh(u[2])
    e2, tau2, slope2 = eps * eps, tau * tau, slope * slope
    a00, a01, a11 = hyper[2], 0.0, hyper[3]
    t0, t1 = 0.0, hyper[3] * hyper[4]
    q = t1 * hyper[4]
    log_det = 0.0
    n = x.size
    # One logarithm per block: a product of eight pairs stays far from overflow.
    for block in range(0, n, 8):
        product = 1.0
        for i in range(block, min(block + 8, n)):
            t = tau2 + xv[i]
            wt = 1.0 / t
            share = tau2 * wt
            s = v[i] + e2 + slope2 * share * xv[i]
            product *= s * t
            w = 1.0 / s
            g = slope * xv[i] * wt
            z = y[i] - slope * share * x[i]
            wz = w * z
            a00 += w
            a01 += w * g
            a11 += w * g * g + wt
            t0 += wz
            t1 += wz * g + wt * x[i]
            q += wz * z + wt * x[i] * x[i]
        log_det += math.log(product)
    det = a00 * a11 - a01 * a01
    m0 = (a11 * t0 - a01 * t1) / det
    m1 = (a00 * t1 - a01 * t0) / det
    out[0], out[1] = m0, m1
    out[2], out[3], out[4] = a11 / det, -a01 / det, a00 / det
    half, half_x = eps / hyper[6], tau / hyper[7]
    return (
        hyper[8]
        - 0.5 * (log_det + math.log(det) + q - t0 * m0 - t1 * m1)
        - 0.5 * (half * half + half_x * half_x + hyper[5] * slope2)
        + math.log(hyper[0] * math.cosh(u[1]) * hyper[1] * math.cosh(u[2]))
    )
