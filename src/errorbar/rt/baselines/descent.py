# pyright: basic
# Numba takes its types from the calls.
r"""Lasso of a few columns from their products, compiled.

Minimises $\tfrac1{2n} |y - X w|^2 + \alpha |w|_1$ given $X^\top X$, $X^\top y$, $y^\top y$. The
slopes that are not zero, and their signs, are carried from one alpha to the next: with these fixed
the problem is linear. A slope that would change its sign on the way is dropped, the one whose
gradient exceeds its bound most is taken in, and when there is none the solution is exact. Each
step lowers the objective, so it ends. Where columns depend on each other it may not, and coordinate
descent takes over, until the duality gap is `TOLERANCE` of $y^\top y$.
"""

import numpy as np
from numba import njit

__all__ = ["fit_batch"]

TOLERANCE = 1e-8
SWEEPS = 20_000

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def gradient(gram, target, weights):
    """What is left of the products with y."""
    slope = target.copy()
    for j in range(len(target)):
        for k in range(len(target)):
            slope[j] -= gram[j, k] * weights[k]
    return slope


@_compiled
def solve(gram, target, square, penalty, weights):
    """Changes `weights` in place to the solution; `penalty` is n times alpha."""
    size = len(target)
    slope = gradient(gram, target, weights)
    for _ in range(10 + 4 * size):
        if not settle(gram, target, penalty, weights, slope):
            break
        worst, excess = -1, 1e-9 * penalty
        for j in range(size):
            if weights[j] == 0.0 and abs(slope[j]) - penalty > excess and gram[j, j] > 0.0:
                worst, excess = j, abs(slope[j]) - penalty
        if worst < 0:
            return
        # So small that it only says which way to go.
        weights[worst] = np.copysign(1e-300, slope[worst])
    descend(gram, target, square, penalty, weights)


@_compiled
def settle(gram, target, penalty, weights, slope):
    """Solves for the slopes that are not zero, dropping those that would change sign; `slope` too.

    False where columns depend on each other.
    """
    size = len(target)
    active = np.empty(size, dtype=np.int64)
    factor, goal = np.empty((size, size)), np.empty(size)
    while True:
        count = 0
        for j in range(size):
            if weights[j] != 0.0:
                active[count] = j
                goal[count] = target[j] - np.copysign(penalty, weights[j])
                count += 1
        for a in range(count):
            for b in range(a + 1):
                rest = gram[active[a], active[b]]
                for c in range(b):
                    rest -= factor[a, c] * factor[b, c]
                if a > b:
                    factor[a, b] = rest / factor[b, b]
                elif rest > 1e-11 * gram[active[a], active[a]]:
                    factor[a, a] = np.sqrt(rest)
                else:
                    return False
            for c in range(a):
                goal[a] -= factor[a, c] * goal[c]
            goal[a] /= factor[a, a]
        for a in range(count - 1, -1, -1):
            for c in range(a + 1, count):
                goal[a] -= factor[c, a] * goal[c]
            goal[a] /= factor[a, a]
        share, dropped = 1.0, -1
        for a in range(count):
            old = weights[active[a]]
            if (old > 0.0) != (goal[a] > 0.0):
                reach = old / (old - goal[a])
                if dropped < 0 or reach < share:
                    share, dropped = reach, active[a]
        for a in range(count):
            weights[active[a]] += share * (goal[a] - weights[active[a]])
        if dropped < 0:
            break
        weights[dropped] = 0.0
    for j in range(size):
        slope[j] = target[j]
        for a in range(count):
            slope[j] -= gram[j, active[a]] * weights[active[a]]
    return True


@_compiled
def descend(gram, target, square, penalty, weights):
    """Improves `weights` in place until they solve the problem; `penalty` is n times alpha."""
    size = len(target)
    slope = gradient(gram, target, weights)
    for _ in range(SWEEPS):
        largest, moved = 0.0, 0.0
        for j in range(size):
            if gram[j, j] <= 0.0:
                continue
            old = weights[j]
            pull = slope[j] + gram[j, j] * old
            new = max(abs(pull) - penalty, 0.0) / gram[j, j]
            if pull < 0.0:
                new = -new
            if new != old:
                weights[j] = new
                for k in range(size):
                    slope[k] -= gram[j, k] * (new - old)
            moved = max(moved, abs(new - old))
            largest = max(largest, abs(new))
        if moved <= 1e-3 * largest and gap(slope, target, square, penalty, weights) <= (
            TOLERANCE * square
        ):
            return
    return


