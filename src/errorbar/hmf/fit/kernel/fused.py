# pyright: basic, reportCallIssue=false
# Numba takes its types from the calls, and gives the operations of `simd` a first argument.
r"""One pass over rows of data: weights, coefficients, new weights, normal matrices of the basis.

Some eights of rows of $Y$ and $W$ stay in the caches from the first use to the last. For each block
of pixels within them, 128 in double precision and 256 in single, and for each eight of the rows:

1. residuals $r = y - a g$ and weights $w = W u(W r^2)$, into two small buffers;
2. normal matrices $X_i = \sum_j w_{ij} g_j g_j^\top$ and $\sum_j w_{ij} r_{ij} g_j$ of the rows;
3. after all blocks, Cholesky of eight rows at once and $a \leftarrow a + X^{-1} b$;
4. block by block again weights at the new $a$, the objective, and the sums over rows
   $\sum_i w_{ij} a_i a_i^\top$, $\sum_i w_{ij} r_{ij} a_i$ from which the basis is solved.

The products and the sums of high ranks are larger than the second cache: with four eights of rows
to a visit they come and go once for all of these, with one they would for each.

Products $g_k g_l$ and $a_k a_l$ are made once, so that both kinds of normal matrices are products
of matrices with tiles of fixed shape, and nothing depends on the rank when the code is compiled.
Arrays that one tile reads lie together: basis and products as [pixel block][row][pixel], sums as
[two vectors][pair][two vectors]. Corrections are solved for, not coefficients: an error in a normal
matrix, in single precision say, then slows the way and does not move the end.
"""

import numpy as np
from numba import njit

from errorbar.hmf.fit.kernel.simd import (
    lanes,
    load,
    total,
)
from errorbar.hmf.fit.kernel.solve import solve_lanes
from errorbar.hmf.fit.kernel.tiles import BLOCK_BYTES, ROWS, gram, piece, scatter, weigh

__all__ = ["infer_rows", "pass_rows"]

# Rows after which sums in single precision go into double ones.
FLUSH = 64

_kernel = njit(cache=True, nogil=True, error_model="numpy")


@piece
def short_rows(Y, W, first, rows, M, y_out, w_out):
    """The last rows, fewer than a visit's, with rows of no weight behind them."""
    w_out[:] = 0
    y_out[:] = 0
    for i in range(rows * M):
        y_out[i] = Y[first * M + i]
        w_out[i] = W[first * M + i]


@piece
def last_pixels(Y, W, at, rows, M, full, wide, y_out, w_out):
    """The last pixels of some rows, fewer than four vectors, with none of weight behind them."""
    for q in range(rows):
        for j in range(wide):
            inside = full + j < M
            y_out[q * wide + j] = Y[at + q * M + full + j] if inside else 0
            w_out[q * wide + j] = W[at + q * M + full + j] if inside else 0


@piece
def weigh_block(
    Y, W, at, e, M, full, n, wide, y_end, w_end, G, coef, K, Kp, c, robust, w_out, z_out, tally
):
    """`weigh` for pixel block `n` of eight number `e` of the rows at `at`; its width.

    Its end may lie in the buffer of last pixels.
    """
    B = BLOCK_BYTES // Y.itemsize
    start = n * B
    stop = min(start + B, full)
    width = 0
    if stop > start:
        width = stop - start
        weigh(
            Y, W, at + e * ROWS * M + start, M, 0, width, G, n * Kp * B, coef, e * ROWS * K, K,
            c, robust, w_out, z_out, 0, tally,
        )  # fmt: skip
    if full < M and start <= full < start + B:
        weigh(
            y_end, w_end, e * ROWS * wide, wide, 0, wide, G, n * Kp * B, coef, e * ROWS * K, K,
            c, robust, w_out, z_out, width, tally,
        )  # fmt: skip
        width += wide
    return width


@piece
def flush(few, many):
    """Move sums in single precision into double ones."""
    for i in range(few.size):
        many[i] += few[i]
        few[i] = 0


@piece
def count_up(tally, V, c, robust):
    """The objective that a tally stands for; the tally starts anew."""
    found = 0.0
    for q in range(V):
        if robust:
            found += c * (np.log(np.float64(tally[q])) + np.log(2.0) * np.float64(tally[V + q]))
        else:
            found += np.float64(tally[V + q])
        tally[q], tally[V + q] = 1, 0
    return found


