"""HDF5 files of RVS spectra, read by rows and written in blocks.

The datasets are called as the archive calls its columns: `source_id` (whole numbers), `flux` and
`flux_error` (spectra by pixels), and `wavelength` (nm, vacuum). A file without wavelengths has the
archive's own grid if it has as many pixels as that. Pixels whose flux or error is not a number, or
whose error is not positive, were not measured.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.errors import MissingExtraError, TableError
from errorbar.hmf.data import inverse_variance
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.data.blocks.names import find_name, list_names

__all__ = ["DatasetNames", "SpectraFile", "SpectraWriter", "archive_grid", "open_spectra"]

FIRST_NM, STEP_NM, PIXELS = 846.0, 0.01, 2401
# What a wavelength in nm can be here; Angstrom and micrometres are outside.
RANGE_NM = (500.0, 1500.0)
# Rows that one read holds at most, 10 MB of flux, and one chunk of a file that is written here.
BLOCK_ROWS, CHUNK_ROWS = 1024, 64


@dataclass(frozen=True, slots=True)
class DatasetNames:
    """What a file calls its datasets, paths in groups included."""

    source_id: str = "source_id"
    flux: str = "flux"
    flux_error: str = "flux_error"
    wavelength: str = "wavelength"


@dataclass(frozen=True, slots=True, eq=False)
class SpectraFile:
    """A file whose datasets were found and fit together; spectra are read when asked for."""

    path: Path
    names: DatasetNames
    source_ids: ndarray
    wavelength: ndarray

    def __len__(self) -> int:
        return len(self.source_ids)

    def read(self, rows: ndarray, pixels: slice, Y: ndarray, W: ndarray, into: ndarray) -> None:
        """Put `pixels` of `rows` into the rows `into` of values and inverse variances."""
        order = np.argsort(rows, kind="stable")
        rows, into = rows[order], into[order]
        far = (np.diff(rows) > CHUNK_ROWS) | (np.diff(rows // BLOCK_ROWS) > 0)
        edges = np.flatnonzero(far) + 1
        with _opened(self.path) as file:
            flux, error = file[self.names.flux], file[self.names.flux_error]
            for part, at in zip(np.split(rows, edges), np.split(into, edges)):
                if part.size:
                    span = slice(int(part[0]), int(part[-1]) + 1)
                    inside = part - part[0]
                    try:
                        values = flux[span, pixels][inside]
                        errors = error[span, pixels][inside]
                    except OSError as fault:
                        raise TableError(
                            f"{self.path} cannot be read at rows {span.start} to {span.stop - 1} "
                            f"({fault}): the file is damaged; make or fetch it again."
                        ) from fault
                    Y[at], W[at] = _measured(values, errors)


class SpectraWriter:
    """An HDF5 file that grows by blocks of spectra."""

    def __init__(self, file: Any, wavelength: ndarray) -> None:
        self.file, self.count = file, 0
        pixels = len(wavelength)
        file.create_dataset("wavelength", data=np.asarray(wavelength, dtype=np.float64))
        file.create_dataset("source_id", (0,), np.int64, maxshape=(None,), chunks=(8192,))
        for name in ("flux", "flux_error"):
            file.create_dataset(
                name, (0, pixels), np.float32, maxshape=(None, pixels), chunks=(CHUNK_ROWS, pixels)
            )

    @classmethod
    @contextmanager
    def to(cls, path: Path, wavelength: ndarray) -> Iterator["SpectraWriter"]:
        """A file that is there once all spectra are in it, and not before."""
        h5py = _h5py()
        with landing(path) as part, h5py.File(part, "w") as file:
            yield cls(file, wavelength)

    def add(self, source_ids: ndarray, flux: ndarray, flux_error: ndarray) -> None:
        """Spectra after those that are there, NaN where nothing was measured."""
        start, self.count = self.count, self.count + len(source_ids)
        for name, block in (("source_id", source_ids), ("flux", flux), ("flux_error", flux_error)):
            self.file[name].resize(self.count, axis=0)
            self.file[name][start:] = block


def archive_grid() -> ndarray:
    """The 2401 wavelengths (nm, vacuum) of every RVS mean spectrum of Gaia DR3."""
    return np.round(FIRST_NM + STEP_NM * np.arange(PIXELS), 2)


def open_spectra(path: str | Path, names: DatasetNames | None = None) -> SpectraFile:
    """The file, or what is wrong with it; only identifiers and wavelengths are read."""
    path = Path(path)
    wanted = DatasetNames() if names is None else names
    with _opened(path) as file:
        there = _datasets(file)
        # What is not there by its given name may be by the archive's.
        found = {
            key: find_name(there, name) or find_name(there, key)
            for key, name in asdict(wanted).items()
        }
        lacking = [
            getattr(wanted, key)
            for key, name in found.items()
            if name is None and key != "wavelength"
        ]
        if lacking:
            raise TableError(
                f"{path} has no dataset {list_names(lacking)}; it has "
                f"{list_names(f'{name} {shape}' for name, shape in there.items())}. Say what it "
                "calls them in the section [names] of the settings."
            )
        names = DatasetNames(**{key: name or "" for key, name in found.items()})
        _check_shapes(path, names, there)
        ids = file[names.source_id][:]
        grid = file[names.wavelength][:] if names.wavelength else None
    if ids.dtype.kind not in "iu":
        raise TableError(
            f"`{names.source_id}` of {path} holds {ids.dtype}, which is no identifier: Gaia's have "
            "up to 19 digits, more than a float64 keeps; store them as int64."
        )
    axis = _wavelength(path, names, grid, there[names.flux][1])
    return SpectraFile(path, names, ids.astype(np.int64), axis)


def _measured(flux: ndarray, errors: ndarray) -> tuple[ndarray, ndarray]:
    known = np.isfinite(flux)
    weights = np.where(known, inverse_variance(errors, missing=True), 0)
    return np.where(known, flux, 0), weights


def _check_shapes(path: Path, names: DatasetNames, there: Mapping[str, tuple[int, ...]]) -> None:
    flux, error, ids = (there[name] for name in (names.flux, names.flux_error, names.source_id))
    if len(flux) != 2 or 0 in flux or flux != error or ids != flux[:1]:
        raise TableError(
            f"the datasets of {path} do not fit together: `{names.source_id}` {ids}, "
            f"`{names.flux}` {flux} and `{names.flux_error}` {error}; the last two must have a row "
            "for each identifier and a column for each pixel."
        )


def _wavelength(path: Path, names: DatasetNames, grid: Any, pixels: int) -> ndarray:
    if grid is None:
        if pixels != PIXELS:
            raise TableError(
                f"{path} has no wavelengths, and {pixels} pixels are not the archive's {PIXELS}: "
                "add a dataset `wavelength` in nm."
            )
        return archive_grid()
    axis = np.asarray(grid, dtype=np.float64)
    if axis.shape != (pixels,) or not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
        raise TableError(
            f"`{names.wavelength}` of {path} has shape {axis.shape}: it must increase and have one "
            f"number for each of the {pixels} pixels."
        )
    if axis[0] < RANGE_NM[0] or axis[-1] > RANGE_NM[1]:
        raise TableError(
            f"`{names.wavelength}` of {path} runs from {axis[0]:g} to {axis[-1]:g}: it must be in "
            "nm (846 to 870 for the archive's spectra)."
        )
    return axis


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    h5py = _h5py()
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the spectra.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise TableError(
            f"{path} cannot be read as HDF5 ({error}): it was cut short, or is of another format."
        ) from error
    with file:
        yield file


def _datasets(file: Any) -> dict[str, tuple[int, ...]]:
    h5py = _h5py()
    found: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = tuple(item.shape)

    file.visititems(note)
    return found


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "hmf") from error
    return h5py
