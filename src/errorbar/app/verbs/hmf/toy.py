"""The study of toy spectra, or the toy alone as a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.told import check_folder
from errorbar.core.errors import MissingExtraError
from errorbar.hmf.data import Spectra, write_spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.studies.toy import read_config, run_toy
from errorbar.hmf.synth import make_toy

__all__ = ["ToyFiles", "hmf_toy"]


@dataclass(frozen=True, slots=True, eq=False)
class ToyFiles:
    """What the study found and where it is; or only the file of the toy, and nothing else.

    `grid` is the table of all models, `rank` and `scale` those of the chosen one.
    """

    rows: int
    pixels: int
    spectra: Path | None
    out: Path | None = None
    rank: int | None = None
    scale: float | None = None
    model: Path | None = None
    grid: pl.DataFrame | None = None
    figures: tuple[Path, ...] = ()


def hmf_toy(
    *,
    small: bool = False,
    config: Path | str | None = None,
    write: Path | str | None = None,
    figures: bool = True,
    out: Path | str = "toy",
    workers: int | None = None,
    progress: bool | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> ToyFiles:
    """Fit a grid of models to toy spectra and hold what it finds against the truth.

    With `write` the toy is only made, and written to that file for other commands. `config` is a
    TOML file with numbers that differ from the study's, `small` a look at everything in seconds.
    A run that was killed goes on when it is called again. `tell` is given each step's name.
    """
    told = read_config(config, small=small)
    rows, pixels = told["toy"]["rows"], told["toy"]["pixels"]
    if write is not None:
        return ToyFiles(rows, pixels, _written(Path(write), told["toy"]))
    if figures and find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "hmf")
    folder = run_toy(told, check_folder(out), progress=progress, workers=workers, tell=tell)
    drawn: list[Path] = []
    if figures:
        from errorbar.hmf.studies.toy.figures import draw_toy

        tell("figures")
        drawn = draw_toy(folder, folder / "figures")
    grid = pl.read_parquet(folder / "grid.parquet")
    path = folder / "best.safetensors"
    best = Robusta.load(path)
    # One degree of freedom throughout.
    scale = float(np.sqrt(best.likelihood.c))
    return ToyFiles(rows, pixels, None, folder, best.rank, scale, path, grid, tuple(drawn))


def _written(path: Path, recipe: Mapping[str, Any]) -> Path:
    toy = make_toy(**recipe)
    # The truth in the names: what is found can be held against it by eye.
    ids = tuple(f"{row}-{label}" for row, label in enumerate(toy.label))
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_spectra(path, Spectra.of(toy.Y, toy.W, ids=ids, wavelength=toy.wavelength))
