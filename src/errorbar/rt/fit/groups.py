r"""What each group says of its own coefficients' centre, once the scales are given; compiled.

With $\tilde X = [1, X]$, $V = \sigma^2 I + \tilde X T \tilde X^\top$ and $S = T^{1/2}$, everything
comes from $R = (I + S \tilde X^\top \tilde X S / \sigma^2)^{-1}$, which is well conditioned however
small or large $T$ is:

- $\log|V| = n \log \sigma^2 - \log|R|$,
- $Q = \tilde X^\top V^{-1} \tilde X = S^{-1} (I - R) S^{-1}$,
- $\tilde X^\top V^{-1} r = S^{-1} R S \tilde X^\top r / \sigma^2$,
- $r^\top V^{-1} r = (r^\top r - p \cdot S R S p / \sigma^2) / \sigma^2$ with
  $p = \tilde X^\top r$.

Derivatives need no more: $\partial \log|V| / \partial T_p = Q_{pp}$, the quadratic form's are
squares of $\tilde X^\top V^{-1} r$, and $V$ is homogeneous in $(\sigma^2, T)$.
"""

import numpy as np
from numba import njit

__all__ = ["expectations", "information", "residuals", "weigh"]


@njit(cache=True, nogil=True, inline="always")
def _gram(g, n, mean_x, sxx, gram):
    """Products of the rows [1, x] of a group."""
    features = mean_x.shape[1]
    gram[0, 0] = n
    for p in range(features):
        gram[0, p + 1] = gram[p + 1, 0] = n * mean_x[g, p]
        for q in range(p + 1):
            value = sxx[g, p, q] + n * mean_x[g, p] * mean_x[g, q]
            gram[p + 1, q + 1] = gram[q + 1, p + 1] = value


@njit(cache=True, nogil=True)
def _invert(a, inverse):
    """The inverse of a positive definite matrix, which is lost, and the log of its determinant."""
    size = len(a)
    log_det = 0.0
    for j in range(size):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        root = np.sqrt(a[j, j])
        a[j, j] = root
        log_det += np.log(root)
        for i in range(j + 1, size):
            value = a[i, j]
            for k in range(j):
                value -= a[i, k] * a[j, k]
            a[i, j] = value / root
    # The factor's inverse takes the place of the factor, row by row.
    for i in range(size):
        scale = 1.0 / a[i, i]
        for j in range(i):
            value = 0.0
            for k in range(j, i):
                value += a[i, k] * a[k, j]
            inverse[i, j] = -scale * value
        for j in range(i):
            a[i, j] = inverse[i, j]
        a[i, i] = scale
    for i in range(size):
        for j in range(i + 1):
            value = 0.0
            for k in range(i, size):
                value += a[k, i] * a[k, j]
            inverse[i, j] = inverse[j, i] = value
    return 2 * log_det


@njit(cache=True, nogil=True)
def weigh(total, mean_x, mean_y, sxx, sxy, noise, prior, shrink, q, linear, log_det):
    """`shrink` R, `q` Q and `linear` X'V^-1 y of every group; `noise` and `prior` are variances."""
    groups, size = prior.shape
    gram, scaled = np.empty((size, size)), np.empty((size, size))
    root, right = np.empty(size), np.empty(size)
    for g in range(groups):
        _gram(g, total[g], mean_x, sxx, gram)
        for p in range(size):
            root[p] = np.sqrt(prior[g, p])
        for p in range(size):
            for r in range(size):
                scaled[p, r] = root[p] * gram[p, r] * root[r] / noise[g]
            scaled[p, p] += 1.0
        log_det[g] = _invert(scaled, shrink[g])
        right[0] = total[g] * mean_y[g] * root[0] / noise[g]
        for p in range(1, size):
            cross = sxy[g, p - 1] + total[g] * mean_x[g, p - 1] * mean_y[g]
            right[p] = cross * root[p] / noise[g]
        for p in range(size):
            value = 0.0
            for r in range(size):
                value += shrink[g, p, r] * right[r]
                q[g, p, r] = -shrink[g, p, r] / (root[p] * root[r])
            linear[g, p] = value / root[p]
            q[g, p, p] += 1.0 / prior[g, p]


