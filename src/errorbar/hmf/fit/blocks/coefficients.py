"""Coefficients on disk, each block's in a file of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import EngineError

__all__ = ["BlockCoefficients", "block_file", "read_block", "result_file", "write_block"]

KIND = "hmf.blocks.coefficients"


@dataclass(frozen=True, slots=True)
class BlockCoefficients:
    """The coefficients of all rows: iterate over `(block, (start, stop), A)`, rows in order.

    `job` is the fingerprint of the job whose result they are, `bounds` the rows of each block.
    """

    folder: Path
    job: str
    bounds: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.bounds)

    def __iter__(self) -> Iterator[tuple[int, tuple[int, int], ndarray]]:
        for block, rows in enumerate(self.bounds):
            yield block, rows, self.read(block)

    def read(self, block: int) -> ndarray:
        """The coefficients of one block."""
        return read_block(result_file(self.folder, block), self.job, block)[0]

    def passes(self, block: int) -> ndarray | None:
        """Of an inference: the passes of each row of a block, negative if it did not rest."""
        return read_block(result_file(self.folder, block), self.job, block)[1]

    def gather(self) -> ndarray:
        """All coefficients in memory."""
        return np.concatenate([A for _, _, A in self])


def block_file(folder: Path, block: int, it: int) -> Path:
    """Where the coefficients of a block lie on the way, after iteration `it`."""
    return folder / f"block-{block:06d}-{it:06d}.safetensors"


def result_file(folder: Path, block: int) -> Path:
    """Where those of the end lie."""
    return folder / f"coefficients-{block:06d}.safetensors"


def write_block(
    path: Path, job: str, block: int, A: ndarray, passes: ndarray | None = None
) -> None:
    """Puts a block's coefficients on disk, whole or not at all."""
    arrays = {"A": A} if passes is None else {"A": A, "passes": passes}
    write_artifact(path, KIND, arrays, {"job": job, "block": block})


def read_block(path: Path, job: str, block: int) -> tuple[ndarray, ndarray | None]:
    """A block's coefficients, if they are those of this job and block."""
    held = read_artifact(path, KIND)
    if held.manifest != {"job": job, "block": block}:
        raise EngineError(
            f"{path} holds coefficients of another job or block: give this fit another folder, or "
            "delete the folder."
        )
    # Kernels take a read-only array for another type.
    return np.array(held.arrays["A"]), held.arrays.get("passes")
