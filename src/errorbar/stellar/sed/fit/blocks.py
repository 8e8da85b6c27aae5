"""Rows in blocks of one size, so that no row's bits depend on what it is asked with.

Matrix products take different routes for different numbers of rows, and their last bits differ.
"""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

__all__ = ["BLOCK", "in_blocks"]

BLOCK = 64


def in_blocks(rows: int, ask: Callable[[ndarray], tuple[ndarray, ...]]) -> tuple[ndarray, ...]:
    """What `ask` gives for all rows, asked for the places of `BLOCK` rows at a time.

    The last block is filled up with its first row, and what comes of that is dropped.
    """
    found = []
    for start in range(0, max(rows, 1), BLOCK):
        place = np.arange(start, min(start + BLOCK, rows))
        if not len(place):
            raise ValueError("there are no rows to ask for.")
        full = np.concatenate([place, np.full(BLOCK - len(place), place[0])])
        found.append([np.asarray(each)[: len(place)] for each in ask(full)])
    return tuple(np.concatenate(each) for each in zip(*found))
