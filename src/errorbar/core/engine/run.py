"""Run a pure function over many pieces.

The pieces, their order and their seeds are fixed by the caller, never by the workers or by what is
left to do: a job gives the same bytes on one thread, on many processes, on a cluster, and in any
number of interrupted runs.
"""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errorbar.core.contracts import PieceFunction, PieceValue, PieceValues
from errorbar.core.engine.journal import Job, Journal, open_journal
from errorbar.core.engine.pools import Call, Outcome, check_version, make_calls
from errorbar.core.engine.seeds import check_seed, piece_seed
from errorbar.core.engine.values import digest, frozen
from errorbar.core.errors import EngineError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["progress_bar", "run_pieces"]


def run_pieces(
    function: PieceFunction,
    pieces: Sequence[PieceValues],
    *,
    seed: int,
    journal: Path | str | None = None,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    progress: bool | None = None,
    label: str = "pieces",
) -> list[dict[str, PieceValue]]:
    """`function(piece, seed_of_piece)` for every piece, in the order of the pieces.

    `function` is pure and defined at the top of a module; pieces and results map names to arrays
    and JSON scalars. `workers` is `threads` (for kernels that release Python's lock), `processes`,
    the address of a Dask scheduler, or a `distributed.Client`. With a `journal` folder a run that
    was killed goes on where it stopped. `progress` draws a bar on standard error; left out, it does
    so where that is a terminal.
    """
    check_seed(seed)
    name = _name_of(function)
    frozen_pieces = [frozen(piece, f"piece {index}") for index, piece in enumerate(pieces)]
    results: dict[int, dict[str, PieceValue]] = {}
    with _opened(journal, name, int(seed), frozen_pieces) as kept:
        if kept is not None:
            results.update(kept.finished())
        calls = [
            Call(index, function, piece, piece_seed(seed, index))
            for index, piece in enumerate(frozen_pieces)
            if index not in results
        ]
        with progress_bar(progress, label, len(pieces), len(results)) as advance:

            def keep(outcome: Outcome) -> None:
                check_version(outcome.version, f"the worker of piece {outcome.index}")
                if kept is not None:
                    kept.write(outcome.index, outcome.values)
                results[outcome.index] = outcome.values
                advance()

            if calls:
                _make_named_calls(calls, keep, workers, n_workers, results, kept, len(pieces))
    return [results[index] for index in range(len(pieces))]


def _name_of(function: PieceFunction) -> str:
    """The name by which a worker, and a later run, finds the function."""
    module = str(getattr(function, "__module__", None))
    name = str(getattr(function, "__qualname__", ""))
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        raise EngineError(
            f"{function!r} is not at the top of a module, so neither a worker nor a later run can "
            "find it by name: write it as a plain function there, and put what it needs into the "
            "pieces."
        )
    return f"{module}.{name}"


def _opened(
    journal: Path | str | None, name: str, seed: int, pieces: Sequence[PieceValues]
) -> AbstractContextManager[Journal | None]:
    if journal is None:
        return nullcontext()
    return open_journal(Path(journal), Job(name, seed, tuple(digest(piece) for piece in pieces)))


def _make_named_calls(
    calls: Sequence[Call],
    keep: Callable[[Outcome], None],
    workers: "str | Client",
    n_workers: int | None,
    results: dict[int, dict[str, PieceValue]],
    kept: Journal | None,
    total: int,
) -> None:
    """The calls; an error in one also says what is left to do."""
    try:
        make_calls(calls, keep, workers, n_workers)
    except EngineError as error:
        # Dask wraps an error of another process, with its traceback in the text.
        told = getattr(error, "exception", error)
        place = f" and kept in {kept.folder}: run again to go on" if kept and results else ""
        raise EngineError(
            f"{told} ({len(results)} of {total} pieces are finished{place}.)"
        ) from error


@contextmanager
def progress_bar(
    wanted: bool | None, label: str, total: int, done: int
) -> Generator[Callable[[], None]]:
    """A bar on standard error, and what moves it on by one."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda: bar.advance(task)
