"""Files of spectra larger than memory: when they are, and fits to them in blocks."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from errorbar.app.verbs.memory import memory_bytes
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import check_blocks, open_blocks
from errorbar.hmf.data.blocks import StoredBlocks
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.blocks import BlockFit, fit_blocks
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.summary import Scores, score_fit

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["BLOCKS", "FitRecord", "fit_large", "open_large"]

BLOCKS = "blocks"
# A start, checks and sums need as much again as values and weights, and other programs live too.
SHARE = 0.25
# Of values and weights that the scores of a fit in blocks are taken from.
SCORED_BYTES = 2**28
KNOWN = (".npy", ".h5", ".hdf5", ".hdf", ".zarr", ".parquet", ".pq")


@dataclass(frozen=True, slots=True, eq=False)
class FitRecord:
    """What is to be told of a fit: objectives, power of each vector, scores of `scored` rows.

    It went on after `resumed` iterations. Of a fit in blocks, `coefficients` is their folder.
    """

    losses: ndarray
    power: ndarray
    scores: Scores
    scored: int
    resumed: int
    coefficients: Path | None = None


def open_large(
    data: Path | str, blocks: bool | None, notes: list[str], share: float = SHARE
) -> StoredBlocks | None:
    """The file in blocks, where that is wanted or its matrices take too much of the memory.

    With `blocks` left out, too much is more than `share` of what this process may have.
    """
    path = Path(data)
    if blocks is False:
        return None
    if path.suffix.lower() not in KNOWN:
        if blocks:
            raise SettingsError(
                f"{path} cannot be read in blocks: write the spectra to one of {', '.join(KNOWN)} "
                "with errorbar.hmf.write_blocks, or leave blocks out."
            )
        return None
    found = open_blocks(path)
    size, memory = 2 * found.n_rows * found.n_pixels * found.dtype.itemsize, memory_bytes()
    if blocks:
        return found
    if memory is None or size <= share * memory:
        return None
    notes.append(
        f"values and weights take {size / 2**30:.1f} GiB, more than {share:.0%} of the "
        f"{memory / 2**30:.1f} GiB of memory here, so they are read block by block; --no-blocks "
        "(blocks=False) reads them at once."
    )
    return found


def fit_large(
    model: Robusta,
    blocks: StoredBlocks,
    folder: Path,
    max_iter: int,
    notes: list[str],
    *,
    engine: "str | Client | None" = None,
    workers: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
) -> FitRecord:
    """Fit a model to blocks, its coefficients and checkpoints in a folder inside `folder`.

    The model keeps the basis; rows are left on disk.
    """
    place = folder / BLOCKS
    if not resume or not place.is_dir():
        notes += check_blocks(blocks, model.rank).problems
    begun: list[int] = []
    fit = fit_blocks(
        blocks,
        model.rank,
        model.likelihood,
        model.settings.with_max_iter(max_iter),
        # Workers elsewhere stand in other folders.
        folder=place.resolve(),
        seed=model.seed,
        workers="threads" if engine is None else engine,
        n_workers=workers,
        resume=resume,
        progress=progress,
        callback=lambda it, *_: begun.append(it) if not begun else None,
    )
    model.state = RHMFState(np.zeros((0, fit.G.shape[1])), fit.G, fit.it)
    model.converged, model.wavelength = fit.converged, blocks.axes().wavelength
    power = np.zeros(fit.G.shape[1])
    for _, _, A in fit.coefficients:
        power += (A**2).sum(0)
    scores, scored = _scores(blocks, fit, model.likelihood.c)
    return FitRecord(
        losses=fit.losses,
        power=power * (fit.G**2).sum(0),
        scores=scores,
        scored=scored,
        resumed=begun[0] - 1 if begun else fit.it,
        coefficients=place,
    )


def _scores(blocks: StoredBlocks, fit: BlockFit, c: float) -> tuple[Scores, int]:
    """Scores of some blocks, spread evenly over all, and how many rows they have."""
    size = 2 * blocks.n_rows * blocks.n_pixels * blocks.dtype.itemsize
    count = int(np.clip(blocks.n_blocks * SCORED_BYTES // size, 1, blocks.n_blocks))
    chosen = np.linspace(0, blocks.n_blocks - 1, count).round().astype(int)
    parts = [(*blocks.read(int(b)), fit.coefficients.read(int(b))) for b in chosen]
    Y, W, A = (np.concatenate([part[place] for part in parts]) for place in range(3))
    share = len(A) / blocks.n_rows
    return score_fit(Y, W, A, fit.G, c, round(A.size + share * fit.G.size)), len(A)
