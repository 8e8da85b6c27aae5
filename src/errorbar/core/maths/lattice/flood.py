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
    d, capacity, width = first.size, logf.size, values.shape[1]
    side = int(round(slot.size ** (1.0 / d)))
    u, out = np.empty(d), np.empty(width)
    current = np.empty(d, dtype=np.int64)
    # A node's place in the cube: its coordinates from `zero` on, `stride` apart.
    zero, stride = np.empty(d, dtype=np.int64), np.empty(d, dtype=np.int64)
    base, span, full = 0, 1, False
    for k in range(d):
        zero[k] = 0 if folded[k] else side // 2
        stride[k] = span
        span *= side
        current[k] = first[k]
        full = full or not 0 <= first[k] + zero[k] < side
        base += (first[k] + zero[k]) * stride[k]
    # Node `done` is expanded while nodes are appended behind it; before any there is the first.
    count, done = 0, -1
    while done < count and not full:
        if done >= 0:
            if not logf[done] > f_mode - cut:
                done += 1
                continue
            base = 0
            for k in range(d):
                current[k] = index[done, k]
                base += (current[k] + zero[k]) * stride[k]
        for probe in range(2 * d if done >= 0 else 1):
            axis, move = probe >> 1, (0 if done < 0 else 1 - 2 * (probe & 1))
            place = current[axis] + move + zero[axis]
            if place < 0 and folded[axis]:
                continue
            if place < 0 or place >= side:
                full = True
                break
            flat = base + move * stride[axis]
            if slot[flat]:
                continue
            if count == capacity:
                full = True
                break
            slot[flat] = 1
            current[axis] += move
            for i in range(d):
                s = origin[i]
                for k in range(d):
                    s += basis[i, k] * current[k]
                u[i] = s
            logf[count] = density(u, data, hyper, out)
            for k in range(d):
                index[count, k] = current[k]
            for k in range(width):
                values[count, k] = out[k]
            current[axis] -= move
            count += 1
        done += 1
    for node in range(count):
        flat = 0
        for k in range(d):
            flat += (index[node, k] + zero[k]) * stride[k]
        slot[flat] = 0
    return -1 if full else count


@cache
def flood_kernel() -> Any:
    """`_flood`, compiled at its first use."""
    return nb.njit(FLOOD, **PIECE)(_flood)
