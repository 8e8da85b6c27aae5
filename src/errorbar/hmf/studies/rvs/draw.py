"""Figures of the study, from analyses alone: nothing is computed again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy import ndarray

from errorbar.core.plots import new_figure, write_figure
from errorbar.hmf.plots import make_gallery, plot_basis, plot_selection
from errorbar.hmf.plots.rvs import (
    AXIS,
    make_line_view,
    mark_lines,
    plot_column_share,
    plot_hr_diagram,
    plot_metric_counts,
    plot_metric_overlap,
    plot_residual_map,
    plot_significance,
)
from errorbar.hmf.studies.rvs.analysis import METRICS, BinAnalysis
from errorbar.hmf.studies.rvs.bins import Ellipse, count_stars
from errorbar.hmf.studies.rvs.lines import lines_between
from errorbar.hmf.studies.rvs.metrics import MetricComparison
from errorbar.hmf.studies.rvs.residual_map import ResidualMap

__all__ = [
    "plot_bin_analysis",
    "plot_bins",
    "plot_metric_comparison",
    "plot_oddest",
    "plot_residuals_map",
]

Files = tuple[Path, ...]
# Spectra of a bin that get a figure of their own.
CLOSE = 3
SIX = (*METRICS, "kl_all")


def plot_bin_analysis(analysis: BinAnalysis, folder: str | Path) -> Files:
    """Every figure of one bin, as PDF and PNG: choice, basis, scores, columns, odd spectra."""
    folder = Path(folder)
    files: list[Path] = []
    if analysis.grid.height > 1:
        files += _plot_choice(analysis, folder)
    files += _plot_basis(analysis, folder)
    files += _plot_scores(analysis, folder)
    files += _plot_columns(analysis, folder)
    shown = range(min(analysis.settings.shown, len(analysis.kept)))
    flagged = int(analysis.found.objects.sum())
    title = f"Bin {analysis.name}: the oddest of {len(analysis):,} spectra, {flagged} flagged"
    figure = make_gallery([analysis.view(place) for place in shown], title=title, axis=AXIS)
    marked = _lines(analysis.wavelength)
    for ax in figure.axes:
        mark_lines(ax, marked, labels=False)
    files += write_figure(figure, folder / "gallery")
    for place in range(min(CLOSE, flagged, len(analysis.kept))):
        view = make_line_view(analysis.view(place), marked, analysis.c)
        files += write_figure(view, folder / f"odd-{place + 1}")
    return tuple(files)


def plot_bins(
    bins: Sequence[Ellipse],
    colour: ndarray,
    magnitude: ndarray,
    folder: str | Path,
    *,
    odd: ndarray | None = None,
) -> Files:
    """The bins on the HR diagram with their counts, as `hr-diagram`."""
    counts = count_stars(bins, colour, magnitude)["stars"].to_list()
    figure = new_figure(7, 7.5)
    ax = figure.subplots()
    outlines = {each.name: each.outline() for each in bins}
    plot_hr_diagram(colour, magnitude, outlines, ax, odd=odd, counts=counts[:-1])
    ax.set_title(
        f"{len(bins)} bins, {len(colour):,} stars, {counts[-1]:,} in none", loc="left",
        fontsize="medium", fontweight="bold",
    )  # fmt: skip
    edges = np.concatenate(list(outlines.values()))
    ax.set_xlim(edges[:, 0].min() - 0.75, edges[:, 0].max() + 0.3)
    ax.set_ylim(edges[:, 1].max() + 1, edges[:, 1].min() - 1)
    return write_figure(figure, Path(folder) / "hr-diagram")


def plot_metric_comparison(comparison: MetricComparison, folder: str | Path) -> Files:
    """What each score's models find, and how much of it others find, as `metrics`."""
    figure = new_figure(10, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    plot_metric_counts(
        comparison.metrics, np.diag(comparison.shared), comparison.alone, left
    )  # fmt: skip
    plot_metric_overlap(comparison.metrics, comparison.shared, right)
    figure.suptitle(
        f"Odd stars by the score that chooses the models, {comparison.total:,} in all", x=0.012,
        ha="left", fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, Path(folder) / "metrics")


def plot_residuals_map(found: ResidualMap, folder: str | Path) -> Files:
    """The map of odd stars by bin, as `residual-map`."""
    figure = new_figure(7.5, 5.5)
    ax = figure.subplots()
    plot_residual_map(found.xy, found.table["bin"].to_list(), ax)
    ax.set_title(
        f"Residuals of {found.table.height:,} odd stars, alike ones together (UMAP)", loc="left",
        fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, Path(folder) / "residual-map")


def plot_oddest(analyses: Sequence[BinAnalysis], folder: str | Path, *, most: int = 24) -> Files:
    """The oddest stars of all bins, each once, as `gallery`."""
    found: dict[int, tuple[float, BinAnalysis, int]] = {}
    for each in analyses:
        for place in np.flatnonzero(each.found.objects[each.kept]):
            row = each.kept[place]
            strength = float(each.found.significance[row])
            source = int(each.source_ids[row])
            if strength > found.get(source, (-np.inf,))[0]:
                found[source] = (strength, each, int(place))
    strongest = sorted(found.values(), key=lambda one: -one[0])[:most]
    if not strongest:
        return ()
    views = [each.view(place) for _, each, place in strongest]
    title = f"The oddest of {len(found):,} odd stars"
    figure = make_gallery(views, columns=3, title=title, axis=AXIS)
    for ax in figure.axes:
        mark_lines(ax, _lines(analyses[0].wavelength), labels=False)
    return write_figure(figure, Path(folder) / "gallery")


def _plot_choice(analysis: BinAnalysis, folder: Path) -> Files:
    figure = new_figure(10, 5.6)
    for place, (name, ax) in enumerate(zip(SIX, figure.subplots(2, 3).ravel())):
        plot_selection(
            analysis.surface(name), ax, chosen=(analysis.rank, analysis.scale), legend=place == 0
        )
    figure.suptitle(
        f"Bin {analysis.name}: scores on {len(analysis.test):,} spectra that no fit has seen; "
        f"chosen $K={analysis.rank}$, $Q={analysis.scale:g}$",
        x=0.012, ha="left", fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, folder / "choice")


def _plot_basis(analysis: BinAnalysis, folder: Path) -> Files:
    figure = new_figure(10, 1.6 + 0.62 * analysis.rank)
    ax = figure.subplots()
    plot_basis(analysis.wavelength, analysis.basis, ax, axis=AXIS)
    mark_lines(ax, _lines(analysis.wavelength))
    figure.suptitle(
        f"Bin {analysis.name}: the basis of the training half", x=0.012, ha="left",
        fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, folder / "basis")


def _plot_scores(analysis: BinAnalysis, folder: Path) -> Files:
    found = analysis.found
    figure = new_figure(10, 4.2)
    left, right = figure.subplots(1, 2)
    flagged = int(found.objects.sum())
    plot_significance(found.significance, found.rule.critical, left, flagged=flagged)
    plot_hr_diagram(
        analysis.colour, analysis.magnitude, {analysis.name: analysis.ellipse.outline()}, right,
        odd=found.objects,
    )  # fmt: skip
    figure.suptitle(
        f"Bin {analysis.name}: {flagged} of {len(analysis):,} spectra are odd", x=0.012,
        ha="left", fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, folder / "scores")


def _plot_columns(analysis: BinAnalysis, folder: Path) -> Files:
    figure = new_figure(10, 3.6)
    ax = figure.subplots()
    found = analysis.found
    plot_column_share(analysis.wavelength, found.column_scores.share, found.columns, ax)
    mark_lines(ax, _lines(analysis.wavelength))
    figure.suptitle(
        f"Bin {analysis.name}: where ordinary spectra have outlying pixels", x=0.012, ha="left",
        fontsize="medium", fontweight="bold",
    )  # fmt: skip
    return write_figure(figure, folder / "columns")


def _lines(wavelength: ndarray) -> list[tuple[str, float]]:
    among = lines_between(float(wavelength[0]), float(wavelength[-1]))
    return [(line.name, line.vacuum) for line in among]
