r"""Fits to data larger than memory: the loop of `als` with data and coefficients left on disk.

An iteration is one visit of every block. The basis and the gauge are one small file; a block's
worker reads them, its rows and its coefficients, makes one pass, keeps the new coefficients and
answers with $\sum_i w a a^\top$ and $\sum_i w r a$ of every pixel, the objective and $A^\top A$.
These are added in an order that the blocks' numbers fix, so that threads, processes and clusters
of any size give the same bytes for one division into blocks.

An iteration is not one job of `run_pieces`: that starts its processes anew each time (seconds, with
the kernel to load) and holds the sums of all blocks at once (a gigabyte for a thousand blocks of
2000 pixels at rank 10). The place to work stays open instead, by `open_place`, and the folder of
the fit is its own journal.
"""

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json
from errorbar.core.contracts import PieceFunction, PieceValue
from errorbar.core.engine import Place, open_place
from errorbar.core.engine.journal import locked
from errorbar.core.engine.run import progress_bar
from errorbar.core.engine.seeds import check_seed
from errorbar.core.errors import EngineError, SettingsError
from errorbar.hmf.data import RowBlocks
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.blocks.run import BlockFit, BlockModel, Run, begin_run, resume_run
from errorbar.hmf.fit.blocks.sample import sample_rows, sampled_basis
from errorbar.hmf.fit.blocks.states import describe_data, discard
from errorbar.hmf.fit.blocks.tree import Branch, Tree, spans
from errorbar.hmf.fit.blocks.visit import visit, visit_file
from errorbar.hmf.fit.kernel.simd import BYTES
from errorbar.hmf.model import Likelihood

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["fit_blocks", "fit_blocks_many", "opened_folder", "visit_all"]

BlockCallback = Callable[[int, ndarray, float], bool | None]
ManyCallback = Callable[[int, int, ndarray, float], bool | None]


def fit_blocks(
    blocks: RowBlocks,
    rank: int,
    likelihood: Likelihood,
    settings: AlsSettings | None = None,
    *,
    folder: Path | str,
    start: ndarray | None = None,
    seed: int = 0,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
    callback: BlockCallback | None = None,
) -> BlockFit:
    """Fit a factorisation of rank `rank` to blocks of rows.

    `folder` takes the coefficients and a small state after each iteration; workers on other
    machines must see it, and the data, under the same path. A run that was killed goes on from its
    last whole iteration to the same bytes; so does one whose `max_iter` was raised, or that its
    callback ended. With `resume=False` what the folder holds of another fit is deleted.

    `start` is a basis. Left out, it is fitted to rows drawn with `seed`, which reads the data once.
    Either way the first visit begins with coefficients of its own. `callback(iteration, G,
    objective)` is called once an iteration is on disk, and ends the fit by returning true.

    `workers` and `n_workers` are as in `run_pieces`; each works on one block and reads the next,
    which is two blocks in memory.
    """

    def call(_: int, it: int, G: ndarray, objective: float) -> bool | None:
        return None if callback is None else callback(it, G, objective)

    return _fit(
        blocks, [(Path(folder), BlockModel(rank, likelihood))], settings, start, seed, workers,
        n_workers, resume, progress, call,
    )[0]  # fmt: skip


def fit_blocks_many(
    blocks: RowBlocks,
    models: Sequence[BlockModel],
    settings: AlsSettings | None = None,
    *,
    folder: Path | str,
    seed: int = 0,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
    callback: ManyCallback | None = None,
) -> list[BlockFit]:
    """Fit several models at once: a block is read one time for all that are not at rest yet.

    Each gives what `fit_blocks` gives, in a folder `model-000` and so on. `callback` has the
    number of the model before what that of `fit_blocks` has.
    """
    if not models:
        raise SettingsError("there is no model to fit: give at least one rank and likelihood.")
    told = [(Path(folder) / f"model-{number:03d}", model) for number, model in enumerate(models)]
    call = (lambda *_: None) if callback is None else callback
    return _fit(blocks, told, settings, None, seed, workers, n_workers, resume, progress, call)


def _fit(
    blocks: RowBlocks,
    models: Sequence[tuple[Path, BlockModel]],
    settings: AlsSettings | None,
    start: ndarray | None,
    seed: int,
    workers: "str | Client",
    n_workers: int | None,
    resume: bool,
    progress: bool | None,
    callback: ManyCallback,
) -> list[BlockFit]:
    settings = AlsSettings() if settings is None else settings
    check_seed(seed)
    for _, model in models:
        _check(blocks, model.rank, settings, start)
    with ExitStack() as stack:
        for folder, _ in models:
            stack.enter_context(opened_folder(folder, resume=resume))
        place = stack.enter_context(open_place(workers, n_workers))
        data, file = describe_data(blocks, shared=place.shared)
        runs = _runs(blocks, models, settings, start, seed, data)
        total = blocks.n_blocks * (settings.max_iter + 1)
        done = blocks.n_blocks * min(run.state.it for run in runs)
        advance = stack.enter_context(progress_bar(progress, "blocks", total, done))
        while moving := [number for number, run in enumerate(runs) if run.fit is None]:
            told = [runs[number].orders for number in moving]
            try:
                root = visit_all(blocks, file, place, told, advance)
            except EngineError as error:
                it = runs[moving[0]].state.it
                raise EngineError(
                    f"{error} (Mend this and run again with the same folder: the fit goes on from "
                    f"iteration {it}, kept in {runs[moving[0]].folder}.)"
                ) from error
            for order, number in enumerate(moving):
                run, prefix = runs[number], f"{order}."
                sums = {
                    name.removeprefix(prefix): value
                    for name, value in root.items()
                    if name.startswith(prefix)
                }
                if run.take(sums):
                    state = run.state
                    if callback(number, state.it, state.G, float(state.losses[-1])):
                        run.stop()
        return [cast("BlockFit", run.fit) for run in runs]


