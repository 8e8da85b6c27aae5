"""The rows that a first fit sees, drawn from all blocks in one reading.

A tenth by lot, but a thousand at least, and those that carry most weight, or as many as the memory
set aside for them holds. The first fit begins as one in memory does.
"""

import numpy as np
from numpy import ndarray

from errorbar.hmf.data import RowBlocks
from errorbar.hmf.fit.blocks.visit import read_ahead
from errorbar.hmf.fit.starts import BY_LOT, BY_WEIGHT, SPARE_ROWS, first_basis
from errorbar.hmf.model import Likelihood, Regulariser

__all__ = ["Sample", "sample_rows", "sampled_basis"]

# Of values and weights together.
SAMPLE_BYTES = 2**30


class Heaviest:
    """The rows of largest weight seen so far, their pixels with them."""

    def __init__(self, blocks: RowBlocks, most: int) -> None:
        self.rows = np.full(most, -1)
        self.weight = np.full(most, -np.inf)
        self.Y = np.empty((most, blocks.n_pixels), blocks.dtype)
        self.W = np.empty((most, blocks.n_pixels), blocks.dtype)

    def look(self, start: int, Y: ndarray, W: ndarray) -> None:
        weight = W.sum(1, dtype=np.float64)
        # The heaviest of the block take the places of the lightest held, as long as they outweigh
        # them; of equals the row that came first stays.
        coming = np.argsort(-weight, kind="stable")[: len(self.rows)]
        going = np.argsort(self.weight, kind="stable")[: len(coming)]
        better = weight[coming] > self.weight[going]
        coming, going = coming[better], going[better]
        self.rows[going], self.weight[going] = start + coming, weight[coming]
        self.Y[going], self.W[going] = Y[coming], W[coming]


class Sample:
    """Rows by lot for a seed and a rank, and the heaviest; `rng` is what the lot left of it."""

    def __init__(self, blocks: RowBlocks, rank: int, seed: int) -> None:
        most = max(2, SAMPLE_BYTES // (2 * blocks.n_pixels * blocks.dtype.itemsize))
        rows = blocks.n_rows
        self.rng = np.random.default_rng(seed)
        count = min(max(round(BY_LOT * rows), SPARE_ROWS, 20 * rank), rows, max(1, most * 5 // 6))
        self.lot = np.sort(self.rng.choice(rows, count, replace=False))
        self.Y = np.empty((count, blocks.n_pixels), blocks.dtype)
        self.W = np.empty((count, blocks.n_pixels), blocks.dtype)
        self.heavy = Heaviest(blocks, min(max(round(BY_WEIGHT * rows), 1), max(1, most // 6)))

    def look(self, start: int, Y: ndarray, W: ndarray) -> None:
        """Takes from a block what belongs to the sample."""
        first, last = np.searchsorted(self.lot, (start, start + len(Y)))
        chosen = self.lot[first:last] - start
        self.Y[first:last], self.W[first:last] = Y[chosen], W[chosen]
        self.heavy.look(start, Y, W)

    def taken(self) -> tuple[ndarray, ndarray]:
        """Values and weights of the sample, rows in order and none twice."""
        rows = np.concatenate([self.lot, self.heavy.rows])
        _, first = np.unique(rows, return_index=True)
        first = first[rows[first] >= 0]
        return (
            np.concatenate([self.Y, self.heavy.Y])[first],
            np.concatenate([self.W, self.heavy.W])[first],
        )


def sample_rows(blocks: RowBlocks, ranks: list[int], seed: int) -> dict[int, Sample]:
    """A sample for each rank, from one reading of all blocks; equal ones are held once."""
    held: dict[int, Sample] = {}
    by_rank: dict[int, Sample] = {}
    for rank in sorted(set(ranks)):
        sample = Sample(blocks, rank, seed)
        by_rank[rank] = held.setdefault(len(sample.lot), sample)
    for block, Y, W in read_ahead(blocks, 0, blocks.n_blocks):
        for sample in held.values():
            sample.look(blocks.bounds(block)[0], Y, W)
    return by_rank


def sampled_basis(
    sample: Sample, rank: int, likelihood: Likelihood, regulariser: Regulariser
) -> ndarray:
    """The basis of a short fit to a sample, the same whoever used the sample before."""
    rng = np.random.default_rng()
    rng.bit_generator.state = sample.rng.bit_generator.state
    return first_basis(*sample.taken(), rank, likelihood, regulariser, rng, start="spare")
