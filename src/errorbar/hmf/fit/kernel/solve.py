# pyright: basic, reportCallIssue=false
# Numba takes its types from the calls, and gives the operations of `simd` a first argument.
"""Many small systems at once: Cholesky with one system in each lane of a vector."""

import numpy as np
from numba import njit

from errorbar.hmf.fit.kernel.simd import (
    add,
    broadcast,
    divide,
    lanes,
    larger,
    load,
    multiply,
    root,
    store,
    subtract,
)
from errorbar.hmf.fit.kernel.tiles import piece

__all__ = ["solve_columns", "solve_lanes"]


@piece
def solve_lanes(X, x_at, b, b_at, K, L, ridge, floor, old, old_at, nonnegative):
    """Solve `L` systems of rank `K` at once, in place; the answer is what to add to `old`.

    Number `q` of matrix entry `p` lies at `X[x_at + p L + q]`. `ridge` and the least pivot `floor`
    are shares of the mean of the diagonal.
    """
    V = lanes(X)
    for q in range(0, L, V):
        trace = broadcast(X, 1e-300)
        for k in range(K):
            trace = add(trace, load(X, x_at + (k * (k + 3) // 2) * L + q))
        least = multiply(trace, broadcast(X, floor / K))
        more = multiply(trace, broadcast(X, ridge / K))
        for k in range(K):
            d = x_at + (k * (k + 3) // 2) * L + q
            store(X, d, add(load(X, d), add(more, least)))
            o = b_at + k * L + q
            store(b, o, subtract(load(b, o), multiply(more, load(old, old_at + k * L + q))))
        if nonnegative:
            descend(X, x_at + q, b, b_at + q, K, L, old, old_at + q)
            continue
        for i in range(K):
            row = x_at + (i * (i + 1) // 2) * L + q
            for j in range(i + 1):
                other = x_at + (j * (j + 1) // 2) * L + q
                s = load(X, row + j * L)
                for k in range(j):
                    s = subtract(s, multiply(load(X, row + k * L), load(X, other + k * L)))
                if j < i:
                    s = multiply(s, load(X, other + j * L))
                else:
                    # The diagonal holds inverse roots.
                    s = divide(broadcast(X, 1.0), root(larger(s, least)))
                store(X, row + j * L, s)
        for i in range(K):
            row = x_at + (i * (i + 1) // 2) * L + q
            s = load(b, b_at + i * L + q)
            for k in range(i):
                s = subtract(s, multiply(load(X, row + k * L), load(b, b_at + k * L + q)))
            store(b, b_at + i * L + q, multiply(s, load(X, row + i * L)))
        for back in range(K):
            i = K - 1 - back
            s = load(b, b_at + i * L + q)
            for k in range(i + 1, K):
                below = x_at + (k * (k + 1) // 2 + i) * L + q
                s = subtract(s, multiply(load(X, below), load(b, b_at + k * L + q)))
            diagonal = load(X, x_at + (i * (i + 3) // 2) * L + q)
            store(b, b_at + i * L + q, multiply(s, diagonal))


@piece
def descend(X, x_at, b, b_at, K, L, old, old_at):
    """The step that keeps `old + step` from being negative, by coordinate descent, into `b`."""
    V = lanes(X)
    nothing = broadcast(X, 0.0)
    step = np.zeros(K * V)
    for _ in range(10 * K):
        for i in range(K):
            s = load(b, b_at + i * L)
            for k in range(K):
                p = i * (i + 1) // 2 + k if k <= i else k * (k + 1) // 2 + i
                s = subtract(s, multiply(load(X, x_at + p * L), load(step, k * V)))
            s = divide(s, load(X, x_at + (i * (i + 3) // 2) * L))
            least = subtract(nothing, load(old, old_at + i * L))
            store(step, i * V, larger(add(load(step, i * V), s), least))
    for i in range(K):
        store(b, b_at + i * L, load(step, i * V))


@njit(cache=True, nogil=True, error_model="numpy")
def solve_columns(X, b, G, groups, L, K, ridge, floor, nonnegative):
    """Solve every pixel from its sums, `L` pixels at once, and move the basis, packed like `b`."""
    for n in range(groups):
        at = n * K * L
        solve_lanes(X, n * (K * (K + 1) // 2) * L, b, at, K, L, ridge, floor, G, at, nonnegative)
        for i in range(at, at + K * L):
            G[i] += b[i]
