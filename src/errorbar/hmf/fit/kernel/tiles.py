# pyright: basic, reportCallIssue=false
# Numba takes its types from the calls, and gives the operations of `simd` a first argument.
"""The three products that a pass is made of, for a block of pixels of eight rows."""

from numba import njit

from errorbar.hmf.fit.kernel.simd import (
    BYTES,
    add,
    broadcast,
    clean,
    fma,
    fnma,
    fold,
    lanes,
    load,
    multiply,
    prefetch,
    quotient,
    split,
    spread,
    store,
)

__all__ = ["BLOCK_BYTES", "ROWS", "gram", "piece", "scatter", "weigh"]

ROWS = 8
# Of one row in a block of pixels: all rows that a tile meets then find room in the first cache,
# and do not fall on one place of it.
BLOCK_BYTES = 1024

# Called within other kernels only: the compiler is spared the wrapper for Python.
piece = njit(cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True)


@piece
def weigh(
    Y, W, at, step, start, stop, G, g_at, coef, c_at, K, c, robust, w_out, z_out, out, tally
):  # fmt: skip
    """Weights and weighted residuals of eight rows; with `tally` also their objective.

    Row `q` of the data lies at `at + q step`; `start` to `stop` are pixels of this block, a
    multiple of four vectors. `tally` holds a mantissa and an exponent for each lane.
    """
    V, B = lanes(Y), BLOCK_BYTES // Y.itemsize
    some, single = tally.size > 0, Y.itemsize == 4
    mantissa = broadcast(Y, 1.0)
    power = broadcast(Y, 0.0)
    if some:
        mantissa, power = load(tally, 0), load(tally, V)
    scale, inverse = broadcast(Y, c), broadcast(Y, 1.0 / c)
    for q in range(0, ROWS, 2):
        above, below = at + q * step, at + (q + 1) * step
        j = start
        while j < stop:
            w0 = load(W, above + j)
            w1 = load(W, above + j + V)
            w2 = load(W, above + j + 2 * V)
            w3 = load(W, above + j + 3 * V)
            v0 = load(W, below + j)
            v1 = load(W, below + j + V)
            v2 = load(W, below + j + 2 * V)
            v3 = load(W, below + j + 3 * V)
            w0, w1, w2, w3 = clean(w0, w0), clean(w1, w1), clean(w2, w2), clean(w3, w3)
            v0, v1, v2, v3 = clean(v0, v0), clean(v1, v1), clean(v2, v2), clean(v3, v3)
            r0 = clean(load(Y, above + j), w0)
            r1 = clean(load(Y, above + j + V), w1)
            r2 = clean(load(Y, above + j + 2 * V), w2)
            r3 = clean(load(Y, above + j + 3 * V), w3)
            s0 = clean(load(Y, below + j), v0)
            s1 = clean(load(Y, below + j + V), v1)
            s2 = clean(load(Y, below + j + 2 * V), v2)
            s3 = clean(load(Y, below + j + 3 * V), v3)
            g = g_at + out + j
            for k in range(K):
                a, b = spread(coef, c_at + k * ROWS + q), spread(coef, c_at + k * ROWS + q + 1)
                g0, g1 = load(G, g), load(G, g + V)
                g2, g3 = load(G, g + 2 * V), load(G, g + 3 * V)
                r0, r1, r2, r3 = fnma(a, g0, r0), fnma(a, g1, r1), fnma(a, g2, r2), fnma(a, g3, r3)
                s0, s1, s2, s3 = fnma(b, g0, s0), fnma(b, g1, s1), fnma(b, g2, s2), fnma(b, g3, s3)
                g += B
            if robust:
                d0, d1 = fma(multiply(w0, r0), r0, scale), fma(multiply(w1, r1), r1, scale)
                d2, d3 = fma(multiply(w2, r2), r2, scale), fma(multiply(w3, r3), r3, scale)
                e0, e1 = fma(multiply(v0, s0), s0, scale), fma(multiply(v1, s1), s1, scale)
                e2, e3 = fma(multiply(v2, s2), s2, scale), fma(multiply(v3, s3), s3, scale)
                if some:
                    # A product of four stays below the largest double while t / c is below 1e75.
                    x0, x1 = multiply(d0, inverse), multiply(d1, inverse)
                    x2, x3 = multiply(d2, inverse), multiply(d3, inverse)
                    y0, y1 = multiply(e0, inverse), multiply(e1, inverse)
                    y2, y3 = multiply(e2, inverse), multiply(e3, inverse)
                    if single:
                        mantissa = multiply(mantissa, x0)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, x1)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, x2)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, x3)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, y0)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, y1)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, y2)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, y3)
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                    else:
                        x0, x2 = multiply(x0, x1), multiply(x2, x3)
                        y0, y2 = multiply(y0, y1), multiply(y2, y3)
                        mantissa = multiply(mantissa, multiply(x0, x2))
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                        mantissa = multiply(mantissa, multiply(y0, y2))
                        power, mantissa = add(power, split(mantissa)), fold(mantissa)
                w0 = multiply(w0, quotient(scale, d0))
                w1 = multiply(w1, quotient(scale, d1))
                w2 = multiply(w2, quotient(scale, d2))
                w3 = multiply(w3, quotient(scale, d3))
                v0 = multiply(v0, quotient(scale, e0))
                v1 = multiply(v1, quotient(scale, e1))
                v2 = multiply(v2, quotient(scale, e2))
                v3 = multiply(v3, quotient(scale, e3))
            elif some:
                power = fma(multiply(w0, r0), r0, power)
                power = fma(multiply(w1, r1), r1, power)
                power = fma(multiply(w2, r2), r2, power)
                power = fma(multiply(w3, r3), r3, power)
                power = fma(multiply(v0, s0), s0, power)
                power = fma(multiply(v1, s1), s1, power)
                power = fma(multiply(v2, s2), s2, power)
                power = fma(multiply(v3, s3), s3, power)
            o = q * B + out + j
            store(w_out, o, w0)
            store(w_out, o + V, w1)
            store(w_out, o + 2 * V, w2)
            store(w_out, o + 3 * V, w3)
            store(z_out, o, multiply(w0, r0))
            store(z_out, o + V, multiply(w1, r1))
            store(z_out, o + 2 * V, multiply(w2, r2))
            store(z_out, o + 3 * V, multiply(w3, r3))
            o += B
            store(w_out, o, v0)
            store(w_out, o + V, v1)
            store(w_out, o + 2 * V, v2)
            store(w_out, o + 3 * V, v3)
            store(z_out, o, multiply(v0, s0))
            store(z_out, o + V, multiply(v1, s1))
            store(z_out, o + 2 * V, multiply(v2, s2))
            store(z_out, o + 3 * V, multiply(v3, s3))
            j += 4 * V
    if some:
        store(tally, 0, mantissa)
        store(tally, V, power)


