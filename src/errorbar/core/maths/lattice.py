# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand at the end.
r"""Exact summaries of a low-dimensional posterior by summing it over a lattice.

A posterior with few parameters that matter (`outer`, $u \in R^d$, $d \le 4$) and any number of
linear ones (`inner`, normal given $u$) needs no Markov chain. The trapezoid rule on an unbounded
smooth integrand converges geometrically, so a sum over a few hundred points of a lattice laid
along the posterior's own axes is as good as exact:

1. damped Newton to the mode, Hessian by differences;
2. lattice $u = o + L(h \circ i)$, $i$ integer, $L$ the Cholesky factor of the inverse Hessian;
3. flood fill from the mode, as far as $\log f$ stays within `cut` of the maximum;
4. for each axis the sum over every second plane is compared with the whole: the difference bounds
   the error (it is about its square), and the axis' step shrinks until it is small;
5. inner parameters are then mixtures of normals over the nodes, outer marginals come from the
   lattice lines, interpolated in $\log f$.

**Scales and their boundary.** A scale $s \ge 0$ enters as $s = c \sinh t$. The integrand is even
in $t$ (together with a change of sign of any correlation), so a posterior that reaches $s = 0$ is
summed over $t \ge 0$ with half weight on the face and keeps geometric convergence, on a lattice
along the axes. Odd statistics (the mean of $s$ itself) take the weight of the sinc interpolant's
half-line integral, $(2/\pi)\,\mathrm{Si}(\pi i)$, instead of one.

A density is a compiled function `(u, data, hyper, out) -> log f` that also writes the inner means
and their packed lower covariance into `out`; it is passed as a first-class function, so that this
file is compiled once for all models.
"""

import math
from functools import cache
from typing import Any

import numba as nb
import numpy as np
from numba import types

__all__ = [
    "DENSITY",
    "IDENTITY",
    "LOGISTIC",
    "SINH",
    "TANH",
    "batch_kernel",
    "evaluate_kernel",
    "nodes_kernel",
]

IDENTITY, SINH, TANH, LOGISTIC = 0, 1, 2, 3

DENSITY = types.float64(
    types.float64[::1], types.float64[:, ::1], types.float64[::1], types.float64[::1]
)
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_I1, _I2 = types.int64[::1], types.int64[:, ::1]
_FUNCTION = types.FunctionType(DENSITY)

# Status of one sum, in the result's `status`.
CONVERGED, TOO_MANY_NODES, NO_MODE, NOT_FINITE = 0, 1, 2, 3

# Points of the interpolation along a lattice line.
_TAPS = 12
# Nodes aimed at in one dimension.
_AIM = 32
# A mixture of more normals than this is compressed to cells before its interval is sought.
_MANY, _BINS = 200, 24
# Longest step across sheared lattice lines, in conditional sds, whose sum does not ripple.
_RIPPLE = 1.2

_options = {"cache": True, "nogil": True, "error_model": "numpy"}
# Inner functions are called from compiled code alone: no wrappers, no files of their own.
_inner = {**_options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
del _inner["cache"]


# Filling by a loop: a slice assignment compiles the whole text of its possible errors.
@nb.njit(**_inner)
def _fill(array, value):
    for k in range(array.size):
        array[k] = value


@nb.njit(**_inner)
def _natural(kind, scale, u):
    """The parameter and its derivative at coordinate u."""
    if kind == SINH:
        return scale * math.sinh(u), scale * math.cosh(u)
    if kind == TANH:
        r = math.tanh(u)
        return r, 1.0 - r * r
    if kind == LOGISTIC:
        p = 1.0 / (1.0 + math.exp(-u))
        return p, p * (1.0 - p)
    return u, 1.0


@nb.njit(**_inner)
def _cholesky(a, low):
    """Lower factor of `a` into `low`; False if `a` is not positive definite."""
    d = a.shape[0]
    for i in range(d):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k]
            if i == j:
                if not s > 0.0:
                    return False
                low[i, i] = math.sqrt(s)
            else:
                low[i, j] = s / low[j, j]
        for j in range(i + 1, d):
            low[i, j] = 0.0
    return True


@nb.njit(**_inner)
def _solve(low, b, x):
    """x = (L L')^-1 b."""
    d = b.size
    for i in range(d):
        s = b[i]
        for k in range(i):
            s -= low[i, k] * x[k]
        x[i] = s / low[i, i]
    for i in range(d - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, d):
            s -= low[k, i] * x[k]
        x[i] = s / low[i, i]


@nb.njit(**_inner)
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


@nb.njit(**_inner)
def _climb(density, u, data, hyper, out, neg_h):
    """Damped Newton from u to the mode, in place: (log f there, found)."""
    d = u.size
    g, step, trial = np.empty(d), np.empty(d), np.empty(d)
    low, damped = np.zeros((d, d)), np.empty((d, d))
    delta = np.empty(d)
    _fill(delta, 0.02)
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
            if not _cholesky(damped, low):
                damping = max(4.0 * damping, 1e-3)
                continue
            _solve(low, g, step)
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


