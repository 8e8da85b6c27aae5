r"""The two matrices that every fit of this system takes.

$Y$ holds values, one spectrum a row, one pixel a column; $W$ their inverse variances, in the units
of $Y^{-2}$. $W_{ij} = 0$ says that $Y_{ij}$ was not measured, and then $Y_{ij}$ may be anything,
NaN included: no kernel lets it into a sum, so nothing here replaces it. Weights may span all that
their type can hold; those of real spectra span some 13 decades.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import MeasurementError

__all__ = ["Faults", "FloatArray", "check_matrix", "float_type", "from_errors", "inverse_variance"]

FloatArray = NDArray[np.floating[Any]]

# Entries looked at together: the checks' temporaries then stay in the processor's cache.
CHUNK = 2**18


def check_matrix(
    Y: ArrayLike, W: ArrayLike | None = None, *, mask: ArrayLike | None = None
) -> tuple[FloatArray, FloatArray]:
    """`Y` and `W` as C-contiguous matrices of one float type, or the reason why they are none.

    Two float32 matrices stay float32; anything else becomes float64. A matrix that is already
    right comes back as it is, not as a copy, and `W` is copied before a mask is put into it.
    `mask` is true where a pixel must be ignored, as in a masked array; masked arrays are taken
    too, and what they hide gets the weight 0.

    With no `W` every finite value weighs 1. A NaN or an infinity in `Y` then counts as missing,
    which is the only place where it does so unasked: beside a positive weight it is refused.
    """
    values = _matrix("Y", Y)
    given = None if W is None else _matrix("W", W)
    if given is not None and given.shape != values.shape:
        raise MeasurementError(
            f"`W` has shape {given.shape} and `Y` {values.shape}: each value needs its own "
            "weight. Spread one for all with `np.broadcast_to(W, Y.shape)`."
        )
    kind = float_type(*(each.dtype for each in (values, given) if each is not None))
    hidden = list(_hidden(values.shape, Y=Y, W=W, mask=mask))
    values = np.require(values, dtype=kind, requirements=["C", "A"])
    if given is None:
        weights = _ones_where_finite(values)
    else:
        weights = np.require(given, dtype=kind, requirements=["C", "A"])
        if hidden and np.may_share_memory(weights, given):
            weights = weights.copy()
    for pixels in hidden:
        np.copyto(weights, 0, where=pixels)
    faults = Faults()
    faults.look(values, weights)
    faults.refuse()
    return values, weights


def from_errors(
    flux: ArrayLike,
    sigma: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    missing: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """`Y` and `W` from values and their one-sigma errors; one error may stand for many values.

    `missing` is that of `inverse_variance`, and then a NaN among the values is missing too.
    """
    values = _matrix("flux", flux)
    given: Any = np.ma.asarray(sigma)
    try:
        errors = np.ma.masked_array(
            np.broadcast_to(given.data, values.shape),
            mask=np.broadcast_to(np.ma.getmaskarray(given), values.shape),
        )
    except ValueError as error:
        raise MeasurementError(
            f"`sigma` has shape {np.shape(sigma)} and the values {values.shape}: give one error "
            "for each value, each pixel, or all."
        ) from error
    weights = inverse_variance(errors, missing=missing)
    if missing:
        for rows in row_chunks(values.shape):
            np.copyto(weights[rows], 0, where=~np.isfinite(values[rows]))
    return check_matrix(flux, weights, mask=mask)


def inverse_variance(sigma: ArrayLike, *, missing: bool = False) -> FloatArray:
    """One over the square of each error; an infinite error gives 0, which says nothing is known.

    Archives write 0, a negative number or NaN where a pixel was lost, and an error computed wrongly
    looks the same. So these are refused, unless `missing` says that they are the archive's way of
    saying missing: then they give 0. Masked errors always give 0.
    """
    given: Any = np.ma.asarray(sigma)
    errors = np.asarray(given.data)
    _check_numbers("sigma", errors)
    errors = np.require(errors, dtype=float_type(errors.dtype), requirements=["C", "A"])
    hidden = np.ma.getmaskarray(given).reshape(-1)
    flat = errors.reshape(-1)
    weights = np.zeros_like(flat)
    bad, first = 0, 0
    for start in range(0, flat.size, CHUNK):
        part = slice(start, start + CHUNK)
        # Not `<= 0`, so that NaN is found too.
        wrong = ~(flat[part] > 0) & ~hidden[part]
        if not bad and wrong.any():
            first = start + int(np.argmax(wrong))
        bad += int(np.count_nonzero(wrong))
        with np.errstate(over="ignore", divide="ignore"):
            inverse = 1 / np.where(wrong | hidden[part], np.inf, flat[part])
            weights[part] = inverse * inverse
    if bad and not missing:
        place = ", ".join(str(int(i)) for i in np.unravel_index(first, errors.shape))
        raise MeasurementError(
            f"`sigma` must be positive; {bad} errors are not, first at [{place}] "
            f"({flat[first]}). If your archive writes this where a pixel is missing, say so with "
            "missing=True; else correct these errors."
        )
    return weights.reshape(errors.shape)


def float_type(*kinds: np.dtype[Any]) -> np.dtype[Any]:
    """float32 if all of `kinds` are, in whatever byte order; else float64."""
    single = all(kind.kind == "f" and kind.itemsize == 4 for kind in kinds)
    return np.dtype(np.float32 if single else np.float64)


def row_chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Slices of rows that hold about `CHUNK` entries each."""
    rows = max(1, CHUNK // shape[1])
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))


