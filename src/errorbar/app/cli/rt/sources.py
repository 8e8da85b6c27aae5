"""`errorbar rt prepare runs` and `systems`: tables that other instruments and collections give."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import Json, listed, settings
from errorbar.app.cli.rt.options import Unit, say_notes
from errorbar.app.cli.rt.words import said_paths

__all__ = ["RUNS", "SYSTEMS", "runs", "systems"]

RUNS = examples(
    "errorbar rt prepare runs lipids.parquet --run run --compound feature --standard is_istd "
    "--kind sample_type --order acquired --blocks 2 --kinds SPL,BQC,TQC --lipids",
    "errorbar rt prepare runs export.csv --run file --compound name --standard 'IS1,IS2,IS3' "
    "--kind matrix --batch batch --out mine",
)
SYSTEMS = examples(
    "errorbar rt prepare systems observations.parquet systems.parquet compounds.parquet",
    "errorbar rt prepare systems o.csv s.csv c.csv --mode HILIC --least 10 --no-gradient",
)


def runs(
    data: Annotated[Path, typer.Argument(help="A row for each feature of each injection.")],
    run: Annotated[str, typer.Option(help="Column: the injection.")],
    compound: Annotated[str, typer.Option(help="Column: the feature's name.")],
    standard: Annotated[
        str,
        typer.Option(help="Column that is true for internal standards; or their names, commas."),
    ],
    kind: Annotated[str, typer.Option(help="Column: the kind of sample.")],
    rt: Annotated[str, typer.Option(help="Column: the time.")] = "rt",
    order: Annotated[
        str | None, typer.Option(help="Column: when a run was acquired.", show_default="names")
    ] = None,
    batch: Annotated[
        str | None, typer.Option(help="Column: kinds are parted into species by it.")
    ] = None,
    blocks: Annotated[
        int, typer.Option(help="Or by so many stretches of the acquisition.", min=1)
    ] = 1,
    kinds: Annotated[
        str | None, typer.Option(help="Kinds to keep, with commas.", show_default="all")
    ] = None,
    unit: Unit = "minutes",
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out rows without a time.")
    ] = False,
    lipids: Annotated[
        bool, typer.Option("--lipids", help="Read classes and descriptors from lipid names.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the table and its names.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """Turn a run-level table with internal standards into a table of peaks."""
    from errorbar.app.verbs import rt_prepare_runs
    from errorbar.app.verbs.rt.tables import columns_of

    path = settings().found(data)
    column = standard in columns_of(path)
    found = rt_prepare_runs(
        path,
        run=run,
        compound=compound,
        rt=rt,
        kind=kind,
        standard=standard if column else listed(standard),
        order=order,
        batch=batch,
        blocks=blocks,
        kinds=None if kinds is None else listed(kinds),
        unit=unit,
        drop_missing=drop_missing,
        lipids=lipids,
        out=out,
    )
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    say(
        f"{found.rows} peaks in {found.runs} runs: {found.compounds} compounds, {found.species} "
        f"species in {found.supercategories} supercategories, {found.standards} standards"
    )
    said_paths(found.files)


def systems(
    observations: Annotated[Path, typer.Argument(help="system, comp_id, rt.")],
    systems: Annotated[Path, typer.Argument(help="system, mode, column, gradient_end_min.")],
    compounds: Annotated[Path, typer.Argument(help="comp_id, class, descriptors.")],
    mode: Annotated[str, typer.Option(help="Which systems; '' for all.")] = "RP",
    least: Annotated[int, typer.Option(help="Fewest compounds of a system.", min=1)] = 30,
    gradient: Annotated[
        bool, typer.Option(help="Times are shares of the gradient's length.")
    ] = True,
    out: Annotated[Path, typer.Option(help="Folder of the table and its names.")] = Path("systems"),
    as_json: Json = False,
) -> None:
    """Turn a collection of chromatographic systems into a table of peaks."""
    from errorbar.app.verbs import rt_prepare_systems

    found = rt_prepare_systems(
        observations,
        systems,
        compounds,
        mode=mode or None,
        least=least,
        gradient=gradient,
        out=out,
    )
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    say(
        f"{found.rows} peaks: {found.compounds} compounds in {found.species} systems of "
        f"{found.supercategories} columns; there are no standards, so train with --features ''"
    )
    said_paths(found.files)
