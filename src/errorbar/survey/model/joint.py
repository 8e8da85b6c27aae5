r"""Joint planet and star: scatters and correlation outside, both lines integrated in closed form.

With $a_i = \sigma_p^2 + v_i$, $c_i = \sigma_s^2 + u_i$, $k = \rho\sigma_p\sigma_s$ the precision
of planet $i$ is $\begin{pmatrix} c_i & -k\\ -k & a_i\end{pmatrix} / (a_i c_i - k^2)$; the four
coefficients $(\alpha_p, \beta_p, \alpha_s, \beta_s)$ are normal given $(\sigma_p, \sigma_s, \rho)$.
Outer coordinates: $\sigma_p = c_p \sinh t_1$, $\sigma_s = c_s \sinh t_2$, $\rho = \tanh t_3$; the
prior of $\rho$ is $\tfrac34 (1 - \rho^2)$.

Rows of `data`: $x$, planet and star responses less their prior means, their variances. `hyper`:
$c_p$, $c_s$, the four prior precisions in the coefficients' order, half-normal scale, log of all
constants.
"""

import math

import numba as nb

from errorbar.core.maths.lattice.basics import DENSITY

__all__ = ["joint_density"]


@nb.njit(
    DENSITY,
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)
def joint_density(u, data, hyper, out):
    """Log posterior density of (t1, t2, t3) with the coefficients integrated out."""
    x, yp, ys, vp, vs = data[0], data[1], data[2], data[3], data[4]
    sp = hyper[0] * math.sinh(u[0])
    ss = hyper[1] * math.sinh(u[1])
    rho = math.tanh(u[2])
    k = rho * sp * ss
    sp2, ss2 = sp * sp, ss * ss
    p0 = p1 = p2 = q0 = q1 = q2 = r0 = r1 = r2 = 0.0
    gp0 = gp1 = gs0 = gs1 = square = 0.0
    log_det = 0.0
    n = x.size
    # det = sp2 ss2 (1 - rho^2) + ..., without the cancellation of a c - k^2 on the ridge.
    core = sp2 * ss2 / (math.cosh(u[2]) * math.cosh(u[2]))
    for i in range(n):
        inverse = 1.0 / (core + sp2 * vs[i] + ss2 * vp[i] + vp[i] * vs[i])
        p = (ss2 + vs[i]) * inverse
        q = -k * inverse
        r = (sp2 + vp[i]) * inverse
        xi = x[i]
        gp = p * yp[i] + q * ys[i]
        gs = q * yp[i] + r * ys[i]
        square += gp * yp[i] + gs * ys[i]
        gp0 += gp
        gp1 += gp * xi
        gs0 += gs
        gs1 += gs * xi
        px, qx, rx = p * xi, q * xi, r * xi
        p0 += p
        q0 += q
        r0 += r
        p1 += px
        q1 += qx
        r1 += rx
        p2 += px * xi
        q2 += qx * xi
        r2 += rx * xi
    # One logarithm per eight determinants, in four chains: their product stays far from overflow.
    whole = n - n % 8
    for i in range(0, whole, 8):
        d0 = core + sp2 * vs[i] + ss2 * vp[i] + vp[i] * vs[i]
        d1 = core + sp2 * vs[i + 1] + ss2 * vp[i + 1] + vp[i + 1] * vs[i + 1]
        d2 = core + sp2 * vs[i + 2] + ss2 * vp[i + 2] + vp[i + 2] * vs[i + 2]
        d3 = core + sp2 * vs[i + 3] + ss2 * vp[i + 3] + vp[i + 3] * vs[i + 3]
        d4 = core + sp2 * vs[i + 4] + ss2 * vp[i + 4] + vp[i + 4] * vs[i + 4]
        d5 = core + sp2 * vs[i + 5] + ss2 * vp[i + 5] + vp[i + 5] * vs[i + 5]
        d6 = core + sp2 * vs[i + 6] + ss2 * vp[i + 6] + vp[i + 6] * vs[i + 6]
        d7 = core + sp2 * vs[i + 7] + ss2 * vp[i + 7] + vp[i + 7] * vs[i + 7]
        log_det += math.log(((d0 * d1) * (d2 * d3)) * ((d4 * d5) * (d6 * d7)))
    rest = 1.0
    for i in range(whole, n):
        rest *= core + sp2 * vs[i] + ss2 * vp[i] + vp[i] * vs[i]
    log_det += math.log(rest)
    # Lower Cholesky factor of the 4 x 4 precision, written out.
    a00, a11, a22, a33 = p0 + hyper[2], p2 + hyper[3], r0 + hyper[4], r2 + hyper[5]
    l00 = math.sqrt(a00)
    l10, l20, l30 = p1 / l00, q0 / l00, q1 / l00
    l11 = math.sqrt(a11 - l10 * l10)
    l21 = (q1 - l20 * l10) / l11
    l31 = (q2 - l30 * l10) / l11
    l22 = math.sqrt(a22 - l20 * l20 - l21 * l21)
    l32 = (r1 - l30 * l20 - l31 * l21) / l22
    l33 = math.sqrt(a33 - l30 * l30 - l31 * l31 - l32 * l32)
    h0 = gp0 / l00
    h1 = (gp1 - l10 * h0) / l11
    h2 = (gs0 - l20 * h0 - l21 * h1) / l22
    h3 = (gs1 - l30 * h0 - l31 * h1 - l32 * h2) / l33
    # Inverse factor: covariance = L^-T L^-1, means = L^-T h.
    i00, i11, i22, i33 = 1.0 / l00, 1.0 / l11, 1.0 / l22, 1.0 / l33
    i10 = -l10 * i00 * i11
    i20 = -(l20 * i00 + l21 * i10) * i22
    i21 = -l21 * i11 * i22
    i30 = -(l30 * i00 + l31 * i10 + l32 * i20) * i33
    i31 = -(l31 * i11 + l32 * i21) * i33
    i32 = -l32 * i22 * i33
    out[0] = i00 * h0 + i10 * h1 + i20 * h2 + i30 * h3
    out[1] = i11 * h1 + i21 * h2 + i31 * h3
    out[2] = i22 * h2 + i32 * h3
    out[3] = i33 * h3
    out[4] = i00 * i00 + i10 * i10 + i20 * i20 + i30 * i30
    out[5] = i11 * i10 + i21 * i20 + i31 * i30
    out[6] = i11 * i11 + i21 * i21 + i31 * i31
    out[7] = i22 * i20 + i32 * i30
    out[8] = i22 * i21 + i32 * i31
    out[9] = i22 * i22 + i32 * i32
    out[10] = i33 * i30
    out[11] = i33 * i31
    out[12] = i33 * i32
    out[13] = i33 * i33
    quadratic = square - h0 * h0 - h1 * h1 - h2 * h2 - h3 * h3
    half_p, half_s = sp / hyper[6], ss / hyper[6]
    jacobian = hyper[0] * math.cosh(u[0]) * hyper[1] * math.cosh(u[1])
    return (
        hyper[7]
        - 0.5 * (log_det + quadratic + half_p * half_p + half_s * half_s)
        - math.log(l00 * l11 * l22 * l33)
        + math.log(jacobian)
        - 4.0 * math.log(math.cosh(u[2]))
    )
