# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand here and in `basics`.
"""Stacks of posteriors, one posterior with its nodes, plain evaluation."""

import math
from functools import cache
from typing import Any

import numba as nb
import numpy as np
from numba import types

from errorbar.core.maths.lattice.basics import (
    CLIMB,
    DENSITY,
    FLOOD,
    FRAME,
    KERNEL,
    MARGINAL,
    RULE,
    SHAPE,
    SPACE,
    STORE,
    SUM,
    SUMS,
    fill,
)
from errorbar.core.maths.lattice.flood import flood_kernel
from errorbar.core.maths.lattice.intervals import (
    compress,
    cubic,
    grid_interval,
    mixture_interval,
)
from errorbar.core.maths.lattice.marginal import marginal_kernel
from errorbar.core.maths.lattice.mode import climb_kernel
from errorbar.core.maths.lattice.summation import sum_kernel
from errorbar.core.maths.lattice.values import CONVERGED, NOT_FINITE

__all__ = ["batch_kernel", "evaluate_kernel", "nodes_kernel", "pieces"]

# A mixture of more normals than this is compressed to cells before its interval is sought.
_MANY = 200


def _batch(climb, flood, sum_one, marginal, density, data, hyper, start, scales, space, rule, p,
           slot, store, spare, sums, frame, shape, mixture, coarse, fine, cumulative, level,
           z_level, mean, sd, low_end, high_end, log_z, status, nodes, pair):  # fmt: skip
    """Sum a stack of posteriors row by row into the last eight arguments."""
    batch, d = start.shape
    values, weight, inner = store[2], sums[2], sums[0]
    ms, ss, ws = mixture
    mc, sc, wc = coarse
    kinds, folded, cells = space[0], frame[2], fine.size
    # Newton's next error is about the square of its last step.
    rough = 1e-3
    accuracy = 1e-4 if d == 1 else (1e-3 if d == 2 else 2e-2)
    least = 1e-7 if d == 1 else 1e-6
    for b in range(batch):
        count, log_z[b], status[b] = sum_one(
            climb, flood, density, data[b], hyper[b], start[b], scales[b], space, rule, p, slot,
            store, sums, frame, shape, mean[b], sd[b],
        )  # fmt: skip
        nodes[b] = count
        if status[b] != CONVERGED:
            fill(mean[b], math.nan)
            fill(sd[b], math.nan)
            fill(low_end[b], math.nan)
            fill(high_end[b], math.nan)
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
                if weight[node] > least * top:
                    ms[n], ss[n], ws[n] = inner[node, k], inner[node, p + k], weight[node]
                    n += 1
            low = mean[b, k] - z_level * sd[b, k]
            high = mean[b, k] + z_level * sd[b, k]
            if n > _MANY:
                for j in range(n):
                    mc[j], sc[j], wc[j] = ms[j], ss[j], ws[j]
                few = compress(mc, sc, wc, n)
                low, high = mixture_interval(mc, sc, wc, few, low, high, sd[b, k], level, rough)
            low_end[b, k], high_end[b, k] = mixture_interval(
                ms, ss, ws, n, low, high, sd[b, k], level, accuracy
            )
        for a in range(d):
            lo, cell = marginal(
                flood, density, data[b], hyper[b], a, scales[b, a], space, rule, count, slot,
                store, spare, sums, frame, shape, fine, mean[b], sd[b],
            )  # fmt: skip
            even = folded[a] == 1
            cumulative[0] = 0.0
            for g in range(cells - 1):
                cumulative[g + 1] = cumulative[g] + cubic(fine, even, g, 1.0)[1]
            low_end[b, p + a], high_end[b, p + a] = grid_interval(
                fine, cumulative, even, lo, cell, kinds[a], scales[b, a], level
            )
        for k in range(p + d):
            if not (math.isfinite(low_end[b, k]) and math.isfinite(high_end[b, k])):
                status[b] = NOT_FINITE


def _nodes(climb, flood, sum_one, marginal, density, data, hyper, start, scales, space, rule, p,
           slot, store, spare, sums, frame, shape, mean, sd, grids, summary):  # fmt: skip
    """Sum one posterior and keep its nodes: their number.

    `grids` takes per outer coordinate its marginal; `summary` the log integral, the status, and
    per outer coordinate the grid's origin and cell.
    """
    count, summary[0], status = sum_one(
        climb, flood, density, data, hyper, start, scales, space, rule, p, slot, store, sums,
        frame, shape, mean, sd,
    )  # fmt: skip
    summary[1] = status
    if status == CONVERGED:
        for a in range(start.size):
            summary[2 + 2 * a], summary[3 + 2 * a] = marginal(
                flood, density, data, hyper, a, scales[a], space, rule, count, slot, store, spare,
                sums, frame, shape, grids[a], mean, sd,
            )  # fmt: skip
    return count


def _evaluate(density, data, hyper, u, logf, values):
    out = np.empty(values.shape[1])
    for row in range(u.shape[0]):
        logf[row] = density(u[row], data, hyper, out)
        for k in range(out.size):
            values[row, k] = out[k]


_float, _int = types.float64, types.int64
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_I1, _U1 = types.int64[::1], types.uint8[::1]
_DENSITY = types.FunctionType(DENSITY)
_PIECES = tuple(types.FunctionType(piece) for piece in (CLIMB, FLOOD, SUM, MARGINAL))
_ROOM = (_U1, STORE, STORE, SUMS, FRAME, SHAPE)
_MIXTURE = types.UniTuple(_F1, 3)
_BATCH = types.void(
    *_PIECES, _DENSITY, _F3, _F2, _F2, _F2, SPACE, RULE, _int, *_ROOM, _MIXTURE, _MIXTURE, _F1,
    _F1, _float, _float, _F2, _F2, _F2, _F2, _F1, _I1, _I1, _F2,
)  # fmt: skip
_NODES = types.int64(
    *_PIECES, _DENSITY, _F2, _F1, _F1, _F1, SPACE, RULE, _int, *_ROOM, _F1, _F1, _F2, _F1
)
_EVALUATE = types.void(_DENSITY, _F2, _F1, _F2, _F1, _F2)


@cache
def pieces() -> tuple[Any, ...]:
    """The machine code that both kernels call by address."""
    return climb_kernel(), flood_kernel(), sum_kernel(), marginal_kernel()


@cache
def batch_kernel() -> Any:
    """`_batch`, compiled (or read from the cache on disk) at its first use."""
    return nb.njit(_BATCH, **KERNEL)(_batch)


@cache
def nodes_kernel() -> Any:
    """`_nodes`, compiled (or read from the cache on disk) at its first use."""
    return nb.njit(_NODES, **KERNEL)(_nodes)


@cache
def evaluate_kernel() -> Any:
    """`_evaluate`, compiled (or read from the cache on disk) at its first use."""
    return nb.njit(_EVALUATE, **KERNEL)(_evaluate)