@piece
def solve_rows(
    held_x, held_b, e, V, K, free, NPp, Kp, X, b, A, row, rows, ridge, floor, nonnegative, moved,
    tol,
):  # fmt: skip
    """Add up what `gram` holds for eight number `e`, solve, and move the coefficients of some.

    Those that `moved` less than `tol` before stay. A move is the largest square of a step, over
    the mean square of the row.
    """
    for q in range(ROWS):
        for p in range(free * (free + 1) // 2):
            X[p * ROWS + q] = total(load(held_x, ((e * ROWS + q) * NPp + p) * V))
        for k in range(free):
            b[k * ROWS + q] = total(load(held_b, ((e * ROWS + q) * Kp + k) * V))
    old = np.zeros(K * ROWS)
    for q in range(rows):
        for k in range(K):
            old[k * ROWS + q] = A[row + q, k]
    solve_lanes(X, 0, b, 0, free, ROWS, ridge, floor, old, 0, nonnegative)
    for q in range(rows):
        if moved[q] < tol:
            continue
        size, far = 1e-300, 0.0
        for k in range(free):
            step = b[k * ROWS + q]
            A[row + q, k] += step
            far = max(far, step * step)
            size += A[row + q, k] ** 2
        moved[q] = far * free / size


@piece
def spread_rows(A, row, rows, K, coef, pairs):
    """Coefficients of some rows, and their products, as the tiles read them."""
    coef[:] = 0
    pairs[:] = 0
    NP = K * (K + 1) // 2
    for r in range(rows):
        e, q = r // ROWS, r % ROWS
        p = e * NP * ROWS + q
        for i in range(K):
            coef[(e * K + i) * ROWS + q] = A[row + r, i]
            for j in range(i + 1):
                pairs[p] = A[row + r, i] * A[row + r, j]
                p += ROWS


@_kernel
def pass_rows(
    Y, W, A, first, last, groups, M, G, P, K, free, Kp, NPp, c, robust, refits, ridge, floor,
    nonnegative, few_x, few_b, X_sum, b_sum,
):  # fmt: skip
    """One pass over rows `first` to `last`: moves `A`, adds to the sums; the objective.

    Each block of pixels meets `groups` eights of rows, which divide `FLUSH`, before the next. The
    objective is that of the new coefficients and the basis as it was. `free` leading coordinates
    are solved for; a last one may stand for a mean, with a coefficient of one. Sums go to `few_x`
    and `few_b`, which hold numbers like the data's, and from there, where these are single, into
    the double `X_sum` and `b_sum` every so often; else both are the same arrays.
    """
    V, B = lanes(Y), BLOCK_BYTES // Y.itemsize
    wide = 4 * V
    full = M // wide * wide
    whole = full + (wide if full < M else 0)
    blocks = (whole + B - 1) // B
    single = Y.itemsize == 4
    NP = K * (K + 1) // 2
    many = groups * ROWS
    w_buffer = np.zeros(ROWS * B, Y.dtype)
    z_buffer = np.zeros(ROWS * B, Y.dtype)
    y_short, w_short = np.empty(many * M, Y.dtype), np.empty(many * M, Y.dtype)
    y_end, w_end = np.empty(many * wide, Y.dtype), np.empty(many * wide, Y.dtype)
    held_x, held_b = np.empty(many * NPp * V, Y.dtype), np.empty(many * Kp * V, Y.dtype)
    coef, pairs = np.empty(K * many, Y.dtype), np.empty(NP * many, Y.dtype)
    X, b = np.empty(NP * ROWS), np.empty(K * ROWS)
    tally, no_tally = np.zeros(2 * V, Y.dtype), np.zeros(0, Y.dtype)
    moved = np.full(ROWS, np.inf)
    tally[:V] = 1
    objective = 0.0
    for row in range(first, last, many):
        rows = min(many, last - row)
        eights = (rows + ROWS - 1) // ROWS
        data, weight, at = Y, W, row * M
        if rows < eights * ROWS:
            short_rows(Y, W, row, rows, M, y_short, w_short)
            data, weight, at = y_short, w_short, 0
        if full < M:
            last_pixels(data, weight, at, eights * ROWS, M, full, wide, y_end, w_end)
        next_w = (row + many) * M
        next_y = next_w
        stop = min(row + 2 * many, last) * M
        for _ in range(refits):
            spread_rows(A, row, rows, K, coef, pairs)
            held_x[:] = 0
            held_b[:] = 0
            for n in range(blocks):
                for e in range(eights):
                    width = weigh_block(
                        data, weight, at, e, M, full, n, wide, y_end, w_end, G, coef, K, Kp, c,
                        robust, w_buffer, z_buffer, no_tally,
                    )  # fmt: skip
                    next_w = gram(
                        w_buffer, P, n * NPp * B, NPp, width, held_x, e * ROWS * NPp * V,
                        W, next_w, stop,
                    )  # fmt: skip
                    next_w = gram(
                        z_buffer, G, n * Kp * B, Kp, width, held_b, e * ROWS * Kp * V,
                        W, next_w, stop,
                    )  # fmt: skip
            for e in range(eights):
                solve_rows(
                    held_x, held_b, e, V, K, free, NPp, Kp, X, b, A, row + e * ROWS,
                    min(ROWS, rows - e * ROWS), ridge, floor, nonnegative, moved, 0.0,
                )  # fmt: skip
        spread_rows(A, row, rows, K, coef, pairs)
        for n in range(blocks):
            s = n * B
            for e in range(eights):
                width = weigh_block(
                    data, weight, at, e, M, full, n, wide, y_end, w_end, G, coef, K, Kp, c,
                    robust, w_buffer, z_buffer, tally,
                )  # fmt: skip
                next_y = scatter(
                    w_buffer, width, pairs, e * ROWS * NP, NP, few_x, s * NP, Y, next_y, stop
                )  # fmt: skip
                next_y = scatter(
                    z_buffer, width, coef, e * ROWS * K, K, few_b, s * K, Y, next_y, stop
                )  # fmt: skip
        if (row - first) % FLUSH == FLUSH - many:
            objective += count_up(tally, V, c, robust)
            if single:
                flush(few_x, X_sum)
                flush(few_b, b_sum)
    if single:
        flush(few_x, X_sum)
        flush(few_b, b_sum)
    return objective + count_up(tally, V, c, robust)


@_kernel
def infer_rows(
    Y, W, A, first, last, M, G, P, K, free, Kp, NPp, c, robust, most, tol, ridge, floor,
    nonnegative, steps,
):  # fmt: skip
    """Coefficients of rows on a basis that stands still; passes taken go into `steps`.

    The first pass is plain least squares where `A` starts; then weights and coefficients by turns
    until the largest squared change in a row is below `tol` times the row's mean square.
    """
    V, B = lanes(Y), BLOCK_BYTES // Y.itemsize
    wide = 4 * V
    full = M // wide * wide
    whole = full + (wide if full < M else 0)
    blocks = (whole + B - 1) // B
    NP = K * (K + 1) // 2
    w_buffer = np.zeros(ROWS * B, Y.dtype)
    z_buffer = np.zeros(ROWS * B, Y.dtype)
    y_short, w_short = np.empty(ROWS * M, Y.dtype), np.empty(ROWS * M, Y.dtype)
    y_end, w_end = np.empty(ROWS * wide, Y.dtype), np.empty(ROWS * wide, Y.dtype)
    held_x, held_b = np.empty(ROWS * NPp * V, Y.dtype), np.empty(ROWS * Kp * V, Y.dtype)
    coef, pairs = np.empty(K * ROWS, Y.dtype), np.empty(NP * ROWS, Y.dtype)
    X, b = np.empty(NP * ROWS), np.empty(K * ROWS)
    no_tally = np.zeros(0, Y.dtype)
    moved = np.full(ROWS, np.inf)
    for row in range(first, last, ROWS):
        rows = min(ROWS, last - row)
        data, weight, at = Y, W, row * M
        if rows < ROWS:
            short_rows(Y, W, row, rows, M, y_short, w_short)
            data, weight, at = y_short, w_short, 0
        if full < M:
            last_pixels(data, weight, at, ROWS, M, full, wide, y_end, w_end)
        next_w = (row + ROWS) * M
        stop = min(row + 2 * ROWS, last) * M
        taken = 0
        moved[:] = np.inf
        while taken < most:
            spread_rows(A, row, rows, K, coef, pairs)
            held_x[:] = 0
            held_b[:] = 0
            for n in range(blocks):
                width = weigh_block(
                    data, weight, at, 0, M, full, n, wide, y_end, w_end, G, coef, K, Kp, c,
                    robust and taken > 0, w_buffer, z_buffer, no_tally,
                )  # fmt: skip
                next_w = gram(w_buffer, P, n * NPp * B, NPp, width, held_x, 0, W, next_w, stop)
                next_w = gram(z_buffer, G, n * Kp * B, Kp, width, held_b, 0, W, next_w, stop)
            solve_rows(
                held_x, held_b, 0, V, K, free, NPp, Kp, X, b, A, row, rows, ridge, floor,
                nonnegative, moved, tol,
            )  # fmt: skip
            taken += 1
            waiting = 0
            for q in range(rows):
                if not robust:
                    moved[q] = -1.0
                elif taken == 1:
                    moved[q] = np.inf
                if moved[q] >= tol:
                    steps[row + q] = -taken
                    waiting += 1
                elif steps[row + q] <= 0:
                    steps[row + q] = taken
            if waiting == 0:
                break
