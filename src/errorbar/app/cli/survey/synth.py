"""`errorbar survey synth`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import Json, ListFormat, Seed, found_table

__all__ = ["EXAMPLES", "synth"]

EXAMPLES = examples(
    "errorbar survey synth",
    "errorbar survey synth --n 300 --beta -0.8 --epsilon 0.3 --out mine",
    "errorbar survey synth --masses Ariel_MCS.csv --mass-errors --seed 7",
    "errorbar survey synth --reference",
)


def synth(
    out: Annotated[Path, typer.Option(help="Folder of the catalogue.")] = Path("dataset"),
    n: Annotated[int | None, typer.Option(help="Planets to draw.", show_default="722")] = None,
    masses: Annotated[Path | None, typer.Option(help="A list of real planets.")] = None,
    list_format: ListFormat = "ariel",
    seed: Seed = 42,
    reference: Annotated[
        bool,
        typer.Option("--reference", help="The reference code's: no noise on the values."),
    ] = False,
    alpha: Annotated[float | None, typer.Option(help="Log abundance at 1 Mjup.")] = None,
    beta: Annotated[float | None, typer.Option(help="Slope of log abundance.")] = None,
    epsilon: Annotated[float | None, typer.Option(help="Intrinsic scatter, dex.")] = None,
    rho: Annotated[
        float | None, typer.Option(help="Correlation of the planets' and stars' scatter.")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="How measurements depart from the truth.")
    ] = None,
    bar: Annotated[float | None, typer.Option(help="Median error bar, dex.")] = None,
    mass_errors: Annotated[
        bool | None, typer.Option("--mass-errors", help="Measure the masses too.")
    ] = None,
    outlier_share: Annotated[
        float | None, typer.Option(help="Share of abundances that are displaced.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Log abundance below which only a limit is known.")
    ] = None,
    stars: Annotated[
        str | None, typer.Option(help="drawn, or listed: the list's own metallicities.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a synthetic catalogue of planets whose truth is known."""
    from errorbar.app.verbs import survey_synth

    changes = {
        "alpha": alpha,
        "beta": beta,
        "epsilon": epsilon,
        "rho": rho,
        "noise": noise,
        "bar": bar,
        "mass_errors": mass_errors,
        "outlier_share": outlier_share,
        "threshold": threshold,
        "stars": stars,
    }
    files = survey_synth(
        out,
        n=n,
        masses=found_table(masses),
        list_format=list_format,  # pyright: ignore[reportArgumentType] (the verb refuses others)
        seed=seed,
        reference=reference,
        **{name: value for name, value in changes.items() if value is not None},
    )
    if as_json:
        print_json(files)
        return
    say(f"{files.planets} planets in {files.catalogue}")
    say(f"the truth behind them in {files.truth} and {files.truth_rows}")
