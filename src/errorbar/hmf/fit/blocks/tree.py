"""Sums over blocks, added as one binary tree over the blocks' numbers.

Numbers in a computer do not add up to the same in every order. Here blocks 0 and 1 are added, 2 and
3, then these two pairs, and so on, whoever did the work and whoever was done first; a worker may
add a whole branch, and the sum at the root has the same bits.
"""

from collections.abc import Mapping

from numpy import ndarray

__all__ = ["Branch", "Tree", "spans"]

Branch = Mapping[str, ndarray]

# Blocks that a worker visits and adds before it answers: it waits for the first of them alone, the
# others are read ahead. If it is lost, another does these again.
MOST = 8


class Tree:
    """The sum over `leaves` leaves, of branches that come in any order."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.waiting: dict[tuple[int, int], Branch] = {}
        self.root: Branch | None = None

    def add(self, first: int, size: int, branch: Branch) -> None:
        """The sum of the leaves from `first`, `size` of them or to the end; a power of two."""
        level, index = size.bit_length() - 1, first // size
        while 1 << level < self.leaves:
            beside = (level, index ^ 1)
            if (index ^ 1) << level < self.leaves:
                if beside not in self.waiting:
                    self.waiting[level, index] = branch
                    return
                other = self.waiting.pop(beside)
                left, right = (other, branch) if index % 2 else (branch, other)
                branch = {name: left[name] + right[name] for name in left}
            level, index = level + 1, index // 2
        self.root = branch


def spans(blocks: int, width: int) -> list[tuple[int, int, int]]:
    """First block, block after the last and size of the branches that workers add themselves.

    Several for each of `width` workers, so that none is long alone at the end of a round.
    """
    size = 1
    while size < MOST and blocks // (2 * size) >= 4 * width:
        size *= 2
    return [(first, min(first + size, blocks), size) for first in range(0, blocks, size)]