def visit_all(
    blocks: RowBlocks,
    file: str,
    place: Place,
    models: Sequence[tuple[str, str]],
    advance: Callable[[], None],
    wanted: Iterable[int] | None = None,
) -> Branch:
    """Have every block visited for the models; the sums of all.

    With `wanted` only spans that hold one of these blocks are visited, and nothing is summed.
    """
    parts = spans(blocks.n_blocks, place.width)
    if wanted is not None:
        left = set(wanted)
        parts = [part for part in parts if left & set(range(part[0], part[1]))]
    # On threads blocks are passed as they are, so that they may lie in memory.
    function: PieceFunction = partial(visit, blocks) if place.shared else visit_file
    shared: dict[str, PieceValue] = {
        "file": file,
        "models": json.dumps(list(models)),
        "vector": BYTES,
    }
    pieces = [{**shared, "first": first, "last": last} for first, last, _ in parts]
    tree = Tree(blocks.n_blocks)

    def take(index: int, values: dict[str, PieceValue]) -> None:
        first, last, size = parts[index]
        tree.add(first, size, cast("dict[str, ndarray]", values))
        for _ in range(first, last):
            advance()

    place.work(function, pieces, take)
    return tree.root or {}


@contextmanager
def opened_folder(folder: Path, *, resume: bool) -> Generator[None]:
    """A folder for one fit, held by this process alone."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        if not resume:
            discard(folder)
        yield


def _runs(
    blocks: RowBlocks,
    models: Sequence[tuple[Path, BlockModel]],
    settings: AlsSettings,
    start: ndarray | None,
    seed: int,
    data: dict[str, Json],
) -> list[Run]:
    jobs = [_job(model, settings, start, seed, data) for _, model in models]
    runs = [
        resume_run(blocks, folder, model, settings, job)
        for (folder, model), job in zip(models, jobs)
    ]
    ranks = [model.rank for (_, model), run in zip(models, runs) if run is None]
    samples = sample_rows(blocks, ranks, seed) if ranks and start is None else {}
    found = []
    for (folder, model), job, run in zip(models, jobs, runs):
        if run is None:
            G = start
            if G is None:
                sample, held = samples[model.rank], settings.regulariser
                G = sampled_basis(sample, model.rank, model.likelihood, held)
            run = begin_run(blocks, folder, model, settings, job, G)
        found.append(run)
    return found


def _job(
    model: BlockModel,
    settings: AlsSettings,
    start: ndarray | None,
    seed: int,
    data: dict[str, Json],
) -> dict[str, Json]:
    """What decides a fit's bytes, but for the number of iterations."""
    begin = f"rows drawn with seed {seed}"
    if start is not None:
        begin = hashlib.sha256(np.ascontiguousarray(start, np.float64).tobytes()).hexdigest()
    return {
        **data,
        "rank": model.rank,
        "likelihood": repr(model.likelihood),
        "settings": repr(replace(settings, max_iter=1)),
        "start": begin,
    }


def _check(blocks: RowBlocks, rank: int, settings: AlsSettings, start: ndarray | None) -> None:
    whole = rank + settings.regulariser.mean
    if rank < 1 or whole > min(blocks.n_rows, blocks.n_pixels):
        raise SettingsError(
            f"rank={rank}{' and a mean' if settings.regulariser.mean else ''} cannot describe "
            f"{blocks.n_rows} rows of {blocks.n_pixels} pixels: it must be at least 1, and no more "
            "than there are rows or pixels."
        )
    if settings.conv_strategy == "max_frac_A":
        raise SettingsError(
            "conv_strategy='max_frac_A' would read all coefficients again for each check: choose "
            "max_frac_G, rel_frac_loss or none for data in blocks."
        )
    if start is None:
        return
    if np.shape(start) != (blocks.n_pixels, whole):
        raise SettingsError(
            f"the start is a basis {np.shape(start)}; these data and this rank need "
            f"{(blocks.n_pixels, whole)}."
        )
    if not np.isfinite(start).all():
        raise SettingsError("the start is not finite: give a basis of numbers, or none.")
