"""Blocks of Parquet files: a row each spectrum, its pixels in list columns."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import TableError
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.data.blocks.layout import (
    Axes,
    Description,
    Layout,
    RowBlocks,
    StoredBlocks,
    usual_rows,
)
from errorbar.hmf.data.blocks.names import FLUX, IDS, IVAR, WAVELENGTH, find_name, find_pair
from errorbar.hmf.data.matrix import float_type

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ParquetBlocks", "write_parquet"]

# Keys of what the file says about itself.
ROWS, AXIS = "errorbar.rows", f"errorbar.{WAVELENGTH}"


class ParquetBlocks(StoredBlocks):
    """Blocks of two list columns of a Parquet file, all lists of one length.

    A file that `write_blocks` made has a row group for each block. Of other files the blocks have
    their usual size, and the reader opens the row groups that a block touches.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        rows: int | None = None,
        flux: str | None = None,
        ivar: str | None = None,
    ):
        import polars as pl

        self.path = Path(path)
        try:
            schema = pl.read_parquet_schema(self.path)
            said = pl.read_parquet_metadata(self.path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise TableError(f"{self.path} cannot be read as Parquet ({error}).") from error
        self.flux, self.ivar = find_pair(schema, self.path, flux, ivar)
        kinds = [self._kind(name, schema[name]) for name in (self.flux, self.ivar)]
        height = pl.scan_parquet(self.path).select(pl.len()).collect().item()
        if not height:
            raise TableError(f"{self.path} has no rows: a matrix needs at least one spectrum.")
        first = pl.scan_parquet(self.path).select(self.flux).head(1).collect().item()
        self._pixels = 0 if first is None else len(first)
        if not self._pixels:
            raise TableError(f"`{self.flux}` of {self.path} has no pixels in its first row.")
        kind = float_type(*kinds)
        if rows is None:
            rows = int(said[ROWS]) if ROWS in said else usual_rows(self._pixels, kind)
        self.layout = Layout(height, self._pixels, kind, rows)

    def load(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows, read from the row groups that hold them."""
        import polars as pl

        table = pl.scan_parquet(self.path).select(self.flux, self.ivar).slice(start, stop - start)
        frame = table.collect()
        return self._matrix(frame[self.flux], start), self._matrix(frame[self.ivar], start)

    def axes(self) -> Axes:
        """Wavelengths from what the file says about itself, names from its column `ids`."""
        import polars as pl

        said = pl.read_parquet_metadata(self.path)
        axis = np.array(json.loads(said[AXIS])) if AXIS in said else None
        name = find_name(pl.read_parquet_schema(self.path), IDS)
        if name is None:
            return Axes(axis)
        names = pl.read_parquet(self.path, columns=[name]).to_series().cast(pl.String)
        return Axes(axis, tuple(names.fill_null("").to_list()))

    def describe(self) -> Description:
        """Path, rows of a block, and the two columns' names."""
        return {
            "path": str(self.path.resolve()),
            "format": "parquet",
            "rows": self.layout.rows,
            "flux": self.flux,
            "ivar": self.ivar,
        }

    def _kind(self, name: str, kind: "pl.DataType | type[pl.DataType]") -> np.dtype[Any]:
        import polars as pl

        inner = kind.inner if isinstance(kind, (pl.Array, pl.List)) else None
        if inner is None or not inner.is_numeric() or isinstance(inner, pl.Decimal):
            raise TableError(
                f"`{name}` of {self.path} holds {kind}: each row must be a list of numbers, one "
                "for each pixel."
            )
        return np.dtype(np.float32 if inner == pl.Float32 else np.float64)

    def _matrix(self, column: "pl.Series", start: int) -> NDArray[Any]:
        import polars as pl

        if isinstance(column.dtype, pl.Array):
            wrong = column.is_null()
        else:
            wrong = column.list.len().fill_null(0) != self._pixels
        bad = np.flatnonzero(wrong.to_numpy())
        if bad.size:
            raise TableError(
                f"`{column.name}` of {self.path} must have {self._pixels} pixels in each row; "
                f"{bad.size} rows of this block do not, first row {start + bad[0]}. Bring the "
                "spectra onto one grid first (`stack_spectra`)."
            )
        # An empty place in a list becomes NaN, which is refused where its weight is positive.
        return column.explode().to_numpy().reshape(-1, self._pixels)


def write_parquet(path: Path, blocks: RowBlocks, axes: Axes) -> None:
    """Columns `flux` and `ivar`, and `ids` where there are names; a row group for each block."""
    import polars as pl
    from polars.io.plugins import register_io_source

    inner = pl.Float32() if blocks.dtype == np.float32 else pl.Float64()
    schema = pl.Schema({name: pl.Array(inner, blocks.n_pixels) for name in (FLUX, IVAR)})
    if axes.ids is not None:
        schema[IDS] = pl.String()

    def frames(*_: object) -> Iterator[pl.DataFrame]:
        for block in range(blocks.n_blocks):
            start, stop = blocks.bounds(block)
            columns: dict[str, Any] = dict(zip((FLUX, IVAR), blocks.read(block)))
            if axes.ids is not None:
                columns[IDS] = axes.ids[start:stop]
            yield pl.DataFrame(columns, schema=schema)

    rows = blocks.bounds(0)[1]
    said = {ROWS: str(rows)}
    if axes.wavelength is not None:
        said[AXIS] = json.dumps(axes.wavelength.tolist())
    with landing(path) as part:
        register_io_source(frames, schema=schema).sink_parquet(
            part,
            row_group_size=rows,
            compression="uncompressed",
            maintain_order=True,
            metadata=said,
        )
