"""Whole sets of spectra in files, by the ending of their names."""

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import InputError, MissingExtraError, SettingsError, TableError
from errorbar.hmf.data.blocks import ArrayBlocks, StoredBlocks, open_blocks, write_blocks
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.data.blocks.names import (
    FLUX,
    IDS,
    IVAR,
    WAVELENGTH,
    check_shapes,
    find_name,
    find_pair,
    list_names,
    pad_names,
    unpad_names,
)
from errorbar.hmf.data.spectra import Spectra

__all__ = ["open_fits", "read_spectra", "write_spectra"]

FITS = (".fits", ".fit", ".fits.gz", ".fit.gz")


def read_spectra(path: str | Path, *, flux: str | None = None, ivar: str | None = None) -> Spectra:
    """All spectra of a file, in memory.

    By its ending: `.npz`; one of a pair of `.npy`; `.h5`, `.hdf5`; `.zarr`; `.parquet`; `.fits`,
    with images `FLUX`, `IVAR` (and `WAVELENGTH`), or a table whose rows hold a vector of each. The
    matrices are `flux` and `ivar` or `Y` and `W`, unless their names are given; an array
    `wavelength` and names `ids` are read where they are.
    """
    path = Path(path)
    if path.suffix.lower() != ".npy" and not path.exists():
        raise TableError(f"there is no file {path}: check the path of the spectra.")
    if path.suffix.lower() == ".npz":
        return _read_npz(path, flux, ivar)
    if path.name.lower().endswith(FITS):
        return _read_fits(path, flux, ivar)
    return _read_all(open_blocks(path, flux=flux, ivar=ivar))


def write_spectra(path: str | Path, spectra: Spectra) -> Path:
    """Puts spectra into one file, in the format that the path's ending says.

    The same endings are known as for reading; a `.npy` stands for a pair of files beside it.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        _write_npz(path, spectra)
    elif path.name.lower().endswith(FITS):
        _write_fits(path, spectra)
    else:
        blocks = ArrayBlocks(spectra.Y, spectra.W)
        write_blocks(path, blocks, wavelength=spectra.wavelength, ids=spectra.ids)
    return path


@contextmanager
def open_fits(path: Path) -> Iterator[Any]:
    """A FITS file while it is open; headers that bend the standard are read as they are."""
    fits = _astropy_fits()
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the spectra.")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(?s).*header keyword is invalid")
        warnings.filterwarnings("ignore", category=fits.verify.VerifyWarning)
        try:
            file = fits.open(path, memmap=False)
        except OSError as error:
            raise TableError(f"{path} cannot be read as FITS ({error}).") from error
        with file:
            yield file


def _read_all(blocks: StoredBlocks) -> Spectra:
    shape = (blocks.n_rows, blocks.n_pixels)
    Y, W = np.empty(shape, blocks.dtype), np.empty(shape, blocks.dtype)
    for block in range(blocks.n_blocks):
        rows = slice(*blocks.bounds(block))
        Y[rows], W[rows] = blocks.read(block)
    axes = blocks.axes()
    return Spectra(Y, W, axes.ids, axes.wavelength)


def _read_npz(path: Path, flux: str | None, ivar: str | None) -> Spectra:
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as members:
            names = [name.removesuffix(".npy") for name in members.namelist()]
        first, second = find_pair(names, path, flux, ivar)
        axis, ids = (find_name(names, name) for name in (WAVELENGTH, IDS))
        with np.load(path, allow_pickle=False) as file:
            for name in (first, second, axis, ids):
                if name is not None:
                    arrays[name] = file[name]
    except (zipfile.BadZipFile, EOFError) as error:
        raise TableError(f"{path} cannot be read as NPZ ({error}).") from error
    except InputError:
        raise
    except ValueError as error:
        raise TableError(
            f"{path} cannot be read as NPZ ({error}): save plain numbers with `np.savez`."
        ) from error
    return _spectra(path, arrays, first, second)


def _write_npz(path: Path, spectra: Spectra) -> None:
    arrays: dict[str, Any] = {FLUX: spectra.Y, IVAR: spectra.W}
    if spectra.wavelength is not None:
        arrays[WAVELENGTH] = spectra.wavelength
    if spectra.ids is not None:
        arrays[IDS] = np.asarray(spectra.ids)
    with landing(path) as part, part.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _read_fits(path: Path, flux: str | None, ivar: str | None) -> Spectra:
    with open_fits(path) as file:
        arrays: dict[str, NDArray[Any]] = {}
        for unit in file:
            if hasattr(unit, "columns"):
                # An image of a name goes before a column of it, a first table before a second.
                for name in unit.columns.names:
                    arrays.setdefault(name, unit.data[name])
            elif unit.data is not None:
                arrays[unit.name] = unit.data
    first, second = find_pair(arrays, path, flux, ivar)
    if arrays[first].ndim == 1:
        raise TableError(
            f"`{first}` of {path} is one spectrum of {arrays[first].size} pixels, not a matrix "
            f"of them: {list_names(arrays)} look like a survey's own file, which the readers "
            "of errorbar.hmf.data.archives take."
        )
    return _spectra(path, arrays, first, second)


def _spectra(path: Path, arrays: Mapping[str, NDArray[Any]], first: str, second: str) -> Spectra:
    check_shapes(path, first, arrays[first].shape, second, arrays[second].shape)
    axis, names = (find_name(arrays, name) for name in (WAVELENGTH, IDS))
    return Spectra.of(
        arrays[first],
        arrays[second],
        ids=None if names is None else _names(arrays[names]),
        wavelength=None if axis is None else arrays[axis],
    )


def _names(column: NDArray[Any]) -> tuple[str, ...]:
    if column.ndim == 2:
        return unpad_names(column)
    return tuple(str(name) for name in column)


def _write_fits(path: Path, spectra: Spectra) -> None:
    fits = _astropy_fits()
    if path.suffix == ".gz":
        raise SettingsError(f"{path}: write plain .fits and compress it afterwards.")
    units = [fits.PrimaryHDU(), fits.ImageHDU(spectra.Y, name="FLUX")]
    units.append(fits.ImageHDU(spectra.W, name="IVAR"))
    if spectra.wavelength is not None:
        units.append(fits.ImageHDU(np.array(spectra.wavelength), name="WAVELENGTH"))
    if spectra.ids is not None:
        # Bytes, because the strings of FITS are ASCII and lose the blanks at their ends.
        units.append(fits.ImageHDU(pad_names(spectra.ids), name="IDS"))
    with landing(path) as part:
        fits.HDUList(units).writeto(part)


def _astropy_fits() -> Any:
    try:
        from astropy.io import fits
    except ImportError as error:
        raise MissingExtraError("astropy", "hmf") from error
    return fits