@piece
def gram(left, right, r_at, count, width, held, h_at, ahead, next_at, next_stop):
    """Add sums over pixels of eight rows of `left` times `count` rows of `right` to `held`.

    Tiles of eight rows, or of four where there are only sixteen registers, and three of `right`.
    Meanwhile the lines of `ahead` from `next_at` are called for; where that has come to is
    returned.
    """
    V, B = lanes(left), BLOCK_BYTES // left.itemsize
    line = 64 // left.itemsize
    if BYTES == 64:
        for p in range(0, count, 3):
            b0 = r_at + p * B
            b1, b2 = b0 + B, b0 + 2 * B
            h, step = h_at + p * V, count * V
            s00, s01, s02 = load(held, h), load(held, h + V), load(held, h + 2 * V)
            s10, s11, s12 = (
                load(held, h + step),
                load(held, h + step + V),
                load(held, h + step + 2 * V),
            )
            s20, s21, s22 = (
                load(held, h + 2 * step),
                load(held, h + 2 * step + V),
                load(held, h + 2 * step + 2 * V),
            )
            s30, s31, s32 = (
                load(held, h + 3 * step),
                load(held, h + 3 * step + V),
                load(held, h + 3 * step + 2 * V),
            )
            s40, s41, s42 = (
                load(held, h + 4 * step),
                load(held, h + 4 * step + V),
                load(held, h + 4 * step + 2 * V),
            )
            s50, s51, s52 = (
                load(held, h + 5 * step),
                load(held, h + 5 * step + V),
                load(held, h + 5 * step + 2 * V),
            )
            s60, s61, s62 = (
                load(held, h + 6 * step),
                load(held, h + 6 * step + V),
                load(held, h + 6 * step + 2 * V),
            )
            s70, s71, s72 = (
                load(held, h + 7 * step),
                load(held, h + 7 * step + V),
                load(held, h + 7 * step + 2 * V),
            )
            j = 0
            while j < width:
                p0, p1, p2 = load(right, b0 + j), load(right, b1 + j), load(right, b2 + j)
                x = load(left, j)
                s00, s01, s02 = fma(x, p0, s00), fma(x, p1, s01), fma(x, p2, s02)
                x = load(left, j + B)
                s10, s11, s12 = fma(x, p0, s10), fma(x, p1, s11), fma(x, p2, s12)
                x = load(left, j + 2 * B)
                s20, s21, s22 = fma(x, p0, s20), fma(x, p1, s21), fma(x, p2, s22)
                x = load(left, j + 3 * B)
                s30, s31, s32 = fma(x, p0, s30), fma(x, p1, s31), fma(x, p2, s32)
                x = load(left, j + 4 * B)
                s40, s41, s42 = fma(x, p0, s40), fma(x, p1, s41), fma(x, p2, s42)
                x = load(left, j + 5 * B)
                s50, s51, s52 = fma(x, p0, s50), fma(x, p1, s51), fma(x, p2, s52)
                x = load(left, j + 6 * B)
                s60, s61, s62 = fma(x, p0, s60), fma(x, p1, s61), fma(x, p2, s62)
                x = load(left, j + 7 * B)
                s70, s71, s72 = fma(x, p0, s70), fma(x, p1, s71), fma(x, p2, s72)
                if next_at < next_stop:
                    prefetch(ahead, next_at)
                    next_at += line
                if next_at < next_stop:
                    prefetch(ahead, next_at)
                    next_at += line
                j += V
            store(held, h, s00)
            store(held, h + V, s01)
            store(held, h + 2 * V, s02)
            store(held, h + step, s10)
            store(held, h + step + V, s11)
            store(held, h + step + 2 * V, s12)
            store(held, h + 2 * step, s20)
            store(held, h + 2 * step + V, s21)
            store(held, h + 2 * step + 2 * V, s22)
            store(held, h + 3 * step, s30)
            store(held, h + 3 * step + V, s31)
            store(held, h + 3 * step + 2 * V, s32)
            store(held, h + 4 * step, s40)
            store(held, h + 4 * step + V, s41)
            store(held, h + 4 * step + 2 * V, s42)
            store(held, h + 5 * step, s50)
            store(held, h + 5 * step + V, s51)
            store(held, h + 5 * step + 2 * V, s52)
            store(held, h + 6 * step, s60)
            store(held, h + 6 * step + V, s61)
            store(held, h + 6 * step + 2 * V, s62)
            store(held, h + 7 * step, s70)
            store(held, h + 7 * step + V, s71)
            store(held, h + 7 * step + 2 * V, s72)
        return next_at
    for r in range(0, ROWS, 4):
        a0, a1, a2, a3 = r * B, (r + 1) * B, (r + 2) * B, (r + 3) * B
        for p in range(0, count, 3):
            b0 = r_at + p * B
            b1, b2 = b0 + B, b0 + 2 * B
            h = h_at + (r * count + p) * V
            h1, h2, h3 = h + count * V, h + 2 * count * V, h + 3 * count * V
            s00, s01, s02 = load(held, h), load(held, h + V), load(held, h + 2 * V)
            s10, s11, s12 = load(held, h1), load(held, h1 + V), load(held, h1 + 2 * V)
            s20, s21, s22 = load(held, h2), load(held, h2 + V), load(held, h2 + 2 * V)
            s30, s31, s32 = load(held, h3), load(held, h3 + V), load(held, h3 + 2 * V)
            j = 0
            while j < width:
                p0, p1, p2 = load(right, b0 + j), load(right, b1 + j), load(right, b2 + j)
                x = load(left, a0 + j)
                s00, s01, s02 = fma(x, p0, s00), fma(x, p1, s01), fma(x, p2, s02)
                x = load(left, a1 + j)
                s10, s11, s12 = fma(x, p0, s10), fma(x, p1, s11), fma(x, p2, s12)
                x = load(left, a2 + j)
                s20, s21, s22 = fma(x, p0, s20), fma(x, p1, s21), fma(x, p2, s22)
                x = load(left, a3 + j)
                s30, s31, s32 = fma(x, p0, s30), fma(x, p1, s31), fma(x, p2, s32)
                if next_at < next_stop:
                    prefetch(ahead, next_at)
                    next_at += line
                j += V
            store(held, h, s00)
            store(held, h + V, s01)
            store(held, h + 2 * V, s02)
            store(held, h1, s10)
            store(held, h1 + V, s11)
            store(held, h1 + 2 * V, s12)
            store(held, h2, s20)
            store(held, h2 + V, s21)
            store(held, h2 + 2 * V, s22)
            store(held, h3, s30)
            store(held, h3 + V, s31)
            store(held, h3 + 2 * V, s32)
    return next_at


