"""Which rank and which scale: a grid of fits, judged on spectra that none of them has seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.told import Pixels, check_folder, check_same_grid, read_typed
from errorbar.core.engine import discard_journal
from errorbar.core.errors import MissingExtraError, SettingsError
from errorbar.hmf.data import Spectra
from errorbar.hmf.grid import BEST, USUAL, GridPoint, GridResult, search
from errorbar.hmf.model import Regulariser

__all__ = ["GridAnswer", "hmf_grid"]

MODEL, TABLE, JOURNAL = "model.safetensors", "grid", "journal"
SELECTION = ("kl", "std_z", "chi2_red", "mad_z", "rmse", "kl_all")
MAPS = ("kl", "kl_all", "rmse", "mad_z")
# A lower rank whose score is off by no more than this times the best's is worth a thought.
CLOSE = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class GridAnswer:
    """All models of a grid, and the one that was taken.

    `score` is that of the taken model under the name `by`, and `ideal` what it should be; `resumed`
    models were there from a run that was stopped.
    """

    rows: int
    test_rows: int
    pixels: int
    table: pl.DataFrame
    resumed: int
    rank: int
    scale: float
    by: str
    score: float
    ideal: float
    notes: tuple[str, ...]
    model: Path
    tables: tuple[Path, Path]
    figures: tuple[Path, ...]


def hmf_grid(
    data: Path | str,
    *,
    ranks: Sequence[int] = (3, 4, 5, 6, 7),
    scales: Sequence[float] = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0),
    test: float | None = None,
    held_out: Path | str | None = None,
    choose_by: str = "kl",
    take: tuple[int, float] | None = None,
    nu: float = 1.0,
    start: str = "auto",
    tries: str = "both",
    tol: float = USUAL.conv_tol,
    max_iter: int = USUAL.max_iter,
    ridge: float = 0.0,
    smooth: float = 0.0,
    nonnegative: bool = False,
    mean: bool = False,
    single: bool = False,
    seed: int = 0,
    workers: int | None = None,
    figures: bool = True,
    resume: bool = True,
    out: Path | str = "grid",
    progress: bool | None = None,
) -> GridAnswer:
    """Fit every rank at every scale to some spectra of a file, and judge the fits on the others.

    A share `test` of the rows, drawn with `seed`, is kept from the fits (by default half of them);
    or the spectra of another file, `held_out`, are the judges. The model whose score `choose_by` is
    nearest to what it should be is saved, or the one of rank and scale `take`. A search that was
    killed goes on when it is called again with the same arguments; `resume=False` forgets what
    it had.
    """
    if choose_by not in BEST:
        raise SettingsError(
            f"choose_by={choose_by!r} is no score; choose one of {', '.join(BEST)}."
        )
    if figures and find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "hmf")
    folder = check_folder(out)
    spectra = read_typed(data, single=single)
    aside = None if held_out is None else read_typed(held_out, single=single)
    if aside is not None:
        own, other = (Pixels(each.pixels, each.wavelength) for each in (spectra, aside))
        check_same_grid(other, str(held_out), own, data)
    given: dict[str, Any] = {"start": start, "tries": tries}
    if not resume:
        discard_journal(folder / JOURNAL)
    found = search(
        spectra.Y,
        spectra.W,
        ranks,
        scales,
        test=_test_rows(len(spectra), test, seed, aside),
        held_out=None if aside is None else (aside.Y, aside.W),
        nu=nu,
        settings=replace(
            USUAL,
            max_iter=max_iter,
            conv_tol=tol,
            regulariser=Regulariser(ridge=ridge, smooth=smooth, nonnegative=nonnegative, mean=mean),
        ),
        journal=folder / JOURNAL,
        progress=progress,
        seed=seed,
        workers=workers,
        **given,
    )
    best = found.best(choose_by)
    point = best if take is None else found.point(*take)
    model = found.model(point.rank, point.scale)
    model.wavelength = spectra.wavelength
    fitted = len(point.state.A)
    return GridAnswer(
        rows=fitted,
        test_rows=len(spectra) - fitted if aside is None else len(aside),
        pixels=spectra.pixels,
        table=found.table(),
        resumed=found.resumed,
        rank=point.rank,
        scale=point.scale,
        by=choose_by,
        score=_score(point, choose_by),
        ideal=BEST[choose_by],
        notes=tuple(_notes(found, best, choose_by)),
        model=model.save(folder / MODEL),
        tables=_write_tables(found.table(), folder),
        figures=_draw(found, point, folder) if figures else (),
    )


def _test_rows(
    rows: int, share: float | None, seed: int, aside: Spectra | None
) -> np.ndarray | None:
    if aside is not None:
        if share is not None:
            raise SettingsError("test and held_out both name the test spectra: leave one out.")
        return None
    share = 0.5 if share is None else share
    if not 0 < share < 1:
        raise SettingsError(f"test={share:g} must be a share of the spectra between 0 and 1.")
    if seed < 0:
        raise SettingsError(f"seed={seed} must not be negative.")
    count = max(1, round(share * rows))
    return np.sort(np.random.default_rng(seed).permutation(rows)[:count])


def _score(point: GridPoint, by: str) -> float:
    return float(getattr(point.scores, by))


def _notes(found: GridResult, best: GridPoint, by: str) -> list[str]:
    """What a person should know before believing the choice."""
    told = []
    moving = sum(not point.converged for point in found.points)
    if moving:
        told.append(
            f"{moving} of {len(found.points)} fits were still moving after "
            f"{found.settings.max_iter} iterations."
        )
    for name in ("rank", "scale"):
        tried = sorted({getattr(point, name) for point in found.points})
        at = getattr(best, name)
        if len(tried) > 1 and at in (tried[0], tried[-1]) and at > 1:
            end, way = ("lowest", "lower") if at == tried[0] else ("highest", "higher")
            told.append(f"the best {name}, {at:g}, is the {end} of the grid: try {way} ones too.")
    off = abs(_score(best, by) - BEST[by])
    close = [
        point
        for point in found.points
        if point.rank < best.rank and abs(_score(point, by) - BEST[by]) <= CLOSE * off
    ]
    if close:
        simple = close[0]
        told.append(
            f"rank {simple.rank} at scale {simple.scale:g} does almost as well ({by} "
            f"{_score(simple, by):.3g}, the best has {_score(best, by):.3g}): of models that are "
            "close the one of least rank is the safer choice."
        )
    return told


def _write_tables(table: pl.DataFrame, folder: Path) -> tuple[Path, Path]:
    paths = folder / f"{TABLE}.csv", folder / f"{TABLE}.parquet"
    writers: tuple[Callable[[Path], object], ...] = (table.write_csv, table.write_parquet)
    for path, write in zip(paths, writers):
        part = path.with_name(path.name + ".part")
        write(part)
        part.replace(path)
    return paths


def _draw(found: GridResult, point: GridPoint, folder: Path) -> tuple[Path, ...]:
    """Scores against scale, and as maps; the PNGs' paths."""
    from errorbar.core.plots import write_figure
    from errorbar.hmf.plots import make_heat_maps, make_selection

    chosen = point.rank, point.scale
    made = {
        "selection": make_selection(
            [found.surface(name) for name in SELECTION],
            chosen=chosen,
            title="Choosing rank and scale by spectra that no fit has seen",
        ),
        "scores": make_heat_maps(
            [found.surface(name) for name in MAPS],
            chosen=chosen,
            low=True,
            title="Scores of spectra that no fit has seen",
        ),
    }
    return tuple(write_figure(each, folder / "figures" / name)[1] for name, each in made.items())
