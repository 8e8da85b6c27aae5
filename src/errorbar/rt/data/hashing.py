"""A hash of whole numbers that is the same on every machine and in every version.

SplitMix64's finaliser (Steele, Lea & Flood 2014, OOPSLA), chained over columns.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped, UInt64
from numpy import ndarray

__all__ = ["hash_columns", "uniform"]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hash_columns(
    columns: Sequence[Shaped[ndarray, " rows"]], seed: int = 0
) -> UInt64[ndarray, " rows"]:
    """64 bits for each row of whole numbers or floats; equal rows have equal hashes."""
    state = _mix(np.array([seed], dtype=np.int64).astype(np.uint64) * GOLDEN + GOLDEN)
    for column in columns:
        state = _mix(_bits(column) + state * GOLDEN)
    return state


def uniform(hashes: UInt64[ndarray, " rows"]) -> Float[ndarray, " rows"]:
    """A number in [0, 1) for each hash."""
    return (hashes >> np.uint64(11)) / 2.0**53


def _bits(column: Shaped[ndarray, " rows"]) -> UInt64[ndarray, " rows"]:
    if column.dtype.kind == "f":
        # Adding 0 turns -0.0 into 0.0, which it equals.
        return (column.astype(np.float64) + 0.0).view(np.uint64)
    return column.astype(np.int64).astype(np.uint64)


def _mix(z: ndarray) -> ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
