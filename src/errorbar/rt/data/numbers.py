"""Columns as numbers, whatever type a file gave them."""

import numpy as np
import polars as pl

from errorbar.core.errors import TableError

__all__ = ["as_floats"]


def as_floats(series: pl.Series, where: str) -> pl.Series:
    """A column as floats, of the width it has; words where a number should stand are refused."""
    if series.dtype.is_float():
        return series
    if series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null):
        return series.cast(pl.Float64)
    cast = series.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    bad = np.flatnonzero((cast.is_null() & series.is_not_null()).to_numpy())
    if bad.size:
        raise TableError(
            f"`{series.name}` of {where} must be numbers; {bad.size} rows are not, first "
            f"{series[int(bad[0])]!r}. Leave what is missing empty."
        )
    return cast
