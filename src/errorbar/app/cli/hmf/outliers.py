"""`errorbar hmf outliers`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings

__all__ = ["EXAMPLES", "outliers"]

EXAMPLES = examples(
    "errorbar hmf outliers hmf/model.safetensors spectra.h5",
    "errorbar hmf outliers hmf/model.safetensors new.h5 --train spectra.h5 --false-alarm 0.001",
    "errorbar hmf outliers hmf/model.safetensors spectra.h5 --coefficients",
)
SHOWN = 15


def outliers(
    model: Annotated[Path, typer.Argument(help="A model that `errorbar hmf fit` saved.")],
    data: Annotated[Path, typer.Argument(help="Spectra on the model's grid.")],
    train: Annotated[
        Path | None,
        typer.Option(help="Spectra that say what is ordinary.", show_default="the data"),
    ] = None,
    false_alarm: Annotated[
        float, typer.Option(help="Share of ordinary objects that may be called odd.")
    ] = 1e-4,
    cut: Annotated[
        float, typer.Option(help="A pixel that keeps less of its weight than this is odd.")
    ] = 0.5,
    coefficients: Annotated[
        bool,
        typer.Option(help="Look for odd coefficients and for spectra without signal too."),
    ] = False,
    every_feature: Annotated[
        bool, typer.Option(help="List features of objects that are odd as a whole too.")
    ] = False,
    out: Annotated[Path, typer.Option(help="The catalogue, .parquet.")] = Path("outliers.parquet"),
    as_json: Json = False,
) -> None:
    """List odd objects, columns and pixels, the strongest first, with reasons."""
    from errorbar.app.verbs import hmf_outliers

    given = settings()
    found = hmf_outliers(
        given.found(model),
        given.found(data),
        train=None if train is None else given.found(train),
        false_alarm=false_alarm,
        cut=cut,
        coefficients=coefficients,
        every_feature=every_feature,
        out=out,
    )
    if as_json:
        print_json(found)
        return
    for note in found.notes:
        say(f"note: {note}")
    show_table(
        f"{found.rows} spectra: {found.objects} odd objects, {found.columns} odd columns, "
        f"{found.features} odd features",
        ("kind", "id", "from", "to", "strength", "reason"),
        found.catalogue.head(SHOWN)
        .select("kind", "id", "wavelength_first", "wavelength_last", "significance", "reason")
        .rows(),
    )
    say(f"catalogue: {found.path}")
