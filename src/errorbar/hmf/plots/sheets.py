"""Whole figures of several panels, each with a title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy import ndarray

from errorbar.core.plots import new_figure
from errorbar.hmf.grid import GridSurface
from errorbar.hmf.plots.bases import plot_bases, plot_basis
from errorbar.hmf.plots.grids import Chosen, plot_heat_map, plot_selection
from errorbar.hmf.plots.rows import plot_kept, plot_residuals, plot_row
from errorbar.hmf.plots.runs import plot_convergence, plot_weights
from errorbar.hmf.summary import BasisMatch, RowView, WeightHistogram

__all__ = [
    "RankCurve",
    "make_bases",
    "make_basis",
    "make_convergence",
    "make_heat_maps",
    "make_methods",
    "make_rows",
    "make_selection",
    "make_stretch",
    "make_weights",
]


@dataclass(frozen=True, slots=True, eq=False)
class RankCurve:
    """Several numbers against rank for one method; kin share a `group`, some of them `dashed`."""

    label: str
    ranks: ndarray
    values: Mapping[str, ndarray]
    group: int = 0
    dashed: bool = False


def make_rows(
    views: Sequence[RowView], *, c: float, title: str = "", axis: str = "wavelength"
) -> Figure:
    """A line for each row: data and model to the left, residuals to the right."""
    figure = new_figure(9.5, 2.1 * len(views) + 0.4)
    panels = figure.subplots(len(views), 2, squeeze=False, width_ratios=(1.6, 1))
    for place, (view, (left, right)) in enumerate(zip(views, panels)):
        plot_row(view, left, axis=axis)
        plot_residuals(view, right, c=c)
        if place < len(views) - 1:
            left.set_xlabel("")
        else:
            right.set_xlabel(axis)
    return _titled(figure, title)


def make_stretch(view: RowView, *, c: float, title: str = "", axis: str = "wavelength") -> Figure:
    """Data, residuals and weights kept of a part of one row, one above the other."""
    figure = new_figure(5.5, 6)
    top, middle, low = figure.subplots(3, 1, sharex=True, height_ratios=(1.5, 1, 1))
    plot_row(view, top, axis="")
    plot_residuals(view, middle, c=c)
    plot_kept(view, low, axis=axis)
    return _titled(figure, title)


def make_bases(
    wavelength: ndarray,
    matches: Mapping[str, BasisMatch],
    *,
    title: str = "",
    axis: str = "wavelength",
) -> Figure:
    """A panel for each true vector, with what each method finds of it."""
    count = next(iter(matches.values())).true.shape[1]
    figure = new_figure(8, 1.35 * count + 0.8)
    axes = np.ravel(figure.subplots(count, 1, sharex=True, squeeze=False))
    plot_bases(wavelength, matches, axes.tolist(), axis=axis)
    return _titled(figure, title)


def make_basis(
    wavelength: ndarray, G: ndarray, *, title: str = "", axis: str = "wavelength"
) -> Figure:
    """All vectors of a basis, one above the other."""
    figure = new_figure(7, 4)
    plot_basis(wavelength, G, figure.subplots(), axis=axis)
    return _titled(figure, title)


def make_weights(histogram: WeightHistogram, *, title: str = "") -> Figure:
    """Weights kept, as counts of pixels and as shares."""
    figure = new_figure(9.5, 3.6)
    left, right = figure.subplots(1, 2)
    plot_weights(histogram, left)
    plot_weights(histogram, right, density=True)
    right.get_legend().remove()
    return _titled(figure, title)


def make_heat_maps(
    surfaces: Sequence[GridSurface],
    *,
    chosen: Chosen | None = None,
    low: bool = False,
    titles: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Maps over rank and scale, two abreast; where `low` is better, on logarithmic colours."""
    lines = -(-len(surfaces) // 2)
    figure = new_figure(9.5, 3 * lines)
    named = {} if titles is None else titles
    panels = figure.subplots(lines, 2, squeeze=False).ravel()
    for surface, ax in zip(surfaces, panels):
        small = ".1e" if surface.name.startswith("kl") else ".3g"
        plot_heat_map(
            surface, ax, better="low" if low else "high", logarithmic=low, chosen=chosen,
            form=small if low else ".2f", title=named.get(surface.name, ""),
        )  # fmt: skip
    for ax in panels[len(surfaces) :]:
        ax.remove()
    return _titled(figure, title)


def make_selection(
    surfaces: Sequence[GridSurface], *, chosen: Chosen | None = None, title: str = ""
) -> Figure:
    """Scores against scale, a line for each rank, three panels abreast."""
    lines = -(-len(surfaces) // 3)
    figure = new_figure(11, 3 * lines)
    panels = figure.subplots(lines, 3, squeeze=False).ravel()
    for place, (surface, ax) in enumerate(zip(surfaces, panels)):
        plot_selection(surface, ax, chosen=chosen, legend=place == 0)
    for ax in panels[len(surfaces) :]:
        ax.remove()
    return _titled(figure, title)


def make_methods(
    curves: Sequence[RankCurve], names: Mapping[str, str], *, title: str = ""
) -> Figure:
    """A panel for each of the named numbers, with all methods; shares of one on a plain axis."""
    figure = new_figure(9.5, 3.4)
    for ax, (name, told) in zip(figure.subplots(1, len(names)), names.items()):
        for curve in curves:
            ax.plot(
                curve.ranks, curve.values[name], marker="o", markersize=4,
                linestyle="--" if curve.dashed else "-", color=f"C{curve.group}",
                label=curve.label,
            )  # fmt: skip
        ax.set(xlabel="rank $K$", ylabel=told)
        ax.set_xticks(curves[0].ranks.tolist())
        if name.startswith("f1"):
            ax.set_ylim(0, 1)
        else:
            ax.set_yscale("log")
        ax.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
        frameon=False, fontsize="small",
    )  # fmt: skip
    return _titled(figure, title)


def make_convergence(
    runs: Mapping[str, ndarray], *, end: float | None = None, title: str = ""
) -> Figure:
    """Objectives on the way."""
    figure = new_figure(6, 4)
    plot_convergence(runs, figure.subplots(), end=end)
    return _titled(figure, title)


def _titled(figure: Figure, title: str) -> Figure:
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure
