"""The estimating equations of one factor's vectors: weights, and packed sums over them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy import ndarray

from errorbar.hmf.model import Likelihood
from errorbar.hmf.model.likelihoods import squared

__all__ = [
    "Equations",
    "Weights",
    "full",
    "inverse_pairs",
    "least_share",
    "mean_diagonal",
    "parts",
    "regular",
]

# Entries of the data looked at together.
CHUNK = 2**18
# Of a matrix scaled to a diagonal of one: below it a direction is not known.
SINGULAR = 1e-10
# A leverage from which on a pixel's residual says nothing of its error.
FOLLOWED = 0.9


def parts(*arrays: ndarray) -> Iterator[tuple[ndarray, ...]]:
    """Some rows of all arrays at a time, in double precision."""
    rows = max(CHUNK // max(arrays[0].shape[1], 1), 1)
    for first in range(0, max(len(arrays[0]), 1), rows):
        yield tuple(each[first : first + rows].astype(np.float64) for each in arrays)


@dataclass(slots=True)
class Equations:
    """Of each vector: packed sums over four weights, and sums over its valid pixels."""

    plain: ndarray
    robust: ndarray
    slope: ndarray
    meat: ndarray
    valid: ndarray
    kept: ndarray
    slopes: ndarray
    squares: ndarray

    @classmethod
    def empty(cls, vectors: int, rank: int) -> Self:
        """Sums over nothing."""
        shapes = 4 * [(vectors, rank * (rank + 1) // 2)] + 4 * [(vectors,)]
        return cls(*(np.zeros(shape) for shape in shapes))

    def add(self, weights: "Weights", pairs: ndarray) -> None:
        """Add pixels of all vectors, given products of the other factor's entries there."""
        w = weights
        self.plain += w.W @ pairs
        self.robust += (w.W * w.u) @ pairs
        self.slope += (w.W * w.slope) @ pairs
        self.valid += w.seen.sum(1)
        self.kept += np.where(w.seen, w.u, 0).sum(1)
        self.slopes += np.where(w.seen, w.slope, 0).sum(1)
        self.squares += w.square.sum(1)

    def add_meat(self, weights: "Weights", pairs: ndarray, inverse: ndarray, second: float) -> None:
        """Add squares of `psi`, each made up for its leverage, which needs the other sums first."""
        leverage = np.clip(weights.W * (inverse @ pairs.T), 0.0, 1.0)
        free = leverage < FOLLOWED
        own = weights.square / np.where(free, 1.0 - leverage, 1.0)
        self.meat += (weights.W * np.where(free, own, second)) @ pairs


@dataclass(frozen=True, slots=True)
class Weights:
    """Of some rows, or turned round of some pixels: weights, and `psi` of every residual."""

    W: ndarray
    seen: ndarray
    u: ndarray
    slope: ndarray
    square: ndarray

    @classmethod
    def of(
        cls, Y: ndarray, W: ndarray, A: ndarray, G: ndarray, likelihood: Likelihood
    ) -> "Weights":
        """Those of some rows."""
        seen = W > 0
        residuals = np.where(seen, Y, 0.0) - A @ G.T
        u = likelihood.robust_weights(W, residuals)
        return cls(W, seen, u, 2 * u * u - u, u * u * squared(W, residuals))

    @property
    def turned(self) -> "Weights":
        """The same of the pixels."""
        return Weights(self.W.T, self.seen.T, self.u.T, self.slope.T, self.square.T)


def inverse_pairs(packed: ndarray, rank: int) -> ndarray:
    """Inverses, packed so that with products of pairs they give `x.T inverse x`; 0 where none."""
    whole = full(packed, rank)
    known = regular(whole)
    whole[~known] = np.eye(rank)
    size = np.sqrt(np.diagonal(whole, axis1=1, axis2=2))
    scale = size[:, :, None] * size[:, None, :]
    inverse = np.linalg.inv(whole / scale) / scale
    i, j = np.tril_indices(rank)
    return np.where(known[:, None], np.where(i == j, 1.0, 2.0) * inverse[:, i, j], 0.0)


def mean_diagonal(matrices: ndarray) -> ndarray:
    """The mean of each matrix' diagonal."""
    return np.diagonal(matrices, axis1=1, axis2=2).mean(1)


def full(packed: ndarray, rank: int) -> ndarray:
    """Symmetric matrices from their packed triangles."""
    i, j = np.tril_indices(rank)
    whole = np.zeros((len(packed), rank, rank))
    whole[:, i, j] = packed
    whole[:, j, i] = packed
    return whole


def regular(matrices: ndarray) -> ndarray:
    """Whether every direction is known, in units of the diagonal."""
    size = np.sqrt(np.diagonal(matrices, axis1=1, axis2=2))
    held = np.where(size > 0, size, 1.0)
    scaled = matrices / (held[:, :, None] * held[:, None, :])
    return (size > 0).all(1) & (np.linalg.eigvalsh(scaled)[:, 0] > SINGULAR)


def least_share(part: ndarray, whole: ndarray) -> ndarray:
    """The smallest `x.T part x / x.T whole x` over all directions."""
    half = np.linalg.inv(np.linalg.cholesky(whole))
    return np.linalg.eigvalsh(half @ part @ half.transpose(0, 2, 1))[:, 0]
