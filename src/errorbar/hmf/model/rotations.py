r"""Which of the many factorisations of one product is reported.

For any invertible $T$ the product $A G^\top$ is that of $G T$ and $A T^{-\top}$. Weighted least
squares by turns walks the same path of products whatever $T$ is chosen on the way; a choice matters
for what is printed, for rules that look at changes of $G$ or $A$, and for regularisers.

A rotation is asked for $T$ and sees the basis and $A^\top A$ alone, so that coefficients may stay
where they are, on another machine or on disk.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError

__all__ = ["FastAffine", "Identity", "Ordered", "Rotation", "SlowAffine", "turn"]


@dataclass(frozen=True, slots=True)
class Rotation:
    """Something that chooses `T` from the basis `G` and the coefficients' `A.T @ A`."""

    def matrix(self, G: ndarray, gram: ndarray) -> ndarray:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Identity(Rotation):
    """Factors as they come."""

    def matrix(self, G: ndarray, gram: ndarray) -> ndarray:
        return np.eye(G.shape[1])


@dataclass(frozen=True, slots=True)
class FastAffine(Rotation):
    """The basis nearest to the one at hand whose columns are orthonormal, by an eigenproblem.

    `target="A"` makes the coefficients orthonormal instead; `whiten=False` only turns the factors
    to the axes of the target. Directions below `eps` are not blown up.
    """

    target: Literal["G", "A"] = "G"
    whiten: bool = True
    eps: float = 1e-6

    def __post_init__(self) -> None:
        if self.target not in ("G", "A"):
            raise SettingsError(f"target={self.target!r} is not a factor; choose 'G' or 'A'.")

    def matrix(self, G: ndarray, gram: ndarray) -> ndarray:
        held = G.T @ G if self.target == "G" else gram
        values, vectors = np.linalg.eigh((held + held.T) / 2 + self.eps * np.eye(len(held)))
        values = np.maximum(values, self.eps)
        if not self.whiten:
            return vectors
        power = -0.5 if self.target == "G" else 0.5
        return vectors * values**power @ vectors.T


@dataclass(frozen=True, slots=True)
class SlowAffine(Rotation):
    """The same nearest orthonormal basis by a singular value decomposition of the basis itself.

    It squares no condition number: a basis whose columns are almost alike keeps its digits.
    """

    def matrix(self, G: ndarray, gram: ndarray) -> ndarray:
        _, values, right = np.linalg.svd(G, full_matrices=False)
        least = values[0] * np.finfo(float).eps * max(G.shape)
        return right.T / np.maximum(values, max(least, 1e-300)) @ right


@dataclass(frozen=True, slots=True)
class Ordered(Rotation):
    """Orthonormal basis vectors, the one that explains most variance first, as in a PCA.

    The largest entry of each basis vector is positive.
    """

    def matrix(self, G: ndarray, gram: ndarray) -> ndarray:
        Q, R = np.linalg.qr(G)
        size = float(np.abs(R).max()) or 1.0
        small = np.abs(np.diag(R)) < np.finfo(float).eps * max(G.shape) * size
        # A direction that the basis lacks: any length keeps the product, this one the digits.
        R = R + np.diag(np.where(small, size, 0.0))
        values, vectors = np.linalg.eigh(R @ gram @ R.T)
        vectors = vectors[:, np.argsort(values)[::-1]]
        basis = Q @ vectors
        largest = basis[np.argmax(np.abs(basis), axis=0), np.arange(basis.shape[1])]
        return np.linalg.solve(R, vectors * np.where(largest < 0, -1.0, 1.0))


def turn(A: ndarray, G: ndarray, T: ndarray) -> tuple[ndarray, ndarray]:
    """The factors in the gauge that `T` makes."""
    return A @ np.linalg.inv(T).T, G @ T
