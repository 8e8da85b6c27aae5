"""What rows belong to: groups that share errors, and slices that are looked at one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import InputError

__all__ = ["Slice", "Units", "equal_mass", "read_slices", "read_units"]

FEW_VALUES = 12
MOST_LEVELS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Each row's group by number; `code` is nothing where each row stands for itself."""

    code: ndarray | None
    count: int

    def of(self, rows: ndarray) -> "Units":
        """Groups of some of the rows, numbered as before, counted anew."""
        if self.code is None:
            return Units(None, len(rows))
        code = self.code[rows]
        return Units(code, int(np.count_nonzero(np.bincount(code, minlength=self.count))))

    def effect(self, scores: ndarray) -> float:
        """How many times the variance of a sum is that of independent rows, at least once."""
        if self.code is None or self.count < 2:
            return 1.0
        away = scores - scores.mean()
        sums = np.bincount(self.code, weights=away)
        alone = float(away @ away)
        grown = float(sums @ sums) * self.count / (self.count - 1)
        return max(1.0, grown / alone) if alone > 0 else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Levels by name, and each row's level by number."""

    name: str
    labels: tuple[str, ...]
    code: ndarray

    def rows(self, at: int) -> ndarray:
        """The places of a level's rows."""
        return np.flatnonzero(self.code == at)


def read_units(groups: ArrayLike | None, rows: int) -> Units:
    """Groups as numbers; a row without a group is refused."""
    if groups is None:
        return Units(None, rows)
    column = _series(groups, rows, "groups")
    missing = np.flatnonzero(column.is_null().to_numpy())
    if missing.size:
        raise InputError(
            f"`groups` is missing in {missing.size} of {rows} rows, first at row {missing[0]}: "
            "name a group for each, a row that stands for itself one of its own."
        )
    code, names = _codes(column)
    return Units(code, len(names))


def read_slices(slices: Mapping[str, ArrayLike] | None, rows: int, bins: int) -> list[Slice]:
    """Names as they are; numbers of more than a few values in bins of equally many rows."""
    found: list[Slice] = []
    for name, values in (slices or {}).items():
        column = _series(values, rows, f"slices[{name!r}]")
        if column.dtype.is_numeric() and column.n_unique() > FEW_VALUES:
            found.append(equal_mass(name, column.cast(pl.Float64).to_numpy(), bins))
            continue
        code, labels = _codes(column.cast(pl.String).fill_null("missing"))
        if len(labels) > MOST_LEVELS:
            raise InputError(
                f"the slice {name!r} has {len(labels)} values, more than {MOST_LEVELS}: is it a "
                "name of groups? Pass it as `groups`, or join values first."
            )
        found.append(Slice(name, labels, code))
    return found


def equal_mass(name: str, values: ndarray, bins: int) -> Slice:
    """Bins of equally many rows; ties stay together, rows without a value are a bin of theirs."""
    known = np.isfinite(values)
    if not known.any():
        return Slice(name, ("missing",), np.zeros(len(values), dtype=np.int64))
    inner = np.unique(np.quantile(values[known], np.arange(1, bins) / bins))
    least, most = float(values[known].min()), float(values[known].max())
    inner = inner[inner > least]
    code = np.searchsorted(inner, values, side="right")
    edges = [least, *inner.tolist(), most]
    labels = [f"{low:.4g} to {high:.4g}" for low, high in zip(edges, edges[1:])]
    # Bins so near each other that four digits do not tell them apart.
    if len(set(labels)) < len(labels):
        labels = [f"{low:.9g} to {high:.9g}" for low, high in zip(edges, edges[1:])]
    code[~known] = len(labels)
    return Slice(name, (*labels, "missing") if not known.all() else tuple(labels), code)


def _series(values: ArrayLike, rows: int, name: str) -> pl.Series:
    column = values if isinstance(values, pl.Series) else pl.Series(cast(Any, np.asarray(values)))
    if len(column) != rows:
        raise InputError(f"`{name}` has {len(column)} values for {rows} rows: one each is needed.")
    if column.dtype.is_float():
        column = column.fill_nan(None)
    return column


def _codes(column: pl.Series) -> tuple[ndarray, tuple[str, ...]]:
    """Numbers by the order of the names."""
    if not column.dtype.is_numeric():
        column = column.cast(pl.String)
    frame = pl.DataFrame({"value": column})
    names = frame.unique().sort("value").with_row_index("code")
    code = frame.join(names, on="value", how="left", maintain_order="left", nulls_equal=True)
    labels = tuple(str(name) for name in names["value"].to_list())
    return code["code"].cast(pl.Int64).to_numpy(), labels