@dataclass(slots=True)
class Faults:
    """What is wrong with values and weights seen so far, counted over any number of row blocks."""

    negative: int = 0
    nan: int = 0
    infinite: int = 0
    values: int = 0
    first_weight: tuple[int, int, float] | None = None
    first_value: tuple[int, int, float] | None = None

    def look(self, Y: FloatArray, W: FloatArray, first_row: int = 0) -> None:
        """Count the faults of rows that begin at `first_row` of the whole matrix."""
        for rows in row_chunks(Y.shape):
            values, weights = Y[rows], W[rows]
            wrong = ~((weights >= 0) & (weights < np.inf))
            if wrong.any():
                found = weights[wrong]
                self.nan += int(np.count_nonzero(np.isnan(found)))
                self.infinite += int(np.count_nonzero(found == np.inf))
                self.negative += int(np.count_nonzero(found < 0))
                if self.first_weight is None:
                    self.first_weight = _first(wrong, weights, first_row + rows.start)
            wrong = (weights > 0) & ~np.isfinite(values)
            if wrong.any():
                self.values += int(np.count_nonzero(wrong))
                if self.first_value is None:
                    self.first_value = _first(wrong, values, first_row + rows.start)

    def refuse(self) -> None:
        """Raise what was found, if anything was."""
        if self.first_weight is not None:
            row, pixel, weight = self.first_weight
            kinds = ("negative", "nan", "infinite")
            counts = {("NaN" if kind == "nan" else kind): getattr(self, kind) for kind in kinds}
            told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
            raise MeasurementError(
                f"`W` must be finite and not negative; it has {told}, first at row {row}, pixel "
                f"{pixel} ({weight}). Set W to 0 there to say that the pixel is missing"
                + ("; an error of 0 is no knowledge." if self.infinite else ".")
            )
        if self.first_value is not None:
            row, pixel, value = self.first_value
            raise MeasurementError(
                f"`Y` is not finite in {self.values} pixels of positive weight, first at row "
                f"{row}, pixel {pixel} ({value}). Set W to 0 there to say that the pixel is "
                "missing."
            )


def _matrix(name: str, values: ArrayLike) -> NDArray[Any]:
    """Any two-dimensional array of numbers, neither copied nor cast."""
    try:
        array = np.asarray(np.ma.getdata(values))
    except ValueError as error:
        raise MeasurementError(
            f"`{name}` is not a matrix ({error}): give each row as many pixels as the first."
        ) from error
    if array.ndim == 1:
        raise MeasurementError(
            f"`{name}` has shape {array.shape} and must have rows and pixels: pass one spectrum "
            f"as `{name}[None, :]`."
        )
    if array.ndim != 2 or 0 in array.shape:
        raise MeasurementError(
            f"`{name}` has shape {array.shape} and must have at least one row and one pixel, and "
            "no further axis."
        )
    _check_numbers(name, array)
    return array


def _check_numbers(name: str, array: NDArray[Any]) -> None:
    if array.dtype.kind not in "fiub":
        raise MeasurementError(
            f"`{name}` holds {array.dtype} and must hold real numbers: write NaN for what has none."
        )


def _hidden(shape: tuple[int, ...], **sources: Any) -> Iterator[NDArray[np.bool_]]:
    """The masks among `mask` and what the masked arrays hide."""
    for name, source in sources.items():
        if source is None:
            continue
        if name == "mask":
            pixels = np.asarray(np.ma.getdata(source))
            if pixels.dtype != np.bool_:
                raise MeasurementError(
                    f"`mask` holds {pixels.dtype} and must be boolean, true where a pixel must be "
                    "ignored: pass `flags != 0`."
                )
        else:
            pixels = np.ma.getmask(source)
            if pixels is np.ma.nomask:
                continue
        if pixels.shape != shape:
            raise MeasurementError(
                f"`mask` has shape {pixels.shape} and `Y` {shape}: a mask says yes or no for each "
                "pixel of each row."
            )
        yield pixels


def _ones_where_finite(values: FloatArray) -> FloatArray:
    weights = np.empty_like(values)
    for rows in row_chunks(values.shape):
        weights[rows] = np.isfinite(values[rows])
    return weights


def _first(wrong: NDArray[np.bool_], among: FloatArray, above: int) -> tuple[int, int, float]:
    row, pixel = divmod(int(np.argmax(wrong)), wrong.shape[1])
    return above + row, pixel, float(among[row, pixel])