@nb.njit(**_inner)
def _width(density, mode, f0, data, hyper, out, axis):
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


@nb.njit(**_inner)
def _flood(
    density,
    origin,
    basis,
    folded,
    first,
    f_mode,
    cut,
    data,
    hyper,
    out,
    ncoef,
    slot,
    index,
    logf,
    values,
):
    """Fill the lattice from `first` down to `cut`: the number of nodes, or -1 if too many.

    `slot` is a dense integer cube of zeros, and is left so.
    """
    d = origin.size
    capacity = logf.size
    side = int(round(slot.size ** (1.0 / d)))
    half = side // 2
    width = values.shape[1]
    u = np.empty(d)
    count, done, full = 0, 0, False
    current = np.empty(d, dtype=np.int64)
    for k in range(d):
        current[k] = first[k]
    # Node `done` is expanded while nodes are appended behind it.
    for probe in range(-1, 1 << 40):
        if probe >= 0:
            if done >= count or full:
                break
            turn = probe % (2 * d)
            axis = turn // 2
            for k in range(d):
                current[k] = index[done, k]
            inside = logf[done] > f_mode - cut
            current[axis] += 1 if turn % 2 else -1
            if turn == 2 * d - 1:
                done += 1
            if not inside:
                continue
            if folded[axis] and current[axis] < 0:
                continue
        flat = 0
        for k in range(d):
            place = current[k] + (0 if folded[k] else half)
            if place < 0 or place >= side:
                full = True
                break
            flat = flat * side + place
        if full:
            break
        if slot[flat]:
            continue
        if count == capacity:
            full = True
            break
        for i in range(d):
            s = origin[i]
            for k in range(d):
                s += basis[i, k] * current[k]
            u[i] = s
        f = density(u, data, hyper, out)
        slot[flat] = 1
        for k in range(d):
            index[count, k] = current[k]
        logf[count] = f
        for k in range(width):
            values[count, k] = out[k]
        count += 1
    for node in range(count):
        flat = 0
        for k in range(d):
            flat = flat * side + index[node, k] + (0 if folded[k] else half)
        slot[flat] = 0
    return -1 if full else count


@nb.njit(**_inner)
def _moments(count, index, weight, inner, theta, folded, odd, odd_weight, every, mean, sd):
    """Means and sds over all nodes (`every` = -1), every second plane of an axis, or every
    second node in checkerboard order (`every` = number of axes): the sum of their weights."""
    d, p = theta.shape[1], inner.shape[1] // 2
    _fill(mean, 0.0)
    _fill(sd, 0.0)
    total = 0.0
    for node in range(count):
        if every >= 0:
            parity = 0
            for k in range(d):
                if every == d or k == every:
                    parity += index[node, k]
            if parity % 2 != 0:
                continue
        w = weight[node]
        total += w
        for k in range(p):
            m = inner[node, k]
            s = inner[node, p + k]
            mean[k] += w * m
            sd[k] += w * (m * m + s * s)
        for a in range(d):
            x = theta[node, a]
            f = 1.0
            for k in range(d):
                if folded[k] and odd[k, a]:
                    i = index[node, k] // 2 if k == every else index[node, k]
                    f *= odd_weight[i]
            mean[p + a] += w * f * x
            sd[p + a] += w * x * x
    for k in range(mean.size):
        mean[k] /= total
        sd[k] = math.sqrt(max(sd[k] / total - mean[k] * mean[k], 0.0))
    return total


@nb.njit(**_inner)
def _jacobian(kind, u):
    """Log of the factor of a marginal that is singular nearest the real line, at i pi / 2."""
    if kind == SINH:
        return math.log(math.cosh(u))
    if kind == TANH:
        # The change of variable and the prior (1 - rho^2) bring sech^2 each.
        return -4.0 * math.log(math.cosh(u))
    return 0.0


