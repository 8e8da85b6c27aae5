"""`errorbar hmf grid`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.hmf.options import Mean, Nonnegative, Nu, Ridge, Single, Smooth, Start
from errorbar.app.cli.options import Json, Seed, number_ranges, numbers, settings
from errorbar.core.errors import SettingsError

__all__ = ["EXAMPLES", "grid"]

EXAMPLES = examples(
    "errorbar hmf grid spectra.h5",
    "errorbar hmf grid spectra.h5 --ranks 3-12 --scales 1,3,5 --out bin7",
    "errorbar hmf grid train.parquet --held-out test.parquet --choose-by std_z",
    "errorbar hmf grid spectra.h5 --take 5,3",
)


def grid(
    data: Annotated[
        Path, typer.Argument(help="Spectra: .npz, .npy, .h5, .zarr, .parquet or .fits.")
    ],
    ranks: Annotated[str, typer.Option(help="Numbers of basis vectors, such as 3-7 or 3,5,8.")] = (
        "3-7"
    ),
    scales: Annotated[
        str, typer.Option(help="Scales of Student's t in error bars, with commas.")
    ] = "0.5,1,2,3,4,5,10",
    test: Annotated[
        float | None,
        typer.Option(help="Share of the spectra kept from the fits.", show_default="0.5"),
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="Spectra to judge the fits by, instead of --test.")
    ] = None,
    choose_by: Annotated[
        str, typer.Option(help="Score to choose by: kl, kl_all, rmse, std_z, chi2_red, mad_z.")
    ] = "kl",
    take: Annotated[
        str | None,
        typer.Option(help="Save the model of this RANK,SCALE.", show_default="the best"),
    ] = None,
    nu: Nu = 1.0,
    start: Start = "auto",
    tries: Annotated[
        str, typer.Option(help="Starts of each model: cold, warm (from its neighbour), or both.")
    ] = "both",
    tol: Annotated[
        float, typer.Option(help="A fit stops when the objective falls by less in five iterations.")
    ] = 5e-5,
    max_iter: Annotated[int, typer.Option(help="Iterations of a fit at most.")] = 200,
    ridge: Ridge = 0.0,
    smooth: Smooth = 0.0,
    nonnegative: Nonnegative = False,
    mean: Mean = False,
    single: Single = False,
    seed: Seed = 0,
    workers: Annotated[
        int | None, typer.Option(help="Threads.", min=1, show_default="all processors")
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw the scores.")] = True,
    resume: Annotated[
        bool, typer.Option(help="Go on with what a killed run has left in --out.")
    ] = True,
    out: Annotated[Path, typer.Option(help="Folder of table, model and figures.")] = Path("grid"),
    as_json: Json = False,
) -> None:
    """Choose rank and scale: many fits, judged on spectra that none of them has seen."""
    from errorbar.app.verbs import hmf_grid

    given = settings()
    try:
        found = hmf_grid(
            given.found(data),
            ranks=number_ranges("--ranks", ranks),
            scales=numbers("--scales", scales) or (),
            test=test,
            held_out=None if held_out is None else given.found(held_out),
            choose_by=choose_by,
            take=_taken(take),
            nu=nu,
            start=start,
            tries=tries,
            tol=tol,
            max_iter=max_iter,
            ridge=ridge,
            smooth=smooth,
            nonnegative=nonnegative,
            mean=mean,
            single=single,
            seed=seed,
            workers=given.workers if workers is None else workers,
            figures=figures,
            resume=resume,
            out=out,
            progress=given.progress,
        )
    except KeyboardInterrupt:
        say(f"the same command goes on with the models kept in {out / 'journal'}", error=True)
        raise
    if as_json:
        print_json(found)
        return
    if found.resumed:
        say(f"{found.resumed} of {found.table.height} models were there already")
    columns = ("rank", "scale", "objective", "converged", "kl", "std_z", "mad_z", "rmse")
    shown = [*columns, *({found.by} - set(columns))]
    show_table(
        f"{found.rows} spectra of {found.pixels} pixels fitted, {found.test_rows} others scored",
        shown,
        found.table.select(shown).rows(),
    )
    for note in found.notes:
        say(f"note: {note}")
    why = (
        f"as told, with {found.by} {found.score:.3g}"
        if take is not None
        else f"its {found.by}, {found.score:.3g}, is the nearest to {found.ideal:.4g}"
    )
    say(f"chosen: rank {found.rank} at scale {found.scale:g}, {why}")
    say(f"model: {found.model}")
    say(f"table: {found.tables[0]}")
    if found.figures:
        say(f"figures: {found.figures[0].parent}")


def _taken(text: str | None) -> tuple[int, float] | None:
    if text is None:
        return None
    found = numbers("--take", text) or ()
    if len(found) != 2 or found[0] != int(found[0]):
        raise SettingsError(f"--take {text} must be a rank and a scale, such as 5,3.")
    return int(found[0]), found[1]
