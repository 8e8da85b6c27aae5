"""`errorbar survey run`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import (
    Engine,
    Json,
    Seed,
    Workers,
    engine_and_workers,
    found_table,
    listed,
    settings,
    whole_numbers,
)

__all__ = ["EXAMPLES", "run"]

EXAMPLES = examples(
    "errorbar survey run",
    "errorbar survey run planets.csv --model joint --n 10,50,100 --reps 50",
    "errorbar survey run planets.csv --model single,mass-star --intercept flat --out honest",
    "errorbar survey run --method nuts --sampler nutpie --n 50 --reps 2 --workers 2",
    "errorbar survey run planets.csv --engine tcp://10.0.0.5:8786",
)


def run(
    catalogue: Annotated[
        Path | None,
        typer.Argument(help="Table of planets.", show_default="a synthetic one, made in --out"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="single, joint or mass-star; several with commas, or the option again.",
            show_default="joint,single",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="exact, or nuts: the no-U-turn sampler of PyMC.")
    ] = "exact",
    n: Annotated[str, typer.Option(help="Survey sizes, with commas.")] = "10,20,30,40,50,70,90,100",
    reps: Annotated[int, typer.Option(help="Surveys of each class and size.", min=1)] = 20,
    seed: Seed = 42,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of tables, figures and report.", show_default="results"),
    ] = None,
    engine: Engine = None,
    workers: Workers = None,
    classes: Annotated[str, typer.Option(help="Classes of planets, with commas.")] = "S1,S2,S3,S4",
    intercept: Annotated[
        str,
        typer.Option(help="Prior of the intercept: reference (uses the data twice) or flat."),
    ] = "reference",
    slope: Annotated[
        str, typer.Option(help="Scale of the slope's prior: ptp (ratio of ranges) or sd.")
    ] = "ptp",
    level: Annotated[float, typer.Option(help="Share of the posterior in an interval.")] = 0.68,
    draws: Annotated[int, typer.Option(help="nuts: draws of each chain.")] = 1000,
    tune: Annotated[int, typer.Option(help="nuts: steps of adaptation.")] = 1000,
    chains: Annotated[int, typer.Option(help="nuts: chains.")] = 2,
    target_accept: Annotated[float, typer.Option(help="nuts: acceptance aimed at.")] = 0.9,
    sampler: Annotated[str, typer.Option(help="nuts: pymc, nutpie or numpyro.")] = "pymc",
    figures: Annotated[bool, typer.Option(help="Draw figures and the report.")] = True,
    resume: Annotated[
        bool, typer.Option(help="Go on with what a killed run has left in --out.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Draw surveys from a catalogue, fit each one, and report how well they measure the trend.

    Without options: the reference code's main job, with both its tables.
    """
    from errorbar.app.verbs import survey_run

    given = settings()
    engine, workers = engine_and_workers(given, engine, workers)
    files = survey_run(
        found_table(catalogue),
        models=tuple(part for text in model or ["joint,single"] for part in listed(text)),
        method=method,
        n=whole_numbers("--n")(n),
        reps=reps,
        seed=seed,
        out=given.results if out is None else out,
        engine=engine,
        workers=workers,
        classes=listed(classes),
        intercept=intercept,
        slope=slope,
        level=level,
        figures=figures,
        resume=resume,
        progress=given.progress,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        sampler=sampler,
    )
    if as_json:
        print_json(files)
        return
    for note in files.notes:
        say(note)
    made = " (synthetic, made for this run)" if files.synthetic else ""
    say(f"catalogue: {files.catalogue}{made}")
    for name, (csv, _) in files.tables.items():
        say(f"{files.surveys} fits of the {name} model: {csv}")
    if files.report is not None:
        say(f"{len(files.figures)} figures: {files.figures[0].parent}")
        say(f"read first: {files.report}")
