"""Steps from raw shards to a table of peaks, each from frame to frame."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.columns import RT, RUN
from errorbar.rt.data.files import read_table
from errorbar.rt.data.hashing import hash_columns
from errorbar.rt.data.numbers import as_floats

__all__ = [
    "attach_chemistry",
    "cap_rows",
    "compound_collisions",
    "merge_shards",
    "split_by_library",
]

FEW = 5


def merge_shards(paths: Sequence[str | Path], *, fill: bool = False) -> pl.DataFrame:
    """Shards of one table below each other; columns may be in any order and of any number type.

    Every shard must have the columns of the first, unless `fill` leaves empty what one lacks.
    """
    if not paths:
        raise SettingsError("no shards were given: name at least one file.")
    frames = [read_table(path) for path in paths]
    wanted = frames[0].columns
    for path, frame in zip(paths, frames, strict=True):
        odd = sorted(set(wanted) ^ set(frame.columns))
        if odd and not fill:
            raise TableError(
                f"{path} and {paths[0]} differ in {len(odd)} columns: {', '.join(odd[:FEW])}"
                f"{' and more' if len(odd) > FEW else ''}. Say fill=True to leave them empty where "
                "a shard lacks them."
            )
    if fill:
        return pl.concat(frames, how="diagonal_relaxed")
    return pl.concat([frame.select(wanted) for frame in frames], how="vertical_relaxed")


def split_by_library(frame: pl.DataFrame, column: str = "lib_id") -> dict[int, pl.DataFrame]:
    """The rows of each library, in order of the libraries' numbers; no row may lack its own."""
    if column not in frame.columns:
        raise TableError(f"the table lacks `{column}`, the library of each row.")
    library = as_floats(frame[column], "the table").fill_nan(None)
    bad = int((library.is_null() | (library != library.floor())).sum())
    if bad:
        raise TableError(f"`{column}` is no library's number in {bad} rows of {frame.height}.")
    numbers = library.cast(pl.Int64)
    return {number: frame.filter(numbers == number) for number in numbers.unique().sort()}


def cap_rows(
    frame: pl.DataFrame, cap: int, seed: int = 42, *, by: str | None = None
) -> pl.DataFrame:
    """At most `cap` rows of each pair of species and compound, chosen uniformly at random.

    Species are told apart by the column `by`; by default `species_matrix_type` where there is one,
    else `species`. A row is chosen by a hash of its run, compound and time, so the choice does not
    depend on the order of rows, and a smaller cap chooses among the rows of a larger one. The rows
    that are kept stay in order.
    """
    if cap < 1:
        raise SettingsError(f"cap={cap} must be at least one row.")
    by = by or ("species_matrix_type" if "species_matrix_type" in frame.columns else "species")
    if lacking := [name for name in (by, "comp_id") if name not in frame.columns]:
        raise TableError(f"the table lacks {', '.join(f'`{name}`' for name in lacking)}.")
    columns = [
        as_floats(frame[name], "the table").fill_null(np.nan).to_numpy()
        for name in (*RUN, "comp_id", RT)
        if name in frame.columns
    ]
    ranked = frame.select(by, "comp_id").with_columns(chance=hash_columns(columns, seed))
    rank = ranked.select(pl.col("chance").rank("ordinal").over(by, "comp_id")).to_series()
    return frame.filter(rank <= cap)


def attach_chemistry(frame: pl.DataFrame, chemistry: pl.DataFrame) -> pl.DataFrame:
    """Gives each peak the `compound` (chem_id) and `compound_class` of its `comp_id`.

    `chemistry` has any number of rows for a `comp_id`, with `chem_id` (or `compound`) and perhaps
    `compound_class`. Of several pairs for a `comp_id` the most frequent is taken, of equally
    frequent ones the smallest. What is not known is -1.
    """
    chosen = _pairs(chemistry).filter("chosen").select("comp_id", "compound", "compound_class")
    known = frame.drop("compound", "compound_class", strict=False)
    known = known.with_columns(pl.col("comp_id").cast(pl.Int64))
    return known.join(chosen, on="comp_id", how="left", maintain_order="left").with_columns(
        pl.col("compound", "compound_class").fill_null(-1)
    )


def compound_collisions(chemistry: pl.DataFrame) -> pl.DataFrame:
    """Every pair of chemical and class of each `comp_id` that has several, and which is chosen.

    Columns: `comp_id`, `compound`, `compound_class`, `rows`, `chosen`.
    """
    pairs = _pairs(chemistry)
    return pairs.filter(pl.len().over("comp_id") > 1)


def _pairs(chemistry: pl.DataFrame) -> pl.DataFrame:
    names = chemistry.columns
    chem = "chem_id" if "chem_id" in names else "compound"
    if lacking := [name for name in ("comp_id", chem) if name not in names]:
        raise TableError(
            f"the chemistry lacks {', '.join(f'`{name}`' for name in lacking)}: it needs comp_id "
            "and chem_id (or compound)."
        )
    columns = {"comp_id": "comp_id", "compound": chem, "compound_class": "compound_class"}
    told = pl.DataFrame(
        {
            name: as_floats(chemistry[source], "the chemistry").fill_nan(None).cast(pl.Int64)
            if source in names
            else pl.Series([None] * chemistry.height, dtype=pl.Int64)
            for name, source in columns.items()
        }
    ).with_columns(pl.col("compound", "compound_class").fill_null(-1))
    pairs = told.group_by("comp_id", "compound", "compound_class").agg(rows=pl.len())
    pairs = pairs.sort(
        "comp_id", "rows", "compound", "compound_class", descending=[False, True, False, False]
    )
    return pairs.with_columns(chosen=pl.int_range(pl.len()).over("comp_id") == 0)
