"""From raw shards to tables of peaks, all at once or step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from errorbar.app.verbs.output import check_folder, put_table, staged
from errorbar.app.verbs.rt.tables import read_rows
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    PeaksSummary,
    PrepareReport,
    attach_chemistry,
    cap_rows,
    compound_collisions,
    describe_peaks,
    map_species,
    merge_shards,
    prepare,
    read_table,
    split_by_library,
)

__all__ = [
    "PreparedTables",
    "StepAnswer",
    "rt_prepare_all",
    "rt_prepare_attach",
    "rt_prepare_cap",
    "rt_prepare_check",
    "rt_prepare_collisions",
    "rt_prepare_map",
    "rt_prepare_merge",
    "rt_prepare_split",
]


@dataclass(frozen=True, slots=True, eq=False)
class PreparedTables:
    """What became of all rows, and the files that were made."""

    report: PrepareReport
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """A step: rows before and after it, what there is to say, the files."""

    rows_in: int
    rows_out: int
    notes: tuple[str, ...]
    files: tuple[Path, ...]


def rt_prepare_all(
    shards: Sequence[Path | str],
    *,
    mappings: Mapping[int, Path | str],
    chemistry: Path | str | None = None,
    caps: Sequence[int] = (100,),
    seed: int = 42,
    library_column: str = "lib_id",
    species_columns: Mapping[int, str] | None = None,
    group_column: str = "group",
    fill: bool = False,
    out: Path | str = "repo_export",
) -> PreparedTables:
    """Merge shards, split them by library, map species, cap pairs, attach chemicals, and write.

    `mappings` has the metadata of each library that is wanted. In `out` are then
    `lib{N}/cap{C}/lib{N}_cap{C}_rt_prod.csv`, the mapping, and the list of collisions.
    """
    if not mappings:
        raise SettingsError("no mapping was given: name one for each library, as 209=meta.csv.")
    folder = check_folder(out)
    with staged(folder) as part:
        report = prepare(
            shards, part, mappings=mappings, chemistry=chemistry, caps=caps, seed=seed,
            library_column=library_column, species_columns=species_columns,
            group_column=group_column, fill=fill,
        )  # fmt: skip
        files = [folder / path.relative_to(part) for own in report.libraries for path in own.files]
    return PreparedTables(report, tuple(files))


def rt_prepare_merge(
    shards: Sequence[Path | str], *, fill: bool = False, out: Path | str = "merged.parquet"
) -> StepAnswer:
    """Put shards of one table below each other."""
    merged = merge_shards(shards, fill=fill)
    return StepAnswer(
        merged.height, merged.height, (f"{len(shards)} shards",), (put_table(out, merged),)
    )


def rt_prepare_split(
    data: Path | str, *, library_column: str = "lib_id", out: Path | str = "libraries"
) -> StepAnswer:
    """Write the rows of each library to a table of their own, `lib{N}.parquet`."""
    frame = read_table(data)
    parts = split_by_library(frame, library_column)
    folder = check_folder(out)
    files = [put_table(folder / f"lib{n}.parquet", part) for n, part in parts.items()]
    notes = tuple(f"lib{n}: {part.height} rows" for n, part in parts.items())
    return StepAnswer(frame.height, frame.height, notes, tuple(files))


def rt_prepare_map(
    data: Path | str,
    mapping: Path | str,
    *,
    library: int | None = None,
    species_column: str | None = None,
    group_column: str = "group",
    sample_set_column: str = "sample_set_id",
    out: Path | str = "mapped.parquet",
) -> StepAnswer:
    """Give each peak its species and supercategory by its sample set, each species in one.

    The mapping with its numbers is written beside the table, as `*_species_mapping.csv`.
    """
    frame = read_table(data)
    told = map_species(
        frame, read_table(mapping), library=library, species_column=species_column,
        group_column=group_column, sample_set_column=sample_set_column,
    )  # fmt: skip
    path = put_table(out, told.frame)
    beside = put_table(path.with_name(f"{path.stem}_species_mapping.csv"), told.mapping)
    notes = (
        f"{told.mapping['species'].n_unique()} species in "
        f"{told.mapping['species_cluster'].n_unique()} supercategories",
        f"{told.dropped_rows} rows in {told.dropped_sets} sample sets without a group dropped",
    )
    return StepAnswer(frame.height, told.frame.height, notes, (path, beside))


def rt_prepare_cap(
    data: Path | str,
    cap: int,
    *,
    by: str | None = None,
    seed: int = 42,
    out: Path | str = "capped.parquet",
) -> StepAnswer:
    """Keep at most `cap` rows of each pair of species and compound, chosen at random."""
    frame = read_table(data)
    kept = cap_rows(frame, cap, seed, by=by)
    note = f"at most {cap} rows a pair, seed {seed}"
    return StepAnswer(frame.height, kept.height, (note,), (put_table(out, kept),))


def rt_prepare_attach(
    data: Path | str, chemistry: Path | str, *, out: Path | str = "attached.parquet"
) -> StepAnswer:
    """Give each peak the chemical and the class of its compound."""
    frame, told = read_table(data), read_table(chemistry)
    full = attach_chemistry(frame, told)
    unknown = int((full["compound"] < 0).sum())
    torn = compound_collisions(told)["comp_id"].n_unique()
    notes = (
        f"{unknown} of {full.height} rows have no chemical",
        f"{torn} compounds have several chemicals: the most frequent is taken",
    )
    return StepAnswer(frame.height, full.height, notes, (put_table(out, full),))


def rt_prepare_collisions(
    chemistry: Path | str, *, out: Path | str = "comp_id_mapping_collisions.csv"
) -> StepAnswer:
    """List the compounds that come with several chemicals or classes, and which one is chosen."""
    told = read_table(chemistry)
    found = compound_collisions(told)
    note = f"{found['comp_id'].n_unique()} compounds have several chemicals or classes"
    return StepAnswer(told.height, found.height, (note,), (put_table(out, found),))


def rt_prepare_check(
    data: Path | str,
    *,
    mapping: Path | str | None = None,
    unit: str = "minutes",
) -> PeaksSummary:
    """Read a table as training would, and say what it holds and what may surprise.

    With the `mapping` that `prepare` wrote, species and supercategories must be those of it.
    """
    if unit not in ("minutes", "seconds"):
        raise SettingsError(f"unit={unit!r} must be minutes or seconds.")
    with told_warnings([]):
        peaks = read_rows(data, unit=unit)
    if not len(peaks):
        raise TableError(f"{data} has no row: there is nothing to learn from.")
    if mapping is not None:
        check_mapping(read_table(data), data, read_table(mapping), mapping)
    return describe_peaks(peaks)


def check_mapping(
    frame: pl.DataFrame, data: Path | str, mapping: pl.DataFrame, where: Path | str
) -> None:
    """Refuse a table whose numbers are not those of the mapping that goes with it."""
    told = map_species(
        frame.drop("species", "species_cluster"), mapping, species_column="species_raw",
        group_column="species_group_raw",
    )  # fmt: skip
    columns = ["species", "species_cluster"]
    if told.dropped_rows:
        raise TableError(f"{told.dropped_rows} rows of {data} are of sample sets without a group.")
    own = frame.select(pl.col(columns).cast(pl.Int64))
    off = (own != told.frame.select(columns)).select(pl.any_horizontal(pl.all())).to_series()
    if off.any():
        first = int(off.arg_max() or 0)
        raise TableError(
            f"{int(off.sum())} of {frame.height} rows of {data} have other species or "
            f"supercategories than {where} gives them, first row {first} "
            f"({own.row(first)} instead of {told.frame.select(columns).row(first)}): prepare the "
            "table again with this mapping."
        )
