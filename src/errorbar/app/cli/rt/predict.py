"""`errorbar rt predict`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings
from errorbar.app.cli.rt.options import Stream, Unit, say_notes
from errorbar.app.cli.rt.words import said_compiling

__all__ = ["EXAMPLES", "predict"]

EXAMPLES = examples(
    "errorbar rt predict pool --standards IS.csv --compounds list.csv --species 3",
    "errorbar rt predict pool --standards IS.csv --compounds list.csv --species plasma "
    "--anchors found.csv --level 0.99 --out times.csv",
    "errorbar rt predict stage1_coeff_summaries_posterior.npz --data rt.csv --out times.parquet",
    "errorbar rt predict pool --data huge.parquet --stream --out times.parquet",
)
MOST = 40


def predict(
    model: Annotated[
        Path, typer.Argument(help="What `errorbar rt train` saved, or CompAssign's .npz.")
    ],
    standards: Annotated[
        Path | None,
        typer.Option(help="The run's internal standards: name and time; or a row for each run."),
    ] = None,
    compounds: Annotated[
        Path | None,
        typer.Option(
            help="What to predict: comp_id or name, perhaps species.",
            show_default="all compounds of the training",
        ),
    ] = None,
    species: Annotated[
        str | None, typer.Option(help="What the run is of, by number or name; several: commas.")
    ] = None,
    species_cluster: Annotated[
        int | None, typer.Option(help="Supercategory of a species that training did not see.")
    ] = None,
    anchors: Annotated[
        Path | None, typer.Option(help="Compounds already found in the run: comp_id and rt.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A whole table of peaks instead; its rt is not looked at.")
    ] = None,
    level: Annotated[float, typer.Option(help="Probability of an interval.")] = 0.95,
    unit: Unit = "minutes",
    stream: Stream = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the table: .csv, .parquet or .json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say when compounds elute in a run, with intervals, from its internal standards."""
    from errorbar.app.verbs import rt_predict

    given = settings()
    said_compiling()
    found = rt_predict(
        given.found(model),
        standards=standards,
        compounds=compounds,
        species=species,
        species_cluster=species_cluster,
        anchors=anchors,
        data=None if data is None else given.found(data),
        level=level,
        unit=unit,
        stream=stream,
        out=out,
        progress=given.progress,
    )
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    told = found.table.columns
    shown = ("name" if "name" in told else "comp_id",)
    shown += ("species_name" if "species_name" in told else "species",)
    if "run" in told and found.runs > 1:
        shown = ("run", *shown)
    columns = (*shown, "rt", "lower", "upper", "sd", "known", "support")
    part = found.table if found.path is None else found.table.head(MOST)
    show_table(
        f"{found.rows} times in {found.runs} run{'s' if found.runs > 1 else ''}, minutes, with "
        f"{100 * found.level:g} % intervals",
        columns,
        [
            [_short(name, value) for name, value in zip(columns, row)]
            for row in part.select(columns).rows()
        ],
    )
    if found.rows > part.height:
        say(f"… and {found.rows - part.height} more")
    if found.far:
        say(f"{found.far} runs lie outside of training: their intervals are widened")
    if found.path is not None:
        say(f"table: {found.path}")


def _short(name: str, value: object) -> object:
    """Times to a tenth of a second and finer, as people read them."""
    if name in ("rt", "lower", "upper", "sd"):
        return "" if value is None else f"{value:.4f}"
    return value
