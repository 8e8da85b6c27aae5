"""What may come in: ids of stars and columns of numbers, checked once."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError

__all__ = [
    "as_series",
    "check_rows",
    "check_seed",
    "first_rows",
    "place_ids",
    "read_id_column",
    "read_ids",
    "read_names",
    "read_numbers",
]


def read_ids(values: ArrayLike | pl.Series, name: str = "groups") -> tuple[ndarray, ndarray]:
    """All ids once, sorted, and each row's place among them.

    Ids are whole numbers or text. A number and its text are the same star to every hash made here.
    """
    return place_ids(read_id_column(values, name))


def read_id_column(values: ArrayLike | pl.Series, name: str) -> pl.Series:
    """A column of whole numbers or text without gaps."""
    series = as_series(values, name)
    if series.len() == 0:
        raise SplitError(f"`{name}` has no rows: one id for each row is needed.")
    kind = series.dtype
    if kind.is_integer():
        blank = np.flatnonzero(series.is_null().to_numpy())
    elif kind == pl.String:
        blank = np.flatnonzero((series.is_null() | (series == "").fill_null(True)).to_numpy())
    else:
        raise SplitError(
            f"`{name}` holds {kind}; ids are whole numbers or text. An id of many digits loses its "
            "last ones as a float: read that column as an integer or as text."
        )
    if blank.size:
        raise SplitError(
            f"`{name}` has no id in {blank.size} of {series.len()} rows, first at row {blank[0]}: "
            "leave these rows out, or give each an id of its own."
        )
    return series


def place_ids(series: pl.Series) -> tuple[ndarray, ndarray]:
    """All values of a checked column once, sorted, and each row's place among them."""
    if series.dtype.is_integer():
        found, member = np.unique(series.to_numpy(), return_inverse=True)
        return found, member
    once = series.unique().sort()
    member = series.rank("dense").to_numpy().astype(np.int64) - 1
    return np.array(once.to_list()), member


def read_names(values: ArrayLike | pl.Series, rows: int, name: str) -> tuple[ndarray, ndarray]:
    """Names of classes, surveys and the like, sorted, and each row's place among them."""
    names, member = read_ids(values, name)
    check_rows(len(member), rows, name)
    return names, member


def read_numbers(values: ArrayLike | pl.Series, rows: int | None, name: str) -> ndarray:
    """Finite numbers, one for each row."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as reason:
        raise SplitError(f"`{name}` holds something that is not a number.") from reason
    if found.ndim != 1:
        raise SplitError(f"`{name}` has shape {found.shape}; it must be one column.")
    check_rows(len(found), rows, name)
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        raise SplitError(
            f"`{name}` is not finite in {bad.size} of {len(found)} rows, first at row {bad[0]} "
            f"({found[bad[0]]}): leave these rows out, or look their values up."
        )
    return found


def check_rows(found: int, rows: int | None, name: str) -> None:
    """Refuses a column of another length."""
    if rows is not None and found != rows:
        raise SplitError(f"`{name}` has {found} rows and the table {rows}: one value a row.")


def check_seed(seed: int) -> None:
    """Refuses what cannot salt a hash."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingsError(f"seed={seed!r} must be a whole number, zero or more.")


def first_rows(rows: ndarray, most: int = 5) -> str:
    """The first few rows of many, for a message."""
    shown = ", ".join(str(row) for row in rows[:most].tolist())
    return f"{shown}, …" if rows.size > most else shown


def as_series(values: ArrayLike | pl.Series, name: str) -> pl.Series:
    """A column as Polars has it; categories become text."""
    if isinstance(values, pl.Series):
        series = values
    else:
        listed = cast("Any", values)
        if isinstance(listed, ndarray):
            array = cast("Any", listed)
            if array.ndim != 1:
                raise SplitError(f"`{name}` has shape {array.shape}; it must be one column.")
            listed = array.tolist() if array.dtype.kind in "OU" else array
        try:
            series = pl.Series(cast("Sequence[Any]", listed), strict=True)
        except (TypeError, ValueError, OverflowError) as reason:
            raise SplitError(
                f"`{name}` mixes kinds of values ({reason}): pass numbers or text throughout."
            ) from reason
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    return series
