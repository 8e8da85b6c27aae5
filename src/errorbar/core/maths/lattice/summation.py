# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand in `basics`.
"""The sum over a lattice laid along one posterior's axes, refined until it holds."""

import math
from functools import cache
from typing import Any

import numba as nb
import numpy as np

from errorbar.core.maths.lattice.basics import (
    PIECE,
    SUM,
    cholesky,
    fill,
    small,
    solve,
    value,
)
from errorbar.core.maths.lattice.mode import width
from errorbar.core.maths.lattice.values import CONVERGED, NO_MODE, NOT_FINITE, TOO_MANY_NODES

__all__ = ["sum_kernel"]

# Nodes aimed at in one dimension.
_AIM = 32
# A folded lattice lies along the axes and is laid finer at once: most would have to be anyway.
_FOLDED = 0.68


@small
def _moments(count, index, sums, folded, odd, odd_weight, every, mean, sd):
    """Means and sds over all nodes (`every` = -1), every second plane of an axis, or every
    second node in checkerboard order (`every` = number of axes): the sum of their weights."""
    inner, theta, weight = sums
    d, p = theta.shape[1], inner.shape[1] // 2
    fill(mean, 0.0)
    fill(sd, 0.0)
    # The folded scales with which each outer parameter changes sign.
    turns, scale = np.empty(d, dtype=np.int64), np.empty((d, d), dtype=np.int64)
    for a in range(d):
        turns[a] = 0
        for k in range(d):
            if folded[k] and odd[k, a]:
                scale[a, turns[a]] = k
                turns[a] += 1
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
            for j in range(turns[a]):
                k = scale[a, j]
                f *= odd_weight[index[node, k] // 2 if k == every else index[node, k]]
            mean[p + a] += w * f * x
            sd[p + a] += w * x * x
    for k in range(mean.size):
        mean[k] /= total
        sd[k] = math.sqrt(max(sd[k] / total - mean[k] * mean[k], 0.0))
    return total


@small
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


def _sum(climb, flood, density, data, hyper, start, scales, space, rule, p, slot, store, sums,
         frame, shape, mean, sd):  # fmt: skip
    """Lay and sum the lattice for one posterior: (nodes, log integral, status).

    Nodes, their weights (summing to one) and the inner and outer values stay in the arrays.
    """
    kinds, folds, odd, odd_weight = space
    step, cut, tolerance, tolerance_folded = rule
    index, logf, values = store
    inner, theta, weight = sums
    origin, basis, folded = frame
    cov, steps, mode = shape
    d = start.size
    out = np.empty(values.shape[1])
    for k in range(d):
        mode[k] = start[k]
    neg_h = np.empty((d, d))
    f_mode, found = climb(density, data, hyper, mode, out, neg_h)
    if not found:
        return 0, math.nan, NO_MODE
    for k in range(d):
        folded[k] = 0
        if folds[k] and mode[k] < 0.0:
            for a in range(d):
                if odd[k, a]:
                    mode[a] = -mode[a]
    fill(steps, step)
    low = np.empty((d, d))
    e, x = np.empty(d), np.empty(d)
    first = np.empty(d, dtype=np.int64)
    trial_mean, trial_sd = np.empty(p + d), np.empty(p + d)
    positive = cholesky(neg_h, low)
    if positive:
        for k in range(d):
            fill(e, 0.0)
            e[k] = 1.0
            solve(low, e, x)
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
            fill(basis[k], 0.0)
        if diagonal:
            if attempt == 0 or widths[0] < 0.0:
                fill(steps, step if d == 1 else _FOLDED * step)
                for k in range(d):
                    widths[k] = width(density, data, hyper, mode, f_mode, out, k)
            for k in range(d):
                basis[k, k] = steps[k] * widths[k]
                signed = folded[k] == 1
                for a in range(d):
                    signed = signed or (folded[a] == 1 and odd[a, k])
                origin[k] = 0.0 if signed else mode[k]
                first[k] = int(round(mode[k] / basis[k, k])) if signed else 0
        else:
            widths[0] = -1.0
            if not cholesky(cov, low):
                return 0, math.nan, NO_MODE
            for i in range(d):
                origin[i] = mode[i]
                first[i] = 0
                for k in range(i + 1):
                    basis[i, k] = low[i, k] * steps[k]
        count = flood(density, data, hyper, frame, first, f_mode, cut, slot, store)
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
            fill(steps, step if d == 1 else _FOLDED * step)
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
                theta[node, i] = value(kinds[i], scales[i], u)
        total = _moments(count, index, sums, folded, odd, odd_weight, every, mean, sd)
        # A folded lattice lies along the axes, not along the posterior: every axis is tried, and
        # the error is about the square of the difference. A turned one is as good as its
        # checkerboard half, whose error the whole undercuts.
        error = 0.0
        bound = tolerance_folded if diagonal else tolerance
        if aimed:
            bound *= 1000.0
        if not diagonal:
            part = _moments(count, index, sums, folded, odd, odd_weight, d, trial_mean, trial_sd)
            error = _difference(2.0 * part / total, p, mean, sd, trial_mean, trial_sd, folded, odd)
        if diagonal or not error < bound:
            largest = 0.0
            for k in range(d):
                part = _moments(
                    count, index, sums, folded, odd, odd_weight, k, trial_mean, trial_sd
                )
                axis_error[k] = _difference(
                    2.0 * part / total, p, mean, sd, trial_mean, trial_sd, folded, odd
                )
                largest = max(largest, axis_error[k])
            if diagonal:
                error = largest
        if not error < bound:
            fall = math.log(min(error, 0.9)) / math.log(bound) if error > 0.0 else 0.0
            # Errors of a folded lattice fall faster with its step.
            power = 0.45 if diagonal and d > 1 else 0.6
            for k in range(d):
                if diagonal and axis_error[k] < bound:
                    continue
                if not axis_error[k] < 0.1 * largest:
                    steps[k] *= min(max(fall**power, 0.55), 0.88)
        else:
            volume = 1.0
            for k in range(d):
                volume *= basis[k, k]
            for node in range(count):
                weight[node] /= total
            return count, top + math.log(total * volume), CONVERGED
    return 0, math.nan, TOO_MANY_NODES


@cache
def sum_kernel() -> Any:
    """`_sum`, compiled at its first use."""
    return nb.njit(SUM, **PIECE)(_sum)
