"""Coefficients of all blocks on a basis that stands still."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json
from errorbar.core.engine import open_place
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import RowBlocks
from errorbar.hmf.fit.blocks.coefficients import BlockCoefficients, result_file
from errorbar.hmf.fit.blocks.drive import opened_folder, visit_all
from errorbar.hmf.fit.blocks.states import (
    State,
    describe_data,
    fingerprint,
    latest_state,
    state_file,
    write_state,
)
from errorbar.hmf.fit.kernel.passes import Rule
from errorbar.hmf.model import Likelihood, Regulariser

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["infer_blocks"]


def infer_blocks(
    blocks: RowBlocks,
    G: ndarray,
    likelihood: Likelihood,
    *,
    folder: Path | str,
    regulariser: Regulariser | None = None,
    max_iter: int = 100,
    tol: float = 1e-3,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
) -> BlockCoefficients:
    """What `infer_coefficients` gives, for blocks of rows, on disk in `folder`.

    A run that was killed leaves out the blocks it has finished.
    """
    G = np.ascontiguousarray(G, dtype=np.float64)
    if max_iter < 1 or not tol >= 0:
        raise SettingsError(
            f"max_iter={max_iter} must be at least 1 and tol={tol:g} zero or positive."
        )
    if G.ndim != 2 or len(G) != blocks.n_pixels or not np.isfinite(G).all():
        raise SettingsError(
            f"the basis {G.shape} must be finite and have a row for each of the "
            f"{blocks.n_pixels} pixels."
        )
    held = Regulariser() if regulariser is None else regulariser
    folder = Path(folder)
    with opened_folder(folder, resume=resume), open_place(workers, n_workers) as place:
        data, file = describe_data(blocks, shared=place.shared)
        job: dict[str, Json] = {
            **data,
            "likelihood": repr(likelihood),
            "regulariser": repr(held),
            "basis": hashlib.sha256(G.tobytes()).hexdigest(),
            "max_iter": max_iter,
            "tol": tol,
        }
        if latest_state(folder, job) is None:
            rule = Rule(likelihood.c, 1, held.ridge, held.nonnegative, held.mean)
            none = np.eye(G.shape[1])
            write_state(state_file(folder, 0), State(job, rule, 0, G, none, none, np.empty(0)))
        left = [b for b in range(blocks.n_blocks) if not result_file(folder, b).exists()]
        orders = (str(state_file(folder, 0)), "infer")
        done = blocks.n_blocks - len(left)
        with progress_bar(progress, "blocks", blocks.n_blocks, done) as advance:
            visit_all(blocks, file, place, [orders], advance, left)
    bounds = tuple(blocks.bounds(block) for block in range(blocks.n_blocks))
    return BlockCoefficients(folder, fingerprint(job), bounds)
