"""What was known of something at a time: no later event, and nothing learnt later.

A row of a feature table has two times: of the event it describes, and of its creation, when it
came to be known. A correction is a row with the same event and a later creation. At a time `at`,
with what was known at a time `known`, the row in force is that of the latest event at or before
`at` among rows created at or before `known`, and of that event the one created last; of rows alike
in all this, the last of the table.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import TableError

__all__ = ["as_of"]

ROW, CODE = "__row", "__code"


def as_of(
    queries: pl.DataFrame,
    features: pl.DataFrame | pl.LazyFrame,
    *,
    by: str | Sequence[str],
    at: str,
    event: str,
    created: str = "created",
    known: str | None = None,
    max_age: timedelta | float | None = None,
) -> pl.DataFrame:
    """The queries, in their order, each with the columns of the feature row in force, or nulls.

    `by` names the columns that say of what, in both tables; `at` and `known` are columns of queries
    and `event` and `created` of features. What was known is by default what was known at `at`
    itself. A row whose event is more than `max_age` before `at` is not in force.
    """
    by = (by,) if isinstance(by, str) else tuple(by)
    known = at if known is None else known
    _check_queries(queries, by, at, known)
    # Only of what is asked about, before anything is loaded.
    asked = queries.select(by).unique(maintain_order=True).with_row_index(CODE)
    table = _load(features, asked, by, event, created)
    _check_features(queries, table, by, at, known, event, created)
    order = table.select(pl.arg_sort_by(CODE, event, created, ROW)).to_series()
    table = table[order]
    codes = queries.select(by).join(asked, on=list(by), how="left", maintain_order="left")[CODE]
    found = _in_force(
        (codes.to_numpy(), _numbers(queries[at]), _numbers(queries[known])),
        (table[CODE].to_numpy(), _numbers(table[event]), _numbers(table[created])),
    )
    places = pl.Series(np.where(found < 0, 0, found)).set(pl.Series(found < 0), None)
    taken = table.drop(CODE, ROW, *by).select(pl.all().gather(places))
    joined = queries.hstack(taken) if table.height else _none(queries, taken)
    if max_age is None:
        return joined
    old = joined[at] - joined[event] > max_age
    blank = [
        pl.when(pl.lit(old).fill_null(False)).then(None).otherwise(pl.col(name)).alias(name)
        for name in taken.columns
    ]
    return joined.with_columns(blank)


def _none(queries: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    return queries.with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in taken.schema.items()
    )


def _in_force(
    queries: tuple[ndarray, ndarray, ndarray], table: tuple[ndarray, ndarray, ndarray]
) -> ndarray:
    """The place in the sorted table of each query's row, or -1."""
    codes, at, known = queries
    code, event, created = table
    if not len(code):
        return np.full(len(codes), -1)
    # One sort of both: how many rows of the table stand before each query.
    both = pl.DataFrame(
        {
            "code": np.append(code, codes),
            "time": np.append(event, at),
            "asks": np.repeat([False, True], [len(code), len(codes)]),
        }
    )
    order = both.select(pl.arg_sort_by("code", "time", "asks")).to_series().to_numpy()
    before = np.cumsum(order < len(code))
    start = np.empty(len(codes), dtype=np.int64)
    asks = order >= len(code)
    start[order[asks] - len(code)] = before[asks] - 1
    found = _last_at_most(created, start, known)
    return np.where((found >= 0) & (code[found] == codes), found, -1)


def _last_at_most(values: ndarray, start: ndarray, limit: ndarray) -> ndarray:
    """For each start the last place at or before it whose value is at most the limit, or -1.

    By a tree of minima: up while what lies to the left has nothing small enough, then down on the
    right-most way that has.
    """
    levels = [values]
    while len(levels[-1]) > 1:
        below = levels[-1]
        even = len(below) // 2 * 2
        pairs = np.minimum(below[0:even:2], below[1:even:2])
        levels.append(np.append(pairs, below[even:]))
    node = start.copy()
    height = np.zeros(len(start), dtype=np.int64)
    found = np.zeros(len(start), dtype=bool)
    searching = np.flatnonzero(start >= 0)
    hit = values[start[searching]] <= limit[searching]
    found[searching[hit]] = True
    searching = searching[~hit]
    for level in range(len(levels)):
        # A right child has its left sibling before it; a left child has nothing at this level.
        left = node[searching] - 1
        right_child = node[searching] % 2 == 1
        hit = right_child & (levels[level][left] <= limit[searching])
        there = searching[hit]
        node[there], height[there], found[there] = left[hit], level, True
        searching = searching[~hit]
        node[searching] >>= 1
    for level in range(len(levels) - 1, 0, -1):
        going = np.flatnonzero(found & (height == level))
        child = 2 * node[going] + 1
        below = levels[level - 1]
        there = np.minimum(child, len(below) - 1)
        right = (child < len(below)) & (below[there] <= limit[going])
        node[going] = np.where(right, child, child - 1)
        height[going] = level - 1
    return np.where(found, node, -1)


def _load(
    features: pl.DataFrame | pl.LazyFrame,
    asked: pl.DataFrame,
    by: tuple[str, ...],
    event: str,
    created: str,
) -> pl.DataFrame:
    lazy = features.lazy()
    names = lazy.collect_schema()
    missing = [name for name in (*by, event, created) if name not in names]
    if missing:
        raise TableError(f"the feature table has no column {missing[0]!r}: it has {list(names)}.")
    unlike = [name for name in by if names[name] != asked.schema[name]]
    if unlike:
        raise TableError(
            f"`{unlike[0]}` is {asked.schema[unlike[0]]} in the queries and {names[unlike[0]]} in "
            "the features: cast one of them."
        )
    return lazy.with_row_index(ROW).join(asked.lazy(), on=list(by), how="inner").collect()


def _check_queries(queries: pl.DataFrame, by: tuple[str, ...], at: str, known: str) -> None:
    for name in dict.fromkeys((*by, at, known)):
        if name not in queries.columns:
            raise TableError(f"the queries have no column {name!r}: they have {queries.columns}.")
        _check_whole(queries[name], "queries")


def _check_features(
    queries: pl.DataFrame,
    table: pl.DataFrame,
    by: tuple[str, ...],
    at: str,
    known: str,
    event: str,
    created: str,
) -> None:
    for name in (event, created):
        _check_whole(table[name], "features")
    for asked, told in ((at, event), (known, created)):
        if queries.schema[asked] != table.schema[told]:
            raise TableError(
                f"`{asked}` of the queries is {queries.schema[asked]} and `{told}` of the features "
                f"is {table.schema[told]}: times are compared only where they are of one type."
            )
        if not (table.schema[told].is_numeric() or table.schema[told].is_temporal()):
            raise TableError(f"`{told}` of the features is {table.schema[told]}, which is no time.")
    twice = sorted((set(queries.columns) & set(table.columns)) - set(by))
    if twice:
        raise TableError(f"both tables have {', '.join(twice)}: rename in the queries.")


def _check_whole(values: pl.Series, where: str) -> None:
    bad = values.is_null() | (values.is_nan() if values.dtype.is_float() else False)
    if bad.any():
        raise TableError(
            f"`{values.name}` of the {where} is missing in {bad.sum()} rows, first at row "
            f"{bad.arg_true()[0]}: a row without it cannot be placed in time."
        )


def _numbers(values: pl.Series) -> ndarray:
    return values.to_physical().to_numpy()
