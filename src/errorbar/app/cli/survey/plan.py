"""`errorbar survey plan`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, Seed, found_table, named_numbers

if TYPE_CHECKING:
    from errorbar.app.verbs import PlanAnswer
    from errorbar.survey.plan import CurvatureGuard

__all__ = ["EXAMPLES", "plan"]

EXAMPLES = examples(
    "errorbar survey plan --hours 5000",
    "errorbar survey plan Ariel_MCS.csv --hours 5000 --guard --out plan",
    "errorbar survey plan Ariel_MCS.csv --sd 0.05 --probability 0.9",
    "errorbar survey plan Ariel_MCS.csv --sd 0.05 --count planets",
    "errorbar survey plan Ariel_MCS.csv --hours 1000 --observed so_far.csv",
)
SHOWN = 12


def plan(
    targets: Annotated[
        Path | None,
        typer.Argument(
            help="Planets on offer: the Ariel list, or a table with name, log_mass and hours.",
            show_default="722 drawn like Ariel's",
        ),
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Telescope hours at hand.")] = None,
    sd: Annotated[
        float | None, typer.Option(help="Wanted standard deviation, instead of hours.")
    ] = None,
    count: Annotated[
        str, typer.Option(help="With --sd: hours of a chosen list, or planets drawn by lot.")
    ] = "hours",
    probability: Annotated[
        float, typer.Option(help="With --sd: how surely it is to be reached.")
    ] = 0.8,
    parameter: Annotated[
        str | None, typer.Option(help="What is to be known.", show_default="the planets' slope")
    ] = None,
    model: Annotated[str, typer.Option(help="single, joint or mass-star.")] = "single",
    trend: Annotated[
        str | None,
        typer.Option(
            help="What is taken to be true, as epsilon=0.4,beta=-1.1.",
            show_default="that of survey synth",
        ),
    ] = None,
    spread: Annotated[
        float, typer.Option(help="How uncertain its scatters are, as a share.", min=0)
    ] = 0.0,
    strategy: Annotated[
        str,
        typer.Option(
            help="leverage-per-hour, c-optimal, d-optimal, i-optimal, cheapest-first or random."
        ),
    ] = "leverage-per-hour",
    guard: Annotated[
        bool, typer.Option("--guard", help="Keep planets in the middle, to see a bend.")
    ] = False,
    bend: Annotated[
        float, typer.Option(help="--guard: how bent the line may be, dex per squared dex.")
    ] = 0.3,
    slack: Annotated[
        float, typer.Option(help="--guard: the bend's error, over the best possible.")
    ] = 1.2,
    observed: Annotated[
        Path | None, typer.Option(help="Planets measured so far: they cost nothing more.")
    ] = None,
    windows: Annotated[
        Path | None, typer.Option(help="Table of name and visible, or visits_allowed.")
    ] = None,
    must: Annotated[
        list[str] | None, typer.Option(help="A planet to include; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="A planet to leave out; may be repeated.")
    ] = None,
    tier: Annotated[int, typer.Option(help="Ariel tier.", min=1, max=3)] = 2,
    sigma: Annotated[
        float, typer.Option(help="Error of a log abundance where the table has none, dex.")
    ] = 0.2,
    mass_errors: Annotated[
        bool, typer.Option("--mass-errors", help="Let errors of the masses blur the trend.")
    ] = False,
    measured_masses: Annotated[
        bool, typer.Option("--measured-masses", help="Only planets whose mass is measured.")
    ] = False,
    limits: Annotated[
        bool, typer.Option(help="Heed the tiers and visits a planet can have.")
    ] = True,
    random_lists: Annotated[
        int, typer.Option("--random", help="Random lists to compare with.", min=1)
    ] = 1000,
    seed: Seed = 42,
    out: Annotated[Path | None, typer.Option(help="Folder for every table, and a figure.")] = None,
    figures: Annotated[bool, typer.Option(help="With --out: draw the figure.")] = True,
    as_json: Json = False,
) -> None:
    """Choose targets: for the hours at hand, or the least that reach a wanted precision."""
    from errorbar.app.verbs import survey_plan

    answer = survey_plan(
        found_table(targets),
        hours=hours,
        sd=sd,
        count=count,  # pyright: ignore[reportArgumentType] (the verb refuses others)
        probability=probability,
        parameter=parameter,
        model=model,
        trend=named_numbers("--trend", trend),
        spread=spread,
        strategy=strategy,
        guard=_guard(bend, slack) if guard else None,
        observed=found_table(observed),
        windows=found_table(windows),
        must=must or (),
        exclude=exclude or (),
        tier=tier,
        sigma=sigma,
        mass_errors=mass_errors,
        measured_masses=measured_masses,
        limits=limits,
        random_lists=random_lists,
        seed=seed,
        out=out,
        figures=figures,
    )
    if as_json:
        print_json(answer)
        return
    _show(answer, sd)


def _guard(bend: float, slack: float) -> "CurvatureGuard":
    from errorbar.survey.plan import CurvatureGuard

    return CurvatureGuard(prior_sd=bend, slack=slack)


def _show(answer: "PlanAnswer", sd: float | None) -> None:
    found, required = answer.plan, answer.required
    say(f"{answer.offered} targets, {answer.barred} of them may not be observed")
    if required is not None:
        say(
            f"sd({required.parameter}) of {sd:g} takes {required.effort:.0f} {required.unit}: "
            f"reached with probability {required.probability:.2f}"
        )
    if found is not None:
        if found.observed_planets:
            say(f"{found.observed_planets} planets observed so far count, and cost nothing")
        bent = found.guard is not None
        say(
            f"{found.planets} planets in {found.hours:.0f} h ({found.strategy}): "
            f"sd({found.parameter}) = {found.sd:.4f}, typically {found.typical_sd:.4f}"
            f"{', for a line that may be bent' if bent else ''}"
        )
        show_table(
            f"the first {min(SHOWN, found.planets)} of them, in observing order",
            ("", "planet", "log mass", "hours", "hours so far", "sd after it"),
            found.listed.select(
                "order",
                "name",
                "log_mass",
                "hours",
                "cumulative_hours",
                "bent_sd_after" if bent else "sd_after",
            )
            .head(SHOWN)
            .iter_rows(),
        )
        show_table(
            "other ways to spend the same hours; sd and gain for a straight line",
            ("strategy", "guard", "planets", "hours", "sd", "gain", "sd of a bend"),
            (
                (row["strategy"], "yes" if row["guarded"] else "", *_numbers(row))
                for row in found.comparison.iter_rows(named=True)
            ),
        )
    for path in answer.files:
        say(f"table: {path}")
    for path in answer.figures:
        say(f"figure: {path}")


def _numbers(row: dict[str, float]) -> tuple[float, ...]:
    return row["planets"], row["hours"], row["sd"], row["gain"], row["curvature_sd"]