@_compiled
def gap(slope, target, square, penalty, weights):
    """The duality gap: how far the objective (times n) is from its least, at most."""
    absolute, explained, dual, mixed = 0.0, 0.0, 0.0, 0.0
    for j in range(len(target)):
        absolute += abs(weights[j])
        explained += weights[j] * target[j]
        mixed += weights[j] * slope[j]
        dual = max(dual, abs(slope[j]))
    left = square - explained - mixed
    if dual <= penalty:
        return left + penalty * absolute - (square - explained)
    share = penalty / dual
    return 0.5 * left * (1.0 + share * share) + penalty * absolute - share * (square - explained)


@_compiled
def products(X, y, chosen):
    """Means and centred products of the chosen rows."""
    size, count = X.shape[1], 0
    mean, centre = np.zeros(size), 0.0
    for i in range(len(y)):
        if chosen[i]:
            count += 1
            centre += y[i]
            for j in range(size):
                mean[j] += X[i, j]
    mean /= count
    centre /= count
    gram, target, square = np.zeros((size, size)), np.zeros(size), 0.0
    for i in range(len(y)):
        if chosen[i]:
            off = y[i] - centre
            square += off * off
            for j in range(size):
                a = X[i, j] - mean[j]
                target[j] += a * off
                for k in range(size):
                    gram[j, k] += a * (X[i, k] - mean[k])
    return mean, centre, gram, target, square, count


@_compiled
def scaled(X):
    """Columns with mean zero and variance one; a constant one only has its mean taken off."""
    rows, size = X.shape
    mean, scale = np.zeros(size), np.ones(size)
    turned = np.empty((rows, size))
    for j in range(size):
        # About the first row, so that the mean of a constant is that constant.
        for i in range(rows):
            mean[j] += (X[i, j] - X[0, j]) / rows
        mean[j] += X[0, j]
        variance = 0.0
        for i in range(rows):
            turned[i, j] = X[i, j] - mean[j]
            variance += turned[i, j] ** 2 / rows
        # What rounding leaves of a constant.
        if variance > rows * 2.3e-16 * variance + (rows * mean[j] * 2.3e-16) ** 2:
            scale[j] = np.sqrt(variance)
        for i in range(rows):
            turned[i, j] /= scale[j]
    return turned, mean, scale


@_compiled
def choose_alpha(Z, y, alphas, folds):
    """The place of the alpha whose squared error over contiguous folds is least."""
    rows = len(y)
    errors = np.zeros(len(alphas))
    start = 0
    for fold in range(folds):
        stop = start + rows // folds + (1 if fold < rows % folds else 0)
        train = np.ones(rows, dtype=np.bool_)
        train[start:stop] = False
        mean, centre, gram, target, square, count = products(Z, y, train)
        weights = np.zeros(Z.shape[1])
        for a in range(len(alphas)):
            solve(gram, target, square, alphas[a] * count, weights)
            total = 0.0
            for i in range(start, stop):
                error = y[i] - centre
                for j in range(Z.shape[1]):
                    error -= (Z[i, j] - mean[j]) * weights[j]
                total += error * error
            errors[a] += total / (stop - start)
        start = stop
    return np.argmin(errors)


@_compiled
def fit_batch(x, y, starts, counts, folds, grid, shallow, beta, alpha):
    """Groups one after the other into `beta` (intercept, then slopes) and `alpha`.

    `grid` are shares of the least alpha that leaves no slope, from large to small; groups too
    small for `folds`, of fewer than five rows, have the one of `shallow`.
    """
    for g in range(len(starts)):
        X, Y = x[starts[g] : starts[g] + counts[g]], y[starts[g] : starts[g] + counts[g]]
        Z, mean, scale = scaled(X)
        everything = np.ones(len(Y), dtype=np.bool_)
        _, centre, gram, target, square, count = products(Z, Y, everything)
        if counts[g] >= 5:
            # As small as numbers get where nothing is explained at all.
            top = 1e-15
            for j in range(len(target)):
                top = max(top, abs(target[j]) / count)
            alphas = top * grid
            last = choose_alpha(Z, Y, alphas, min(folds, counts[g]))
        else:
            alphas, last = shallow, 0
        weights = np.zeros(X.shape[1])
        for a in range(last + 1):
            solve(gram, target, square, alphas[a] * count, weights)
        alpha[g] = alphas[last]
        beta[g, 0] = centre
        for j in range(len(weights)):
            beta[g, 1 + j] = weights[j] / scale[j]
            beta[g, 0] -= beta[g, 1 + j] * mean[j]
