"""Numbers for runs as they are met, the same in every batch of a table."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from errorbar.core.errors import TableError

__all__ = ["RunRegister"]

# Odd numbers without structure (from the digits of pi and e) spread three ids over 64 bits.
SPREAD = np.array([0x243F6A8885A308D3, 0x13198A2E03707345, 0x5BE0CD19137E2179], dtype=np.uint64)


@dataclass(slots=True, eq=False)
class RunRegister:
    """The runs met so far by their three keys; a run's number is its place in `keys`.

    Runs are looked up by a 64-bit hash among the sorted hashes of those met, which takes a sort of
    each batch and no more. That two runs share a hash is checked, not assumed away.
    """

    keys: Int[ndarray, "runs 3"] = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    hashes: ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    numbers: ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def number(
        self, keys: Int[ndarray, "rows 3"], *, in_order: bool = False
    ) -> Int[ndarray, " rows"]:
        """The runs' numbers; new ones follow in order of their keys, or as they are met."""
        distinct, first, inverse = np.unique(_hash(keys), return_index=True, return_inverse=True)
        at = np.searchsorted(self.hashes, distinct)
        known = np.zeros(len(distinct), dtype=bool)
        inside = at < len(self.hashes)
        known[inside] = self.hashes[at[inside]] == distinct[inside]
        number = np.empty(len(distinct), dtype=np.int64)
        number[known] = self.numbers[at[known]]
        if not known.all():
            fresh = keys[first[~known]]
            order = np.lexsort(fresh.T[::-1]) if in_order else np.argsort(first[~known])
            count = len(self.keys)
            new = np.empty(len(fresh), dtype=np.int64)
            new[order] = np.arange(count, count + len(fresh))
            number[~known] = new
            self.keys = np.concatenate([self.keys, fresh[order]])
            self.hashes = np.insert(self.hashes, at[~known], distinct[~known])
            self.numbers = np.insert(self.numbers, at[~known], new)
        run = number[inverse]
        if not np.array_equal(self.keys[run], keys):
            raise TableError(
                "two runs of this table have one 64-bit hash: number its task_id anew from 0."
            )
        return run


def _hash(keys: Int[ndarray, "rows 3"]) -> ndarray:
    mixed = keys.astype(np.uint64) @ SPREAD
    mixed ^= mixed >> np.uint64(29)
    return mixed * np.uint64(0xBF58476D1CE4E5B9)