@nb.njit(**_inner)
def _add_line(values, n, even, base, step, kind, lo, cell, acc, logs):
    """Add one lattice line, interpolated in its logarithm, to the fine grid `acc`.

    `values[j]` stands at `base + step * j`; an `even` line is mirrored at j = 0. Zeros are nodes
    outside the flood and part the line into runs.
    """
    first = 0
    while first < n:
        if values[first] == 0.0:
            first += 1
            continue
        last = first
        while last + 1 < n and values[last + 1] > 0.0:
            last += 1
        shift = 0
        if even and first == 0:
            shift = min(_TAPS // 2, last)
            for j in range(1, shift + 1):
                logs[shift - j] = math.log(values[j]) - _jacobian(kind, base + step * j)
        for j in range(first, last + 1):
            logs[shift + j - first] = math.log(values[j]) - _jacobian(kind, base + step * j)
        _add_run(
            logs,
            shift + last - first + 1,
            base + step * (first - shift),
            base + step * first,
            step,
            kind,
            lo,
            cell,
            acc,
        )
        first = last + 1


@nb.njit(**_inner)
def _add_run(logs, m, start, lowest, step, kind, lo, cell, acc):
    """Interpolate one run of logarithms from `lowest` on and add its exponential to the grid."""
    taps = min(_TAPS, m)
    if taps < 2:
        return
    g0 = max(int(math.ceil((lowest - lo) / cell - 1e-9)), 0)
    g1 = min(int(math.floor((start + step * (m - 1) - lo) / cell + 1e-9)), acc.size - 1)
    for g in range(g0, g1 + 1):
        x = (lo + cell * g - start) / step
        s = min(max(int(math.floor(x)) - (taps - 1) // 2, 0), m - taps)
        # Barycentric Lagrange on equal steps: weights are signed binomials.
        top_sum, bottom, binomial, exact = 0.0, 0.0, 1.0, -1
        for j in range(taps):
            gap = x - (s + j)
            if abs(gap) < 1e-12:
                exact = j
                break
            term = binomial / gap
            top_sum += term * logs[s + j]
            bottom += term
            binomial = -binomial * (taps - 1 - j) / (j + 1)
        value = logs[s + exact] if exact >= 0 else top_sum / bottom
        acc[g] += math.exp(value + _jacobian(kind, lo + cell * g))


@nb.njit(**_inner)
def _cubic(p, even, g, t):
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


@nb.njit(**_inner)
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
        value, area = _cubic(p, even, low, t)
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


@nb.njit(**_inner)
def _grid_height(p, even, place, lo, cell, kind, scale):
    """Density of the natural parameter at a place on the grid, in cells."""
    g = min(int(place), p.size - 2)
    value, _ = _cubic(p, even, g, place - g)
    _, slope = _natural(kind, scale, lo + cell * place)
    return max(value, 0.0) / slope


@nb.njit(**_inner)
def _grid_interval(p, cumulative, even, lo, cell, kind, scale, level):
    """Highest-density interval of the natural parameter from its coordinate's fine grid."""
    a, b = 0.0, 1.0 - level
    if even:
        end = _grid_quantile(p, cumulative, even, level)
        at_zero = _grid_height(p, even, 0.0, lo, cell, kind, scale)
        if at_zero >= _grid_height(p, even, end, lo, cell, kind, scale):
            return 0.0, _natural(kind, scale, lo + cell * end)[0]
    left, right = 0.0, 0.0
    for _ in range(80):
        q = 0.5 * (a + b)
        left = _grid_quantile(p, cumulative, even, q)
        right = _grid_quantile(p, cumulative, even, q + level)
        lower = _grid_height(p, even, left, lo, cell, kind, scale)
        upper = _grid_height(p, even, right, lo, cell, kind, scale)
        if lower < upper:
            a = q
        else:
            b = q
        if b - a < 1e-10:
            break
    return _natural(kind, scale, lo + cell * left)[0], _natural(kind, scale, lo + cell * right)[0]


@nb.njit(**_inner)
def _mixture_at(x, m, s, w, n):
    """cdf, density and its slope of a mixture of normals at x."""
    cdf, pdf, slope = 0.0, 0.0, 0.0
    for j in range(n):
        z = (x - m[j]) / s[j]
        cdf += w[j] * 0.5 * math.erfc(-z * 0.7071067811865476)
        height = w[j] * 0.3989422804014327 * math.exp(-0.5 * z * z) / s[j]
        pdf += height
        slope -= height * z / s[j]
    return cdf, pdf, slope


@nb.njit(**_inner)
def _compress(m, s, w, n):
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
    sums = np.zeros((_BINS * _BINS, 3))
    for j in range(n):
        a = min(int((m[j] - m_lo) / m_cell), _BINS - 1)
        b = min(int((s[j] - s_lo) / s_cell), _BINS - 1)
        row = sums[a * _BINS + b]
        row[0] += w[j]
        row[1] += w[j] * m[j]
        row[2] += w[j] * (m[j] * m[j] + s[j] * s[j])
    kept = 0
    for c in range(_BINS * _BINS):
        if sums[c, 0] > 0.0:
            w[kept] = sums[c, 0]
            m[kept] = sums[c, 1] / sums[c, 0]
            s[kept] = math.sqrt(max(sums[c, 2] / sums[c, 0] - m[kept] * m[kept], s_lo * s_lo))
            kept += 1
    return kept


@nb.njit(**_inner)
def _mixture_interval(m, s, w, n, low, high, sd, level, accuracy):
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


@nb.njit(**_inner)
def _marginal(
    axis,
    d,
    count,
    index,
    weight,
    folded,
    odd,
    odd_weight,
    origin,
    basis,
    box,
    smallest,
    size,
    kind,
    fine,
    lo,
    cell,
):
    """The marginal of one outer coordinate on a fine grid, from the lattice lines."""
    _fill(fine, 0.0)
    diagonal = False
    for k in range(d):
        diagonal = diagonal or folded[k]
    longest = 0
    for k in range(d):
        longest = max(longest, size[k])
    logs = np.empty(longest + 8)
    if diagonal:
        n = size[axis]
        plain, other = np.zeros(n), np.zeros(n)
        signed = False
        for k in range(d):
            signed = signed or (folded[k] and k != axis and odd[k, axis])
        for node in range(count):
            j = index[node, axis] - smallest[axis]
            w = weight[node]
            if folded[axis] and index[node, axis] == 0:
                w *= 2.0
            plain[j] += w
            if signed:
                f = 1.0
                for k in range(d):
                    if folded[k] and k != axis and odd[k, axis]:
                        f *= odd_weight[index[node, k]]
                other[j] += w * f
        if signed:
            # The even part in this coordinate is even in the folded ones, the odd part odd.
            whole = np.zeros(n)
            for j in range(n):
                mirror = -(j + smallest[axis]) - smallest[axis]
                a = plain[mirror] if 0 <= mirror < n else 0.0
                b = other[mirror] if 0 <= mirror < n else 0.0
                whole[j] = max(0.5 * (plain[j] + a) + 0.5 * (other[j] - b), 0.0)
            plain = whole
        base = origin[axis] + basis[axis, axis] * smallest[axis]
        _add_line(
            plain,
            n,
            folded[axis] == 1 and smallest[axis] == 0,
            base,
            basis[axis, axis],
            kind,
            lo,
            cell,
            fine,
            logs,
        )
        return
    # Triangular basis: sum the trailing axes away, then run along `axis` on every prefix.
    total = 1
    for k in range(axis + 1):
        total *= size[k]
    for k in range(total):
        box[k] = 0.0
    for node in range(count):
        flat = 0
        for k in range(axis + 1):
            flat = flat * size[k] + index[node, k] - smallest[k]
        box[flat] += weight[node]
    n = size[axis]
    top = 0.0
    for j in range(total):
        top = max(top, box[j])
    for line in range(total // n):
        values = box[line * n : (line + 1) * n]
        best = 0.0
        for j in range(n):
            best = max(best, values[j])
        if best < 1e-8 * top:
            continue
        base = origin[axis] + basis[axis, axis] * smallest[axis]
        rest = line
        for k in range(axis - 1, -1, -1):
            base += basis[axis, k] * (rest % size[k] + smallest[k])
            rest //= size[k]
        _add_line(values, n, False, base, basis[axis, axis], IDENTITY, lo, cell, fine, logs)


@nb.njit(**_inner)
def _difference(ratio, p, mean, sd, other_mean, other_sd, folded, odd):
    """Largest difference of two sums of one lattice, in sds, over everything that is reported."""
    error = abs(ratio - 1.0)
    for j in range(mean.size):
        turns = False
        if j >= p:
            for a in range(folded.size):
                turns = turns or (folded[a] == 1 and odd[a, j - p] == 1)
        if turns:
            # Second moments are even in every scale; means are not: see `_settle`.
            whole = mean[j] * mean[j] + sd[j] * sd[j]
            half = other_mean[j] * other_mean[j] + other_sd[j] * other_sd[j]
            error = max(error, 0.5 * abs(half - whole) / (sd[j] * sd[j]))
        else:
            error = max(error, abs(other_mean[j] - mean[j]) / sd[j])
            error = max(error, abs(other_sd[j] / sd[j] - 1.0))
    return error


@nb.njit(**_inner)
def _sum_one(
    density,
    data,
    hyper,
    start,
    kinds,
    scales,
    folds,
    odd,
    ncoef,
    step,
    cut,
    tolerance,
    tolerance_folded,
    odd_weight,
    slot,
    index,
    logf,
    values,
    inner,
    theta,
    weight,
    origin,
    basis,
    folded,
    cov,
    steps,
    mode,
    mean,
    sd,
):
    """Lay and sum the lattice for one posterior: (nodes, log integral, status).

    Nodes, their weights (summing to one) and the inner and outer values stay in the arrays.
    """
    d = start.size
    p = ncoef
    out = np.zeros(p + p * (p + 1) // 2)
    for k in range(d):
        mode[k] = start[k]
    neg_h = np.empty((d, d))
    f_mode, found = _climb(density, mode, data, hyper, out, neg_h)
    if not found:
        return 0, math.nan, NO_MODE
    for k in range(d):
        folded[k] = 0
        if folds[k] and mode[k] < 0.0:
            for a in range(d):
                if odd[k, a]:
                    mode[a] = -mode[a]
    _fill(steps, step)
    low = np.zeros((d, d))
    e, x = np.zeros(d), np.zeros(d)
    first = np.zeros(d, dtype=np.int64)
    trial_mean, trial_sd = np.empty(p + d), np.empty(p + d)
    positive = _cholesky(neg_h, low)
    if positive:
        for k in range(d):
            _fill(e, 0.0)
            e[k] = 1.0
            _solve(low, e, x)
            for i in range(d):
                cov[i, k] = x[i]
        for k in range(d):
            if folds[k]:
                # The face is taken where it is most probable given the normal approximation.
                for i in range(d):
                    x[i] = mode[i] - cov[i, k] / cov[k, k] * mode[k]
                if density(x, data, hyper, out) > f_mode - cut - 2.0:
                    folded[k] = 1
    else:
        for k in range(d):
            folded[k] = folds[k]
    widths, axis_error = np.empty(d), np.empty(d)
    aimed, every = False, -1
    for attempt in range(24):
        diagonal = False
        for k in range(d):
            diagonal = diagonal or folded[k] == 1
        for k in range(d):
            _fill(basis[k], 0.0)
        if diagonal:
            if attempt == 0 or widths[0] < 0.0:
                for k in range(d):
                    widths[k] = _width(density, mode, f_mode, data, hyper, out, k)
            for k in range(d):
                basis[k, k] = steps[k] * widths[k]
                signed = folded[k] == 1
                for a in range(d):
                    signed = signed or (folded[a] == 1 and odd[a, k])
                origin[k] = 0.0 if signed else mode[k]
                first[k] = int(round(mode[k] / basis[k, k])) if signed else 0
        else:
            widths[0] = -1.0
            if not _cholesky(cov, low):
                return 0, math.nan, NO_MODE
            for i in range(d):
                origin[i] = mode[i]
                first[i] = 0
                for k in range(i + 1):
                    basis[i, k] = low[i, k] * steps[k]
        count = _flood(
            density,
            origin,
            basis,
            folded,
            first,
            f_mode,
            cut,
            data,
            hyper,
            out,
            p,
            slot,
            index,
            logf,
            values,
        )
        if count < 0:
            return 0, math.nan, TOO_MANY_NODES
        again = False
        if d == 1 and count > _AIM and not aimed:
            # The step that fits the whole range in the nodes aimed at; refined again if too coarse.
            aimed = True
            steps[0] *= 1.01 * count / _AIM
            continue
        for node in range(count):
            if logf[node] > f_mode - cut:
                for k in range(d):
                    if folds[k] and not folded[k]:
                        u = origin[k]
                        for j in range(d):
                            u += basis[k, j] * index[node, j]
                        if u <= 0.0:
                            folded[k] = 1
                            again = True
        if again:
            _fill(steps, step)
            continue
        top = -1e300
        for node in range(count):
            top = max(top, logf[node])
        if not math.isfinite(top):
            return 0, math.nan, NOT_FINITE
        for node in range(count):
            w = math.exp(logf[node] - top)
            for k in range(d):
                if folded[k] and index[node, k] == 0:
                    w *= 0.5
            if not math.isfinite(w):
                return 0, math.nan, NOT_FINITE
            weight[node] = w
            at = p
            for k in range(p):
                inner[node, k] = values[node, k]
                at += k + 1
                inner[node, p + k] = math.sqrt(values[node, at - 1])
            for i in range(d):
                u = origin[i]
                for k in range(d):
                    u += basis[i, k] * index[node, k]
                theta[node, i], _ = _natural(kinds[i], scales[i], u)
        total = _moments(
            count, index, weight, inner, theta, folded, odd, odd_weight, every, mean, sd
        )
        # A folded lattice lies along the axes, not along the posterior: every axis is tried, and
        # the error is about the square of the difference. A turned one is as good as its
        # checkerboard half, whose error the whole undercuts.
        error = 0.0
        bound = tolerance_folded if diagonal else tolerance
        if aimed:
            bound *= 1000.0
        if not diagonal:
            part = _moments(
                count, index, weight, inner, theta, folded, odd, odd_weight, d, trial_mean, trial_sd
            )
            error = _difference(2.0 * part / total, p, mean, sd, trial_mean, trial_sd, folded, odd)
        if diagonal or not error < bound:
            largest = 0.0
            for k in range(d):
                part = _moments(
                    count,
                    index,
                    weight,
                    inner,
                    theta,
                    folded,
                    odd,
                    odd_weight,
                    k,
                    trial_mean,
                    trial_sd,
                )
                axis_error[k] = _difference(
                    2.0 * part / total, p, mean, sd, trial_mean, trial_sd, folded, odd
                )
                largest = max(largest, axis_error[k])
            if diagonal:
                error = largest
        if not error < bound:
            fall = math.log(min(error, 0.9)) / math.log(bound) if error > 0.0 else 0.0
            for k in range(d):
                if diagonal and axis_error[k] < bound:
                    continue
                if not axis_error[k] < 0.1 * largest:
                    steps[k] *= min(max(fall**0.6, 0.55), 0.88)
        else:
            volume = 1.0
            for k in range(d):
                volume *= basis[k, k]
            for node in range(count):
                weight[node] /= total
            return count, top + math.log(total * volume), CONVERGED
    return 0, math.nan, TOO_MANY_NODES


@nb.njit(**_inner)
def _mixing(axis, basis):
    """How much narrower the posterior is across an axis' lines, at a fixed value, than along them.

    Lines sheared along the axis cut the posterior obliquely: where the step times this passes
    about 1.3 their sum ripples.
    """
    shear = 0.0
    for k in range(axis):
        shear += (basis[axis, k] / basis[axis, axis]) ** 2
    return math.sqrt(1.0 + shear)


@nb.njit(**_inner)
def _turned(
    axis,
    density,
    data,
    hyper,
    out,
    ncoef,
    mode,
    cov,
    step,
    cut,
    slot,
    index,
    logf,
    values,
    fine,
    lo,
    cell,
):
    """The marginal of one outer coordinate from a lattice turned so that it lies along an axis."""
    d = mode.size
    order = np.empty(d, dtype=np.int64)
    order[0] = axis
    at = 1
    for k in range(d):
        if k != axis:
            order[at] = k
            at += 1
    turned, low, basis = np.empty((d, d)), np.zeros((d, d)), np.zeros((d, d))
    for i in range(d):
        for k in range(d):
            turned[i, k] = cov[order[i], order[k]]
    _cholesky(turned, low)
    for i in range(d):
        for k in range(i + 1):
            basis[order[i], k] = step * low[i, k]
    upright = np.zeros(d, dtype=np.int64)
    f_mode = density(mode, data, hyper, out)
    count = _flood(
        density,
        mode,
        basis,
        upright,
        upright,
        f_mode,
        cut,
        data,
        hyper,
        out,
        ncoef,
        slot,
        index,
        logf,
        values,
    )
    _fill(fine, 0.0)
    if count < 0:
        return False
    least, most, top = 0, 0, -1e300
    for node in range(count):
        least, most = min(least, index[node, 0]), max(most, index[node, 0])
        top = max(top, logf[node])
    line = np.zeros(most - least + 1)
    for node in range(count):
        line[index[node, 0] - least] += math.exp(logf[node] - top)
    _add_line(
        line,
        line.size,
        False,
        mode[axis] + basis[axis, 0] * least,
        basis[axis, 0],
        IDENTITY,
        lo,
        cell,
        fine,
        np.empty(line.size + _TAPS),
    )
    return True


@nb.njit(**_inner)
def _marginal_by_best(
    axis,
    density,
    data,
    hyper,
    ncoef,
    count,
    index,
    weight,
    folded,
    odd,
    odd_weight,
    origin,
    basis,
    cov,
    steps,
    mode,
    step,
    cut,
    slot,
    index_t,
    logf_t,
    values_t,
    box,
    smallest,
    size,
    kind,
    fine,
    lo,
    cell,
):
    """The marginal from the lattice at hand, or from a turned one where that would ripple."""
    d = mode.size
    diagonal = False
    least = steps[0]
    for k in range(d):
        diagonal = diagonal or folded[k] == 1
        least = min(least, steps[k])
    # Axes that had to be refined are not normal: their slices are narrower still somewhere.
    if not diagonal and axis > 0 and step * _mixing(axis, basis) > _RIPPLE:
        out = np.empty(values_t.shape[1])
        # Every slice must be right here, not only their sum: hence the finer step.
        if _turned(
            axis,
            density,
            data,
            hyper,
            out,
            ncoef,
            mode,
            cov,
            0.75 * least,
            cut,
            slot,
            index_t,
            logf_t,
            values_t,
            fine,
            lo,
            cell,
        ):
            return
    _marginal(
        axis,
        d,
        count,
        index,
        weight,
        folded,
        odd,
        odd_weight,
        origin,
        basis,
        box,
        smallest,
        size,
        kind,
        fine,
        lo,
        cell,
    )


@nb.njit(**_inner)
def _settle(at, even, kind, scale, folded, odd, axis, fine, lo, cell, mean, sd):
    """Take the mean of a parameter that is odd in a folded scale from its marginal, in place.

    On the half line an odd integrand is summed to the lattice's interpolation error only, an even
    one to its square: the second moment stays, the mean is integrated on the fine grid.
    """
    needed = False
    for k in range(folded.size):
        needed = needed or (folded[k] == 1 and odd[k, axis] == 1)
    if not needed:
        return
    n = fine.size
    total, first = 0.0, 0.0
    for g in range(n):
        # Simpson's rule; `cells` is odd.
        w = 1.0 if g == 0 or g == n - 1 else (4.0 if g % 2 == 1 else 2.0)
        w *= fine[g]
        total += w
        first += w * _natural(kind, scale, lo + cell * g)[0]
    second = mean[at] * mean[at] + sd[at] * sd[at]
    mean[at] = first / total
    sd[at] = math.sqrt(max(second - mean[at] * mean[at], 0.0))


@nb.njit(**_inner)
def _extent(axis, d, count, index, weight, origin, basis, floor):
    """Range of an outer coordinate over the nodes that weigh something."""
    lo, hi = 1e300, -1e300
    for node in range(count):
        if weight[node] > floor:
            u = origin[axis]
            for k in range(d):
                u += basis[axis, k] * index[node, k]
            lo, hi = min(lo, u), max(hi, u)
    return lo, hi


def _sum_batch(
    density,
    data,
    hyper,
    start,
    kinds,
    scales,
    folds,
    odd,
    ncoef,
    step,
    cut,
    tolerance,
    tolerance_folded,
    odd_weight,
    side,
    capacity,
    cells,
    level,
    z_level,
    mean,
    sd,
    low_end,
    high_end,
    log_z,
    status,
    nodes,
    pair,
):
    """Means, sds, highest-density intervals and log integrals of a stack of posteriors.

    `data` is (posteriors, fields, rows); results are written row by row into the last eight
    arguments, inner parameters first; `pair` takes the covariance of inner parameters 0 and 1,
    2 and 3, and so on. A posterior that fails leaves NaN and its status.
    """
    batch, d = start.shape
    p = ncoef
    volume = 1
    for _ in range(d):
        volume *= side
    slot = np.zeros(volume, dtype=np.uint8)
    index = np.empty((capacity, d), dtype=np.int64)
    logf, weight = np.empty(capacity), np.empty(capacity)
    values = np.empty((capacity, p + p * (p + 1) // 2))
    inner, theta = np.empty((capacity, 2 * p)), np.empty((capacity, d))
    origin, basis = np.empty(d), np.zeros((d, d))
    folded = np.zeros(d, dtype=np.int64)
    fine, cumulative = np.empty(cells), np.empty(cells)
    smallest, size = np.empty(d, dtype=np.int64), np.empty(d, dtype=np.int64)
    cov, steps, mode = np.zeros((d, d)), np.empty(d), np.empty(d)
    index_t, logf_t = np.empty((capacity, d), dtype=np.int64), np.empty(capacity)
    ms, ss, ws = np.empty(capacity), np.empty(capacity), np.empty(capacity)
    mc, sc, wc = np.empty(capacity), np.empty(capacity), np.empty(capacity)
    # Newton's next error is about the square of its last step.
    rough = 1e-3
    accuracy = 1e-4 if d == 1 else (1e-3 if d == 2 else 2e-2)
    box = np.empty(0)
    for b in range(batch):
        count, log_z[b], status[b] = _sum_one(
            density,
            data[b],
            hyper[b],
            start[b],
            kinds,
            scales[b],
            folds,
            odd,
            p,
            step,
            cut,
            tolerance,
            tolerance_folded,
            odd_weight,
            slot,
            index,
            logf,
            values,
            inner,
            theta,
            weight,
            origin,
            basis,
            folded,
            cov,
            steps,
            mode,
            mean[b],
            sd[b],
        )
        nodes[b] = count
        if status[b] != CONVERGED:
            _fill(mean[b], math.nan)
            _fill(sd[b], math.nan)
            _fill(low_end[b], math.nan)
            _fill(high_end[b], math.nan)
            continue
        for k in range(0, p - 1, 2):
            # Packed lower covariances follow the p means: (k + 1, k) is at (k+1)(k+2)/2 + k.
            at = p + (k + 1) * (k + 2) // 2 + k
            cross = 0.0
            for node in range(count):
                cross += weight[node] * (values[node, at] + values[node, k] * values[node, k + 1])
            pair[b, k // 2] = cross - mean[b, k] * mean[b, k + 1]
        top = 0.0
        for node in range(count):
            top = max(top, weight[node])
        for k in range(p):
            n = 0
            for node in range(count):
                if weight[node] > 1e-7 * top:
                    ms[n], ss[n], ws[n] = inner[node, k], inner[node, p + k], weight[node]
                    n += 1
            low = mean[b, k] - z_level * sd[b, k]
            high = mean[b, k] + z_level * sd[b, k]
            if n > _MANY:
                for j in range(n):
                    mc[j], sc[j], wc[j] = ms[j], ss[j], ws[j]
                few = _compress(mc, sc, wc, n)
                low, high = _mixture_interval(mc, sc, wc, few, low, high, sd[b, k], level, rough)
            low_end[b, k], high_end[b, k] = _mixture_interval(
                ms, ss, ws, n, low, high, sd[b, k], level, accuracy
            )
        for k in range(d):
            smallest[k], size[k] = index[0, k], index[0, k]
            for node in range(count):
                smallest[k] = min(smallest[k], index[node, k])
                size[k] = max(size[k], index[node, k])
            size[k] += 1 - smallest[k]
        total = 1
        for k in range(d):
            total *= size[k]
        if box.size < total:
            box = np.empty(total)
        for a in range(d):
            lo, hi = _extent(a, d, count, index, weight, origin, basis, 1e-10 * top)
            even = folded[a] == 1
            if even:
                lo = 0.0
            cell = (hi - lo) / (cells - 1)
            _marginal_by_best(
                a,
                density,
                data[b],
                hyper[b],
                p,
                count,
                index,
                weight,
                folded,
                odd,
                odd_weight,
                origin,
                basis,
                cov,
                steps,
                mode,
                step,
                cut,
                slot,
                index_t,
                logf_t,
                values,
                box,
                smallest,
                size,
                kinds[a],
                fine,
                lo,
                cell,
            )
            _settle(
                p + a, even, kinds[a], scales[b, a], folded, odd, a, fine, lo, cell, mean[b], sd[b]
            )
            cumulative[0] = 0.0
            for g in range(cells - 1):
                cumulative[g + 1] = cumulative[g] + _cubic(fine, even, g, 1.0)[1]
            low_end[b, p + a], high_end[b, p + a] = _grid_interval(
                fine, cumulative, even, lo, cell, kinds[a], scales[b, a], level
            )
        for k in range(p + d):
            if not (math.isfinite(low_end[b, k]) and math.isfinite(high_end[b, k])):
                status[b] = NOT_FINITE


def _sum_nodes(
    density,
    data,
    hyper,
    start,
    kinds,
    scales,
    folds,
    odd,
    ncoef,
    step,
    cut,
    tolerance,
    tolerance_folded,
    odd_weight,
    side,
    index,
    logf,
    values,
    theta,
    weight,
    origin,
    basis,
    folded,
    mean,
    sd,
    grids,
    summary,
):
    """One posterior with its nodes kept, for draws and curves: the number of nodes.

    `grids` takes per outer coordinate its fine marginal; `summary` the log integral, the status
    and per outer coordinate the grid's origin and cell.
    """
    d, p = start.size, ncoef
    volume = 1
    for _ in range(d):
        volume *= side
    slot = np.zeros(volume, dtype=np.uint8)
    inner = np.empty((logf.size, 2 * p))
    cov, steps, mode = np.zeros((d, d)), np.empty(d), np.empty(d)
    index_t, logf_t = np.empty_like(index), np.empty_like(logf)
    values_t = np.empty_like(values)
    count, summary[0], status = _sum_one(
        density,
        data,
        hyper,
        start,
        kinds,
        scales,
        folds,
        odd,
        p,
        step,
        cut,
        tolerance,
        tolerance_folded,
        odd_weight,
        slot,
        index,
        logf,
        values,
        inner,
        theta,
        weight,
        origin,
        basis,
        folded,
        cov,
        steps,
        mode,
        mean,
        sd,
    )
    summary[1] = status
    if status != CONVERGED:
        return count
    smallest, size = np.empty(d, dtype=np.int64), np.empty(d, dtype=np.int64)
    total, top = 1, 0.0
    for node in range(count):
        top = max(top, weight[node])
    for k in range(d):
        smallest[k], size[k] = index[0, k], index[0, k]
        for node in range(count):
            smallest[k] = min(smallest[k], index[node, k])
            size[k] = max(size[k], index[node, k])
        size[k] += 1 - smallest[k]
        total *= size[k]
    box = np.empty(total)
    for a in range(d):
        lo, hi = _extent(a, d, count, index, weight, origin, basis, 1e-10 * top)
        if folded[a]:
            lo = 0.0
        cell = (hi - lo) / (grids.shape[1] - 1)
        _marginal_by_best(
            a,
            density,
            data,
            hyper,
            p,
            count,
            index,
            weight,
            folded,
            odd,
            odd_weight,
            origin,
            basis,
            cov,
            steps,
            mode,
            step,
            cut,
            slot,
            index_t,
            logf_t,
            values_t,
            box,
            smallest,
            size,
            kinds[a],
            grids[a],
            lo,
            cell,
        )
        _settle(
            p + a, folded[a] == 1, kinds[a], scales[a], folded, odd, a, grids[a], lo, cell, mean, sd
        )
        summary[2 + 2 * a], summary[3 + 2 * a] = lo, cell
    return count


def _evaluate(density, data, hyper, u, logf, values):
    """Log density and inner packed values at every row of `u`."""
    out = np.empty(values.shape[1])
    for row in range(u.shape[0]):
        logf[row] = density(u[row], data, hyper, out)
        for k in range(out.size):
            values[row, k] = out[k]


_float, _int = types.float64, types.int64
_BATCH = types.void(
    _FUNCTION, _F3, _F2, _F2, _I1, _F2, _I1, _I2, _int, _float, _float, _float, _float, _F1,
    _int, _int, _int, _float, _float, _F2, _F2, _F2, _F2, _F1, _I1, _I1, _F2,
)  # fmt: skip
_NODES = types.int64(
    _FUNCTION, _F2, _F1, _F1, _I1, _F1, _I1, _I2, _int, _float, _float, _float, _float, _F1,
    _int, _I2, _F1, _F2, _F2, _F1, _F1, _F2, _I1, _F1, _F1, _F2, _F1,
)  # fmt: skip
_EVALUATE = types.void(_FUNCTION, _F2, _F1, _F2, _F1, _F2)


@cache
def batch_kernel() -> Any:
    """`_sum_batch`, compiled (or read from the cache on disk) at its first use."""
    return nb.njit(_BATCH, **_options)(_sum_batch)


@cache
def nodes_kernel() -> Any:
    """`_sum_nodes`, compiled at its first use."""
    return nb.njit(_NODES, **_options)(_sum_nodes)


@cache
def evaluate_kernel() -> Any:
    """`_evaluate`, compiled at its first use."""
    return nb.njit(_EVALUATE, **_options)(_evaluate)