@piece
def scatter(values, width, coef, c_at, count, sums, s_at, ahead, next_at, next_stop):
    """Add `sum_q coef[p, q] values[q]` to the sums of every pixel of a block, for `count` rows p.

    Two vectors of pixels of all eight rows stay in registers while `p` runs.
    """
    V, B = lanes(values), BLOCK_BYTES // values.itemsize
    line = 64 // values.itemsize
    j = 0
    while j < width:
        x0, y0 = load(values, j), load(values, j + V)
        x1, y1 = load(values, j + B), load(values, j + B + V)
        x2, y2 = load(values, j + 2 * B), load(values, j + 2 * B + V)
        x3, y3 = load(values, j + 3 * B), load(values, j + 3 * B + V)
        x4, y4 = load(values, j + 4 * B), load(values, j + 4 * B + V)
        x5, y5 = load(values, j + 5 * B), load(values, j + 5 * B + V)
        x6, y6 = load(values, j + 6 * B), load(values, j + 6 * B + V)
        x7, y7 = load(values, j + 7 * B), load(values, j + 7 * B + V)
        s = s_at + j * count
        for p in range(count):
            o = c_at + p * ROWS
            u, v = load(sums, s), load(sums, s + V)
            a, b = spread(coef, o), spread(coef, o + 1)
            u, v = fma(a, x0, u), fma(a, y0, v)
            u, v = fma(b, x1, u), fma(b, y1, v)
            a, b = spread(coef, o + 2), spread(coef, o + 3)
            u, v = fma(a, x2, u), fma(a, y2, v)
            u, v = fma(b, x3, u), fma(b, y3, v)
            a, b = spread(coef, o + 4), spread(coef, o + 5)
            u, v = fma(a, x4, u), fma(a, y4, v)
            u, v = fma(b, x5, u), fma(b, y5, v)
            a, b = spread(coef, o + 6), spread(coef, o + 7)
            u, v = fma(a, x6, u), fma(a, y6, v)
            u, v = fma(b, x7, u), fma(b, y7, v)
            store(sums, s, u)
            store(sums, s + V, v)
            s += 2 * V
            if next_at < next_stop:
                prefetch(ahead, next_at)
                next_at += line
        j += 2 * V
    return next_at
