"""Stars with rows in two roles, under any of the names they go by."""

from collections.abc import Mapping

import polars as pl
from numpy.typing import ArrayLike

from errorbar.core.errors import SplitError
from errorbar.core.split.doors import as_series, check_rows
from errorbar.core.split.findings import Finding, crossing, role_names
from errorbar.core.split.value import Split

__all__ = ["find_shared_stars"]


def find_shared_stars(split: Split, ids: Mapping[str, ArrayLike | pl.Series]) -> list[Finding]:
    """Identifiers, one column for each catalogue, that stand in two roles. `None` is no id."""
    found: list[Finding] = []
    for name, values in ids.items():
        keys = _keys(values, name)
        check_rows(keys.len(), len(split), name)
        rows = crossing(split, keys)
        if rows.size:
            stars = keys[rows].n_unique()
            found.append(
                Finding(
                    check="shared stars",
                    severity="failure",
                    said=f"{stars} values of `{name}` stand in two roles or more "
                    f"({role_names(split, rows)}), first {keys[int(rows[0])]}",
                    way_out="Link the identifiers with `components` and split by its stars.",
                    rows=rows,
                    numbers={"column": name, "stars": stars},
                )
            )
    return found


def _keys(values: ArrayLike | pl.Series, name: str) -> pl.Series:
    keys = as_series(values, name)
    if not (keys.dtype.is_integer() or keys.dtype == pl.String):
        raise SplitError(f"`{name}` holds {keys.dtype}; ids are whole numbers or text.")
    return keys.set(keys == "", None) if keys.dtype == pl.String else keys
