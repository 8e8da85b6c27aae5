"""`errorbar hmf infer`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import Blocks, Json, settings

__all__ = ["EXAMPLES", "infer"]

EXAMPLES = examples(
    "errorbar hmf infer hmf/model.safetensors new.h5",
    "errorbar hmf infer hmf/model.safetensors new.h5 --form sandwich --out new.csv",
)


def infer(
    model: Annotated[Path, typer.Argument(help="A model that `errorbar hmf fit` saved.")],
    data: Annotated[Path, typer.Argument(help="Spectra on the model's grid.")],
    form: Annotated[
        str,
        typer.Option(help="How far the errors are trusted: believed, scaled or sandwich."),
    ] = "scaled",
    blocks: Blocks = None,
    out: Annotated[Path, typer.Option(help="A table, .parquet or .csv.")] = Path(
        "coefficients.parquet"
    ),
    as_json: Json = False,
) -> None:
    """Fit new spectra on a saved basis: coefficients with error bars."""
    from errorbar.app.verbs import hmf_infer

    given = settings()
    found = hmf_infer(
        given.found(model),
        given.found(data),
        form=form,
        blocks=blocks,
        out=out,
        progress=given.progress,
    )
    if as_json:
        print_json(found)
        return
    for note in found.notes:
        say(f"note: {note}")
    say(f"{found.rows} spectra on {found.rank} basis vectors: {found.path}")
    if found.unknown:
        say(f"{found.unknown} of them have too few pixels to know: their errors are infinite")
