r"""Residuals of a factorisation, some rows at a time.

Everything a summary asks of a fit is a sum, a count or an order statistic over pixels or rows, so
that no array of the size of the data is ever needed beside the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import InputError

__all__ = ["Residuals", "check_shapes", "keep", "residual_chunks"]

# Entries of one chunk: 2 MB of doubles.
ENTRIES = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    r"""Some rows from `first` on: $z = r \sqrt W$, zero where nothing was measured.

    `valid` says where something was, and `W` is zero elsewhere.
    """

    first: int
    z: Float[ndarray, "rows pixels"]
    W: Float[ndarray, "rows pixels"]
    valid: Bool[ndarray, "rows pixels"]

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + len(self.z))


def residual_chunks(
    Y: ndarray, W: ndarray, A: ndarray, G: ndarray, entries: int = ENTRIES
) -> Iterator[Residuals]:
    """Residuals of all rows, about `entries` numbers at a time.

    What `Y` holds where `W` is zero plays no part, be it NaN.
    """
    check_shapes(Y, W, A, G)
    step = max(1, entries // max(1, Y.shape[1]))
    for first in range(0, len(Y), step):
        rows = slice(first, first + step)
        valid = np.asarray(W[rows] > 0)
        weight = np.where(valid, W[rows], 0.0)
        r = np.where(valid, Y[rows], 0.0) - A[rows] @ G.T
        z = np.where(valid, r * np.sqrt(weight), 0.0)
        if not np.isfinite(z).all():
            row, pixel = np.argwhere(~np.isfinite(z))[0]
            raise InputError(
                f"{int((~np.isfinite(z)).sum())} residuals are not finite, first at row "
                f"{first + row}, pixel {pixel} (Y {Y[first + row, pixel]}, W "
                f"{W[first + row, pixel]}): give pixels without data the weight 0."
            )
        yield Residuals(first, z, weight, valid)


def check_shapes(Y: ndarray, W: ndarray, A: ndarray, G: ndarray) -> None:
    """Refuse arrays that cannot be data and a factorisation of it."""
    rank = A.shape[-1] if A.ndim else 0
    wanted = (Y.shape, (len(Y), rank), (Y.shape[-1], rank))
    if Y.ndim != 2 or (W.shape, A.shape, G.shape) != wanted:
        raise InputError(
            f"Y {Y.shape}, W {W.shape}, A {A.shape} and G {G.shape} do not fit together: Y and W "
            "are (rows, pixels), A is (rows, rank) and G is (pixels, rank)."
        )
    if not Y.size:
        raise InputError(f"data of shape {Y.shape} hold no pixel: there is nothing to look at.")


def keep(z: Float[ndarray, "*shape"], c: float) -> Float[ndarray, "*shape"]:
    r"""The share of its weight that a pixel keeps, $u = c / (c + z^2)$; all of it if `c` is inf."""
    return 1.0 / (1.0 + z * z / c)
