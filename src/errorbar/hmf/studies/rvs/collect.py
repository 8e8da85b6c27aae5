"""Spectra joined with what a catalogue says of their stars, by source identifier.

Everything is held in the order of the identifiers, whatever the order in the files, and spectra are
read from their files only when they are asked for, so that three million of them need no memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data import Spectra
from errorbar.hmf.data.blocks.names import find_name, list_names
from errorbar.hmf.studies.rvs.archive import scan_table
from errorbar.hmf.studies.rvs.files import DatasetNames, SpectraFile, open_spectra

__all__ = ["METADATA", "MatchReport", "MatchedData", "match_spectra", "read_metadata"]

# What a star is placed by; a G error is known where one of the last two is there.
NEEDED = ("parallax", "parallax_error", "phot_g_mean_mag", "bp_rp")
OPTIONAL = ("phot_g_mean_mag_error", "phot_g_mean_flux_over_error")
METADATA = (*NEEDED, *OPTIONAL)
MAGNITUDES = ("phot_bp_mean_mag", "phot_rp_mean_mag")


@dataclass(frozen=True, slots=True)
class MatchReport:
    """How spectra and metadata met: counts, and the first identifier of each kind of trouble."""

    spectra: int
    metadata: int
    matched: int
    spectra_alone: int
    metadata_alone: int
    spectra_twice: int
    metadata_twice: int
    first_spectrum_alone: int | None
    first_spectrum_twice: int | None

    def __str__(self) -> str:
        told = [f"{self.matched} of {self.spectra} spectra have metadata."]
        if self.spectra_alone:
            told.append(
                f"{self.spectra_alone} have none, first source {self.first_spectrum_alone}: left "
                "out."
            )
        if self.spectra_twice:
            told.append(
                f"{self.spectra_twice} spectra repeat a source, first "
                f"{self.first_spectrum_twice}: the first of each stays."
            )
        if self.metadata_twice:
            told.append(f"{self.metadata_twice} rows of metadata are there twice, alike.")
        if self.metadata_alone:
            told.append(f"{self.metadata_alone} rows of metadata have no spectrum.")
        return " ".join(told)


@dataclass(frozen=True, slots=True, eq=False)
class MatchedData:
    """Spectra in files, and a `table` of the matched stars in the order of `source_id`.

    `clip` pixels are left away at each end of every spectrum.
    """

    files: tuple[SpectraFile, ...]
    table: pl.DataFrame
    report: MatchReport
    clip: int

    def __len__(self) -> int:
        return self.table.height

    @property
    def wavelength(self) -> ndarray:
        """Wavelengths (nm, vacuum) of the pixels that stay."""
        return self.files[0].wavelength[self.pixels]

    @property
    def pixels(self) -> slice:
        """The pixels that stay."""
        return slice(self.clip, len(self.files[0].wavelength) - self.clip)

    @property
    def source_ids(self) -> ndarray:
        """Identifiers of all matched stars, increasing."""
        return self.table["source_id"].to_numpy()

    def read(self, source_ids: ArrayLike) -> Spectra:
        """Spectra of these stars in this order, in single precision."""
        wanted = np.asarray(source_ids, dtype=np.int64)
        known = self.source_ids
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        unknown = np.flatnonzero(known[at] != wanted)
        if unknown.size:
            raise TableError(
                f"{unknown.size} of {wanted.size} sources have no matched spectrum, first "
                f"{wanted[unknown[0]]}: ask for some of `source_ids`."
            )
        Y = np.empty((wanted.size, len(self.wavelength)), dtype=np.float32)
        W = np.empty_like(Y)
        numbers, rows = (self.table[name].to_numpy()[at] for name in ("file", "row"))
        for number, file in enumerate(self.files):
            mine = np.flatnonzero(numbers == number)
            if mine.size:
                file.read(rows[mine], self.pixels, Y, W, mine)
        return Spectra(Y, W, tuple(str(each) for each in wanted), self.wavelength)


def match_spectra(
    spectra: Sequence[str | Path],
    metadata: Sequence[str | Path],
    *,
    clip: int = 40,
    names: DatasetNames | None = None,
) -> MatchedData:
    """Join HDF5 files of spectra with CSV files of metadata; no spectrum is read yet."""
    files = tuple(open_spectra(path, names) for path in spectra)
    if not files:
        raise TableError("there is no file of spectra: name one at least.")
    _check_grids(files, clip)
    stars = read_metadata(metadata)
    rows = pl.concat(
        pl.DataFrame(
            {
                "source_id": file.source_ids,
                "file": np.full(len(file), number, dtype=np.int32),
                "row": np.arange(len(file), dtype=np.int64),
            }
        )
        for number, file in enumerate(files)
    )
    single = rows.unique("source_id", keep="first", maintain_order=True)
    table = single.join(stars.table, on="source_id", how="inner").sort("source_id")
    alone = single.join(stars.table, on="source_id", how="anti")
    twice = rows.filter(~pl.col("source_id").is_first_distinct())
    report = MatchReport(
        spectra=rows.height,
        metadata=stars.table.height + stars.twice,
        matched=table.height,
        spectra_alone=alone.height,
        metadata_alone=stars.table.height - table.height,
        spectra_twice=twice.height,
        metadata_twice=stars.twice,
        first_spectrum_alone=None if alone.is_empty() else alone["source_id"][0],
        first_spectrum_twice=None if twice.is_empty() else twice["source_id"][0],
    )
    if table.is_empty():
        raise TableError(
            f"no spectrum has metadata: {rows.height} spectra, first source "
            f"{rows['source_id'][0]}, and {stars.table.height} rows of metadata, first "
            f"{stars.table['source_id'][0]}. The files are of different stars."
        )
    return MatchedData(files, table, report, clip)


@dataclass(frozen=True, slots=True, eq=False)
class Metadata:
    """One row for each star, and how many more rows there were."""

    table: pl.DataFrame
    twice: int


def read_metadata(paths: Sequence[str | Path]) -> Metadata:
    """The columns of Gaia's source tables that place a star, from CSV or ECSV files.

    The colour is `bp_rp`, or the difference of `phot_bp_mean_mag` and `phot_rp_mean_mag`. Rows that
    repeat a source must agree.
    """
    frames = [_read_table(Path(path)) for path in paths]
    if not frames:
        raise TableError("there is no file of metadata: name one at least.")
    rows = pl.concat(frames)
    if rows.is_empty():
        raise TableError(f"{paths[0]} holds no row of metadata: it ends after its header.")
    different = rows.unique(maintain_order=True)
    clash = different.filter(~pl.col("source_id").is_first_distinct())
    if not clash.is_empty():
        raise TableError(
            f"metadata of {clash['source_id'].n_unique()} sources are there more than once and "
            f"disagree, first source {clash['source_id'][0]}: leave one row for each."
        )
    return Metadata(different, rows.height - different.height)


def _read_table(path: Path) -> pl.DataFrame:
    frame = scan_table(path)
    columns = frame.collect_schema().names()
    theirs = {name: find_name(columns, name) for name in ("source_id", *METADATA, *MAGNITUDES)}
    if theirs["bp_rp"] is None and all(theirs[name] for name in MAGNITUDES):
        wanted = ("source_id", *(name for name in METADATA if name != "bp_rp"), *MAGNITUDES)
    else:
        wanted = ("source_id", *METADATA)
    lacking = [name for name in wanted if theirs[name] is None and name not in OPTIONAL]
    if lacking:
        raise TableError(
            f"{path} lacks {list_names(lacking)}; it has {list_names(columns)}. Ask the archive "
            f"for {list_names(('source_id', *NEEDED))} of its source table."
        )
    try:
        text = frame.select(
            pl.col(theirs[name] or "").alias(name) for name in wanted if theirs[name] is not None
        ).collect()
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    numbers = _numbers(path, text)
    if "bp_rp" not in numbers.columns:
        numbers = numbers.with_columns(bp_rp=pl.col(MAGNITUDES[0]) - pl.col(MAGNITUDES[1]))
    for name in OPTIONAL:
        if name not in numbers.columns:
            numbers = numbers.with_columns(pl.lit(None, dtype=pl.Float64).alias(name))
    return numbers.select("source_id", *METADATA)


def _numbers(path: Path, text: pl.DataFrame) -> pl.DataFrame:
    kinds = {name: pl.Int64 if name == "source_id" else pl.Float64 for name in text.columns}
    numbers = text.select(pl.col(name).cast(kind, strict=False) for name, kind in kinds.items())
    for name in text.columns:
        wrong = numbers[name].is_null()
        if name != "source_id":
            wrong &= text[name].is_not_null()
        bad = np.flatnonzero(wrong.to_numpy())
        if bad.size:
            raise TableError(
                f"`{name}` of {path} is no number in {bad.size} of {text.height} rows, first in "
                f"row {bad[0]} ({text[name][int(bad[0])]!r}); leave empty what is not known."
            )
    return numbers


def _check_grids(files: tuple[SpectraFile, ...], clip: int) -> None:
    first = files[0]
    for file in files[1:]:
        if file.wavelength.shape != first.wavelength.shape or not np.allclose(
            file.wavelength, first.wavelength, rtol=0, atol=1e-4
        ):
            raise TableError(
                f"{file.path} has {len(file.wavelength)} wavelengths from {file.wavelength[0]:g} "
                f"nm, {first.path} {len(first.wavelength)} from {first.wavelength[0]:g} nm: bring "
                "all spectra onto one grid."
            )
    if not 0 <= 2 * clip < len(first.wavelength):
        raise SettingsError(
            f"clip={clip} leaves nothing of {len(first.wavelength)} pixels: cut fewer off each end."
        )
