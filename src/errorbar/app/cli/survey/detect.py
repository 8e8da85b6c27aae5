"""`errorbar survey detect`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import (
    Engine,
    Json,
    ListFormat,
    Seed,
    Workers,
    engine_and_workers,
    found_table,
    numbers,
    settings,
    whole_numbers,
)

if TYPE_CHECKING:
    from errorbar.app.verbs import LinkAnswer

__all__ = ["EXAMPLES", "detect"]

EXAMPLES = examples(
    "errorbar survey detect planets.csv",
    "errorbar survey detect planets.csv --model joint --false-alarm 0.01 --mocks 5000",
    "errorbar survey detect --n 80,250 --links 0,0.3,0.6,1 --scatters 0.4",
    "errorbar survey detect --masses Ariel_MCS.csv --n 100",
)


def detect(
    table: Annotated[
        Path | None,
        typer.Argument(
            help="The survey: a table of its planets and their stars.",
            show_default="none: the power of simulated surveys",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="mass-star (slope on the star's metallicity) or joint (correlation)."),
    ] = "mass-star",
    false_alarm: Annotated[
        float, typer.Option(help="Share of surveys without a link that may be called detections.")
    ] = 0.05,
    mocks: Annotated[int, typer.Option(help="Surveys without a link, for the threshold.")] = 2000,
    bars: Annotated[
        str, typer.Option(help="Unequal error bars as their mean, or as a split-normal.")
    ] = "mean",
    scatter: Annotated[
        float | None,
        typer.Option(
            help="With a table: intrinsic scatter of its mocks, dex.",
            show_default="drawn from its posterior",
        ),
    ] = None,
    n: Annotated[
        str | None,
        typer.Option(help="Without a table: survey sizes.", show_default="30,80,250"),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            help="Without a table: strengths of the link.",
            show_default="0,0.25,0.5,0.75,1; correlations to 0.8",
        ),
    ] = None,
    scatters: Annotated[
        str | None,
        typer.Option(help="Without a table: intrinsic scatters, dex.", show_default="0.2,0.5"),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Without a table: surveys for each row of it.", show_default="400"),
    ] = None,
    masses: Annotated[
        Path | None,
        typer.Option(help="Without a table: a list of real planets to take masses from."),
    ] = None,
    list_format: ListFormat = "ariel",
    seed: Seed = 42,
    out: Annotated[Path, typer.Option(help="Folder of tables and figures.")] = Path("detection"),
    engine: Engine = None,
    workers: Workers = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
    resume: Annotated[
        bool, typer.Option(help="Go on with what a killed run has left in --out.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Detect a link between planets and stars at a stated rate of false alarms.

    Without a table: how often surveys of some size would detect links of some strength.
    """
    from errorbar.app.verbs import survey_detect

    given = settings()
    engine, workers = engine_and_workers(given, engine, workers)
    answer = survey_detect(
        found_table(table),
        model=model,
        false_alarm=false_alarm,
        mocks=mocks,
        bars=bars,  # pyright: ignore[reportArgumentType] (the verb refuses others)
        scatter=scatter,
        n=None if n is None else whole_numbers("--n")(n),
        links=numbers("--links", links),
        scatters=numbers("--scatters", scatters),
        trials=trials,
        masses=found_table(masses),
        list_format=list_format,  # pyright: ignore[reportArgumentType] (the verb refuses others)
        seed=seed,
        out=out,
        engine=engine,
        workers=workers,
        figures=figures,
        resume=resume,
        progress=given.progress,
    )
    if as_json:
        print_json(answer)
        return
    _show(answer)
    say(f"tables and figures: {answer.tables[0].parent}")


def _show(answer: "LinkAnswer") -> None:
    for line in answer.dropped:
        say(f"left out: {line}")
    if answer.detection is not None:
        found = answer.detection
        say(
            f"{found['N']} planets, {answer.model} model: {found['parameter']} = "
            f"{found['mean']:.3g} ± {found['sd']:.2g}"
        )
        say(
            f"log Bayes factor {found['log_bayes_factor']:.2f}, threshold "
            f"{found['threshold']:.2f} at {found['false_alarm']:.3g} false alarms "
            f"({found['mocks']} mocks without a link)"
        )
        say(
            f"{'detected' if found['detected'] else 'not detected'}: p = {found['p_value']:.3g} "
            f"± {found['p_error']:.1g}"
        )
    if answer.power is not None and answer.least_link is not None:
        link = answer.power.columns[2]
        show_table(
            f"share of simulated surveys that detect the link, {answer.model} model",
            ("planets", "scatter", link, "threshold", "power", "error"),
            answer.power.select(
                "N", "scatter", link, "threshold", "power", "power_error"
            ).iter_rows(),
        )
        show_table(
            "least link that four of five surveys detect",
            ("planets", "scatter", link),
            answer.least_link.drop("power").iter_rows(),
        )
