"""`errorbar hmf toy`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings

__all__ = ["EXAMPLES", "toy"]

EXAMPLES = examples(
    "errorbar hmf toy --small",
    "errorbar hmf toy --out toy",
    "errorbar hmf toy --small --write toy.h5",
)


def toy(
    small: Annotated[
        bool, typer.Option("--small", help="800 spectra and six models: everything in seconds.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(help="A TOML file with numbers of your own.", show_default="the study's"),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Only write the toy to this file, for the other commands."),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    workers: Annotated[
        int | None, typer.Option(help="Threads.", min=1, show_default="all processors")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of tables, model and figures.")] = Path("toy"),
    as_json: Json = False,
) -> None:
    """Hold what factorisations find in made-up spectra against the truth."""
    from errorbar.app.verbs import hmf_toy

    given = settings()
    found = hmf_toy(
        small=small,
        config=config,
        write=write,
        figures=figures,
        out=out,
        workers=given.workers if workers is None else workers,
        progress=given.progress,
        tell=lambda step: say(f"{step} …", error=True),
    )
    if as_json:
        print_json(found)
        return
    if found.grid is None:
        say(f"{found.rows} spectra of {found.pixels} pixels: {found.spectra}")
        say(f"now try: errorbar hmf fit {found.spectra} --rank 5 --scale 5")
        return
    columns = ("rank", "scale", "kl_all", "f1_pixel", "f1_object", "angle")
    show_table(
        f"{found.rows} spectra of {found.pixels} pixels, half of them fitted: what each model "
        "finds in the other half",
        ("rank", "scale", "divergence", "F1 of pixels", "F1 of objects", "angle to truth (deg)"),
        found.grid.select(columns).rows(),
    )
    say(f"chosen: rank {found.rank} at scale {found.scale:g}: {found.model}")
    if found.figures:
        say(f"{len(found.figures)} figures: {found.figures[0].parent}")
