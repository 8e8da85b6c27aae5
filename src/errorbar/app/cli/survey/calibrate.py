"""`errorbar survey calibrate`."""

from pathlib import Path
from typing import Annotated

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
    named_numbers,
    settings,
    whole_numbers,
)

__all__ = ["EXAMPLES", "calibrate"]

EXAMPLES = examples(
    "errorbar survey calibrate",
    "errorbar survey calibrate --model joint --surveys 5000 --n 5,10,30,100",
    "errorbar survey calibrate --n 30 --truth alpha=-0.95,beta=-1.09,epsilon=0.5 "
    "--intercept reference",
)


def calibrate(
    model: Annotated[str, typer.Option(help="single, joint or mass-star.")] = "single",
    n: Annotated[str, typer.Option(help="Survey sizes, taking turns.")] = "5,10,30,100",
    surveys: Annotated[int, typer.Option(help="Surveys to simulate and fit.", min=1)] = 1000,
    level: Annotated[float, typer.Option(help="Share of the posterior in an interval.")] = 0.68,
    truth: Annotated[
        str | None,
        typer.Option(
            help="One truth for all surveys, as epsilon=0.5,…", show_default="drawn from the prior"
        ),
    ] = None,
    intercept: Annotated[
        str | None, typer.Option(help="With --truth: a rule for the prior, reference or flat.")
    ] = None,
    slope: Annotated[
        str | None, typer.Option(help="With --truth: a rule for the prior, ptp or sd.")
    ] = None,
    masses: Annotated[
        Path | None, typer.Option(help="A list of real planets to take masses from.")
    ] = None,
    list_format: ListFormat = "ariel",
    seed: Seed = 42,
    out: Annotated[Path, typer.Option(help="Folder of tables and figures.")] = Path("calibration"),
    engine: Engine = None,
    workers: Workers = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
    resume: Annotated[
        bool, typer.Option(help="Go on with what a killed run has left in --out.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Count how often intervals hold the truth, over simulated surveys."""
    from errorbar.app.verbs import survey_calibrate

    given = settings()
    engine, workers = engine_and_workers(given, engine, workers)
    found = survey_calibrate(
        model,
        n=whole_numbers("--n")(n),
        surveys=surveys,
        level=level,
        truth=named_numbers("--truth", truth),
        intercept=intercept,
        slope=slope,
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
        print_json(found)
        return
    show_table(
        f"{found.surveys} surveys, {found.model} model: the {found.level:.4g} interval holds",
        ("parameter", "found", "standard error", "in errors", "KS p", "chi2 p"),
        [(name, *values.values()) for name, values in found.coverage.items()],
    )
    for line in found.departures:
        say(f"not calibrated: {line}")
    if not found.departures:
        say("nothing here contradicts calibration")
    say(f"tables and figures: {found.tables[0].parent}")
