"""`errorbar survey fit`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, Seed, settings

__all__ = ["EXAMPLES", "fit"]

EXAMPLES = examples(
    "errorbar survey fit planets.csv",
    "errorbar survey fit planets.csv --model joint --intercept flat --json",
    "errorbar survey fit planets.csv --out draws.safetensors --count 10000",
    "errorbar survey fit planets.csv --method nuts --sampler nutpie",
)


def fit(
    table: Annotated[Path, typer.Argument(help="The survey: a table of its planets.")],
    model: Annotated[
        str, typer.Option(help="single, joint, mass-star, or one for real data: mass-errors.")
    ] = "single",
    method: Annotated[
        str, typer.Option(help="exact, or nuts: the no-U-turn sampler of PyMC.")
    ] = "exact",
    intercept: Annotated[
        str | None,
        typer.Option(
            help="Prior of the intercept: reference (uses the data twice) or flat.",
            show_default="the model's usual one",
        ),
    ] = None,
    slope: Annotated[
        str, typer.Option(help="Scale of the slope's prior: ptp (ratio of ranges) or sd.")
    ] = "ptp",
    level: Annotated[float, typer.Option(help="Share of the posterior in an interval.")] = 0.68,
    bars: Annotated[
        str, typer.Option(help="Unequal error bars as their mean, or as a split-normal.")
    ] = "mean",
    seed: Seed = 42,
    out: Annotated[Path | None, typer.Option(help="A file for draws.")] = None,
    count: Annotated[int, typer.Option(help="exact: draws to write.", min=1)] = 4000,
    draws: Annotated[int | None, typer.Option(help="nuts: draws of each chain.")] = None,
    tune: Annotated[int | None, typer.Option(help="nuts: steps of adaptation.")] = None,
    chains: Annotated[int | None, typer.Option(help="nuts: chains.")] = None,
    target_accept: Annotated[float | None, typer.Option(help="nuts: acceptance aimed at.")] = None,
    sampler: Annotated[str | None, typer.Option(help="nuts: pymc, nutpie or numpyro.")] = None,
    as_json: Json = False,
) -> None:
    """Fit one survey: what its planets say about the trend."""
    from errorbar.app.verbs import survey_fit

    sampling = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "sampler": sampler,
    }
    found = survey_fit(
        settings().found(table),
        model=model,
        method=method,
        intercept=intercept,
        slope=slope,
        level=level,
        bars=bars,  # pyright: ignore[reportArgumentType] (the verb refuses others)
        seed=seed,
        out=out,
        count=count,
        **{name: value for name, value in sampling.items() if value is not None},
    )
    if as_json:
        print_json(found)
        return
    for line in found.dropped:
        say(f"left out: {line}")
    show_table(
        f"{found.planets} planets, {found.model} model, {found.method}, {found.prior}",
        ("parameter", "mean", "sd", f"{found.level:.4g} from", "to"),
        [(name, *values.values()) for name, values in found.parameters.items()],
    )
    say(f"intercepts stand at log mass {found.centre:.4f}")
    if found.log_evidence is not None:
        say(f"log evidence {found.log_evidence:.4f}")
    if found.diagnostics is not None:
        say(", ".join(f"{name} {_short(value)}" for name, value in found.diagnostics.items()))
    if found.draws is not None:
        say(f"draws: {found.draws}")


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
