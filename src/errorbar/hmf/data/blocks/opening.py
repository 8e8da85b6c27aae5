"""The same blocks opened and written whatever the file's format."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data.blocks.arrays import NpyBlocks, write_npy
from errorbar.hmf.data.blocks.chunked import Hdf5Blocks, ZarrBlocks, write_hdf5, write_zarr
from errorbar.hmf.data.blocks.layout import Axes, RowBlocks, StoredBlocks
from errorbar.hmf.data.blocks.parquet import ParquetBlocks, write_parquet
from errorbar.hmf.data.matrix import Faults
from errorbar.hmf.data.report import MatrixReport, Tally
from errorbar.hmf.data.spectra import check_ids, check_wavelength

__all__ = ["BlockFormat", "block_format", "check_blocks", "open_blocks", "write_blocks"]

BlockFormat = Literal["npy", "hdf5", "zarr", "parquet"]

SUFFIXES: Mapping[str, BlockFormat] = MappingProxyType(
    {
        ".npy": "npy",
        ".h5": "hdf5",
        ".hdf5": "hdf5",
        ".hdf": "hdf5",
        ".zarr": "zarr",
        ".parquet": "parquet",
        ".pq": "parquet",
    }
)
WRITERS: Mapping[str, Callable[[Path, RowBlocks, Axes], None]] = MappingProxyType(
    {"npy": write_npy, "hdf5": write_hdf5, "zarr": write_zarr, "parquet": write_parquet}
)


def open_blocks(
    path: str | Path,
    *,
    format: str | None = None,
    rows: int | None = None,
    flux: str | None = None,
    ivar: str | None = None,
) -> StoredBlocks:
    """Spectra in a file, block by block, opened without reading them.

    `format` follows from the path's ending unless it is given. A block has `rows` rows, or as many
    as the file's own chunks. `flux` and `ivar` name the two matrices where they have unusual names
    (usual ones are `flux` and `ivar`, `Y` and `W`). What `describe` of blocks gives are arguments
    of this function, so another process can open the same blocks.
    """
    path = Path(path)
    kind = block_format(path, format)
    if kind == "npy":
        if flux is not None or ivar is not None:
            raise SettingsError("an NPY file has no names in it: leave `flux` and `ivar` out.")
        return NpyBlocks(path, rows=rows)
    if not path.exists():
        raise TableError(f"there is no file {path}: check the path of the spectra.")
    if kind == "parquet":
        return ParquetBlocks(path, rows=rows, flux=flux, ivar=ivar)
    opener = Hdf5Blocks if kind == "hdf5" else ZarrBlocks
    return opener(path, rows=rows, flux=flux, ivar=ivar)


def write_blocks(
    path: str | Path,
    blocks: RowBlocks,
    format: str | None = None,
    *,
    wavelength: ArrayLike | None = None,
    ids: Sequence[str] | None = None,
) -> Path:
    """Puts spectra into a file, block by block, in its format's chunks or row groups.

    Only one block is in memory at a time. Wavelengths and names go along where they are given. The
    file appears once it is whole; a file there before is replaced, a Zarr folder there is refused.
    Nothing is compressed: noise shrinks by a tenth, and each pass over the data would wait longer.
    """
    path = Path(path)
    kind = block_format(path, format)
    axes = Axes(check_wavelength(wavelength, blocks.n_pixels), check_ids(ids, blocks.n_rows))
    WRITERS[kind](path, blocks, axes)
    return path


def check_blocks(blocks: RowBlocks, rank: int) -> MatrixReport:
    """Reads all blocks once: refuses what `check_matrix` would, and reports what is left open."""
    faults, tally = Faults(), Tally(blocks.n_pixels)
    for block in range(blocks.n_blocks):
        Y, W = blocks.read(block)
        faults.look(Y, W, blocks.bounds(block)[0])
        tally.count(W)
    faults.refuse()
    return tally.report(rank)


def block_format(path: Path, format: str | None = None) -> BlockFormat:
    """The format asked for, or the one that the path's ending says."""
    known: tuple[Any, ...] = get_args(BlockFormat)
    if format is not None:
        if format not in known:
            raise SettingsError(f"format={format!r} is not one of {', '.join(known)}.")
        return format  # pyright: ignore[reportReturnType]
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise SettingsError(
            f"{path} does not say by its ending what it is: it must be one of "
            f"{', '.join(SUFFIXES)}, or give format=... ({', '.join(known)})."
        )
    return kind
