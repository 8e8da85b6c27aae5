"""The posterior of one survey as one figure: its corner of parameters beside its line."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from errorbar.core.errors import InputError
from errorbar.core.plots import new_figure, write_figure
from errorbar.survey.data import SurveyData
from errorbar.survey.plots.posterior import plot_line, plot_marginal, plot_pair
from errorbar.survey.summary import SurveyPosterior, survey_posterior

__all__ = ["make_posterior_panels"]

CELL = 1.75


def make_posterior_panels(
    fit: Any,
    data: SurveyData | None = None,
    out_path: str | Path | None = "plots/posterior.pdf",
    *,
    title: str = "",
    color: str = "C0",
    seed: int = 0,
) -> Figure:
    """Marginals with 68 % intervals, pairs, and the line over the data of one survey.

    `fit` is an exact fit or ArviZ InferenceData together with its `data`, or a
    `SurveyPosterior` alone.
    """
    value = fit if isinstance(fit, SurveyPosterior) else _summary(fit, data, title, seed)
    figure = _corner_figure(value, color)
    if out_path is not None:
        path = Path(out_path)
        write_figure(figure, path.with_suffix("") if path.suffix in (".pdf", ".png") else path)
    return figure


def _summary(fit: Any, data: SurveyData | None, title: str, seed: int) -> SurveyPosterior:
    if data is None:
        raise InputError("a fit is drawn over its data: call make_posterior_panels(fit, data).")
    return survey_posterior(fit, data, title=title, seed=seed)


def _corner_figure(value: SurveyPosterior, color: str) -> Figure:
    """The corner fills the lower left; the lines stand in its empty upper right."""
    count = len(value.marginals)
    side = CELL * max(count, 4)
    figure = new_figure(side, side)
    grid = figure.add_gridspec(count, count)
    for place, marginal in enumerate(value.marginals):
        ax = plot_marginal(marginal, figure.add_subplot(grid[place, place]), color=color)
        _keep_outer_labels(ax, place, place, count)
    for first, second, pair in value.pairs:
        ax = plot_pair(pair, figure.add_subplot(grid[second, first]), color=color)
        _keep_outer_labels(ax, second, first, count)
    _lines_beside(figure, value, color)
    figure.suptitle(value.title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def _lines_beside(figure: Figure, value: SurveyPosterior, color: str) -> None:
    """The lines, as insets over the free upper right: half as wide as the figure."""
    count = len(value.marginals)
    heights = 0.36 if len(value.lines) == 1 else 0.2
    left = {3: 0.71, 4: 0.64}.get(count, 0.655)
    for place, line in enumerate(value.lines):
        bottom = 0.97 - heights - place * (heights + 0.075)
        ax = figure.add_axes((left, bottom, 0.985 - left, heights))
        ax.set_in_layout(False)
        plot_line(line, ax, color=color)


def _keep_outer_labels(ax: Any, row: int, column: int, count: int) -> None:
    if row < count - 1:
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    else:
        ax.tick_params(axis="x", labelrotation=35)
    if column > 0 or row == 0:
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
