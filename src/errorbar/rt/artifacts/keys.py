"""Ids of pairs, where they stand in a table, and what is known of a row."""

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

__all__ = ["find_places", "known_codes", "pair_keys"]


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


def known_codes(
    *,
    pair: Bool[ndarray, " rows"],
    species: Bool[ndarray, " rows"],
    compound: Bool[ndarray, " rows"],
) -> Int[ndarray, " rows"]:
    """Places in `KNOWN` of rows whose pair, species and compound were seen or not."""
    return np.select([pair, species & compound, compound, species], [0, 1, 2, 3], default=4)
