"""One number of every model of a grid, as a map over ranks and scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import TableError

__all__ = ["GridSurface", "grid_surface"]


@dataclass(frozen=True, slots=True, eq=False)
class GridSurface:
    """`values` of the quantity `name`, a row for each rank, a column for each scale.

    NaN where there is no model, or the model has no such number.
    """

    name: str
    ranks: tuple[int, ...]
    scales: tuple[float, ...]
    values: Float[ndarray, "ranks scales"]


def grid_surface(table: pl.DataFrame, name: str) -> GridSurface:
    """The column `name` of a table with the columns `rank` and `scale`, one row for each model."""
    _check(table, ("rank", "scale", name))
    ranks = sorted(set(table["rank"].to_list()))
    scales = sorted(set(table["scale"].to_list()))
    values = np.full((len(ranks), len(scales)), np.nan)
    for rank, scale, value in table.select("rank", "scale", name).iter_rows():
        values[ranks.index(rank), scales.index(scale)] = np.nan if value is None else value
    return GridSurface(name, tuple(ranks), tuple(scales), values)


def _check(table: pl.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise TableError(
            f"the table has no column {', '.join(missing)}; it has {', '.join(table.columns)}."
        )
    twice = table.filter(pl.struct("rank", "scale").is_duplicated())
    if len(twice):
        raise TableError(
            f"{len(twice)} rows share their rank and scale with another, the first is rank "
            f"{twice['rank'][0]} at scale {twice['scale'][0]:g}: keep one row for each model."
        )
