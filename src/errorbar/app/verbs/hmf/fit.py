"""Fit a factorisation to a file of spectra."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.large import BLOCKS, FitRecord, fit_large, open_large
from errorbar.app.verbs.hmf.told import check_folder, read_typed, told_warnings
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import Spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.rows import Device
from errorbar.hmf.summary import expected_scores, score_fit

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["KEPT", "FactorAnswer", "hmf_fit"]

MODEL, LOSSES, CHECKPOINT = "model.safetensors", "losses.csv", "checkpoint.safetensors"
# What a fit that was stopped leaves in its folder.
KEPT = (CHECKPOINT, BLOCKS)


@dataclass(frozen=True, slots=True)
class FactorAnswer:
    """A fit: how it went, how residuals compare with their errors, the files.

    `share` is the part of the weighted variance that each basis vector explains. `notes` are what
    the fit warned of. `resumed` iterations were there from a run that was stopped. `scores` are
    those of `scored` rows: all, unless the fit was made in blocks. Then the coefficients lie in the
    folder `coefficients`, and the model holds the basis alone.
    """

    rows: int
    pixels: int
    rank: int
    iterations: int
    resumed: int
    converged: bool
    objective: float
    share: tuple[float, ...]
    scores: dict[str, float]
    expected: dict[str, float]
    scored: int
    notes: tuple[str, ...]
    model: Path
    losses: Path
    coefficients: Path | None


def hmf_fit(
    data: Path | str,
    *,
    rank: int = 5,
    scale: float = 3.0,
    nu: float = 1.0,
    robust: bool = True,
    start: str = "auto",
    starts: int = 1,
    method: str = "als",
    tol: float | None = None,
    max_iter: int = 1000,
    ridge: float = 0.0,
    smooth: float = 0.0,
    nonnegative: bool = False,
    mean: bool = False,
    single: bool = False,
    seed: int = 0,
    blocks: bool | None = None,
    engine: "str | Client | None" = None,
    workers: int | None = None,
    device: Device = "auto",
    resume: bool = True,
    out: Path | str = "hmf",
    progress: bool | None = None,
) -> FactorAnswer:
    """Fit `rank` basis vectors to the spectra of a file, and save the model.

    `scale` and `nu` are those of Student's t. A fit ends when ten iterations lower the objective by
    a share less than `tol`, by default 5e-5. `single` holds the data in single precision, which
    is faster and ends at the same place. A fit in memory runs on the `device`: `cpu`, `jax`, or the
    one that is faster (`Robusta`).

    With `blocks` the file is never in memory as a whole; left out, that is so where its values and
    weights take more than a quarter of the memory. Such a fit may run on an `engine`: threads,
    processes, or a Dask cluster. A fit that was killed goes on when it is called again with the
    same arguments and ends with the same bytes (but for `method="sgd"`); `resume=False` forgets
    what it had.
    """
    given: dict[str, Any] = {"method": method, "init_strategy": start}
    model = Robusta(
        rank,
        robust=robust,
        robust_scale=scale,
        robust_nu=nu,
        n_init=starts,
        conv_tol=tol,
        ridge=ridge,
        smooth=smooth,
        nonnegative=nonnegative,
        mean=mean,
        seed=seed,
        workers=workers,
        device=device,
        **given,
    )
    folder = check_folder(out)
    notes: list[str] = []
    large = open_large(data, blocks, notes)
    if large is None:
        if engine is not None:
            raise SettingsError(f"engine={engine!r} is for data in blocks: ask for blocks too.")
        return _fit_in_memory(
            model, read_typed(data, single=single), folder, max_iter, notes, resume, progress
        )
    _check_large(model, single)
    with told_warnings(notes):
        found = fit_large(
            model, large, folder, max_iter, notes, engine=engine, workers=workers, resume=resume,
            progress=progress,
        )  # fmt: skip
    return _answer(model, (large.n_rows, large.n_pixels), found, folder, notes)


def _check_large(model: Robusta, single: bool) -> None:
    """Refuse what fits in blocks do not do."""
    for name, wrong, way in (
        ("method='sgd'", model.method != "als", "the default method"),
        ("starts", model.n_init > 1, "one start"),
        ("start", model.init_strategy != "auto", "auto, a fit to some of the rows"),
        ("device", model.device == "jax", "the default device"),
        ("single", single, "what the file holds; store it in single precision"),
    ):
        if wrong:
            raise SettingsError(f"{name} is for data in memory: in blocks it must be {way}.")


def _fit_in_memory(
    model: Robusta,
    spectra: Spectra,
    folder: Path,
    max_iter: int,
    notes: list[str],
    resume: bool,
    progress: bool | None,
) -> FactorAnswer:
    checkpoint = folder / CHECKPOINT if model.method == "als" else None
    if checkpoint is not None and not resume:
        checkpoint.unlink(missing_ok=True)
    begun: list[int] = []
    with told_warnings(notes):
        state, losses = model.fit(
            spectra.Y,
            spectra.W,
            max_iter,
            callback=lambda it, *_: begun.append(it) if not begun else None,
            checkpoint=checkpoint,
            progress=progress,
        )
    model.wavelength = spectra.wavelength
    found = FitRecord(
        losses=losses,
        power=(state.A**2).sum(0) * (state.G**2).sum(0),
        scores=score_fit(
            spectra.Y, spectra.W, state.A, state.G, model.likelihood.c,
            state.A.size + state.G.size,
        ),
        scored=len(spectra),
        resumed=begun[0] - 1 if begun else len(losses) - 1,
    )  # fmt: skip
    answer = _answer(model, (len(spectra), spectra.pixels), found, folder, notes)
    if checkpoint is not None and model.converged:
        # What is left of a fit that may go on; this one is at rest, and saved.
        checkpoint.unlink(missing_ok=True)
    return answer


def _answer(
    model: Robusta, shape: tuple[int, int], found: FitRecord, folder: Path, notes: list[str]
) -> FactorAnswer:
    """The model and the objectives on disk, and what is told of the fit."""
    folder.mkdir(parents=True, exist_ok=True)
    path = model.save(folder / MODEL)
    kept, losses = folder / LOSSES, found.losses
    pl.DataFrame({"iteration": np.arange(1, len(losses)), "objective": losses[:-1]}).write_csv(kept)
    names = ("std_z", "chi2_red", "rmse", "mad_z", "kl")
    return FactorAnswer(
        rows=shape[0],
        pixels=shape[1],
        rank=model.rank,
        iterations=len(losses) - 1,
        resumed=found.resumed,
        converged=bool(model.converged),
        objective=float(losses[-1]),
        share=tuple(float(x) for x in found.power / (found.power.sum() or 1.0)),
        scores={name: float(getattr(found.scores, name)) for name in names},
        expected=expected_scores(model.likelihood.c),
        scored=found.scored,
        notes=tuple(notes),
        model=path,
        losses=kept,
        coefficients=found.coefficients,
    )
