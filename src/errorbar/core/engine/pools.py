"""Where calls are made: Dask's local scheduler on threads or processes, or a Dask cluster.

Each route takes the same calls and hands every outcome to `keep` in this process, as it comes.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from dask.base import compute as dask_compute  # pyright: ignore[reportUnknownVariableType]
from dask.callbacks import Callback
from dask.delayed import delayed as dask_delayed  # pyright: ignore[reportUnknownVariableType]
from dask.system import CPU_COUNT

from errorbar import __version__
from errorbar.core.contracts import PieceFunction, PieceValue, PieceValues
from errorbar.core.engine.values import frozen
from errorbar.core.errors import EngineError, MissingExtraError, SettingsError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Call", "Outcome", "check_version", "connected", "join_fate", "make_calls"]

LEAST_IN_FLIGHT = 64
SECONDS_FOR_SCHEDULER = 10
SECONDS_FOR_WORKERS = 60

_delayed = cast("Any", dask_delayed)
_compute = cast("Any", dask_compute)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one piece, and the version of this package that computed it."""

    index: int
    values: dict[str, PieceValue]
    version: str


class Call:
    """One piece with its function and seed, ready to travel."""

    def __init__(self, index: int, function: PieceFunction, piece: PieceValues, seed: int) -> None:
        self.index = index
        self.function = function
        self.piece = piece
        self.seed = seed

    def __call__(self) -> Outcome:
        try:
            values = self.function(self.piece, self.seed)
        except Exception as error:
            raise EngineError(
                f"piece {self.index} failed with {type(error).__name__}: {error}"
            ) from error
        return Outcome(self.index, frozen(values, f"the result of piece {self.index}"), __version__)


Keep = Callable[[Outcome], None]


def make_calls(
    calls: Sequence[Call], keep: Keep, workers: "str | Client", n_workers: int | None
) -> None:
    """Make every call, in whatever order; the first that fails ends the work."""
    if isinstance(workers, str) and "://" not in workers:
        _make_local_calls(calls, keep, workers, n_workers)
        return
    if n_workers is not None:
        raise SettingsError(
            f"n_workers={n_workers} is for threads and processes; a cluster has its own workers."
        )
    with connected(workers) as client:
        _make_cluster_calls(calls, keep, client)


def _make_local_calls(
    calls: Sequence[Call], keep: Keep, workers: str, n_workers: int | None
) -> None:
    n_workers = CPU_COUNT if n_workers is None else n_workers
    if n_workers < 1:
        raise SettingsError(f"n_workers={n_workers} must be at least 1.")
    n_workers = min(n_workers, len(calls))
    if workers == "threads":
        pool: Executor = ThreadPoolExecutor(n_workers, "errorbar")
    elif workers == "processes":
        pool = ProcessPoolExecutor(
            n_workers, multiprocessing.get_context("spawn"), initializer=join_fate
        )
    else:
        raise SettingsError(
            f"{workers!r} is not a way to run: choose threads, processes, or the address "
            "of a Dask scheduler such as tcp://10.0.0.5:8786."
        )

    def finished(_key: Any, outcome: Outcome, *_: Any) -> None:
        keep(outcome)

    # Where nothing else tells tasks apart Dask goes by their names, the last one first.
    tasks = [
        _delayed(call, pure=False, traverse=False)(dask_key_name=f"{len(calls) - place:09d} to go")
        for place, call in enumerate(calls)
    ]
    try:
        with Callback(posttask=finished):
            _compute(*tasks, scheduler=workers, pool=pool, chunksize=1, optimize_graph=False)
    except BrokenProcessPool as error:
        raise EngineError(
            "a worker process died while it worked (killed, or out of memory?): run again with "
            "fewer workers."
        ) from error
    finally:
        # Without waiting: an interrupt must not hang on pieces nobody will collect.
        pool.shutdown(wait=False, cancel_futures=True)


