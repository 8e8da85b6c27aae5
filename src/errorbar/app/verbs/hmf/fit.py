"""Fit a factorisation to a file of spectra."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.told import told_warnings
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import read_spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.summary import score_fit

__all__ = ["FactorAnswer", "hmf_fit"]

MODEL = "model.safetensors"
LOSSES = "losses.csv"


@dataclass(frozen=True, slots=True)
class FactorAnswer:
    """A fit: how it went, how residuals compare with their errors, the files.

    `share` is the part of the weighted variance that each basis vector explains. `notes` are what
    the fit warned of.
    """

    rows: int
    pixels: int
    rank: int
    iterations: int
    converged: bool
    objective: float
    share: tuple[float, ...]
    scores: dict[str, float]
    notes: tuple[str, ...]
    model: Path
    losses: Path


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
    tol: float = 1e-4,
    max_iter: int = 1000,
    ridge: float = 0.0,
    smooth: float = 0.0,
    nonnegative: bool = False,
    mean: bool = False,
    single: bool = False,
    seed: int = 0,
    workers: int | None = None,
    out: Path | str = "hmf",
) -> FactorAnswer:
    """Fit `rank` basis vectors to the spectra of a file, and save the model.

    `scale` and `nu` are those of Student's t. `single` holds the data in single precision, which
    is faster and ends at the same place.
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
        **given,
    )
    folder = Path(out)
    if folder.is_file():
        raise SettingsError(f"out={out} is a file: name a folder for the model.")
    spectra = read_spectra(data)
    Y, W = spectra.Y, spectra.W
    if single:
        Y, W = Y.astype(np.float32), W.astype(np.float32)
    notes: list[str] = []
    with told_warnings(notes):
        state, losses = model.fit(Y, W, max_iter)
    model.wavelength = spectra.wavelength
    folder.mkdir(parents=True, exist_ok=True)
    path = model.save(folder / MODEL)
    kept = folder / LOSSES
    pl.DataFrame({"iteration": np.arange(1, len(losses)), "objective": losses[:-1]}).write_csv(kept)
    power = (state.A**2).sum(0) * (state.G**2).sum(0)
    scores = score_fit(Y, W, state.A, state.G, model.likelihood.c, state.A.size + state.G.size)
    return FactorAnswer(
        rows=len(spectra),
        pixels=spectra.pixels,
        rank=rank,
        iterations=state.it,
        converged=bool(model.converged),
        objective=float(losses[-1]),
        share=tuple(float(x) for x in power / (power.sum() or 1.0)),
        scores={
            name: float(getattr(scores, name))
            for name in ("std_z", "chi2_red", "rmse", "mad_z", "kl")
        },
        notes=tuple(notes),
        model=path,
        losses=kept,
    )
