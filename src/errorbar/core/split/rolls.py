"""A number for each id that depends on the id and the seed alone: not on rows, order or others.

BLAKE2b with 8 bytes of digest over the id as UTF-8 text, keyed by the seed and by what the number
is for, so that the folds of one seed have nothing to do with its shares.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy import ndarray

__all__ = ["ALGORITHM", "digests", "texts", "uniform"]

# Kept with every split: another algorithm gets another name.
ALGORITHM = "blake2b-64/1"


def digests(ids: ndarray, seed: int, purpose: str) -> ndarray:
    """64-bit hashes of ids."""
    return hash_texts(texts(ids), seed, purpose)


def hash_texts(names: Sequence[str], seed: int, purpose: str) -> ndarray:
    """64-bit hashes of text."""
    base = blake2b(digest_size=8, key=blake2b(f"{purpose}\n{seed}".encode()).digest())
    found = bytearray()
    for name in names:
        # A copy of the keyed state is half the price of a new one.
        state = base.copy()
        state.update(name.encode())
        found += state.digest()
    return np.frombuffer(bytes(found), dtype="<u8").astype(np.uint64)


def texts(ids: ndarray) -> list[str]:
    """Ids as text, in which a whole number and its digits are the same."""
    if ids.dtype.kind in "iu":
        return [str(value) for value in ids.tolist()]
    return ids.tolist()


def uniform(hashed: ndarray) -> ndarray:
    """Hashes as numbers in [0, 1), with 53 bits."""
    return (hashed >> np.uint64(11)) * 2.0**-53
