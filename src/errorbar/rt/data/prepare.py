"""From raw shards to `lib{N}/cap{C}/lib{N}_cap{C}_rt_prod.csv`, with a count at every step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.files import read_table, write_table
from errorbar.rt.data.mapping import map_species
from errorbar.rt.data.steps import (
    attach_chemistry,
    cap_rows,
    compound_collisions,
    merge_shards,
    split_by_library,
)

__all__ = ["LibraryReport", "PrepareReport", "find_mapping", "prepare"]


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """What became of one library's rows. `capped` has the rows left by each cap."""

    library: int
    rows: int
    dropped_rows: int
    dropped_sets: int
    species: int
    supercategories: int
    compounds: int
    collisions: int
    capped: dict[int, int]
    files: tuple[Path, ...]

    def __str__(self) -> str:
        caps = ", ".join(f"{rows} at most {cap} a pair" for cap, rows in self.capped.items())
        return (
            f"lib{self.library}: {self.rows} rows, {self.dropped_rows} of them in "
            f"{self.dropped_sets} sample sets without a group and dropped; {self.species} species "
            f"in {self.supercategories} supercategories, {self.compounds} compounds, "
            f"{self.collisions} of them with several chemicals; {caps}."
        )


@dataclass(frozen=True, slots=True)
class PrepareReport:
    """What became of all rows. `unused` rows are of libraries that no mapping was given for."""

    shards: int
    rows: int
    unused: dict[int, int]
    libraries: tuple[LibraryReport, ...]

    def __str__(self) -> str:
        lines = [f"{self.rows} rows in {self.shards} shards."]
        lines += [
            f"lib{number}: {rows} rows not asked for." for number, rows in self.unused.items()
        ]
        return "\n".join([*lines, *map(str, self.libraries)])


def prepare(
    shards: Sequence[str | Path],
    out: str | Path,
    *,
    mappings: Mapping[int, str | Path],
    chemistry: str | Path | None = None,
    caps: Sequence[int] = (100,),
    seed: int = 42,
    library_column: str = "lib_id",
    species_columns: Mapping[int, str] | None = None,
    group_column: str = "group",
    fill: bool = False,
) -> PrepareReport:
    """Merges shards, splits them by library, maps species, caps pairs, attaches chemicals, writes.

    Parameters
    ----------
    out
        The folder that `lib{N}/cap{C}/lib{N}_cap{C}_rt_prod.csv`,
        `lib{N}/species_mapping/lib{N}_species_mapping.csv` and
        `lib{N}/comp_id_mapping_collisions.csv` are written to.
    mappings
        The metadata of each library that is wanted, as `map_species` reads it.
    chemistry
        A table of `comp_id`, `chem_id` and `compound_class`; without it the shards' own `compound`
        and `compound_class` are used, where they have them.
    caps, seed
        Of `cap_rows`; one table is written for each cap.
    species_columns
        The column of a library's metadata that names species, for libraries other than 208 and 209.
    """
    if not mappings or not caps:
        raise SettingsError("`mappings` must name a library and `caps` a number of rows.")
    merged = merge_shards(shards, fill=fill)
    libraries = split_by_library(merged, library_column)
    if absent := [number for number in mappings if number not in libraries]:
        raise TableError(
            f"the shards have no rows of library {absent[0]}; they have "
            f"{', '.join(map(str, libraries))}."
        )
    chemicals = None if chemistry is None else read_table(chemistry)
    reports = []
    for number, path in sorted(mappings.items()):
        raw = libraries[number]
        told = map_species(
            raw,
            read_table(path),
            library=number,
            species_column=(species_columns or {}).get(number),
            group_column=group_column,
        )
        own = chemicals if chemicals is not None else _own_chemistry(told.frame)
        reports.append(
            _write(
                Path(out) / f"lib{number}",
                number,
                told.frame,
                told.mapping,
                own,
                caps=caps,
                seed=seed,
                rows=raw.height,
                dropped_sets=told.dropped_sets,
            )
        )
    unused = {number: rows.height for number, rows in libraries.items() if number not in mappings}
    return PrepareReport(len(shards), merged.height, unused, tuple(reports))


def find_mapping(folder: str | Path, library: int) -> Path:
    """The one `lib{N}/species_mapping/*_species_mapping.csv` under a folder."""
    found = sorted(
        (Path(folder) / f"lib{library}" / "species_mapping").glob("*_species_mapping.csv")
    )
    if len(found) != 1:
        raise TableError(
            f"{folder}/lib{library}/species_mapping holds {len(found)} files "
            "*_species_mapping.csv, not one: name the file."
        )
    return found[0]


def _own_chemistry(frame: pl.DataFrame) -> pl.DataFrame:
    if "compound" in frame.columns or "chem_id" in frame.columns:
        return frame
    return pl.DataFrame(schema={"comp_id": pl.Int64, "chem_id": pl.Int64})


def _write(
    folder: Path,
    library: int,
    frame: pl.DataFrame,
    mapping: pl.DataFrame,
    chemistry: pl.DataFrame,
    *,
    caps: Sequence[int],
    seed: int,
    rows: int,
    dropped_sets: int,
) -> LibraryReport:
    name = f"lib{library}"
    collisions = compound_collisions(
        chemistry.filter(pl.col("comp_id").is_in(frame["comp_id"].implode()))
    )
    files = [
        write_table(folder / "species_mapping" / f"{name}_species_mapping.csv", mapping),
        write_table(folder / "comp_id_mapping_collisions.csv", collisions),
    ]
    capped = {}
    for cap in caps:
        chosen = attach_chemistry(cap_rows(frame, cap, seed), chemistry)
        files.append(write_table(folder / f"cap{cap}" / f"{name}_cap{cap}_rt_prod.csv", chosen))
        capped[cap] = chosen.height
    return LibraryReport(
        library=library,
        rows=rows,
        dropped_rows=rows - frame.height,
        dropped_sets=dropped_sets,
        species=frame["species"].n_unique(),
        supercategories=frame["species_cluster"].n_unique(),
        compounds=frame["comp_id"].n_unique(),
        collisions=collisions["comp_id"].n_unique(),
        capped=capped,
        files=tuple(files),
    )
