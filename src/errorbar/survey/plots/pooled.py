"""Pictures of pooled slopes: each class alone, pooled, and all classes as one."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from errorbar.core.plots import dress, new_figure, write_figure
from errorbar.survey.fit.pooled import PooledFit
from errorbar.survey.plots.marks import CURVE, class_color

__all__ = ["make_shrinkage", "plot_shrinkage", "write_shrinkage"]

_BESIDE = 0.13


def plot_shrinkage(fit: PooledFit, ax: Axes, *, level: float = 0.68) -> Axes:
    """Slopes of classes alone (hollow) and pooled (filled), over the slope that all would share."""
    middle, width = fit.whole
    ax.axhspan(middle - width, middle + width, color="0.92", linewidth=0, zorder=0)
    ax.axhline(middle, color=CURVE, linewidth=0.9, linestyle="--", label="one slope for all")
    place = np.arange(len(fit.labels))
    alone_ends, ends = fit.alone.hdi(level), fit.hdi(level)
    for k, label in enumerate(fit.labels):
        at, color = fit.posterior.place(f"beta[{label}]"), class_color(fit.labels, label)
        alone, pooled = fit.alone.mean[k], fit.mean[at]
        _bar(ax, k - _BESIDE, alone, alone_ends[k], color, hollow=True)
        _bar(ax, k + _BESIDE, pooled, ends[at], color, hollow=False)
        ax.plot([k - _BESIDE, k + _BESIDE], [alone, pooled], color=color, linewidth=0.8, alpha=0.6)
    grey = {"color": "0.35", "linestyle": "none", "marker": "o", "markersize": 5}
    ax.plot([], [], markerfacecolor="white", label="class alone", **grey)
    ax.plot([], [], label="pooled", **grey)
    words = [
        f"{label}\n{data.n} planets\nlog mass {data.centre:.2f}"
        for label, data in fit.classes.items()
    ]
    ax.set_xticks(place, words, fontsize="small")
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set(xlim=(-0.5, len(place) - 0.5), ylabel="slope (dex per dex)")
    ax.legend(frameon=False, fontsize="small", loc="best")
    return dress(ax)


def _bar(ax: Axes, x: float, y: float, ends: np.ndarray, color: str, *, hollow: bool) -> None:
    # The mean of a skew posterior may lie outside its shortest interval.
    ax.plot([x, x], ends, color=color, linewidth=1.4, alpha=0.55 if hollow else 1.0, zorder=3)
    ax.plot(
        x,
        y,
        marker="o",
        markersize=5.5,
        color=color,
        markerfacecolor="white" if hollow else color,
        zorder=4,
    )


def make_shrinkage(fit: PooledFit, *, level: float = 0.68) -> Figure:
    """The slopes of all classes, and the spread that their true slopes are found to have."""
    figure = new_figure(max(5.2, 1.25 * len(fit.labels) + 2.0), 3.8)
    plot_shrinkage(fit, figure.add_subplot(), level=level)
    at = fit.posterior.place("tau")
    low, high = fit.hdi(level)[at]
    figure.suptitle(
        f"Slopes pooled over {len(fit.labels)} classes: they differ by τ = {fit.mean[at]:.2f} "
        f"({low:.2f} to {high:.2f}) dex per dex",
        x=0.012,
        ha="left",
        fontsize="medium",
        fontweight="bold",
    )
    return figure


def write_shrinkage(
    fit: PooledFit, folder: str | Path, *, level: float = 0.68
) -> tuple[Path, Path]:
    """The figure as PDF and PNG: their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return write_figure(make_shrinkage(fit, level=level), folder / "pooled_slopes")
