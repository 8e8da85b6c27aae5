"""The same steps written the slow way, one normal matrix at a time, in double precision."""

import numpy as np


def some_data(rows, pixels, rank, *, seed=0, missing=0.1, noise=0.3):
    """Data of low rank with unequal errors and missing pixels, which hold NaN."""
    rng = np.random.default_rng(seed)
    A, G = rng.normal(size=(rows, rank)), rng.normal(size=(pixels, rank))
    W = rng.gamma(2.0, 0.5 / noise**2, size=(rows, pixels))
    W[rng.random(W.shape) < missing] = 0
    Y = A @ G.T + rng.normal(size=W.shape) / np.sqrt(np.where(W > 0, W, 1))
    Y[W == 0] = np.nan
    return Y, W, A, G


def weights(Y, W, A, G, c):
    """Residuals, total weights and the objective."""
    R = np.where(W > 0, np.where(W > 0, Y, 0) - A @ G.T, 0)
    t = W * R * R
    if np.isinf(c):
        return R, W, t.sum()
    return R, W * c / (c + t), c * np.log1p(t / c).sum()


def half_step(R, w, A, G):
    """Coefficients after one weighted least squares of the residuals."""
    moved = A.copy()
    for i in range(len(A)):
        moved[i] += np.linalg.solve((G * w[i][:, None]).T @ G, G.T @ (w[i] * R[i]))
    return moved


def step(Y, W, A, G, c):
    """Coefficients, basis and the objective between the two."""
    R, w, _ = weights(Y, W, A, G, c)
    A = half_step(R, w, A, G)
    R, w, objective = weights(Y, W, A, G, c)
    return A, half_step(R.T, w.T, G, A), objective
