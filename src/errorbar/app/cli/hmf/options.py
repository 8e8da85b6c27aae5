"""Options of a factorisation, which several commands take."""

from typing import Annotated

import typer

__all__ = ["Mean", "Nonnegative", "Nu", "Ridge", "Single", "Smooth", "Start"]

Nu = Annotated[float, typer.Option(help="Degrees of freedom of Student's t.")]
Start = Annotated[
    str, typer.Option(help="Where to begin: auto, weighted, spare, subsample, svd, random.")
]
Ridge = Annotated[float, typer.Option(help="Ridge, as a share of the data's own terms.")]
Smooth = Annotated[float, typer.Option(help="Smoothness of the basis along pixels.")]
Nonnegative = Annotated[bool, typer.Option(help="Keep both factors from being negative.")]
Mean = Annotated[bool, typer.Option(help="One vector more, the same in every spectrum.")]
Single = Annotated[bool, typer.Option(help="Hold the data in single precision.")]
