"""Tables with a column for each band, as photometry: the only place that names columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.stellar.sed.data.bands import find_band
from errorbar.stellar.sed.data.fluxes import flux_from_asinh, flux_from_mag
from errorbar.stellar.sed.data.photometry import Photometry

__all__ = ["BandColumns", "SedColumns", "as_frame", "read_photometry"]


@dataclass(frozen=True, slots=True)
class BandColumns:
    """Where a table has one band, and in which system.

    `err` is the column of errors; where there is none, say what they are in `error` (mag). `limit`
    is a column of truth values: the magnitude is that of an upper limit. `softening` is that of
    asinh magnitudes.
    """

    band: str
    mag: str
    err: str | None = None
    error: float | None = None
    limit: str | None = None
    system: str = "native"
    softening: float | None = None

    def __post_init__(self) -> None:
        find_band(self.band).offset(self.system)
        if (self.err is None) is (self.error is None):
            raise TableError(
                f"{self.band}: name the column of its errors (`err`) or say what they are "
                "(`error`), not both and not neither."
            )


@dataclass(frozen=True, slots=True)
class SedColumns:
    """Where a table has what a star's photometry needs; what is not named is not known.

    `ebv_scale` turns the table's unit of reddening into E(B-V).
    """

    bands: tuple[BandColumns, ...]
    row: str | None = None
    ebv: str | None = None
    ebv_err: str | None = None
    ebv_scale: float = 1.0
    parallax: str | None = None
    parallax_err: str | None = None


def as_frame(table: Any) -> pl.DataFrame:
    """A polars or pandas table, or a mapping of columns, as polars."""
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, Mapping):
        return pl.DataFrame({name: np.asarray(column) for name, column in table.items()})
    if hasattr(table, "to_dict") and hasattr(table, "columns"):
        # By hand, because polars needs pyarrow to read pandas.
        return pl.DataFrame({str(name): table[name].to_numpy() for name in table.columns})
    raise TableError(f"a {type(table).__name__} is no table: pass polars, pandas or a mapping.")


def read_photometry(table: Any, columns: SedColumns) -> Photometry:
    """The photometry of a table with one row for each star; NaN and null are not observed.

    A magnitude with no error, or one that is not positive, is refused rather than guessed.
    """
    frame = as_frame(table)
    _check_columns(frame, columns)
    parts = [_band(frame, each) for each in columns.bands]
    size = frame.height
    rows = np.arange(size) if columns.row is None else frame[columns.row].to_numpy()
    flux, err, limit = (np.column_stack(each) for each in zip(*parts))
    return Photometry(
        rows=rows,
        bands=tuple(each.band for each in columns.bands),
        flux=flux,
        flux_err=err,
        limit=limit,
        ebv=_column(frame, columns.ebv) * columns.ebv_scale,
        ebv_err=_column(frame, columns.ebv_err) * columns.ebv_scale,
        parallax=_column(frame, columns.parallax),
        parallax_err=_column(frame, columns.parallax_err),
        disagree=np.zeros(flux.shape, dtype=bool),
    )


def _band(frame: pl.DataFrame, columns: BandColumns) -> tuple[ndarray, ndarray, ndarray]:
    mag = _column(frame, columns.mag)
    err = np.full(len(mag), columns.error) if columns.err is None else _column(frame, columns.err)
    limit = np.zeros(len(mag), dtype=bool)
    if columns.limit is not None:
        limit = frame[columns.limit].fill_null(False).to_numpy().astype(bool) & np.isfinite(mag)
    err = np.where(np.isfinite(mag), err, np.nan).astype(np.float64)
    offset = find_band(columns.band).offset(columns.system)
    if columns.softening is None:
        flux, spread = flux_from_mag(mag + offset, err)
    else:
        flux, spread = flux_from_asinh(mag, err, columns.softening)
        flux, spread = flux * 10 ** (-0.4 * offset), spread * 10 ** (-0.4 * offset)
    return flux, np.where(limit, np.nan, spread), limit


def _column(frame: pl.DataFrame, name: str | None) -> ndarray:
    if name is None:
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().copy()


def _check_columns(frame: pl.DataFrame, columns: SedColumns) -> None:
    named = [columns.row, columns.ebv, columns.ebv_err, columns.parallax, columns.parallax_err]
    for each in columns.bands:
        named += [each.mag, each.err, each.limit]
    missing = sorted({name for name in named if name is not None} - set(frame.columns))
    if missing:
        raise TableError(
            f"the table has no column {', '.join(missing)}; it has {', '.join(frame.columns)}."
        )
    if (columns.ebv is None) is not (columns.ebv_err is None):
        raise TableError("`ebv` and `ebv_err` go together: name both columns or neither.")
    if (columns.parallax is None) is not (columns.parallax_err is None):
        raise TableError("`parallax` and `parallax_err` go together: name both or neither.")