def join_fate() -> None:
    """In a worker process: leave quietly on Ctrl-C, and when the parent is gone."""
    signal.signal(signal.SIGINT, _leave)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent does not close the queue its workers wait on.
        threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _leave(_signal: int, _frame: object) -> None:
    os._exit(130)


@contextmanager
def connected(workers: "str | Client") -> Generator["Client"]:
    """A client of the cluster; one that came from outside is left open."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster") from error
    if isinstance(workers, Client):
        yield workers
        return
    try:
        client = Client(workers, timeout=SECONDS_FOR_SCHEDULER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {workers} ({type(error).__name__}: {error}): start one "
            "with `dask scheduler`, or check the address."
        ) from error
    with client:
        yield client


def _make_cluster_calls(calls: Sequence[Call], keep: Keep, client: "Client") -> None:
    from distributed import TimeoutError as ClusterTimeoutError
    from distributed import as_completed

    cluster = cast("Any", client)
    try:
        cluster.wait_for_workers(1, timeout=SECONDS_FOR_WORKERS)
    except (ClusterTimeoutError, TimeoutError) as error:
        raise EngineError(
            f"the Dask scheduler has had no worker for {SECONDS_FOR_WORKERS} s: start one with "
            "`dask worker ADDRESS`."
        ) from error
    _check_workers(cluster, calls[0].function)
    # Names must not meet those of another run on a shared cluster.
    run = f"errorbar-{uuid4().hex}"
    left = iter(calls)
    in_flight = max(LEAST_IN_FLIGHT, 4 * sum(cluster.nthreads().values()))

    def submit(call: Call) -> Any:
        return cluster.submit(call, key=f"{run}-{call.index}", pure=False)

    futures = {call.index: submit(call) for call in islice(left, in_flight)}
    waiting = cast("Any", as_completed(list(futures.values()), loop=cluster.loop))
    try:
        for future in waiting:
            outcome = _cluster_outcome(future)
            futures.pop(outcome.index).release()
            keep(outcome)
            for call in islice(left, 1):
                futures[call.index] = submit(call)
                waiting.add(futures[call.index])
    finally:
        cluster.cancel(list(futures.values()))


def _version_beside(_function: PieceFunction) -> str:
    """Asked of a worker: it answers only where the function's module is found too."""
    return __version__


def _check_workers(cluster: Any, function: PieceFunction) -> None:
    """A worker that cannot read its task drops out without a word, and the work would wait."""
    answers: dict[str, Any] = cluster.run(_version_beside, function, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, BaseException):
            raise EngineError(
                f"the worker {address} cannot run this ({type(answer).__name__}: {answer}): every "
                f"worker needs errorbar {__version__} and the module {function.__module__}."
            ) from answer
        check_version(answer, f"the worker {address}")


def check_version(version: str, where: str) -> None:
    """Refuse what another version of this package would compute."""
    if version != __version__:
        raise EngineError(
            f"{where} has errorbar {version}, here it is {__version__}: results of two versions "
            "must not be mixed; install one everywhere."
        )


def _cluster_outcome(future: Any) -> Outcome:
    """What came of a piece; a result that died with its worker is waited for again."""
    from distributed import KilledWorker

    try:
        error: BaseException | None = future.exception()
        if error is None:
            return future.result()
    except CancelledError as cancelled:
        raise EngineError(
            f"the Dask scheduler was lost, or dropped the work ({cancelled}): start it again and "
            "run again."
        ) from cancelled
    except KilledWorker as killed:
        error = killed
    if isinstance(error, EngineError):
        raise error
    index = future.key.rsplit("-", 1)[1]
    if isinstance(error, KilledWorker):
        raise EngineError(
            f"piece {index} was on several workers that died, so it is not tried again "
            f"({error}): look at its memory, and at the workers' logs."
        ) from error
    raise EngineError(
        f"the cluster could not run piece {index} ({type(error).__name__}: {error}): its "
        f"scheduler and workers need errorbar {__version__} and the function's module."
    ) from error
