"""A place to work that stays open over many rounds.

`run_pieces` opens its pool, works through the pieces of one job and hands back all results at once.
Work that goes round and round over the same pieces, and adds up large results as they come, would
start a pool of processes each round and hold every result until the round's end; it keeps a place
open instead.
"""

import multiprocessing
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from dask.system import CPU_COUNT

from errorbar.core.contracts import PieceFunction, PieceValue, PieceValues
from errorbar.core.engine.pools import (
    Call,
    Outcome,
    check_version,
    connected,
    join_fate,
    make_calls,
)
from errorbar.core.errors import EngineError, SettingsError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Place", "open_place"]

Take = Callable[[int, dict[str, PieceValue]], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Threads, processes or a cluster; `width` pieces are worked on at once.

    Functions must be found by name in another process, except where `shared`, on threads.
    """

    width: int
    shared: bool
    pool: "Executor | Client"

    def work(self, function: PieceFunction, pieces: Sequence[PieceValues], take: Take) -> None:
        """Hands every result to `take` with the index of its piece, as it comes, in any order.

        No piece has randomness: seeds are zero. The first that fails ends the round.
        """
        calls = [Call(index, function, piece, 0) for index, piece in enumerate(pieces)]

        def keep(outcome: Outcome) -> None:
            check_version(outcome.version, f"the worker of piece {outcome.index}")
            take(outcome.index, outcome.values)

        if isinstance(self.pool, Executor):
            _make_pool_calls(calls, keep, self.pool, 2 * self.width)
        elif calls:
            make_calls(calls, keep, self.pool, None)


@contextmanager
def open_place(workers: "str | Client", n_workers: int | None = None) -> Generator[Place]:
    """The place that `workers` and `n_workers` name, as in `run_pieces`."""
    if workers in ("threads", "processes"):
        width = CPU_COUNT if n_workers is None else n_workers
        if width < 1:
            raise SettingsError(f"n_workers={width} must be at least 1.")
        with _local_pool(str(workers), width) as pool:
            yield Place(width, workers == "threads", pool)
        return
    if isinstance(workers, str) and "://" not in workers:
        raise SettingsError(
            f"{workers!r} is not a way to run: choose threads, processes, or the address "
            "of a Dask scheduler such as tcp://10.0.0.5:8786."
        )
    if n_workers is not None:
        raise SettingsError(
            f"n_workers={n_workers} is for threads and processes; a cluster has its own workers."
        )
    with connected(workers) as client:
        threads = cast("dict[str, int]", cast("Any", client).nthreads())
        yield Place(max(1, sum(threads.values())), False, client)


@contextmanager
def _local_pool(workers: str, width: int) -> Generator[Executor]:
    if workers == "threads":
        # Threads cannot be ended from outside: leaving waits for what they have in hand.
        pool: Executor = ThreadPoolExecutor(width, "errorbar")
    else:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(width, context, initializer=join_fate)
    try:
        yield pool
    finally:
        pool.shutdown(wait=workers == "threads", cancel_futures=True)


def _make_pool_calls(
    calls: Sequence[Call], keep: Callable[[Outcome], None], pool: Executor, in_flight: int
) -> None:
    left = iter(calls)
    try:
        waiting: set[Future[Outcome]] = {pool.submit(call) for call in islice(left, in_flight)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                keep(future.result())
            waiting |= {pool.submit(call) for call in islice(left, len(done))}
    except BrokenProcessPool as error:
        raise EngineError(
            "a worker process died while it worked (killed, or out of memory?): run again with "
            "fewer workers."
        ) from error
