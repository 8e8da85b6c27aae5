"""Coefficients of spectra on a basis that was fitted before."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.told import names_of, read_both, told_warnings
from errorbar.core.errors import SettingsError

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
    out: Path | str = "coefficients.parquet",
) -> RowAnswer:
    """Fit every spectrum of a file on a saved basis, and write its coefficients with errors.

    `form` is how far the file's errors are believed: `believed`, `scaled` (right up to a factor
    for each spectrum) or `sandwich` (perhaps wrong from pixel to pixel). The columns are `id`,
    `a1`, `a1_sd`, `a2`, ….
    """
    path = Path(out)
    if path.suffix not in (".parquet", ".csv"):
        raise SettingsError(f"out={out} must end in .parquet or .csv.")
    held, spectra = read_both(model, data)
    notes: list[str] = []
    with told_warnings(notes):
        found = held.predict(
            spectra.Y,
            spectra.W,
            of="coefficients",
            form=form,  # pyright: ignore[reportArgumentType] (refused there)
        )
    columns: dict[str, object] = {"id": names_of(spectra)}
    for k in range(found.centre.shape[1]):
        columns[f"a{k + 1}"] = found.centre[:, k]
        columns[f"a{k + 1}_sd"] = found.sd[:, k]
    table = pl.DataFrame(columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path)
    return RowAnswer(
        rows=len(spectra),
        rank=found.centre.shape[1],
        unknown=int(np.isinf(found.sd).any(1).sum()),
        table=table,
        notes=tuple(notes),
        path=path,
    )
