"""Options of `errorbar rt` that several commands share."""

from typing import Annotated, Literal

import typer

from errorbar.app.cli.group import in_options, say

__all__ = ["Stream", "Subset", "Unit", "say_notes"]

Unit = Annotated[Literal["minutes", "seconds"], typer.Option(help="Of the times that are given.")]
Stream = Annotated[
    bool | None,
    typer.Option(
        help="Read the table in batches, never as a whole.",
        show_default="where it takes more than a quarter of the memory",
    ),
]
Subset = Annotated[int, typer.Option(help="Everything random comes from this number.", min=0)]


def say_notes(notes: tuple[str, ...]) -> None:
    """What there is to know besides, a line each."""
    for note in notes:
        say(f"note: {in_options(note)}")
