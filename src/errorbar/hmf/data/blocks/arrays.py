"""Blocks of arrays: in memory, or in two NPY files mapped into it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import SettingsError, TableError
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.data.blocks.layout import (
    Axes,
    Description,
    Layout,
    RowBlocks,
    StoredBlocks,
    usual_rows,
)
from errorbar.hmf.data.blocks.names import FLUX, IDS, IVAR, WAVELENGTH, check_shapes
from errorbar.hmf.data.matrix import check_matrix, float_type

__all__ = ["ArrayBlocks", "NpyBlocks", "write_npy"]

# Endings of the two files' names, before `.npy`; a bare `Y.npy` and `W.npy` are a pair too.
PAIRS = ((FLUX, IVAR), ("Y", "W"))


class ArrayBlocks(StoredBlocks):
    """Blocks of two matrices in memory, checked as `check_matrix` does; blocks are not copied."""

    def __init__(self, Y: ArrayLike, W: ArrayLike | None = None, *, rows: int | None = None):
        self.Y, self.W = check_matrix(Y, W)
        size = usual_rows(self.Y.shape[1], self.Y.dtype) if rows is None else rows
        self.layout = Layout(self.Y.shape[0], self.Y.shape[1], self.Y.dtype, size)

    def load(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Views of the rows."""
        return self.Y[start:stop], self.W[start:stop]

    def describe(self) -> Description:
        """Refused: arrays in memory are nowhere else."""
        raise SettingsError(
            "blocks in memory cannot be opened by another process: write them to a file with "
            "`write_blocks` and open that."
        )


class NpyBlocks(StoredBlocks):
    """Blocks of a pair of NPY files, read as the kernel touches them.

    `path` is either file of a pair such as `stars_flux.npy` and `stars_ivar.npy`, `stars_Y.npy` and
    `stars_W.npy`, `Y.npy` and `W.npy`; or `stars.npy`, a name that stands for the pair.
    """

    def __init__(self, path: str | Path, *, rows: int | None = None):
        self.path = Path(path)
        self.files = npy_pair(self.path)
        Y, W = self.load(0, 1)
        self.layout = Layout(
            len(self._open(0)),
            Y.shape[1],
            float_type(Y.dtype, W.dtype),
            usual_rows(Y.shape[1], float_type(Y.dtype, W.dtype)) if rows is None else rows,
        )

    def load(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows as the files' own memory: a change of them stays in memory."""
        Y, W = self._open(0), self._open(1)
        first, second = (file.name for file in self.files)
        check_shapes(self.path.parent, first, Y.shape, second, W.shape)
        return Y[start:stop], W[start:stop]

    def axes(self) -> Axes:
        """From files beside the pair whose names end in `wavelength` and `ids`."""
        stem = _stem(self.files[0])
        parts: dict[str, NDArray[Any]] = {}
        for name in (WAVELENGTH, IDS):
            file = self.path.with_name(f"{stem}{name}.npy")
            if file.is_file():
                parts[name] = np.load(file, allow_pickle=False)
        ids = parts.get(IDS)
        return Axes(parts.get(WAVELENGTH), None if ids is None else tuple(map(str, ids)))

    def describe(self) -> Description:
        """Path and rows of a block."""
        return {"path": str(self.path.resolve()), "format": "npy", "rows": self.layout.rows}

    def _open(self, which: int) -> NDArray[Any]:
        file = self.files[which]
        try:
            # Copy on write: nothing reaches the file, and kernels see an ordinary array.
            return np.asarray(np.load(file, mmap_mode="c", allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise TableError(
                f"{file} cannot be read as NPY ({error}): save plain numbers with `np.save`."
            ) from error


def npy_pair(path: Path) -> tuple[Path, Path]:
    """The files with values and weights that `path` stands for."""
    tried: list[str] = []
    for ends in PAIRS:
        first, second = (path.with_name(f"{_stem(path)}{end}.npy") for end in ends)
        if first.is_file() and second.is_file():
            return first, second
        tried.append(f"{first.name} and {second.name}")
    raise TableError(
        f"{path} is not one of a pair of NPY files: values and inverse variances lie side by side "
        f"as {', or '.join(tried)}."
    )


def write_npy(path: Path, blocks: RowBlocks, axes: Axes) -> None:
    """The pair that `path` stands for, and files for wavelengths and names beside it."""
    if path.suffix != ".npy":
        raise SettingsError(f"{path} must end in .npy: it stands for the pair of files.")
    named = _stem(path)
    shape = (blocks.n_rows, blocks.n_pixels)
    files = [path.with_name(f"{named}{end}.npy") for end in (FLUX, IVAR)]
    with landing(files[0]) as first, landing(files[1]) as second:
        Y, W = (
            np.lib.format.open_memmap(part, mode="w+", dtype=blocks.dtype, shape=shape)
            for part in (first, second)
        )
        for block in range(blocks.n_blocks):
            rows = slice(*blocks.bounds(block))
            Y[rows], W[rows] = blocks.read(block)
        Y.flush()
        W.flush()
    for name, values in ((WAVELENGTH, axes.wavelength), (IDS, axes.ids)):
        if values is not None:
            with landing(path.with_name(f"{named}{name}.npy")) as part, part.open("xb") as file:
                np.save(file, np.asarray(values), allow_pickle=False)


def _stem(path: Path) -> str:
    """What the names of a pair have in common: `stars_` of `stars_flux.npy`, nothing of `Y.npy`."""
    for end in (end for pair in PAIRS for end in pair):
        if path.stem == end or path.stem.endswith(f"_{end}"):
            return path.stem.removesuffix(end)
    return f"{path.stem}_"
