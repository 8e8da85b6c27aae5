# pyright: basic
# Numba takes its types from the calls; the signatures that matter stand in `basics`.
"""The nodes of a lattice that matter, found by flood fill."""

from functools import cache
from typing import Any

import numba as nb
import numpy as np

from errorbar.core.maths.lattice.basics import FLOOD, PIECE

__all__ = ["flood_kernel"]


def _flood(density, data, hyper, frame, first, f_mode, cut, slot, store):
    """Fill the lattice from `first` down to `cut`: the number of nodes, or -1 if too many.

    `slot` is a dense cube of zeros, and is left so.
    """
    origin, basis, folded = frame
    index, logf, values = store
    d = origin.size
    capacity = logf.size
    side = int(round(slot.size ** (1.0 / d)))
    half = side // 2
    width = values.shape[1]
    u, out = np.empty(d), np.empty(width)
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


@cache
def flood_kernel() -> Any:
    """`_flood`, compiled at its first use."""
    return nb.njit(FLOOD, **PIECE)(_flood)
