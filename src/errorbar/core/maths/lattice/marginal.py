# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand in `basics`.
"""Marginals of outer coordinates on fine grids, from the lines of a lattice."""

import math
from functools import cache
from typing import Any

import numba as nb
import numpy as np

from errorbar.core.maths.lattice.basics import (
    MARGINAL,
    PIECE,
    cholesky,
    fill,
    natural,
    small,
)
from errorbar.core.maths.lattice.values import IDENTITY, SINH, TANH

__all__ = ["marginal_kernel"]

# Points of the interpolation along a lattice line.
_TAPS = 12
# Longest step across sheared lattice lines, in conditional sds, whose sum does not ripple.
_RIPPLE = 1.2


@small
def _jacobian(kind, u):
    """Log of the factor of a marginal that is singular nearest the real line, at i pi / 2."""
    if kind == SINH:
        return math.log(math.cosh(u))
    if kind == TANH:
        # The change of variable and the prior (1 - rho^2) bring sech^2 each.
        return -4.0 * math.log(math.cosh(u))
    return 0.0


@small
def _add_run(logs, m, start, lowest, step, kind, lo, cell, acc):
    """Interpolate one run of logarithms from `lowest` on and add its exponential to the grid."""
    taps = min(_TAPS, m)
    if taps < 2:
        return
    g0 = max(int(math.ceil((lowest - lo) / cell - 1e-9)), 0)
    g1 = min(int(math.floor((start + step * (m - 1) - lo) / cell + 1e-9)), acc.size - 1)
    # Barycentric Lagrange on equal steps: weights are signed binomials.
    weights = np.empty(taps)
    weights[0] = 1.0
    for j in range(1, taps):
        weights[j] = -weights[j - 1] * (taps - j) / j
    for g in range(g0, g1 + 1):
        x = (lo + cell * g - start) / step
        s = min(max(int(math.floor(x)) - (taps - 1) // 2, 0), m - taps)
        nearest = int(math.floor(x + 0.5))
        if abs(x - nearest) < 1e-12 and s <= nearest < s + taps:
            value = logs[nearest]
        else:
            top_sum, bottom = 0.0, 0.0
            for j in range(taps):
                term = weights[j] / (x - (s + j))
                top_sum += term * logs[s + j]
                bottom += term
            value = top_sum / bottom
        acc[g] += math.exp(value + _jacobian(kind, lo + cell * g))


@small
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
            logs, shift + last - first + 1, base + step * (first - shift), base + step * first,
            step, kind, lo, cell, acc,
        )  # fmt: skip
        first = last + 1


@small
def _lines(axis, space, count, index, weight, frame, fine, lo, cell):
    """The marginal of one outer coordinate on a fine grid, from the lattice lines."""
    kind, odd, odd_weight = space[0][axis], space[2], space[3]
    origin, basis, folded = frame
    d = origin.size
    fill(fine, 0.0)
    diagonal = False
    for k in range(d):
        diagonal = diagonal or folded[k]
    longest = 0
    smallest, size = np.empty(d, dtype=np.int64), np.empty(d, dtype=np.int64)
    for k in range(d):
        smallest[k], size[k] = index[0, k], index[0, k]
        for node in range(count):
            smallest[k] = min(smallest[k], index[node, k])
            size[k] = max(size[k], index[node, k])
        size[k] += 1 - smallest[k]
        longest = max(longest, size[k])
    logs = np.empty(longest + _TAPS)
    if diagonal:
        n = size[axis]
        plain, other = np.empty(n), np.empty(n)
        fill(plain, 0.0)
        fill(other, 0.0)
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
            whole = np.empty(n)
            for j in range(n):
                mirror = -(j + smallest[axis]) - smallest[axis]
                a = plain[mirror] if 0 <= mirror < n else 0.0
                b = other[mirror] if 0 <= mirror < n else 0.0
                whole[j] = max(0.5 * (plain[j] + a) + 0.5 * (other[j] - b), 0.0)
            plain = whole
        base = origin[axis] + basis[axis, axis] * smallest[axis]
        _add_line(
            plain, n, folded[axis] == 1 and smallest[axis] == 0, base, basis[axis, axis], kind,
            lo, cell, fine, logs,
        )  # fmt: skip
        return
    # Triangular basis: sum the trailing axes away, then run along `axis` on every prefix.
    total = 1
    for k in range(axis + 1):
        total *= size[k]
    box = np.empty(total)
    fill(box, 0.0)
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


@small
def _mixing(axis, basis):
    """How much narrower the posterior is across an axis' lines, at a fixed value, than along them.

    Lines sheared along the axis cut the posterior obliquely: where the step times this passes
    about 1.3 their sum ripples.
    """
    shear = 0.0
    for k in range(axis):
        shear += (basis[axis, k] / basis[axis, axis]) ** 2
    return math.sqrt(1.0 + shear)


@small
def _turned(flood, density, data, hyper, axis, shape, step, cut, slot, spare, fine, lo, cell):
    """The marginal of one outer coordinate from a lattice turned so that it lies along an axis."""
    cov, _, mode = shape
    index, logf, values = spare
    out = np.empty(values.shape[1])
    d = mode.size
    order = np.empty(d, dtype=np.int64)
    order[0] = axis
    at = 1
    for k in range(d):
        if k != axis:
            order[at] = k
            at += 1
    turned, low, basis = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    for i in range(d):
        for k in range(d):
            turned[i, k] = cov[order[i], order[k]]
    cholesky(turned, low)
    upright = np.empty(d, dtype=np.int64)
    for i in range(d):
        upright[i] = 0
        for k in range(d):
            basis[order[i], k] = step * low[i, k] if k <= i else 0.0
    f_mode = density(mode, data, hyper, out)
    count = flood(density, data, hyper, (mode, basis, upright), upright, f_mode, cut, slot, spare)
    fill(fine, 0.0)
    if count < 0:
        return False
    least, most, top = 0, 0, -1e300
    for node in range(count):
        least, most = min(least, index[node, 0]), max(most, index[node, 0])
        top = max(top, logf[node])
    line = np.empty(most - least + 1)
    fill(line, 0.0)
    for node in range(count):
        line[index[node, 0] - least] += math.exp(logf[node] - top)
    _add_line(
        line, line.size, False, mode[axis] + basis[axis, 0] * least, basis[axis, 0], IDENTITY,
        lo, cell, fine, np.empty(line.size + _TAPS),
    )  # fmt: skip
    return True


@small
def _settle(at, kind, scale, folded, odd, axis, fine, lo, cell, mean, sd):
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
        first += w * natural(kind, scale, lo + cell * g)[0]
    second = mean[at] * mean[at] + sd[at] * sd[at]
    mean[at] = first / total
    sd[at] = math.sqrt(max(second - mean[at] * mean[at], 0.0))


@small
def _extent(axis, count, index, weight, frame, floor):
    """Range of an outer coordinate over the nodes that weigh something."""
    origin, basis, _ = frame
    lo, hi = 1e300, -1e300
    for node in range(count):
        if weight[node] > floor:
            u = origin[axis]
            for k in range(origin.size):
                u += basis[axis, k] * index[node, k]
            lo, hi = min(lo, u), max(hi, u)
    return lo, hi


def _marginal(flood, density, data, hyper, axis, scale, space, rule, count, slot, store, spare,
              sums, frame, shape, fine, mean, sd):  # fmt: skip
    """The marginal of one outer coordinate on a fine grid: the grid's origin and cell.

    From the lattice at hand, or from a turned one (laid in `spare`) where that would ripple. The
    parameter's mean and sd are settled on the way.
    """
    kinds, _, odd, _ = space
    _, basis, folded = frame
    steps, weight = shape[1], sums[2]
    d = kinds.size
    top = 0.0
    for node in range(count):
        top = max(top, weight[node])
    lo, hi = _extent(axis, count, store[0], weight, frame, 1e-10 * top)
    if folded[axis] == 1:
        lo = 0.0
    cell = (hi - lo) / (fine.size - 1)
    diagonal = False
    least = steps[0]
    for k in range(d):
        diagonal = diagonal or folded[k] == 1
        least = min(least, steps[k])
    done = False
    if not diagonal and axis > 0 and rule[0] * _mixing(axis, basis) > _RIPPLE:
        # Axes that had to be refined are not normal: their slices are narrower still somewhere,
        # and every slice must be right here, not only their sum. Hence the finer step.
        done = _turned(
            flood, density, data, hyper, axis, shape, 0.75 * least, rule[1], slot, spare, fine,
            lo, cell,
        )  # fmt: skip
    if not done:
        _lines(axis, space, count, store[0], weight, frame, fine, lo, cell)
    at = mean.size - d + axis
    _settle(at, kinds[axis], scale, folded, odd, axis, fine, lo, cell, mean, sd)
    return lo, cell


@cache
def marginal_kernel() -> Any:
    """`_marginal`, compiled at its first use."""
    return nb.njit(MARGINAL, **PIECE)(_marginal)
