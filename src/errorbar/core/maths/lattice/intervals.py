# pyright: basic
"""Highest-density intervals of mixtures of normals and of densities on a fine grid."""

import math

import numpy as np
from scipy.special import ndtr  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.maths.lattice.basics import natural, small

__all__ = ["compress", "cubic", "grid_interval", "mixture_interval"]

# The normal distribution up to 8 standard deviations.
_REACH, _PER_SD = 8.0, 32.0
_TABLE = ndtr(np.arange(int(2 * _REACH * _PER_SD) + 1) / _PER_SD - _REACH)
# Cells a side into which a mixture of many normals is gathered.
_BINS = 24


@small
def cubic(p, even, g, t):
    """Value and integral from 0 to t of the cubic through cells g-1 … g+2, t in [0, 1]."""
    n = p.size
    a = p[g - 1] if g > 0 else (p[1] if even else 0.0)
    b = p[g]
    c = p[g + 1] if g + 1 < n else 0.0
    e = p[g + 2] if g + 2 < n else 0.0
    c1 = -a / 3.0 - b / 2.0 + c - e / 6.0
    c2 = a / 2.0 - b + c / 2.0
    c3 = -a / 6.0 + b / 2.0 - c / 2.0 + e / 6.0
    value = b + t * (c1 + t * (c2 + t * c3))
    area = t * (b + t * (c1 / 2.0 + t * (c2 / 3.0 + t * c3 / 4.0)))
    return value, area


@small
def _grid_quantile(p, cumulative, even, q):
    """The place on the grid, in cells, below which a share q of the whole lies."""
    target = q * cumulative[p.size - 1]
    low, high = 0, p.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if cumulative[middle] > target:
            high = middle
        else:
            low = middle
    a, b = 0.0, 1.0
    t = 0.5
    for _ in range(60):
        value, area = cubic(p, even, low, t)
        miss = cumulative[low] + area - target
        if miss > 0.0:
            b = t
        else:
            a = t
        t_new = t - miss / value if value > 0.0 else 0.5 * (a + b)
        if not (a < t_new < b):
            t_new = 0.5 * (a + b)
        if abs(t_new - t) < 1e-13:
            break
        t = t_new
    return low + t


@small
def _grid_height(p, even, place, lo, cell, kind, scale):
    """Density of the natural parameter at a place on the grid, in cells."""
    g = min(int(place), p.size - 2)
    value, _ = cubic(p, even, g, place - g)
    _, slope = natural(kind, scale, lo + cell * place)
    return max(value, 0.0) / slope


@small
def _rise(p, cumulative, even, q, lo, cell, kind, scale, level):
    """How much higher the upper end of the interval from quantile q is than its lower end."""
    left = _grid_quantile(p, cumulative, even, q)
    right = _grid_quantile(p, cumulative, even, q + level)
    lower = _grid_height(p, even, left, lo, cell, kind, scale)
    return _grid_height(p, even, right, lo, cell, kind, scale) - lower, left, right


@small
def grid_interval(p, cumulative, even, lo, cell, kind, scale, level):
    """Highest-density interval of the natural parameter from its coordinate's fine grid."""
    a, b = 0.0, 1.0 - level
    if even:
        end = _grid_quantile(p, cumulative, even, level)
        at_zero = _grid_height(p, even, 0.0, lo, cell, kind, scale)
        if at_zero >= _grid_height(p, even, end, lo, cell, kind, scale):
            return 0.0, natural(kind, scale, lo + cell * end)[0]
    # The interval starts where its ends are equally high: a root between 0 and 1 - level, by
    # false position with the older end's value halved (the Illinois rule).
    high = _rise(p, cumulative, even, a, lo, cell, kind, scale, level)[0]
    low = _rise(p, cumulative, even, b, lo, cell, kind, scale, level)[0]
    q, left, right, side = 0.0, 0.0, 0.0, 0
    for _ in range(100):
        old = q
        q = (a * low - b * high) / (low - high)
        if not (a < q < b):
            q = 0.5 * (a + b)
        rise, left, right = _rise(p, cumulative, even, q, lo, cell, kind, scale, level)
        if rise == 0.0 or abs(q - old) < 1e-9:
            break
        if rise > 0.0:
            a, high = q, rise
            low = 0.5 * low if side > 0 else low
            side = 1
        else:
            b, low = q, rise
            high = 0.5 * high if side < 0 else high
            side = -1
    return natural(kind, scale, lo + cell * left)[0], natural(kind, scale, lo + cell * right)[0]


