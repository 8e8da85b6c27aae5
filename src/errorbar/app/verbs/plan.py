"""Which targets, how many, and for how many hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from errorbar.app.verbs.report import check_figures_possible
from errorbar.core.errors import SettingsError
from errorbar.survey.plan import (
    CurvatureGuard,
    Required,
    SurveyPlan,
    Targets,
    default_trend,
    plan_survey,
    read_targets,
    required_n,
    spread_trend,
)
from errorbar.survey.synth import draw_planets

__all__ = ["PlanAnswer", "survey_plan"]

Count = Literal["hours", "planets"]

PLANETS = 722
TREND_DRAWS = 100


@dataclass(frozen=True, slots=True, eq=False)
class PlanAnswer:
    """A plan and where its tables are; with `count="planets"` only what a number of planets brings.

    `offered` counts the targets, `barred` those among them that may not be observed.
    """

    offered: int
    barred: int
    plan: SurveyPlan | None
    required: Required | None
    files: tuple[Path, ...]
    figures: tuple[Path, ...]


def survey_plan(
    targets: Path | str | Targets | None = None,
    *,
    hours: float | None = None,
    sd: float | None = None,
    count: Count = "hours",
    probability: float = 0.8,
    parameter: str | None = None,
    model: str = "single",
    trend: Mapping[str, float] | None = None,
    spread: float = 0.0,
    strategy: str = "leverage-per-hour",
    guard: CurvatureGuard | None = None,
    observed: Path | str | None = None,
    windows: Path | str | None = None,
    must: Sequence[str] = (),
    exclude: Sequence[str] = (),
    tier: int = 2,
    sigma: float = 0.2,
    mass_errors: bool = False,
    measured_masses: bool = False,
    limits: bool = True,
    random_lists: int = 1000,
    seed: int = 42,
    out: Path | str | None = None,
    figures: bool = True,
) -> PlanAnswer:
    """Choose targets for `hours` of telescope time, or the least hours that reach a wanted `sd`.

    `targets` is the Ariel list or a plain table; without it, planets that look like the Ariel list
    are drawn. With `count="planets"` the question is how many planets, drawn by lot, reach `sd`.
    `trend` changes what is taken to be true, `spread` says how uncertain its scatters are. With
    `out`, every table is written there, and a figure.
    """
    if count not in get_args(Count):
        raise SettingsError(f"count={count!r} is not possible: count hours or planets.")
    if figures and out is not None:
        check_figures_possible()
    offer = _offer(targets, tier, sigma, mass_errors, measured_masses, limits, windows, seed)
    truths = _trends(model, trend or {}, spread, seed)
    parameter = ("beta" if model == "single" else "beta_p") if parameter is None else parameter
    shared: dict[str, Any] = {"parameter": parameter, "probability": probability, "must": must}
    plan = required = None
    if count == "planets":
        if sd is None or hours is not None:
            raise SettingsError("to count planets, say the sd that is wanted, and no hours.")
        if observed is not None:
            raise SettingsError(
                "planets of a survey under way are chosen, not drawn by lot: count hours."
            )
        offer = offer.bar(offer.find(exclude, "excluded planet"), "excluded")
        required = required_n(offer, sd, truths, seed=seed, **shared)
        tables = {"reach": _reach(required)}
    else:
        plan = plan_survey(
            offer,
            budget_hours=hours,
            wanted_sd=sd,
            trend=truths,
            strategy=strategy,  # pyright: ignore[reportArgumentType] (checked there)
            guard=guard,
            exclude=exclude,
            observed=observed,
            random_lists=random_lists,
            seed=seed,
            **shared,
        )
        required, tables = plan.reach, plan.tables
    files = () if out is None else _written(tables, Path(out))
    pictures = _drawn(plan, required, Path(out)) if figures and out is not None else ()
    return PlanAnswer(offer.rows, int((~offer.allowed).sum()), plan, required, files, pictures)


def _offer(
    targets: Path | str | Targets | None,
    tier: int,
    sigma: float,
    mass_errors: bool,
    measured_masses: bool,
    limits: bool,
    windows: Path | str | None,
    seed: int,
) -> Targets:
    if isinstance(targets, Targets):
        return targets
    return read_targets(
        draw_planets(PLANETS, seed=seed) if targets is None else targets,
        tier=tier,
        sigma=sigma,
        mass_errors=mass_errors,
        measured_masses=measured_masses,
        limits=limits,
        windows=windows,
    )


def _trends(model: str, changes: Mapping[str, float], spread: float, seed: int) -> Any:
    usual = default_trend(model)  # pyright: ignore[reportArgumentType] (checked there)
    known = [part.name for part in fields(usual)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise SettingsError(
            f"the trend of the {model} model has no {unknown[0]}; it has {', '.join(known)}."
        )
    trend = replace(usual, **changes)
    if spread == 0:
        return trend
    # The first one guides the choice, so it is the one in the middle.
    drawn = spread_trend(trend, relative_scatter=spread, draws=TREND_DRAWS, seed=seed)
    return (trend, *drawn)


def _reach(required: Required) -> pl.DataFrame:
    curve = required.curve
    sds = {f"sd_{100 * level:g}": row for level, row in zip(curve.levels, curve.sd)}
    return pl.DataFrame({required.unit: curve.effort, **sds, "probability": curve.probability})


def _drawn(plan: SurveyPlan | None, required: Required | None, out: Path) -> tuple[Path, ...]:
    from errorbar.survey.plots.plan import write_plan, write_reach

    if plan is not None:
        return write_plan(plan, out)
    return () if required is None else write_reach(required, out)


def _written(tables: Mapping[str, pl.DataFrame], out: Path) -> tuple[Path, ...]:
    out.mkdir(parents=True, exist_ok=True)
    paths = tuple(out / f"plan_{name}.csv" for name in tables)
    for path, frame in zip(paths, tables.values()):
        frame.write_csv(path)
    return paths
