"""RVS spectra as the Gaia archive gives them, collected into one HDF5 file.

Two kinds of CSV are known, packed or not, with comment lines of ECSV or without: the bulk files
`RvsMeanSpectrum_*.csv.gz`, one spectrum a row with its pixels as text `"[0.98,NaN,…]"`, and files
of one spectrum with one pixel a row. Bulk files are read some hundred spectra at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import TableError
from errorbar.hmf.data import read_gaia_rvs
from errorbar.hmf.data.blocks.names import list_names
from errorbar.hmf.studies.rvs.files import SpectraWriter, archive_grid

__all__ = ["Collected", "collect_archive", "scan_table"]

BATCH = 500
NOTHING = ("", "null", "nan", "NaN", "NAN", "--")
ANGSTROM_PER_NM = 10.0


@dataclass(frozen=True, slots=True)
class Collected:
    """The file that was written, the spectra in it, and from how many files they are."""

    path: Path
    spectra: int
    files: int


def collect_archive(
    sources: Sequence[str | Path], out: str | Path, *, progress: bool | None = None
) -> Collected:
    """Put the spectra of the archive's CSV files into one HDF5 file, which lands whole.

    Spectra that a file holds twice stay twice: whoever joins them with metadata reports it.
    """
    paths = [Path(source) for source in sources]
    if not paths:
        raise TableError("there is no file to collect spectra from: name one at least.")
    grid = archive_grid()
    with (
        SpectraWriter.to(Path(out), grid) as writer,
        progress_bar(progress, "files", len(paths), 0) as advance,
    ):
        for path in paths:
            _add_file(path, writer, grid)
            advance()
    return Collected(Path(out), writer.count, len(paths))


def scan_table(path: Path) -> pl.LazyFrame:
    """A CSV or ECSV file of the archive, every column as text, what is unknown as null."""
    if not path.is_file():
        raise TableError(f"there is no file {path}: check its path.")
    try:
        frame = pl.scan_csv(path, comment_prefix="#", infer_schema=False, null_values=list(NOTHING))
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    return frame


def _add_file(path: Path, writer: SpectraWriter, grid: ndarray) -> None:
    frame = scan_table(path)
    columns = frame.collect_schema().names()
    lacking = [name for name in ("source_id", "flux", "flux_error") if name not in columns]
    if lacking:
        raise TableError(
            f"{path} lacks {list_names(lacking)}; it has {list_names(columns)}. RVS spectra of the "
            "archive have all of them."
        )
    if "wavelength" in columns:
        _add_one(path, writer, grid)
        return
    first = 0
    try:
        for batch in frame.select("source_id", "flux", "flux_error").collect_batches(
            chunk_size=BATCH, maintain_order=True
        ):
            ids = _identifiers(path, batch, first)
            flux, error = (
                _matrix(path, batch[name], len(grid), first) for name in ("flux", "flux_error")
            )
            writer.add(ids, flux, error)
            first += len(batch)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path} cannot be read after {first} spectra: {error}.") from error
    if not first:
        raise TableError(f"{path} holds no spectrum: it ends after its header.")


def _add_one(path: Path, writer: SpectraWriter, grid: ndarray) -> None:
    spectrum = read_gaia_rvs(path)
    axis = spectrum.wavelength / ANGSTROM_PER_NM
    if axis.shape != grid.shape or not np.allclose(axis, grid, rtol=0, atol=1e-4):
        raise TableError(
            f"{path} has {len(axis)} wavelengths from {axis[0]:g} to {axis[-1]:g} nm, and RVS mean "
            f"spectra have {len(grid)} from {grid[0]:g} to {grid[-1]:g}: it is of another product."
        )
    with np.errstate(divide="ignore"):
        error = np.where(spectrum.valid, 1 / np.sqrt(spectrum.ivar), np.nan)
    flux = np.where(spectrum.valid, spectrum.flux, np.nan)
    writer.add(np.array([int(spectrum.id)]), flux[None, :], error[None, :])


def _identifiers(path: Path, batch: pl.DataFrame, first: int) -> ndarray:
    ids = batch["source_id"].cast(pl.Int64, strict=False)
    bad = np.flatnonzero(ids.is_null().to_numpy())
    if bad.size:
        raise TableError(
            f"`source_id` of {path} is no whole number in {bad.size} rows, first at spectrum "
            f"{first + bad[0]} ({batch['source_id'][int(bad[0])]!r})."
        )
    return ids.to_numpy()


def _matrix(path: Path, texts: pl.Series, pixels: int, first: int) -> ndarray:
    """Texts `[1,2,NaN]` as rows of numbers."""
    lists = texts.fill_null("").str.strip_chars(" []()").str.split(",")
    lengths = lists.list.len().to_numpy()
    bad = np.flatnonzero(lengths != pixels)
    if bad.size:
        raise TableError(
            f"`{texts.name}` of {path} has not {pixels} pixels in {bad.size} spectra, first at "
            f"spectrum {first + bad[0]} ({lengths[bad[0]]} pixels): the file is damaged, or of "
            "another product."
        )
    words = lists.explode().str.strip_chars()
    numbers = words.cast(pl.Float32, strict=False)
    wrong = np.flatnonzero((numbers.is_null() & ~words.is_in(NOTHING)).to_numpy())
    if wrong.size:
        row, pixel = divmod(int(wrong[0]), pixels)
        raise TableError(
            f"`{texts.name}` of {path} is no number in {wrong.size} pixels, first in spectrum "
            f"{first + row}, pixel {pixel} ({words[int(wrong[0])]!r}); write NaN for what is "
            "missing."
        )
    return numbers.fill_null(np.nan).to_numpy().reshape(-1, pixels)
