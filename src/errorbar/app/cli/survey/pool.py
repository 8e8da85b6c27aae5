"""`errorbar survey pool`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings

__all__ = ["EXAMPLES", "pool"]

EXAMPLES = examples(
    "errorbar survey pool planets.csv",
    "errorbar survey pool planets.csv --bins 3 --spread 1",
    "errorbar survey pool planets.csv --by class --json",
)


def pool(
    table: Annotated[Path, typer.Argument(help="The survey: a table of its planets.")],
    bins: Annotated[
        int | None,
        typer.Option(help="Classes of equally many planets, by mass.", show_default="4"),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="A column that names each planet's class, instead of bins.")
    ] = None,
    spread: Annotated[
        float | None,
        typer.Option(
            help="Scale of the half-normal prior of the true slopes' spread.",
            show_default="0.5 dex per dex",
        ),
    ] = None,
    level: Annotated[float, typer.Option(help="Share of the posterior in an interval.")] = 0.68,
    bars: Annotated[
        str, typer.Option(help="Unequal error bars as their mean, or as a split-normal.")
    ] = "mean",
    out: Annotated[Path, typer.Option(help="Folder for the table and the figure.")] = Path(
        "pooled"
    ),
    figures: Annotated[bool, typer.Option(help="Draw the figure.")] = True,
    as_json: Json = False,
) -> None:
    """Does the slope change from class to class? One slope each, helped by the others."""
    from errorbar.app.verbs import survey_pool

    found = survey_pool(
        settings().found(table),
        bins=bins,
        by=by,
        spread=spread,
        level=level,
        bars=bars,  # pyright: ignore[reportArgumentType] (the reader refuses others)
        out=out,
        figures=figures,
    )
    if as_json:
        print_json(found)
        return
    for line in found.dropped:
        say(f"left out: {line}")
    share = f"{found.level:.4g} from"
    show_table(
        f"slopes of {found.classes.height} classes, {found.planets} planets",
        ("class", "N", "log mass", "alone", "sd", "pooled", "sd", share, "to"),
        found.classes.select(
            "class_label",
            "N",
            "centre",
            "alone_mean",
            "alone_sd",
            "beta_mean",
            "beta_sd",
            "beta_hdi16",
            "beta_hdi84",
        ).rows(),
    )
    show_table(
        "what the classes share",
        ("", "mean", "sd", share, "to"),
        [
            ("mean slope, mu", *found.shared["mu"].values()),
            ("spread of slopes, tau", *found.shared["tau"].values()),
            ("one slope for all", found.whole["mean"], found.whole["sd"], None, None),
        ],
    )
    say(f"table: {found.table}")
    if found.figure is not None:
        say(f"figure: {found.figure}")
