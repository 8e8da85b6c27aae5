"""`errorbar survey report`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import Json, found_table, settings

__all__ = ["EXAMPLES", "report"]

EXAMPLES = examples(
    "errorbar survey report",
    "errorbar survey report old_results --out redrawn",
    "errorbar survey report results --catalogue moved/planets.csv",
)


def report(
    results: Annotated[
        Path | None,
        typer.Argument(help="The folder of a run, or of the reference code's tables."),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="The run's catalogue, if it has moved.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of figures and report.", show_default="the folder of the run"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make figures and report again from the tables of a run."""
    from errorbar.app.verbs import survey_report

    files = survey_report(
        settings().results if results is None else results,
        catalogue=found_table(catalogue),
        out=out,
    )
    if as_json:
        print_json(files)
        return
    for note in files.notes:
        say(note)
    say(f"{len(files.figures)} figures beside {files.figures[0]}")
    say(f"read first: {files.report}")