@njit(cache=True, nogil=True)
def residuals(
    total, mean_x, mean_y, sxx, sxy, syy, noise, prior, shrink, centre, pull, own, quadratic
):
    """At centres of the coefficients: `pull` X'V^-1 r, `quadratic` r'V^-1 r, `own` posterior means.

    Sums of squares are built from those about the group's means, where nothing cancels.
    """
    groups, size = prior.shape
    right, root = np.empty(size), np.empty(size)
    for g in range(groups):
        n = total[g]
        level = mean_y[g] - centre[g, 0]
        square = syy[g]
        for p in range(1, size):
            level -= mean_x[g, p - 1] * centre[g, p]
        for p in range(1, size):
            value = sxy[g, p - 1]
            for r in range(1, size):
                value -= sxx[g, p - 1, r - 1] * centre[g, r]
            square -= centre[g, p] * (sxy[g, p - 1] + value)
            right[p] = value + n * mean_x[g, p - 1] * level
        right[0] = n * level
        square = max(square, 0.0) + n * level * level
        for p in range(size):
            root[p] = np.sqrt(prior[g, p])
            right[p] *= root[p] / noise[g]
        inner = 0.0
        for p in range(size):
            value = 0.0
            for r in range(size):
                value += shrink[g, p, r] * right[r]
            inner += value * right[p]
            pull[g, p] = value / root[p]
            own[g, p] = centre[g, p] + root[p] * value
        quadratic[g] = square / noise[g] - inner


@njit(cache=True, nogil=True)
def expectations(q, covariance, squares, traces):
    """For the covariance of each centre: `squares` diag(Q C Q), `traces` tr(Q C)."""
    groups, size, _ = q.shape
    row = np.empty(size)
    for g in range(groups):
        trace = 0.0
        for p in range(size):
            for r in range(size):
                value = 0.0
                for k in range(size):
                    value += q[g, p, k] * covariance[g, k, r]
                row[r] = value
            trace += row[p]
            value = 0.0
            for r in range(size):
                value += row[r] * q[g, r, p]
            squares[g, p] = value
        traces[g] = trace


@njit(cache=True, nogil=True)
def information(shrink, count, part, parts, tied):
    """What rows tell of the logs of variances, summed by part: noise first, then the priors'.

    `alone` is each group's of the noise. `tied`: the priors after the first are the noise over a
    penalty, and what is told is of the penalties.
    """
    groups, size, _ = shrink.shape
    total, alone = np.zeros((parts, size + 1, size + 1)), np.empty(groups)
    square, row = np.empty((size, size)), np.empty(size)
    for g in range(groups):
        mass, every = 0.0, 0.0
        for p in range(size):
            row[p] = 0.0
            for q in range(size):
                value = (1.0 if p == q else 0.0) - shrink[g, p, q]
                square[p, q] = 0.5 * value * value
                row[p] += square[p, q]
            mass += 0.5 * (1.0 - shrink[g, p, p])
            every += row[p]
            row[p] = 0.5 * (1.0 - shrink[g, p, p]) - row[p]
        noise = 0.5 * count[g] - 2 * mass + every
        if tied:
            for p in range(1, size):
                noise += 2 * row[p]
                for q in range(1, size):
                    noise += square[p, q]
            for p in range(size):
                for q in range(1, size):
                    row[p] += square[p, q]
        alone[g] = noise
        block = total[part[g]]
        block[0, 0] += noise
        for p in range(size):
            one = -1.0 if tied and p else 1.0
            block[0, p + 1] += one * row[p]
            block[p + 1, 0] += one * row[p]
            for q in range(size):
                other = -1.0 if tied and q else 1.0
                block[p + 1, q + 1] += one * other * square[p, q]
    return total, alone
