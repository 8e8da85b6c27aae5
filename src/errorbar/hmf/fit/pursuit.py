r"""Factorisations without error bars, to measure the robust one against.

Principal component analysis and principal component pursuit know no weights: a pixel without data
is a zero to them, and a noisy one is as good as any other.

Pursuit splits a matrix into one of low rank and a sparse one by

$$\min_{L, S} \|L\|_* + \lambda \|S\|_1 \quad \text{with} \quad L + S = D,$$

here with the inexact augmented Lagrangian. With multipliers $Z$ and a penalty $\mu$ that grows by a
factor in each pass, $L$ is $D - S + Z / \mu$ with its singular values shrunk by $1 / \mu$, $S$ is
$D - L + Z / \mu$ with its entries shrunk by $\lambda / \mu$, and $Z$ moves by $\mu (D - L - S)$.
$\lambda = 1 / \sqrt{\max(\text{rows}, \text{pixels})}$ needs no tuning (Candès, Li, Ma & Wright
2011; Lin, Chen & Ma 2010).

Singular vectors come from the smaller of the two Gram matrices, which costs little for tall data.
Singular values below $10^{-8}$ of the largest are then lost in rounding; none that matters is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import linalg

from errorbar.core.errors import InputError, SettingsError

__all__ = [
    "LowRank",
    "Pursuit",
    "fill_missing",
    "fit_pca",
    "fit_pursuit",
    "project_rows",
    "pursue",
]

# Growth of the penalty, and its first value times the largest singular value.
GROWTH = 1.5
FIRST = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """`A @ G.T` with an orthonormal basis `G`, its most important vector first."""

    A: Float[ndarray, "rows rank"]
    G: Float[ndarray, "pixels rank"]


@dataclass(frozen=True, slots=True, eq=False)
class Pursuit:
    """A matrix as `low_rank + sparse`, and how far the sum is off, as a share of the matrix."""

    low_rank: Float[ndarray, "rows pixels"]
    sparse: Float[ndarray, "rows pixels"]
    rank: int
    passes: int
    error: float
    converged: bool


def fill_missing(
    Y: Float[ndarray, "rows pixels"], W: Float[ndarray, "rows pixels"]
) -> Float[ndarray, "rows pixels"]:
    """`Y` with zeros where nothing was measured."""
    return np.where(W > 0, Y, 0.0)


def fit_pca(
    Y: Float[ndarray, "rows pixels"], W: Float[ndarray, "rows pixels"], rank: int
) -> LowRank:
    """The best unweighted approximation of that rank, no mean taken off, zeros for no data."""
    D = fill_missing(Y, W)
    _check(D, rank)
    return _truncate(D, rank)


def fit_pursuit(
    Y: Float[ndarray, "rows pixels"],
    W: Float[ndarray, "rows pixels"],
    rank: int,
    *,
    tol: float = 1e-7,
    max_iter: int = 200,
) -> tuple[LowRank, Pursuit]:
    """Robust principal components: those of the low-rank part of `pursue`, zeros for no data."""
    D = fill_missing(Y, W)
    _check(D, rank)
    parts = pursue(D, tol=tol, max_iter=max_iter)
    return _truncate(parts.low_rank, rank), parts


def project_rows(
    Y: Float[ndarray, "rows pixels"],
    W: Float[ndarray, "rows pixels"],
    G: Float[ndarray, "pixels rank"],
) -> Float[ndarray, "rows rank"]:
    """Unweighted coefficients of new rows in an orthonormal basis, zeros for no data."""
    return fill_missing(Y, W) @ G


def pursue(
    D: Float[ndarray, "rows pixels"],
    penalty: float | None = None,
    *,
    tol: float = 1e-7,
    max_iter: int = 200,
) -> Pursuit:
    """Principal component pursuit; `penalty` is the lambda of the module docstring."""
    _check(D, 1)
    share = 1.0 / np.sqrt(max(D.shape)) if penalty is None else penalty
    if not (share > 0 and tol > 0 and max_iter > 0):
        raise SettingsError(
            f"penalty={penalty!r}, tol={tol!r} and max_iter={max_iter!r} must all be positive."
        )
    L, S = np.zeros_like(D), np.zeros_like(D)
    size = float(np.linalg.norm(D))
    if size == 0:
        return Pursuit(L, S, rank=0, passes=0, error=0.0, converged=True)
    largest = _largest_singular_value(D)
    Z = D / max(largest, float(np.abs(D).max()) / share)
    mu = FIRST / largest
    rank, passes, error = 0, 0, np.inf
    while error >= tol and passes < max_iter:
        L, rank = _shrink_singular_values(D - S + Z / mu, 1.0 / mu)
        S = _shrink(D - L + Z / mu, share / mu)
        gap = D - L - S
        Z += mu * gap
        mu *= GROWTH
        error = float(np.linalg.norm(gap)) / size
        passes += 1
    return Pursuit(L, S, rank, passes, error, converged=error < tol)


def _check(D: ndarray, rank: int) -> None:
    if D.ndim != 2 or not D.size:
        raise InputError(f"data of shape {D.shape} are no matrix of rows and pixels.")
    if not np.isfinite(D).all():
        row, pixel = np.argwhere(~np.isfinite(D))[0]
        raise InputError(
            f"{int((~np.isfinite(D)).sum())} pixels are not finite, first at row {row}, pixel "
            f"{pixel}: give pixels without data the weight 0."
        )
    if not 1 <= rank <= min(D.shape):
        raise SettingsError(f"rank={rank!r} must be between 1 and {min(D.shape)} for these data.")


def _truncate(D: ndarray, rank: int) -> LowRank:
    """The leading `rank` singular vectors; each basis vector's largest entry is positive."""
    if len(D) >= D.shape[1]:
        G = _eigenvectors(D.T @ D)[1][:, :rank]
    else:
        G = np.linalg.qr(D.T @ _eigenvectors(D @ D.T)[1][:, :rank])[0]
    G = G * np.where(G[np.abs(G).argmax(axis=0), np.arange(rank)] < 0, -1.0, 1.0)
    return LowRank(D @ G, G)


def _eigenvectors(gram: ndarray) -> tuple[ndarray, ndarray]:
    """Eigenvalues, largest first and not negative, and eigenvectors in columns."""
    values, vectors = linalg.eigh(gram)
    return np.maximum(values[::-1], 0.0), vectors[:, ::-1]


def _largest_singular_value(D: ndarray) -> float:
    gram = D.T @ D if len(D) >= D.shape[1] else D @ D.T
    top = linalg.eigh(gram, eigvals_only=True, subset_by_index=[len(gram) - 1] * 2)
    return float(np.sqrt(max(0.0, top[0])))


def _shrink_singular_values(X: ndarray, by: float) -> tuple[ndarray, int]:
    """`X` with every singular value lowered by `by`, at least to zero, and how many are left."""
    tall = len(X) >= X.shape[1]
    values, vectors = _eigenvectors(X.T @ X if tall else X @ X.T)
    size = np.sqrt(values)
    rank = int(np.sum(size > by))
    V = vectors[:, :rank]
    share = 1.0 - by / size[:rank]
    return ((X @ V) * share @ V.T if tall else V * share @ (V.T @ X)), rank


def _shrink(X: ndarray, by: float) -> ndarray:
    """`X` with every entry moved towards zero by `by`, and not past it."""
    return np.sign(X) * np.maximum(np.abs(X) - by, 0.0)
