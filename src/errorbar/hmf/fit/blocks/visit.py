"""What a worker does: it visits some blocks, one after the other, and answers with small sums.

A worker is told the blocks, and for each model the file of its state and what to do; pixels are
read where the work is done and go nowhere. A block's new coefficients are on disk before its sums
are in the answer, and what a visit writes depends on nothing but the state, so that a visit which
is made twice, even at the same time, leaves the same bytes.
"""

import json
import mmap
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy import ndarray

from errorbar.core.contracts import PieceValues
from errorbar.core.errors import EngineError, FitError
from errorbar.hmf.data import RowBlocks, open_blocks
from errorbar.hmf.fit.blocks.coefficients import (
    block_file,
    read_block,
    result_file,
    write_block,
)
from errorbar.hmf.fit.blocks.states import State, fingerprint, read_state
from errorbar.hmf.fit.blocks.tree import Tree
from errorbar.hmf.fit.kernel.passes import Rule, Team, infer, run_pass, team
from errorbar.hmf.fit.kernel.simd import BYTES
from errorbar.hmf.fit.starts import FIRST_PASSES

__all__ = ["read_ahead", "visit", "visit_file"]


def visit_file(piece: PieceValues, seed: int) -> PieceValues:
    """`visit` in another process, which opens the file for itself."""
    return visit(open_blocks(**json.loads(str(piece["file"]))), piece, seed)


def visit(blocks: RowBlocks, piece: PieceValues, _seed: int) -> PieceValues:
    """Visits the blocks of a span; the sums over them, by model and name.

    `piece` holds `first` and `last` of the span, `models` as JSON pairs of a file with a state and
    what to do, and the `vector` width that sums are packed for.
    """
    if piece["vector"] != BYTES:
        raise EngineError(
            f"this machine computes in vectors of {BYTES} bytes and the driver in those of "
            f"{piece['vector']}: their sums cannot be added. Use machines of one kind."
        )
    first, last = cast("int", piece["first"]), cast("int", piece["last"])
    told = [(Path(path), how) for path, how in json.loads(str(piece["models"]))]
    models = [(path.parent, read_state(path), how) for path, how in told]
    tree = Tree(last - first)
    with team(1) as pool, ThreadPoolExecutor(1, "errorbar-write") as writer:
        waiting: list[tuple[int, Future[None]]] = []
        for block, Y, W in read_ahead(blocks, first, last):
            found: dict[str, ndarray] = {}
            with naming(blocks, block):
                for number, (folder, state, how) in enumerate(models):
                    sums, write = visit_block(folder, state, how, block, Y, W, pool)
                    found |= {f"{number}.{name}": value for name, value in sums.items()}
                    waiting.append((block, writer.submit(write)))
            tree.add(block - first, 1, found)
        for block, written in waiting:
            with naming(blocks, block):
                written.result()
    assert tree.root is not None
    return tree.root


Visited = tuple[dict[str, ndarray], Callable[[], None]]


def visit_block(
    folder: Path,
    state: State,
    how: str,
    block: int,
    Y: ndarray,
    W: ndarray,
    pool: Team,
) -> Visited:
    """One block for one model: `begin`, `step` or `end` a fit, or `infer`.

    The sums, and what puts the coefficients on disk: computing need not wait for it.
    """
    job, G, rule = fingerprint(state.job), state.G, state.rule
    if how == "infer":
        return infer_block(folder, state, block, Y, W, pool)
    if how == "begin":
        A = blank(len(Y), G.shape[1], rule)
        infer(Y, W, A, G, rule, pool, most=FIRST_PASSES, tol=0.0)
    else:
        A = read_block(block_file(folder, block, state.it), job, block)[0]
        # No BLAS here or below: its sums may depend on its number of threads.
        A = np.einsum("ij,kj->ik", A, np.linalg.inv(state.T))
    if how == "end":
        still = Rule(rule.c, refits=0, mean=rule.mean)
        objective = run_pass(Y, W, A, G, still, pool).objective
        check_finite(objective, A)
        write = partial(write_block, result_file(folder, block), job, block, A)
        return {"objective": np.array(objective)}, write
    sums = run_pass(Y, W, A, G, rule, pool)
    check_finite(sums.objective, A, sums.b)

    def replace() -> None:
        write_block(block_file(folder, block, state.it + 1), job, block, A)
        block_file(folder, block, state.it - 1).unlink(missing_ok=True)

    gram = np.einsum("ij,ik->jk", A, A)
    answer = {"X": sums.X, "b": sums.b, "objective": np.array(sums.objective), "gram": gram}
    return answer, replace


def infer_block(
    folder: Path, state: State, block: int, Y: ndarray, W: ndarray, pool: Team
) -> Visited:
    """Coefficients on a basis that stands still, unless they are on disk already."""
    job, path = fingerprint(state.job), result_file(folder, block)
    most, tol = cast("Any", state.job["max_iter"]), cast("Any", state.job["tol"])
    if path.exists():
        read_block(path, job, block)
        return {}, lambda: None
    A = blank(len(Y), state.G.shape[1], state.rule)
    passes = infer(Y, W, A, state.G, state.rule, pool, most=most, tol=tol)
    check_finite(A)
    return {}, partial(write_block, path, job, block, A, passes)


def blank(rows: int, rank: int, rule: Rule) -> ndarray:
    A = np.zeros((rows, rank))
    A[:, rank - rule.mean :] = 1.0
    return A


def check_finite(*found: float | ndarray) -> None:
    # A NaN among the pixels need not reach the objective, which counts bits of exponents.
    if not all(np.isfinite(values).all() for values in found):
        raise FitError(
            "the sums are not finite: a value with a positive weight is not (`check_blocks` finds "
            "it), or products of weights and squared residuals are too large for the data's type; "
            "scale the data, or store them as float64"
        )


@contextmanager
def naming(blocks: RowBlocks, block: int) -> Iterator[None]:
    """Whatever fails inside, the error names the block, its rows and its file."""
    try:
        yield
    except Exception as error:
        start, stop = blocks.bounds(block)
        try:
            where = str(blocks.describe()["path"])
        except ValueError:
            where = "the arrays in memory"
        raise EngineError(
            f"block {block} (rows {start} to {stop - 1} of {where}): "
            f"{type(error).__name__}: {error}"
        ) from error


def read_ahead(blocks: RowBlocks, first: int, last: int) -> Iterator[tuple[int, ndarray, ndarray]]:
    """Blocks in order; while one is at work the next is read."""
    with ThreadPoolExecutor(1, "errorbar-read") as reader:
        coming = reader.submit(load, blocks, first)
        for block in range(first, last):
            Y, W = coming.result()
            if block + 1 < last:
                coming = reader.submit(load, blocks, block + 1)
            yield block, Y, W


def load(blocks: RowBlocks, block: int) -> tuple[ndarray, ndarray]:
    """A block, all of it in memory: a mapped file would be read by the kernel, page by page."""
    with naming(blocks, block):
        Y, W = blocks.read(block)
        for part in (Y, W):
            fetch(part)
        return Y, W


def fetch(part: ndarray) -> None:
    """Has the system read a mapped array at full speed, and waits for its last page."""
    base: Any = part
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(base, "madvise"):
        inside = part.__array_interface__["data"][0] - np.frombuffer(base, np.uint8).ctypes.data
        start = inside // mmap.PAGESIZE * mmap.PAGESIZE
        base.madvise(mmap.MADV_WILLNEED, start, inside + part.nbytes - start)
        part.reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max()
