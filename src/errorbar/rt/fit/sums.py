"""Sums over rows, group by group, in one pass; compiled."""

import numpy as np
from numba import njit

__all__ = ["add_rows", "finish"]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def add_rows(starts, place, order, x, y, weight, count, total, x0, y0, sx, sy, sxx, sxy, syy):
    """Add rows to the sums of their groups.

    Rows `order[starts[i]:starts[i + 1]]` are of group `place[i]`. Sums are of differences from the
    group's first row (`x0`, `y0`), so that nothing large cancels. `sxx` is packed: row p holds
    its products with the features up to p.
    """
    features = x.shape[1]
    dx = np.empty(features)
    product = np.empty(sxx.shape[1])
    for i in range(len(place)):
        g = place[i]
        first = order[starts[i]]
        if count[g] == 0:
            y0[g] = y[first]
            for p in range(features):
                x0[g, p] = x[first, p]
        product[:] = 0.0
        for j in range(starts[i], starts[i + 1]):
            row = order[j]
            w = weight[row]
            dy = y[row] - y0[g]
            for p in range(features):
                dx[p] = x[row, p] - x0[g, p]
            at = 0
            for p in range(features):
                wx = w * dx[p]
                sx[g, p] += wx
                sxy[g, p] += wx * dy
                for q in range(p + 1):
                    product[at + q] += wx * dx[q]
                at += p + 1
            sy[g] += w * dy
            syy[g] += w * dy * dy
            total[g] += w
            count[g] += 1
        for at in range(len(product)):
            sxx[g, at] += product[at]


@njit(cache=True, nogil=True)
def finish(total, x0, y0, sx, sy, sxx, sxy, syy):
    """Means, and sums of products about them, from sums about first rows."""
    groups, features = sx.shape
    full = np.empty((groups, features, features))
    mean_x = np.empty((groups, features))
    mean_y = np.empty(groups)
    for g in range(groups):
        n = total[g]
        mean_y[g] = y0[g] + sy[g] / n
        at = 0
        for p in range(features):
            mean_x[g, p] = x0[g, p] + sx[g, p] / n
            for q in range(p + 1):
                value = sxx[g, at + q] - sx[g, p] * sx[g, q] / n
                full[g, p, q] = value
                full[g, q, p] = value
            full[g, p, p] = max(full[g, p, p], 0.0)
            sxy[g, p] -= sx[g, p] * sy[g] / n
            at += p + 1
        syy[g] = max(syy[g] - sy[g] * sy[g] / n, 0.0)
    return mean_x, mean_y, full
