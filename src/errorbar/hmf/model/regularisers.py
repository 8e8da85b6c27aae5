r"""What a fit prefers where the data leave it a choice.

All strengths are shares, so that they mean the same for data in any unit: a ridge of 0.01 adds one
hundredth of the mean of the diagonal of a normal matrix to that diagonal, and `smooth` weighs

$$\lambda \sum_k \lVert D g_k \rVert^2, \qquad
\lambda = \text{smooth} \cdot \operatorname{mean}_{jk} (X_j)_{kk}$$

with $D$ the first or second differences along the pixels, against the data.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from scipy.linalg import solveh_banded

from errorbar.core.errors import SettingsError

__all__ = ["Regulariser", "solve_smooth"]


@dataclass(frozen=True, slots=True)
class Regulariser:
    """Ridge, smoothness of the basis along pixels, non-negative factors, a mean for each pixel.

    `order` is that of the differences which `smooth` keeps small. With `mean` one basis vector
    more, the last, has a coefficient of one in every row.
    """

    ridge: float = 0.0
    smooth: float = 0.0
    order: int = 2
    nonnegative: bool = False
    mean: bool = False

    def __post_init__(self) -> None:
        for name in ("ridge", "smooth"):
            value = getattr(self, name)
            if not (value >= 0 and np.isfinite(value)):
                raise SettingsError(f"{name}={value:g} must be a share: zero or positive.")
        if self.order not in (1, 2):
            raise SettingsError(f"order={self.order} must be 1 or 2: of differences along pixels.")
        if self.nonnegative and self.smooth:
            raise SettingsError(
                "non-negative bases are solved pixel by pixel and smooth ones all at once: choose "
                "one of nonnegative and smooth."
            )
        if self.nonnegative and self.mean:
            raise SettingsError(
                "a mean leaves rows below it, which non-negative factors cannot reach: choose one "
                "of nonnegative and mean."
            )


def solve_smooth(X: ndarray, b: ndarray, G: ndarray, regulariser: Regulariser) -> ndarray:
    """The basis that balances all pixels' normal equations against its own roughness.

    `X` holds the packed triangle of each pixel's matrix, `b` the right-hand side of a correction.
    """
    pixels, rank = G.shape
    i, j = np.tril_indices(rank)
    diagonal = X[:, i == j]
    size = float(diagonal.mean())
    ridge = (regulariser.ridge + 1e-13) * diagonal.mean(1)
    strength = regulariser.smooth * size
    rough = _roughness(pixels, regulariser.order)
    width = rank * regulariser.order
    # Lower bands: entry (n + d, n) of the matrix over (pixel, k) stands at [d, n].
    bands = np.zeros((width + 1, pixels, rank))
    for p, (row, column) in enumerate(zip(i, j)):
        bands[row - column, :, column] += X[:, p]
    bands[0] += ridge[:, None] + strength * rough[0][:, None] + 1e-300
    for step in range(1, regulariser.order + 1):
        bands[step * rank, : pixels - step] += strength * rough[step][: pixels - step, None]
    right = b - ridge[:, None] * G - strength * _apply(rough, G)
    step = solveh_banded(bands.reshape(width + 1, -1), right.ravel(), lower=True)
    return G + step.reshape(pixels, rank)


def _roughness(pixels: int, order: int) -> ndarray:
    """The bands of `D.T @ D`, the diagonal first."""
    pattern = np.array([-1.0, 1.0] if order == 1 else [1.0, -2.0, 1.0])
    bands = np.zeros((order + 1, pixels))
    for shift in range(order + 1):
        for start in range(order + 1 - shift):
            stop = pixels - order + start
            bands[shift, start:stop] += pattern[start] * pattern[start + shift]
    return bands


def _apply(bands: ndarray, G: ndarray) -> ndarray:
    found = bands[0][:, None] * G
    for shift in range(1, len(bands)):
        part = bands[shift][:-shift, None]
        found[shift:] += part * G[:-shift]
        found[:-shift] += part * G[shift:]
    return found
