"""Ids of pairs, and where ids stand in a table."""

import numpy as np
from jaxtyping import Int
from numpy import ndarray

__all__ = ["MAX_GROUP", "MAX_ID", "find_places", "pair_keys"]

# A group's key is `(group << 32) + compound`, a whole number of 64 bits with a sign.
MAX_ID = 2**32 - 1
MAX_GROUP = 2**31 - 1


def pair_keys(
    group: Int[ndarray, " rows"], compound: Int[ndarray, " rows"]
) -> Int[ndarray, " rows"]:
    """`(group << 32) + compound`, whatever width the ids have."""
    return (group.astype(np.int64) << 32) + compound.astype(np.int64)


def find_places(
    ids: Int[ndarray, " known"], asked: Int[ndarray, " asked"]
) -> Int[ndarray, " asked"]:
    """Where each id stands in `ids`, which are sorted and differ; -1 where it is not there."""
    if not len(ids):
        return np.full(len(asked), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(ids, asked), len(ids) - 1)
    return np.where(ids[at] == asked, at, -1)
