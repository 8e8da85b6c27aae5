"""Coefficients of spectra on a basis that was fitted before."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.app.verbs.hmf.large import open_large
from errorbar.app.verbs.hmf.told import (
    Pixels,
    check_same_grid,
    named_rows,
    names_of,
    read_both,
    told_warnings,
)
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import SettingsError
from errorbar.hmf.data.blocks import StoredBlocks
from errorbar.hmf.estimator import Robusta

__all__ = ["RowAnswer", "hmf_infer"]


@dataclass(frozen=True, slots=True, eq=False)
class RowAnswer:
    """Coefficients with error bars, one spectrum a row; `unknown` rows have infinite ones."""

    rows: int
    rank: int
    unknown: int
    table: pl.DataFrame
    notes: tuple[str, ...]
    path: Path


def hmf_infer(
    model: Path | str,
    data: Path | str,
    *,
    form: str = "scaled",
    blocks: bool | None = None,
    out: Path | str = "coefficients.parquet",
    progress: bool | None = None,
) -> RowAnswer:
    """Fit every spectrum of a file on a saved basis, and write its coefficients with errors.

    `form` is how far the file's errors are believed: `believed`, `scaled` (right up to a factor
    for each spectrum) or `sandwich` (perhaps wrong from pixel to pixel). The columns are `id`,
    `a1`, `a1_sd`, `a2`, …. With `blocks` the file is never in memory as a whole; left out, that is
    so where it takes more than a quarter of the memory.
    """
    path = Path(out)
    if path.suffix not in (".parquet", ".csv"):
        raise SettingsError(f"out={out} must end in .parquet or .csv.")
    notes: list[str] = []
    large = open_large(data, blocks, notes)
    if large is None:
        held, spectra = read_both(model, data)
        with told_warnings(notes):
            ids, parts = names_of(spectra), [_rows(held, spectra.Y, spectra.W, form)]
    else:
        held, axes = Robusta.load(model), large.axes()
        own = Pixels(large.n_pixels, axes.wavelength)
        check_same_grid(own, data, Pixels.of_model(held), f"the basis of {model}")
        ids = named_rows(axes.ids, large.n_rows)
        parts = list(_block_rows(held, large, form, progress))
    centre, sd = (np.concatenate(each) for each in zip(*parts))
    table = _table(ids, centre, sd)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path)
    return RowAnswer(
        rows=len(ids),
        rank=centre.shape[1],
        unknown=int(np.isinf(sd).any(1).sum()),
        table=table,
        notes=tuple(notes),
        path=path,
    )


def _rows(model: Robusta, Y: ndarray, W: ndarray, form: Any) -> tuple[ndarray, ndarray]:
    found = model.predict(Y, W, of="coefficients", form=form)
    return found.centre, found.sd


def _block_rows(
    model: Robusta, blocks: StoredBlocks, form: str, progress: bool | None
) -> Iterator[tuple[ndarray, ndarray]]:
    with progress_bar(progress, "blocks", blocks.n_blocks, 0) as advance:
        for block in range(blocks.n_blocks):
            # Warnings would number rows within their block; the answer counts what is not known.
            with told_warnings([]):
                found = _rows(model, *blocks.read(block), form)
            yield found
            advance()


def _table(ids: tuple[str, ...], centre: ndarray, sd: ndarray) -> pl.DataFrame:
    columns: dict[str, object] = {"id": ids}
    for k in range(centre.shape[1]):
        columns[f"a{k + 1}"] = centre[:, k]
        columns[f"a{k + 1}_sd"] = sd[:, k]
    return pl.DataFrame(columns)
