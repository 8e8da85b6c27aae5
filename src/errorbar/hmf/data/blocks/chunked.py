"""Blocks of HDF5 and Zarr files, which keep matrices in chunks."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import MissingExtraError, TableError
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.data.blocks.layout import (
    Axes,
    Description,
    Layout,
    RowBlocks,
    StoredBlocks,
    usual_rows,
)
from errorbar.hmf.data.blocks.names import (
    FLUX,
    IDS,
    IVAR,
    WAVELENGTH,
    check_shapes,
    find_name,
    find_pair,
    pad_names,
    unpad_names,
)
from errorbar.hmf.data.matrix import float_type

__all__ = ["Hdf5Blocks", "ZarrBlocks", "write_hdf5", "write_zarr"]


class ChunkedBlocks(StoredBlocks):
    """What HDF5 and Zarr have in common: named arrays that are read by ranges of rows."""

    format: str

    def __init__(
        self,
        path: str | Path,
        *,
        rows: int | None = None,
        flux: str | None = None,
        ivar: str | None = None,
    ):
        self.path = Path(path)
        with self.arrays() as arrays:
            self.flux, self.ivar = find_pair(arrays, self.path, flux, ivar)
            Y, W = arrays[self.flux], arrays[self.ivar]
            check_shapes(self.path, self.flux, Y.shape, self.ivar, W.shape)
            for name, array in ((self.flux, Y), (self.ivar, W)):
                if np.dtype(array.dtype).kind not in "fiu":
                    raise TableError(f"`{name}` of {path} holds {array.dtype}: it must be numbers.")
            kind = float_type(np.dtype(Y.dtype), np.dtype(W.dtype))
            size = usual_rows(Y.shape[1], kind, Y.chunks) if rows is None else rows
            self.layout = Layout(Y.shape[0], Y.shape[1], kind, size)

    @abstractmethod
    def arrays(self) -> AbstractContextManager[Mapping[str, Any]]:
        """The file's arrays by name, while it is open."""

    def load(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows, read from the file."""
        with self.arrays() as arrays:
            return arrays[self.flux][start:stop], arrays[self.ivar][start:stop]

    def axes(self) -> Axes:
        """From the arrays `wavelength` and `ids`."""
        with self.arrays() as arrays:
            axis, names = (find_name(arrays, name) for name in (WAVELENGTH, IDS))
            ids = None if names is None else arrays[names][:]
            return Axes(
                None if axis is None else np.asarray(arrays[axis][:], dtype=np.float64),
                None if ids is None else _strings(ids),
            )

    def describe(self) -> Description:
        """Path, rows of a block, and the two arrays' names."""
        return {
            "path": str(self.path.resolve()),
            "format": self.format,
            "rows": self.layout.rows,
            "flux": self.flux,
            "ivar": self.ivar,
        }


class Hdf5Blocks(ChunkedBlocks):
    """Blocks of two datasets of an HDF5 file, in any group of it."""

    format = "hdf5"

    @contextmanager
    def arrays(self) -> Iterator[Mapping[str, Any]]:
        """The file's datasets, those in groups named by their paths."""
        h5py = _h5py()
        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            raise TableError(f"{self.path} cannot be read as HDF5 ({error}).") from error
        with file:
            found: dict[str, Any] = {}

            def note(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset):
                    found[name] = item

            file.visititems(note)
            yield found


class ZarrBlocks(ChunkedBlocks):
    """Blocks of two arrays of a Zarr group."""

    format = "zarr"

    @contextmanager
    def arrays(self) -> Iterator[Mapping[str, Any]]:
        """The group's arrays."""
        zarr = _zarr()
        try:
            group = zarr.open_group(self.path, mode="r")
        except (OSError, ValueError) as error:
            raise TableError(
                f"{self.path} cannot be read as a Zarr group ({type(error).__name__}: {error})."
            ) from error
        yield cast("Mapping[str, Any]", dict(group.arrays()))


def write_hdf5(path: Path, blocks: RowBlocks, axes: Axes) -> None:
    """Datasets `flux` and `ivar`, a chunk for each block."""
    h5py = _h5py()
    shape = (blocks.n_rows, blocks.n_pixels)
    with landing(path) as part, h5py.File(part, "w") as file:
        chunks = (blocks.bounds(0)[1], blocks.n_pixels)
        Y, W = (
            file.create_dataset(name, shape, blocks.dtype, chunks=chunks) for name in (FLUX, IVAR)
        )
        _copy(blocks, Y, W)
        if axes.wavelength is not None:
            file.create_dataset(WAVELENGTH, data=axes.wavelength)
        if axes.ids is not None:
            file.create_dataset(IDS, data=list(axes.ids), dtype=h5py.string_dtype())


def write_zarr(path: Path, blocks: RowBlocks, axes: Axes) -> None:
    """Arrays `flux` and `ivar`, a chunk for each block."""
    zarr = _zarr()
    shape = (blocks.n_rows, blocks.n_pixels)
    with landing(path) as part:
        group = zarr.create_group(part)
        chunks = (blocks.bounds(0)[1], blocks.n_pixels)
        Y, W = (
            group.create_array(
                name, shape=shape, dtype=blocks.dtype, chunks=chunks, compressors=None
            )
            for name in (FLUX, IVAR)
        )
        _copy(blocks, Y, W)
        if axes.wavelength is not None:
            group.create_array(WAVELENGTH, data=np.asarray(axes.wavelength))
        if axes.ids is not None:
            # Zarr has no settled type for strings.
            group.create_array(IDS, data=pad_names(axes.ids))


def _copy(blocks: RowBlocks, Y: Any, W: Any) -> None:
    for block in range(blocks.n_blocks):
        start, stop = blocks.bounds(block)
        Y[start:stop], W[start:stop] = blocks.read(block)


def _strings(ids: NDArray[Any]) -> tuple[str, ...]:
    if ids.ndim == 2:
        return unpad_names(ids)
    return tuple(each.decode() if isinstance(each, bytes) else str(each) for each in ids)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "hmf") from error
    return h5py


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("zarr", "hmf") from error
    return zarr
