r"""What makes one list of planets better than another, as one concave number of its information.

Each criterion is the logarithm $\varphi(M)=\ln j(M)$ of an *information function* $j$: concave,
increasing, and homogeneous, $j(cM)=c\,j(M)$, in the information matrix $M$ of the list.

- `c`: $j=1/(c^\top M^{-1}c)$, one over the variance of one parameter;
- `d`: $j=(\det M_{s})^{1/k}$ of the interesting parameters $s$, all others marginalised;
- `i`: $j=1/\mathrm{tr}(VM^{-1})$, one over the mean variance of the line over the planets on offer;
- a product of powers of these, $\prod j_m^{\lambda_m}$ with $\sum\lambda_m=1$, is one again.

For any other matrix $M'$ such a function is bounded by its tangent,
$j(M')\le j(M)\,\mathrm{tr}(GM')$ with $G=\nabla\varphi(M)$, and $\mathrm{tr}(GM)=1$: the bound that
proves how far a list is from the best there can be.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = [
    "COptimal",
    "Compound",
    "Criterion",
    "DOptimal",
    "IOptimal",
    "criterion_value",
    "criterion_values",
]


@runtime_checkable
class Criterion(Protocol):
    """A concave value of information matrices, and its gradient."""

    def values(self, totals: Float[ndarray, "lists k k"]) -> Float[ndarray, " lists"]: ...

    def gradient(self, total: Float[ndarray, "k k"]) -> Float[ndarray, "k k"]: ...


@dataclass(frozen=True, slots=True)
class COptimal:
    """Minus the log variance of the parameter at `index`."""

    index: int

    def values(self, totals: Float[ndarray, "lists k k"]) -> Float[ndarray, " lists"]:
        variance = np.linalg.inv(totals)[:, self.index, self.index]
        return -np.log(variance)

    def gradient(self, total: Float[ndarray, "k k"]) -> Float[ndarray, "k k"]:
        column = np.linalg.inv(total)[:, self.index]
        return np.outer(column, column) / column[self.index]


@dataclass(frozen=True, slots=True)
class DOptimal:
    """Minus the log volume of the parameters at `indices`, per parameter."""

    indices: tuple[int, ...]

    def values(self, totals: Float[ndarray, "lists k k"]) -> Float[ndarray, " lists"]:
        rows = list(self.indices)
        inside = np.linalg.inv(totals)[:, rows][:, :, rows]
        return -np.linalg.slogdet(inside)[1] / len(rows)

    def gradient(self, total: Float[ndarray, "k k"]) -> Float[ndarray, "k k"]:
        rows = list(self.indices)
        covariance = np.linalg.inv(total)
        inside = np.linalg.inv(covariance[np.ix_(rows, rows)])
        return covariance[:, rows] @ inside @ covariance[rows] / len(rows)


@dataclass(frozen=True, slots=True, eq=False)
class IOptimal:
    """Minus the log of the mean variance of the line, `moments` its mean outer feature product."""

    moments: Float[ndarray, "k k"]

    def values(self, totals: Float[ndarray, "lists k k"]) -> Float[ndarray, " lists"]:
        return -np.log(np.einsum("ljk,kj->l", np.linalg.inv(totals), self.moments))

    def gradient(self, total: Float[ndarray, "k k"]) -> Float[ndarray, "k k"]:
        covariance = np.linalg.inv(total)
        turned = covariance @ self.moments @ covariance
        return turned / np.einsum("jk,kj->", covariance, self.moments)


@dataclass(frozen=True, slots=True)
class Compound:
    """A weighted mean of criteria, that is a geometric mean of their information functions."""

    parts: tuple[Criterion, ...]
    weights: tuple[float, ...]

    def values(self, totals: Float[ndarray, "lists k k"]) -> Float[ndarray, " lists"]:
        parts = zip(self.parts, self.weights, strict=True)
        return np.sum([weight * part.values(totals) for part, weight in parts], axis=0)

    def gradient(self, total: Float[ndarray, "k k"]) -> Float[ndarray, "k k"]:
        parts = zip(self.parts, self.weights, strict=True)
        return np.sum([weight * part.gradient(total) for part, weight in parts], axis=0)


def criterion_value(criterion: Criterion, total: Float[ndarray, "k k"]) -> float:
    """The criterion of one regular information matrix."""
    return float(criterion.values(total[None])[0])


def criterion_values(
    criterion: Criterion, totals: Float[ndarray, "lists k k"]
) -> Float[ndarray, " lists"]:
    """The criterion of many lists, minus infinity where a list leaves it undetermined."""
    scale = np.sqrt(np.maximum(np.diagonal(totals, axis1=-2, axis2=-1), 1e-300))
    shape = totals / (scale[:, :, None] * scale[:, None, :])
    regular = np.linalg.eigvalsh(shape)[:, 0] > 1e-12
    values = np.full(len(totals), -np.inf)
    if regular.any():
        values[regular] = criterion.values(totals[regular])
    return values
