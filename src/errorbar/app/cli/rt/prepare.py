"""`errorbar rt prepare …`: from raw shards to tables of peaks."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, new_group, print_json, say
from errorbar.app.cli.options import Json, settings, whole_numbers
from errorbar.app.cli.rt import sources
from errorbar.app.cli.rt.options import Unit, say_notes
from errorbar.app.cli.rt.words import numbered, said_paths

__all__ = ["app"]

app = new_group("From raw shards, run-level tables or collections of systems to tables of peaks.")

Shards = Annotated[list[Path], typer.Argument(help="Tables of the same columns.")]
Data = Annotated[Path, typer.Argument(help="A table, CSV or Parquet.")]
Chemistry = Annotated[
    Path, typer.Argument(help="comp_id, chem_id (or compound), perhaps compound_class.")
]
Table = Annotated[Path, typer.Option(help="A table, .csv or .parquet.")]
Fill = Annotated[
    bool, typer.Option("--fill", help="Leave empty what a shard lacks instead of refusing it.")
]
LibraryColumn = Annotated[str, typer.Option(help="The column of each row's library.")]
GroupColumn = Annotated[str, typer.Option(help="The column of supercategories.")]
CapSeed = Annotated[int, typer.Option(help="Which rows the cap keeps.", min=0)]


def _tell(found: object, as_json: bool) -> None:
    from errorbar.app.verbs.rt.prepare import StepAnswer

    assert isinstance(found, StepAnswer)
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    say(f"{found.rows_in} rows read, {found.rows_out} written")
    said_paths(found.files)


@app.command(
    name="all",
    epilog=examples(
        "errorbar rt prepare all shard0.parquet shard1.parquet "
        "--mapping 208=lib208.csv --mapping 209=lib209.csv --chemistry chem.csv --caps 5,100",
        "errorbar rt prepare all raw.csv --mapping 210=meta.csv --species-column 210=matrix",
    ),
)
def prepare_all(
    shards: Shards,
    mapping: Annotated[
        list[str], typer.Option(help="Metadata of a library, as 209=FILE; again for more.")
    ],
    chemistry: Annotated[
        Path | None, typer.Option(help="comp_id, chem_id, compound_class.")
    ] = None,
    caps: Annotated[str, typer.Option(help="Most rows of a pair, with commas.")] = "100",
    seed: CapSeed = 42,
    library_column: LibraryColumn = "lib_id",
    species_column: Annotated[
        list[str] | None,
        typer.Option(
            help="What names a library's species, as 210=COLUMN; again for more.",
            show_default="JCJ_COMBO for 208, species_matrix_type for 209",
        ),
    ] = None,
    group_column: GroupColumn = "group",
    fill: Fill = False,
    out: Annotated[Path, typer.Option(help="Folder of all tables.")] = Path("repo_export"),
    as_json: Json = False,
) -> None:
    """Merge, split, map, cap and attach: all steps, with a count of rows at each."""
    from errorbar.app.verbs import rt_prepare_all

    given = settings()
    mappings = {n: given.found(Path(p)) for n, p in numbered("--mapping", mapping).items()}
    found = rt_prepare_all(
        [given.found(path) for path in shards],
        mappings=mappings,
        chemistry=chemistry,
        caps=whole_numbers("--caps")(caps),
        seed=seed,
        library_column=library_column,
        species_columns=numbered("--species-column", species_column or []) or None,
        group_column=group_column,
        fill=fill,
        out=out,
    )
    if as_json:
        print_json(found)
        return
    say(str(found.report))
    said_paths(found.files)


@app.command(epilog=examples("errorbar rt prepare merge a.parquet b.parquet --out merged.parquet"))
def merge(
    shards: Shards, fill: Fill = False, out: Table = Path("merged.parquet"), as_json: Json = False
) -> None:
    """Put shards of one table below each other."""
    from errorbar.app.verbs import rt_prepare_merge

    _tell(rt_prepare_merge(shards, fill=fill, out=out), as_json)


@app.command(epilog=examples("errorbar rt prepare split merged.parquet --out libraries"))
def split(
    data: Data,
    library_column: LibraryColumn = "lib_id",
    out: Annotated[Path, typer.Option(help="Folder of a table for each library.")] = Path(
        "libraries"
    ),
    as_json: Json = False,
) -> None:
    """Part a table by library."""
    from errorbar.app.verbs import rt_prepare_split

    _tell(rt_prepare_split(data, library_column=library_column, out=out), as_json)


@app.command(
    name="map",
    epilog=examples(
        "errorbar rt prepare map lib209.parquet meta.csv --library 209",
        "errorbar rt prepare map rt.csv meta.csv --species-column matrix --group-column kingdom",
    ),
)
def map_(
    data: Data,
    mapping: Annotated[Path, typer.Argument(help="Metadata: a row for each sample set.")],
    library: Annotated[
        int | None, typer.Option(help="208 (JCJ_COMBO) or 209 (species_matrix_type).")
    ] = None,
    species_column: Annotated[
        str | None, typer.Option(help="What names the species, for other libraries.")
    ] = None,
    group_column: GroupColumn = "group",
    sample_set_column: Annotated[
        str, typer.Option(help="The column of sample sets in the metadata.")
    ] = "sample_set_id",
    out: Table = Path("mapped.parquet"),
    as_json: Json = False,
) -> None:
    """Give each peak its species and supercategory, refusing a species in two of them."""
    from errorbar.app.verbs import rt_prepare_map

    found = rt_prepare_map(
        data,
        mapping,
        library=library,
        species_column=species_column,
        group_column=group_column,
        sample_set_column=sample_set_column,
        out=out,
    )
    _tell(found, as_json)


@app.command(epilog=examples("errorbar rt prepare cap mapped.parquet 100 --out capped.csv"))
def cap(
    data: Data,
    cap: Annotated[int, typer.Argument(help="Most rows of a pair.", min=1)],
    by: Annotated[
        str | None,
        typer.Option(
            help="The column of species.", show_default="species_matrix_type, else species"
        ),
    ] = None,
    seed: CapSeed = 42,
    out: Table = Path("capped.parquet"),
    as_json: Json = False,
) -> None:
    """Keep at most so many rows of each species and compound, by lot."""
    from errorbar.app.verbs import rt_prepare_cap

    _tell(rt_prepare_cap(data, cap, by=by, seed=seed, out=out), as_json)


@app.command(epilog=examples("errorbar rt prepare attach capped.parquet chem.csv --out rt.csv"))
def attach(
    data: Data, chemistry: Chemistry, out: Table = Path("attached.parquet"), as_json: Json = False
) -> None:
    """Give each peak the chemical and the class of its compound."""
    from errorbar.app.verbs import rt_prepare_attach

    _tell(rt_prepare_attach(data, chemistry, out=out), as_json)


@app.command(epilog=examples("errorbar rt prepare collisions chem.csv"))
def collisions(
    chemistry: Chemistry,
    out: Table = Path("comp_id_mapping_collisions.csv"),
    as_json: Json = False,
) -> None:
    """List compounds that come with several chemicals, and which one is taken."""
    from errorbar.app.verbs import rt_prepare_collisions

    _tell(rt_prepare_collisions(chemistry, out=out), as_json)


@app.command(
    epilog=examples(
        "errorbar rt prepare check rt.csv",
        "errorbar rt prepare check rt.csv --mapping lib209_species_mapping.csv",
    )
)
def check(
    data: Data,
    mapping: Annotated[
        Path | None, typer.Option(help="The mapping that the table must agree with.")
    ] = None,
    unit: Unit = "minutes",
    as_json: Json = False,
) -> None:
    """Read a table as training would, and say what it holds."""
    from errorbar.app.verbs import rt_prepare_check

    found = rt_prepare_check(settings().found(data), mapping=mapping, unit=unit)
    if as_json:
        print_json(found)
        return
    say(str(found))


app.command(epilog=sources.RUNS)(sources.runs)
app.command(epilog=sources.SYSTEMS)(sources.systems)
