"""What a matrix of spectra cannot tell, said before a fit finds out."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import SettingsError
from errorbar.hmf.data.matrix import FloatArray, check_matrix, row_chunks

__all__ = ["MatrixReport", "Tally", "describe_matrix"]

FEW = 5


@dataclass(frozen=True, slots=True, eq=False)
class MatrixReport:
    """Rows and pixels that a fit of this `rank` cannot determine; none of them stops it.

    `empty_rows` and `empty_pixels` have no positive weight at all. `short_rows` and `short_pixels`
    have some, but fewer than `rank`, so their own coefficients or basis values are not determined
    by the data alone. All four are indices. `lightest` and `heaviest` bound the positive weights;
    both are NaN where there is none.
    """

    rows: int
    pixels: int
    rank: int
    valid: int
    lightest: float
    heaviest: float
    empty_rows: NDArray[np.intp]
    short_rows: NDArray[np.intp]
    empty_pixels: NDArray[np.intp]
    short_pixels: NDArray[np.intp]

    @property
    def clean(self) -> bool:
        """Whether every row and every pixel is determined."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence about each kind of trouble."""
        few = f"fewer than {self.rank} valid"
        told = (
            (self.empty_rows, "row", "no valid pixel", "nothing can be said about them"),
            (self.short_rows, "row", f"{few} pixels", "their coefficients are not determined"),
            (self.empty_pixels, "pixel", "no valid row", "no spectrum can be predicted there"),
            (self.short_pixels, "pixel", f"{few} rows", "the basis is not determined there"),
        )
        return tuple(
            f"{found.size} {what}{'' if found.size == 1 else 's'} with {lack} "
            f"({_few(what, found)}): {so}."
            for found, what, lack, so in told
            if found.size
        )

    def __str__(self) -> str:
        share = 100.0 * self.valid / (self.rows * self.pixels)
        head = f"{self.rows} rows of {self.pixels} pixels, {share:.4g} % of them valid"
        if self.valid:
            head += f", weights from {self.lightest:.3g} to {self.heaviest:.3g}"
        return " ".join([f"{head}.", *self.problems])


def describe_matrix(Y: ArrayLike, W: ArrayLike | None, rank: int) -> MatrixReport:
    """What rows and pixels of `Y`, `W` leave open for a fit with `rank` basis spectra."""
    weights = check_matrix(Y, W)[1]
    tally = Tally(weights.shape[1])
    tally.count(weights)
    return tally.report(rank)


@dataclass(slots=True)
class Tally:
    """Valid entries of each row and each pixel, counted over any number of row blocks."""

    pixels: int
    by_row: list[NDArray[np.intp]] = field(default_factory=list)
    by_pixel: NDArray[np.intp] = field(init=False)
    lightest: float = np.inf
    heaviest: float = 0.0

    def __post_init__(self) -> None:
        self.by_pixel = np.zeros(self.pixels, dtype=np.intp)

    def count(self, W: FloatArray) -> None:
        """Add the rows of `W` below those counted before."""
        for rows in row_chunks(W.shape):
            weights = W[rows]
            valid = weights > 0
            self.by_row.append(np.count_nonzero(valid, axis=1))
            self.by_pixel += np.count_nonzero(valid, axis=0)
            self.heaviest = max(self.heaviest, float(weights.max()))
            low: Any = np.min(weights, where=valid, initial=np.inf)
            self.lightest = min(self.lightest, float(low))

    def report(self, rank: int) -> MatrixReport:
        """The report on all rows counted."""
        if rank < 1:
            raise SettingsError(f"rank={rank} is no rank: a fit needs at least one basis spectrum.")
        by_row = np.concatenate(self.by_row)
        valid = int(by_row.sum())
        return MatrixReport(
            rows=by_row.size,
            pixels=self.pixels,
            rank=rank,
            valid=valid,
            lightest=self.lightest if valid else np.nan,
            heaviest=self.heaviest if valid else np.nan,
            empty_rows=np.flatnonzero(by_row == 0),
            short_rows=np.flatnonzero((by_row > 0) & (by_row < rank)),
            empty_pixels=np.flatnonzero(self.by_pixel == 0),
            short_pixels=np.flatnonzero((self.by_pixel > 0) & (self.by_pixel < rank)),
        )


def _few(what: str, found: NDArray[np.intp]) -> str:
    named = ", ".join(str(each) for each in found[:FEW])
    return f"{what} {named}" if found.size <= FEW else f"first {what} {named}, ..."
