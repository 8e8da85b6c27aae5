r"""An exact Gaussian process of one target: the other smooth member.

$k(x, x') = s \left(1 + \tfrac{d^2}{2 \alpha}\right)^{-\alpha} + l \, x^\top x'$ (a rational
quadratic with a length for each input, and a plane), noise of each row in proportion to
$0.3 + \sigma_i^2 / \overline{\sigma^2}$ of its label. Scales maximise the marginal likelihood of a
random subset of rows under wide normal priors; the solve is of all rows up to `most_rows`, and of a
random subset beyond.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg, optimize

from errorbar.core.errors import FitError

__all__ = ["KernelSettings", "Process", "find_scales", "fit_process"]

NOISE_FLOOR = 0.3


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """Rows that scales are found on, steps of their search, and the most rows of a solve."""

    scale_rows: int = 1000
    steps: int = 25
    most_rows: int = 6000
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Process:
    """Scales, the inputs of the rows that were solved, and what each of them pulls with."""

    scales: Float[ndarray, " scales"]
    inputs: Float[ndarray, "solved inputs"]
    pull: Float[ndarray, " solved"]

    def predict(self, X: Float[ndarray, "rows inputs"]) -> Float[ndarray, " rows"]:
        """The posterior mean."""
        return _kernel(X, self.inputs, self.scales) @ self.pull


def find_scales(
    X: Float[ndarray, "rows inputs"],
    y: Float[ndarray, " rows"],
    error: Float[ndarray, " rows"],
    settings: KernelSettings,
) -> Float[ndarray, " scales"]:
    """Logarithms of: inverse squared lengths, height, noise, alpha, plane."""
    rng = np.random.default_rng(settings.seed)
    chosen = rng.permutation(len(X))[: settings.scale_rows]
    relative = _relative(error)[chosen]
    X, y = X[chosen], y[chosen]
    size = X.shape[1]
    apart = np.stack([(X[:, [j]] - X[:, j]) ** 2 for j in range(size)]).reshape(size, -1)
    plane = X @ X.T
    start = np.r_[np.full(size, -2.5), 0.5, np.log(0.1), 0.0, -3.0]

    def loss(at: ndarray) -> tuple[float, ndarray]:
        weight, height, noise, alpha, slope = _parts(at, size)
        base = 1.0 + (weight @ apart).reshape(plane.shape) / (2 * alpha)
        log_base = np.log(base)
        smooth = height * np.exp(-alpha * log_base)
        total = smooth + slope * plane
        total[np.diag_indices(len(y))] += noise * relative
        root = np.linalg.cholesky(total)
        inverse = linalg.cho_solve((root, True), np.eye(len(y)))
        pull = inverse @ y
        value = 0.5 * y @ pull + np.log(np.diag(root)).sum()
        turn = 0.5 * (inverse - np.outer(pull, pull))
        grad = np.empty(size + 4)
        grad[:size] = weight * (apart @ (-0.5 * turn * smooth / base).ravel())
        grad[size] = (turn * smooth).sum()
        grad[size + 1] = noise * (np.diag(turn) * relative).sum()
        grad[size + 2] = alpha * (turn * smooth * (1.0 - 1.0 / base - log_base)).sum()
        grad[size + 3] = slope * (turn * plane).sum()
        return value + float(((at - start) ** 2).sum()) / 8.0, grad + (at - start) / 4.0

    found = optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": settings.steps}
    )
    if not np.isfinite(found.fun):
        raise FitError("scales of a Gaussian process were not found: its likelihood is not finite.")
    return np.asarray(found.x)


def fit_process(
    X: Float[ndarray, "rows inputs"],
    y: Float[ndarray, " rows"],
    error: Float[ndarray, " rows"],
    scales: Float[ndarray, " scales"],
    settings: KernelSettings,
) -> Process:
    """The process of standardised targets at these scales."""
    rng = np.random.default_rng(settings.seed + 1)
    chosen = np.sort(rng.permutation(len(X))[: settings.most_rows])
    noise = _parts(scales, X.shape[1])[2]
    total = _kernel(X[chosen], X[chosen], scales)
    total[np.diag_indices(len(chosen))] += noise * _relative(error)[chosen]
    held = linalg.cho_factor(total, lower=True, overwrite_a=True, check_finite=False)
    return Process(scales, X[chosen], linalg.cho_solve(held, y[chosen]))


def _kernel(X: ndarray, other: ndarray, scales: ndarray) -> ndarray:
    weight, height, _, alpha, slope = _parts(scales, X.shape[1])
    left, right = X * np.sqrt(weight), other * np.sqrt(weight)
    apart = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1) - 2 * left @ right.T
    smooth = height * (1.0 + np.maximum(apart, 0.0) / (2 * alpha)) ** -alpha
    return smooth + slope * (X @ other.T)


def _parts(scales: ndarray, size: int) -> tuple[ndarray, float, float, float, float]:
    found = np.exp(scales)
    height, noise, alpha, slope = (float(each) for each in found[size:])
    return found[:size], height, noise, alpha, slope


def _relative(error: ndarray) -> ndarray:
    mean = float(np.mean(error**2))
    return NOISE_FLOOR + (error**2 / mean if mean > 0 else np.ones(len(error)))