@small
def _mixture_at(x, m, s, w, n):
    """cdf, density and its slope of a mixture of normals at x."""
    cdf, pdf, slope = 0.0, 0.0, 0.0
    for j in range(n):
        z = (x - m[j]) / s[j]
        height = 0.3989422804014327 * math.exp(-0.5 * z * z)
        cdf += w[j] * _normal_cdf(z, height)
        height *= w[j] / s[j]
        pdf += height
        slope -= height * z / s[j]
    return cdf, pdf, slope


@small
def _normal_cdf(z, height):
    """The normal distribution from a table: Taylor's series about the nearest entry, to 1e-13.

    `height` is the density at z; derivatives there are Hermite polynomials times it.
    """
    if z > _REACH:
        return 1.0
    if z < -_REACH:
        return 0.0
    k = int((z + _REACH) * _PER_SD + 0.5)
    h = k / _PER_SD - _REACH - z
    # The entry is the series from z: F(z + h) = F(z) + height (h - z h^2/2 + (z^2-1) h^3/6 - ...).
    z2 = z * z
    series = 1.0 + h * (
        -0.5 * z
        + h * ((z2 - 1.0) / 6.0 + h * (z * (3.0 - z2) / 24.0 + h * (z2 * (z2 - 6.0) + 3.0) / 120.0))
    )
    return _TABLE[k] - height * h * series


@small
def compress(m, s, w, n):
    """Replace a mixture of many normals, in place, by one normal per cell of (mean, sd).

    Each cell keeps its weight, mean and variance, so that only third moments within a cell,
    which is narrow, are lost: the number of normals left.
    """
    m_lo, m_hi, s_lo, s_hi = m[0], m[0], s[0], s[0]
    for j in range(n):
        m_lo, m_hi = min(m_lo, m[j]), max(m_hi, m[j])
        s_lo, s_hi = min(s_lo, s[j]), max(s_hi, s[j])
    m_cell = max((m_hi - m_lo) / _BINS, 1e-300) * 1.0000001
    s_cell = max((s_hi - s_lo) / _BINS, 1e-300) * 1.0000001
    sums = np.empty((_BINS * _BINS, 3))
    for c in range(_BINS * _BINS):
        for k in range(3):
            sums[c, k] = 0.0
    for j in range(n):
        a = min(int((m[j] - m_lo) / m_cell), _BINS - 1)
        b = min(int((s[j] - s_lo) / s_cell), _BINS - 1)
        c = a * _BINS + b
        sums[c, 0] += w[j]
        sums[c, 1] += w[j] * m[j]
        sums[c, 2] += w[j] * (m[j] * m[j] + s[j] * s[j])
    kept = 0
    for c in range(_BINS * _BINS):
        if sums[c, 0] > 0.0:
            w[kept] = sums[c, 0]
            m[kept] = sums[c, 1] / sums[c, 0]
            s[kept] = math.sqrt(max(sums[c, 2] / sums[c, 0] - m[kept] * m[kept], s_lo * s_lo))
            kept += 1
    return kept


@small
def mixture_interval(m, s, w, n, low, high, sd, level, accuracy):
    """Highest-density interval of a unimodal mixture of normals, by damped Newton.

    The last step is taken: the error left is about the square of `accuracy`.
    """
    for _ in range(60):
        fl, pl, dl = _mixture_at(low, m, s, w, n)
        fu, pu, du = _mixture_at(high, m, s, w, n)
        r1 = fu - fl - level
        r2 = pu - pl
        # Rows: d r1 = -pl dl + pu du;  d r2 = -p'(l) dl + p'(u) du.
        det = -pl * du + pu * dl
        if det == 0.0 or not math.isfinite(det):
            break
        step_l = (-r1 * du + pu * r2) / det
        step_u = (pl * r2 - dl * r1) / det
        step_l = min(max(step_l, -0.4 * sd), 0.4 * sd)
        step_u = min(max(step_u, -0.4 * sd), 0.4 * sd)
        low += step_l
        high += step_u
        if max(abs(step_l), abs(step_u)) < accuracy * sd:
            return low, high
    return math.nan, math.nan
