"""The `errorbar` command. Heavy rooms are imported inside the commands that need them."""

import os
import sys
from typing import Annotated

import typer

from errorbar import __version__
from errorbar.app.cli import audit, hmf, ingest, rt, survey
from errorbar.app.cli.group import INTERRUPTED, new_group

__all__ = ["app", "main"]

app = new_group("Error bars in, calibrated error bars out.")
app.add_typer(survey.app, name="survey")
app.add_typer(hmf.app, name="hmf")
app.add_typer(rt.app, name="rt")
app.add_typer(ingest.app, name="ingest")
app.command(epilog=audit.AUDIT_EXAMPLES)(audit.audit)
app.command(epilog=audit.RECALIBRATE_EXAMPLES)(audit.recalibrate)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"errorbar {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and leave.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command and leave with its exit code."""
    try:
        app(prog_name="errorbar")
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            # Threads may be deep in a piece that nobody will collect.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise
