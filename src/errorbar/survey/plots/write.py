"""All figures of a grid of surveys, saved, with their captions."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from errorbar.core.plots import write_figure
from errorbar.survey.plots.make import (
    Across,
    make_closed_form_check,
    make_common_pivot,
    make_design_space_N_vs_std,
    make_design_space_N_with_L_contours,
    make_fixedN_sigma_vs_L_scatter_from_df,
    make_leverage_panels_from_df,
    make_mass_star_fixedN_uncertainty_vs_L_from_df,
    make_mass_star_global_slope_3d_from_df,
    make_met_fixedN_covariance_vs_L_from_df,
    make_met_fixedN_uncertainty_vs_L_from_df,
    make_met_global_slope_3d_from_df,
)
from errorbar.survey.plots.panels import make_posterior_panels
from errorbar.survey.summary import FitTable, SurveyPosterior, add_total_scatter, read_fits
from errorbar.survey.summary.results import ResultTable

__all__ = ["figure_place", "write_figures"]

Drawn = tuple[str, Figure, str]
PREFIX = {"single": "", "joint": "met_", "mass-star": "mass_star_"}
WORDS = {"single": "single-response", "joint": "joint", "mass-star": "mass-star"}
SIZE = re.compile(r"fixedN_N(\d+)_")


def write_figures(
    tables: Mapping[str, ResultTable] | Sequence[ResultTable],
    surveys: Iterable[Any],
    folder: str | Path,
    *,
    posteriors: Sequence[SurveyPosterior] = (),
) -> list[tuple[Path, str]]:
    """Save every figure of these tables as PDF and PNG; returns each PNG's path with its caption.

    `posteriors` are drawn too, one figure each. `figure_place` tells what a file shows.
    """
    given = tables.values() if isinstance(tables, Mapping) else tables
    surveys = list(surveys)
    written: list[tuple[Path, str]] = []
    fits = [read_fits(table) for table in given]
    if surveys:
        fits = [add_total_scatter(table, surveys) for table in fits]
    for stem, figure, caption in _all_figures(fits, surveys, posteriors):
        _, png = write_figure(figure, Path(folder) / stem)
        written.append((png, caption))
    return written


def figure_place(path: str | Path) -> tuple[str, int | None]:
    """What a written figure shows, by its file's name: its kind, and the survey size if it has one.

    `met_fixedN_N50_uncertainty_vs_L_logM.png` is of the kind `met_fixedN_uncertainty_vs_L_logM`.
    """
    stem = Path(path).stem
    size = SIZE.search(stem)
    return (stem, None) if size is None else (SIZE.sub("fixedN_", stem), int(size.group(1)))


def _all_figures(
    tables: list[FitTable], surveys: list[Any], posteriors: Sequence[SurveyPosterior]
) -> Iterable[Drawn]:
    tables = [table for table in tables if not table.frame.is_empty()]
    source = surveys or next(iter(tables), None)
    if source is not None:
        yield from _design_figures(source)
    for table in tables:
        yield from _table_figures(table, surveys)
    for place, posterior in enumerate(posteriors, start=1):
        yield (
            f"posterior_{place}_{posterior.model}",
            make_posterior_panels(posterior, out_path=None),
            f"Posterior of one survey, {WORDS[posterior.model]} model: marginals with their 68 % "
            "highest-density intervals, regions of 68 % and 95 %, and the line with its 68 % band.",
        )


def _design_figures(source: Any) -> Iterable[Drawn]:
    yield (
        "design_space_N_with_L_contours",
        make_design_space_N_with_L_contours(source, out_path=None),
        "Surveys by size and spread of log mass. Surveys on one dashed curve have one leverage "
        "L = √N × spread, and measure the slope equally well. Classes stand side by side at each "
        "size.",
    )
    yield (
        "design_space_N_vs_std",
        make_design_space_N_vs_std(source, out_path=None),
        "Surveys by size and spread of log mass. Classes stand side by side at each size.",
    )


def _table_figures(table: FitTable, surveys: list[Any]) -> Iterable[Drawn]:
    known = surveys or None
    begin, words = PREFIX[table.model], WORDS[table.model]
    if surveys and table.model != "mass-star":
        yield (
            f"{begin}closed_form",
            make_closed_form_check(table, surveys, out_path=None),
            f"Fitted errors of the slope ({words} model) against σ_tot/L, which has no free "
            "number: on the line, the error was known before the fit.",
        )
    abscissae: tuple[tuple[Across, str], ...] = (("leverage", "L"), ("N", "N"))
    for across, word in abscissae:
        yield (
            f"{begin}leverage_panels_vs_{word}",
            make_leverage_panels_from_df(table, None, across, surveys=known),
            f"All surveys ({words} model) against {'leverage' if word == 'L' else 'size'}: "
            f"posterior errors with their power law, then means with {table.level:.0%} intervals. "
            "Only the slope's error depends on leverage; the others follow N, and intercepts move "
            "with the mean mass of a class.",
        )
    if surveys or "centre_logM" in table.frame.columns:
        yield (
            f"{begin}common_pivot",
            make_common_pivot(table, surveys, out_path=None),
            f"Intercepts ({words} model) at each survey's own mean mass differ between classes by "
            "construction; moved to one pivot they agree.",
        )
    yield from _fixed_figures(table, known)


def _fixed_figures(table: FitTable, surveys: list[Any] | None) -> Iterable[Drawn]:
    bands = (
        "dashed: power law with its 68 % band; dash-dotted: straight line; solid: closed form "
        "without a fit."
    )
    if table.model == "single":
        figures = make_fixedN_sigma_vs_L_scatter_from_df(table, None, surveys=surveys)
        for size, figure in figures.items():
            caption = f"Posterior errors of surveys of {size} planets against leverage; {bands}"
            yield f"fixedN_N{size}_sigma_vs_L_logM", figure, caption
    elif table.model == "joint":
        figures = make_met_fixedN_uncertainty_vs_L_from_df(table, None, surveys=surveys)
        for size, figure in figures.items():
            caption = f"Joint model, surveys of {size} planets: errors of both lines; {bands}"
            yield f"met_fixedN_N{size}_uncertainty_vs_L_logM", figure, caption
        for size, figure in make_met_fixedN_covariance_vs_L_from_df(table, None).items():
            yield (
                f"met_fixedN_N{size}_covariance_vs_L_logM",
                figure,
                f"Joint model, surveys of {size} planets: means and {table.level:.0%} intervals of "
                "both intrinsic scatters and their correlation, with the line through the means.",
            )
        yield (
            "met_slope_plane",
            make_met_global_slope_3d_from_df(table, None),
            "Planet and star slope of every survey over its leverage; grey: the same points seen "
            "from above.",
        )
    else:
        for size, figure in make_mass_star_fixedN_uncertainty_vs_L_from_df(table, None).items():
            caption = f"Mass-star model, surveys of {size} planets: errors; {bands}"
            yield f"mass_star_fixedN_N{size}_uncertainty_vs_L_logM", figure, caption
        yield (
            "mass_star_slope_plane",
            make_mass_star_global_slope_3d_from_df(table, None),
            "Slope with mass and slope with stellar metallicity of every survey over its "
            "leverage; grey: the same points seen from above.",
        )
