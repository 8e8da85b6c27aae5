"""Many spectra on one grid of pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import MeasurementError
from errorbar.hmf.data.matrix import FloatArray, check_matrix
from errorbar.hmf.data.report import MatrixReport, describe_matrix

__all__ = ["Spectra", "check_ids", "check_wavelength"]


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Values `Y` and inverse variances `W`, one spectrum a row; a weight of 0 says missing.

    Both are C-contiguous and of one type, float32 or float64. They may be large, so arrays that
    are already so are held and not copied: change them afterwards and the checks no longer hold.
    `ids` name the rows, `wavelength` the pixels, in whatever unit they came in, increasing.
    """

    Y: FloatArray
    W: FloatArray
    ids: tuple[str, ...] | None = None
    wavelength: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        Y, W = check_matrix(self.Y, self.W)
        object.__setattr__(self, "Y", Y)
        object.__setattr__(self, "W", W)
        object.__setattr__(self, "ids", check_ids(self.ids, Y.shape[0]))
        object.__setattr__(self, "wavelength", check_wavelength(self.wavelength, Y.shape[1]))

    @classmethod
    def of(
        cls,
        Y: ArrayLike,
        W: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        ids: Sequence[str] | None = None,
        wavelength: ArrayLike | None = None,
    ) -> Self:
        """From whatever `check_matrix` takes."""
        values, weights = check_matrix(Y, W, mask=mask)
        names: Any = ids
        axis: Any = wavelength
        return cls(values, weights, names, axis)

    def __len__(self) -> int:
        return self.Y.shape[0]

    @property
    def pixels(self) -> int:
        return self.Y.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.Y.dtype

    def take(self, rows: ArrayLike) -> Self:
        """Some of the spectra, by index or by a boolean for each."""
        chosen = np.arange(len(self))[np.asarray(rows)]
        ids = None if self.ids is None else tuple(self.ids[row] for row in chosen)
        return type(self)(self.Y[chosen], self.W[chosen], ids, self.wavelength)

    def describe(self, rank: int) -> MatrixReport:
        """What these spectra leave open for a fit with `rank` basis spectra."""
        return describe_matrix(self.Y, self.W, rank)


def check_ids(ids: Sequence[str] | None, rows: int) -> tuple[str, ...] | None:
    """Names of the rows as a tuple, or the reason why they are none."""
    if ids is None:
        return None
    if isinstance(ids, str):
        raise MeasurementError("`ids` is one string: pass a sequence with a name for each row.")
    names = tuple(str(name) for name in ids)
    if len(names) != rows:
        raise MeasurementError(f"there are {len(names)} `ids` for {rows} rows: name each row once.")
    # Such names do not survive a file: FITS and NumPy cut blanks and zeros off their ends.
    bad = [row for row, name in enumerate(names) if not name.strip() == name != "" or "\0" in name]
    if bad:
        raise MeasurementError(
            f"{len(bad)} `ids` are empty or have blanks at an end, first at row {bad[0]} "
            f"({names[bad[0]]!r}): strip them."
        )
    return names


def check_wavelength(wavelength: ArrayLike | None, pixels: int) -> NDArray[np.float64] | None:
    """Wavelengths of the pixels, read only, or the reason why they are none."""
    if wavelength is None:
        return None
    axis = np.array(wavelength, dtype=np.float64)
    if axis.shape != (pixels,):
        raise MeasurementError(
            f"`wavelength` has shape {axis.shape} and there are {pixels} pixels: give one for each "
            "pixel, the same for all rows (`stack_spectra` brings spectra onto one grid)."
        )
    bad = np.flatnonzero(~((axis > 0) & np.isfinite(axis)))
    if bad.size:
        raise MeasurementError(
            f"`wavelength` must be positive and finite; {bad.size} pixels are not, first pixel "
            f"{bad[0]} ({axis[bad[0]]}): cut such pixels off."
        )
    bad = np.flatnonzero(~(np.diff(axis) > 0))
    if bad.size:
        raise MeasurementError(
            f"`wavelength` must increase from pixel to pixel; it does not after pixel {bad[0]} "
            f"({axis[bad[0]]} then {axis[bad[0] + 1]}), nor at {bad.size - 1} other places: sort "
            "the pixels first."
        )
    axis.setflags(write=False)
    return axis
