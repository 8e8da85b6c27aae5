"""What a sample set is: its species, and the supercategory that the species lies in."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.numbers import as_floats

__all__ = ["SpeciesMap", "map_species"]

# The column of the metadata that each library's species are named by.
SPECIES_COLUMNS = {208: "JCJ_COMBO", 209: "species_matrix_type"}
BLANKS = ("", "nan", "NaN", "NA", "N/A", "None", "null")
FEW = 5


@dataclass(frozen=True, slots=True, eq=False)
class SpeciesMap:
    """A table with species and their supercategories as numbers, and the mapping they come from.

    `mapping` has `sample_set_id`, `species_raw`, `species_group_raw`, `species`,
    `species_cluster`, sorted by the first. `dropped_sets` sample sets have no group; `dropped_rows`
    rows of the table belonged to them.
    """

    frame: pl.DataFrame
    mapping: pl.DataFrame
    dropped_sets: int
    dropped_rows: int


def map_species(
    frame: pl.DataFrame,
    mapping: pl.DataFrame,
    *,
    library: int | None = None,
    species_column: str | None = None,
    group_column: str = "group",
    sample_set_column: str = "sample_set_id",
    data_column: str = "sampleset_id",
) -> SpeciesMap:
    """Gives each peak its `species` and `species_cluster` by its sample set.

    `mapping` is metadata with a sample set, a species and a group in each row; its columns are
    found whatever their case and spaces. Species are named by `species_column`, or by the column
    of the `library`: `species_matrix_type` for 209, `JCJ_COMBO` for 208. Numbers are places among
    the sorted names of the whole mapping, so they do not depend on which peaks there are.

    Refused are sample sets of the table that the mapping lacks, sample sets that are two species,
    and species that lie in two groups. Sample sets without a group are dropped and counted.
    """
    if species_column is None:
        if library not in SPECIES_COLUMNS:
            raise SettingsError(
                f"library={library!r} has no usual column of species: say species_column=..., or "
                f"one of the libraries {', '.join(map(str, SPECIES_COLUMNS))}."
            )
        species_column = SPECIES_COLUMNS[library]
    if data_column not in frame.columns:
        raise TableError(f"the table lacks `{data_column}`, the sample set of each peak.")
    told = mapping.select(
        sample_set_id=_whole(_column(mapping, sample_set_column)),
        species_raw=_text(_column(mapping, species_column)),
        species_group_raw=_text(_column(mapping, group_column)),
    ).unique()
    sets = frame.select(sample_set_id=_whole(frame[data_column]))
    _check_known(sets, told)
    kept = told.filter(pl.col("species_group_raw").is_not_null()).sort(pl.all())
    _check_nesting(kept)
    kept = kept.with_columns(
        species=_rank(kept["species_raw"]), species_cluster=_rank(kept["species_group_raw"])
    )
    dropped = told.filter(~pl.col("sample_set_id").is_in(kept["sample_set_id"].implode()))
    place = sets.with_row_index("row").join(
        kept, on="sample_set_id", how="inner", maintain_order="left"
    )
    numbered = frame[place["row"].to_numpy()].with_columns(
        place["species"], place["species_cluster"]
    )
    return SpeciesMap(
        frame=numbered,
        mapping=kept,
        dropped_sets=dropped["sample_set_id"].n_unique(),
        dropped_rows=frame.height - numbered.height,
    )


def _column(frame: pl.DataFrame, wanted: str) -> pl.Series:
    """The column of a name, whatever its case and spaces."""
    found = [name for name in frame.columns if _plain(name) == _plain(wanted)]
    if len(found) == 1:
        return frame[found[0]]
    if wanted in found:
        return frame[wanted]
    if found:
        raise TableError(f"the mapping has several columns {wanted!r}: {', '.join(found)}.")
    raise TableError(
        f"the mapping lacks a column {wanted!r}; it has "
        f"{', '.join(f'`{name}`' for name in frame.columns)}. Say which one is meant."
    )


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()


def _text(series: pl.Series) -> pl.Series:
    text = series.cast(pl.String).str.strip_chars()
    return text.replace(dict.fromkeys(BLANKS, None))


def _whole(series: pl.Series) -> pl.Series:
    whole = as_floats(series, "the table").fill_nan(None).cast(pl.Int64)
    if whole.null_count():
        raise TableError(f"`{series.name}` is missing in {whole.null_count()} rows.")
    return whole


def _rank(names: pl.Series) -> pl.Series:
    return (names.rank("dense") - 1).cast(pl.Int64)


def _check_known(sets: pl.DataFrame, told: pl.DataFrame) -> None:
    lacking = sets.unique().join(told, on="sample_set_id", how="anti").sort("sample_set_id")
    if lacking.height:
        raise TableError(
            f"{lacking.height} sample sets of the table are not in the mapping: "
            f"{_few(lacking['sample_set_id'])}. Add them, without a group if they are to be left "
            "out."
        )


def _check_nesting(kept: pl.DataFrame) -> None:
    nameless = kept.filter(pl.col("species_raw").is_null())
    if nameless.height:
        raise TableError(
            f"{nameless.height} sample sets have a group and no species: "
            f"{_few(nameless['sample_set_id'])}. Name their species, or take out their group."
        )
    for child, parent in (
        ("sample_set_id", "species_raw"),
        ("sample_set_id", "species_group_raw"),
        ("species_raw", "species_group_raw"),
    ):
        torn = kept.group_by(child).agg(pl.col(parent).unique().sort())
        torn = torn.filter(pl.col(parent).list.len() > 1).sort(child)
        if torn.height:
            told = "; ".join(f"{one!r} in {', '.join(many)}" for one, many in torn.head(FEW).rows())
            raise TableError(
                f"{torn.height} {child} have more than one {parent}: {told}. Each must have one, "
                "so that species lie within supercategories."
            )


def _few(values: pl.Series) -> str:
    shown: Any = ", ".join(map(str, values.head(FEW)))
    return shown + (" and more" if len(values) > FEW else "")
