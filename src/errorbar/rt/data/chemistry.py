"""Descriptors of compounds: read, brought to fewer dimensions, given to peaks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.files import read_table, write_table
from errorbar.rt.data.peaks import Chemistry, Peaks

__all__ = ["read_chemistry", "reduce_chemistry", "with_classes", "write_chemistry"]

KEY, CLASS = "comp_id", "compound_class"


def read_chemistry(path: str | Path) -> Chemistry:
    """Descriptors from a CSV or Parquet file: `comp_id`, numbers, perhaps `compound_class`.

    Every other column of numbers is a descriptor, in the file's order; columns of words are not
    read. Compounds that lack a descriptor are refused: leave their rows out, they stand at the
    mean of the others then.
    """
    frame = read_table(path)
    if KEY not in frame.columns:
        raise TableError(
            f"{path} lacks `{KEY}`, the compound each row describes; it has "
            f"{', '.join(f'`{name}`' for name in frame.columns[:12])}."
        )
    if not frame[KEY].dtype.is_integer() or frame[KEY].null_count():
        raise TableError(
            f"`{KEY}` of {path} must be whole numbers without gaps, not {frame[KEY].dtype}."
        )
    names = [
        name
        for name in frame.columns
        if frame[name].dtype.is_numeric() and name not in (KEY, CLASS)
    ]
    if not names:
        raise TableError(f"{path} has no column of numbers beside `{KEY}`: nothing describes them.")
    label = np.full(frame.height, -1)
    if CLASS in frame.columns:
        label = frame[CLASS].cast(pl.Float64).fill_null(-1).fill_nan(-1).to_numpy()
        label = np.where(label >= 0, label, -1).astype(np.int64)
    values = frame.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    compound = frame[KEY].cast(pl.Int64).to_numpy()
    return Chemistry(compound, np.ascontiguousarray(values), tuple(names), label)


def write_chemistry(path: str | Path, chemistry: Chemistry) -> Path:
    """Puts descriptors into a CSV or Parquet file, as `read_chemistry` reads them."""
    columns = {KEY: chemistry.compound, CLASS: chemistry.compound_class}
    columns |= {name: chemistry.values[:, j] for j, name in enumerate(chemistry.names)}
    return write_table(path, pl.DataFrame(columns))


def reduce_chemistry(chemistry: Chemistry, n: int, *, standardise: bool = True) -> Chemistry:
    """The first `n` principal components of standardised descriptors, largest variance first.

    Constant descriptors take no part. Of each component the loading that is largest in size is
    positive, so that the same descriptors always give the same components.
    """
    spread = chemistry.values.std(axis=0)
    varies = spread > 1e-12 * np.abs(chemistry.values).max(axis=0, initial=0.0)
    values = chemistry.values[:, varies] - chemistry.values[:, varies].mean(axis=0)
    if standardise:
        values = values / spread[varies]
    most = min(values.shape)
    if not 1 <= n <= most:
        raise SettingsError(
            f"n={n} components cannot be taken of {values.shape[1]} varying descriptors of "
            f"{values.shape[0]} compounds: between 1 and {most}."
        )
    _, _, loadings = np.linalg.svd(values, full_matrices=False)
    loadings = loadings[:n]
    sign = np.sign(loadings[np.arange(n), np.abs(loadings).argmax(axis=1)])
    return replace(
        chemistry,
        values=values @ (loadings * sign[:, None]).T,
        names=tuple(f"pc{j + 1:02d}" for j in range(n)),
    )


def with_classes(peaks: Peaks, chemistry: Chemistry) -> Peaks:
    """The peaks with the compound classes that their chemistry knows."""
    return replace(peaks, compound_class=chemistry.classes(peaks.compound))
