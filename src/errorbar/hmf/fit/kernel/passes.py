"""Passes over data in memory: what the kernel is given, and its sums added in a fixed order."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.hmf.fit.kernel.fused import infer_rows, pass_rows
from errorbar.hmf.fit.kernel.simd import BYTES
from errorbar.hmf.fit.kernel.solve import solve_columns
from errorbar.hmf.fit.kernel.tiles import BLOCK_BYTES, ROWS

__all__ = [
    "Layout",
    "Rule",
    "Sums",
    "Team",
    "add_sums",
    "chunks",
    "infer",
    "move_basis",
    "run_pass",
    "team",
]

# Rows are parted in so many chunks whatever the number of threads, so that sums have one order.
CHUNKS = 8
# Eights of rows that are visited together where the products and sums of pixels, which all of them
# need, are larger than the second cache; else one.
GROUPS = 4
CACHE = 1_500_000
# A pivot below this share of the mean of the diagonal is a direction that the data do not know.
FLOOR = {4: 1e-7, 8: 1e-13}


@dataclass(frozen=True, slots=True)
class Layout:
    """How arrays of `pixels` pixels and rank `rank` lie in memory for one width of numbers."""

    pixels: int
    rank: int
    itemsize: int

    @property
    def group(self) -> int:
        """Pixels solved together."""
        return 2 * BYTES // self.itemsize

    @property
    def whole(self) -> int:
        """Pixels with those that fill the last tile."""
        wide = 2 * self.group
        return -(-self.pixels // wide) * wide

    @property
    def block(self) -> int:
        """Pixels that the tiles go through before the next rows."""
        return BLOCK_BYTES // self.itemsize

    @property
    def blocks(self) -> int:
        return -(-self.whole // self.block)

    @property
    def pairs(self) -> int:
        return self.rank * (self.rank + 1) // 2

    @property
    def dtype(self) -> type:
        return np.float32 if self.itemsize == 4 else np.float64

    def tiles(self, columns: ndarray) -> ndarray:
        """Columns of pixels as the tiles read them: block after block, in threes of rows."""
        count = columns.shape[1]
        padded = np.zeros((-(-count // 3) * 3, self.blocks * self.block), dtype=self.dtype)
        padded[:count, : self.pixels] = columns.T
        return padded.reshape(-1, self.blocks, self.block).transpose(1, 0, 2).ravel()

    def packed(self, columns: ndarray) -> ndarray:
        """A basis, or any numbers of pixels, as the solver of pixels reads them."""
        count = columns.shape[1]
        padded = np.zeros((self.whole, count))
        padded[: self.pixels] = columns
        return padded.reshape(-1, self.group, count).transpose(0, 2, 1).ravel()

    def unpacked(self, packed: ndarray) -> ndarray:
        """A basis, or any numbers of pixels, from how the kernel holds them."""
        count = packed.size // self.whole
        rows = packed.reshape(-1, count, self.group).transpose(0, 2, 1)
        return rows.reshape(self.whole, count)[: self.pixels].copy()


def layout_of(Y: ndarray, rank: int) -> Layout:
    return Layout(Y.shape[1], rank, Y.dtype.itemsize)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one pass does.

    `c` is the likelihood's constant, `refits` how often rows are solved while they are at hand,
    `ridge` a share of the mean of the diagonal. The last of the coordinates has a coefficient of
    one in every row if `mean`.
    """

    c: float
    refits: int = 1
    ridge: float = 0.0
    nonnegative: bool = False
    mean: bool = False

    def kernel(self, layout: Layout) -> tuple[int, int, int, int, float, bool]:
        """The rank, its free part, both as the tiles have them, and the likelihood."""
        rank, robust = layout.rank, bool(np.isfinite(self.c))
        return (
            rank,
            rank - self.mean,
            -(-rank // 3) * 3,
            -(-layout.pairs // 3) * 3,
            self.c if robust else 1.0,
            robust,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Normal matrices and right-hand sides of every pixel, packed, and the objective."""

    X: ndarray
    b: ndarray
    objective: float


def chunks(rows: int) -> list[tuple[int, int]]:
    """The parts of the rows, of whole eights, at most `CHUNKS`."""
    size = max(-(-rows // CHUNKS), 1)
    size = -(-size // ROWS) * ROWS
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


class Team(ThreadPoolExecutor):
    """Threads for passes, and the memory that they add up in, which is costly to have anew."""

    def __init__(self, workers: int) -> None:
        super().__init__(max(1, min(workers, CHUNKS)))
        self._held: dict[tuple[int, int], ndarray] = {}

    def zeros(self, part: int, place: int, count: int, dtype: type) -> ndarray:
        """Zeros for number `place` of a part's arrays, until they are asked for again."""
        held = self._held.get((part, place))
        if held is None or held.size != count or held.dtype != dtype:
            held = self._held[part, place] = np.empty(count, dtype)
        held.fill(0)
        return held


@contextmanager
def team(workers: int | None = None) -> Iterator[Team]:
    """Threads for passes; by default one for each processor that this process may use."""
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    with Team(workers) as pool:
        yield pool


def borrowed(values: ndarray) -> ndarray:
    """The same memory as one row of numbers that Numba knows by one type, read-only or not."""
    return np.asarray(_Borrowed(values))


class _Borrowed:
    # A read-only array is another type to Numba, and would compile the kernel a second time.
    def __init__(self, values: ndarray) -> None:
        self.held = values
        self.__array_interface__ = {
            "shape": (values.size,),
            "typestr": values.dtype.str,
            "data": (values.__array_interface__["data"][0], False),
            "version": 3,
        }


def products(G: ndarray) -> ndarray:
    """Products of every two columns, in the order of a packed triangle."""
    i, j = np.tril_indices(G.shape[1])
    rows = np.ascontiguousarray(G.T)
    return (rows[i] * rows[j]).T


def run_pass(Y: ndarray, W: ndarray, A: ndarray, G: ndarray, rule: Rule, pool: Team) -> Sums:
    """One pass over all rows: coefficients are moved in place, sums for the basis come back.

    The objective is that at the new coefficients and the basis as it was.
    """
    layout = layout_of(Y, G.shape[1])
    rank, free, wide, pairs, c, robust = rule.kernel(layout)
    tiles, squares = layout.tiles(G), layout.tiles(products(G))
    y, w, pixels = borrowed(Y), borrowed(W), layout.pixels
    sizes = (layout.pairs * layout.whole, rank * layout.whole)
    groups = GROUPS if 2 * sizes[0] * layout.itemsize > CACHE else 1

    def work(number: int, part: tuple[int, int]) -> Sums:
        X, b = (pool.zeros(number, n, size, np.float64) for n, size in enumerate(sizes))
        few_x, few_b = X, b
        if layout.itemsize == 4:
            few_x, few_b = (
                pool.zeros(number, 2 + n, size, np.float32) for n, size in enumerate(sizes)
            )
        objective = pass_rows(
            y, w, A, *part, groups, pixels, tiles, squares, rank, free, wide, pairs, c, robust,
            rule.refits, rule.ridge, FLOOR[layout.itemsize], rule.nonnegative,
            few_x, few_b, X, b,
        )  # fmt: skip
        return Sums(X, b, objective)

    parts = chunks(len(Y))
    return add_sums(pool.map(work, range(len(parts)), parts))


def add_sums(parts: Iterator[Sums] | list[Sums]) -> Sums:
    """Sums of all parts, added in the order given."""
    parts = iter(parts)
    first = next(parts)
    X, b, objective = first.X.copy(), first.b.copy(), first.objective
    for part in parts:
        X += part.X
        b += part.b
        objective += part.objective
    return Sums(X, b, objective)


def move_basis(sums: Sums, G: ndarray, rule: Rule, itemsize: int) -> ndarray:
    """The basis that the sums ask for."""
    layout = Layout(len(G), G.shape[1], itemsize)
    packed = layout.packed(G)
    solve_columns(
        sums.X, sums.b, packed, layout.whole // layout.group, layout.group, layout.rank,
        rule.ridge, FLOOR[itemsize], rule.nonnegative,
    )  # fmt: skip
    return layout.unpacked(packed)


def infer(
    Y: ndarray,
    W: ndarray,
    A: ndarray,
    G: ndarray,
    rule: Rule,
    pool: Team,
    *,
    most: int,
    tol: float,
) -> ndarray:
    """Coefficients on a basis that stands still, in place; passes per row, negative if unfinished.

    A row is finished when the largest squared change of a coefficient is below `tol` times their
    mean square.
    """
    layout = layout_of(Y, G.shape[1])
    rank, free, wide, pairs, c, robust = rule.kernel(layout)
    tiles, squares = layout.tiles(G), layout.tiles(products(G))
    y, w, pixels = borrowed(Y), borrowed(W), layout.pixels
    steps = np.zeros(len(Y), dtype=np.int64)

    def work(part: tuple[int, int]) -> None:
        infer_rows(
            y, w, A, *part, pixels, tiles, squares, rank, free, wide, pairs, c, robust, most,
            tol, rule.ridge, FLOOR[layout.itemsize], rule.nonnegative, steps,
        )  # fmt: skip

    for _ in pool.map(work, chunks(len(Y))):
        pass
    return steps
