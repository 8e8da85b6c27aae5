"""Rows of spectra in blocks, wherever they lie."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.hmf.data.matrix import FloatArray

__all__ = ["Axes", "Description", "Layout", "RowBlocks", "StoredBlocks", "usual_rows"]

Description = dict[str, str | int | None]

# Y and W of one block: large enough that reading it outweighs opening the file.
BLOCK_BYTES = 2**26
# The kernels work on this many rows at once.
ROW_STEP = 8


class RowBlocks(Protocol):
    """Spectra in blocks of rows that need not fit into memory together.

    Block `b` holds the rows `start` to `stop` of `bounds(b)`. The bounds belong to the data: never
    to the number of workers, nor to what is left to do, so that sums over blocks are the same sums
    wherever they are taken.
    """

    @property
    def n_rows(self) -> int: ...
    @property
    def n_pixels(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def n_blocks(self) -> int: ...

    def bounds(self, block: int, /) -> tuple[int, int]:
        """The first row of the block, and the row after its last."""
        ...

    def read(self, block: int, /) -> tuple[FloatArray, FloatArray]:
        """`Y` and `W` of the block, C-contiguous and of this `dtype`.

        Shapes are checked here, and values by `check_blocks`.
        """
        ...

    def describe(self) -> Description:
        """Plain values from which `open_blocks(**description)` opens the same blocks again."""
        ...


@dataclass(frozen=True, slots=True)
class Axes:
    """What names the pixels and the rows of a file, as far as it says."""

    wavelength: NDArray[np.float64] | None = None
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How many rows and pixels, of which type, in blocks of how many `rows`."""

    n_rows: int
    n_pixels: int
    dtype: np.dtype[Any]
    rows: int

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise SettingsError(f"rows={self.rows} is no block: it needs at least one row.")

    @property
    def n_blocks(self) -> int:
        return -(-self.n_rows // self.rows)

    def bounds(self, block: int) -> tuple[int, int]:
        if not 0 <= block < self.n_blocks:
            raise SettingsError(
                f"there is no block {block}: they go from 0 to {self.n_blocks - 1}."
            )
        start = block * self.rows
        return start, min(start + self.rows, self.n_rows)


class StoredBlocks(ABC):
    """Blocks of equal size; a kind of file says only how a range of rows is loaded.

    Nothing is held open between reads, so threads and processes may share the file.
    """

    layout: Layout

    @property
    def n_rows(self) -> int:
        """Rows of all blocks together."""
        return self.layout.n_rows

    @property
    def n_pixels(self) -> int:
        """Pixels of each row."""
        return self.layout.n_pixels

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.layout.dtype

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.layout.n_blocks

    def bounds(self, block: int, /) -> tuple[int, int]:
        """The first row of the block, and the row after its last."""
        return self.layout.bounds(block)

    def read(self, block: int, /) -> tuple[FloatArray, FloatArray]:
        """`Y` and `W` of the block."""
        Y, W = self.load(*self.bounds(block))
        # Writeable, because a compiled kernel takes a read-only array for another type.
        right: Any = ["C", "A", "W"]
        return np.require(Y, self.dtype, right), np.require(W, self.dtype, right)

    def axes(self) -> Axes:
        """Wavelengths and names, where the file has them."""
        return Axes()

    @abstractmethod
    def load(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """`Y` and `W` of a range of rows, in whatever type they are stored."""

    @abstractmethod
    def describe(self) -> Description:
        """Plain values from which `open_blocks(**description)` opens the same blocks again."""


def usual_rows(pixels: int, dtype: np.dtype[Any], chunk: tuple[int, ...] | None = None) -> int:
    """Rows of a block where the caller does not say.

    A file's own chunk of whole rows, or else about 64 MiB of `Y` and `W`, whole chunks of them.
    """
    if chunk is not None and chunk[1] >= pixels:
        return chunk[0]
    step = ROW_STEP if chunk is None else chunk[0]
    return max(1, BLOCK_BYTES // (2 * pixels * dtype.itemsize * step)) * step
