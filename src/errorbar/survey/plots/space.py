"""The design space and the slope plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from errorbar.core.plots import dress
from errorbar.survey.plots.marks import class_color
from errorbar.survey.summary import DesignSpace, LeverageContour, SlopePlane

__all__ = ["beside", "plot_design_space", "plot_slope_plane"]

SIZES = "viridis"
MOST_TICKS = 12


def plot_design_space(
    space: DesignSpace,
    ax: Axes,
    contours: Sequence[LeverageContour] = (),
    *,
    quantity: str = r"$\log\,M$ (dex)",
) -> Axes:
    """One point for each survey, classes side by side at each size, over curves of leverage."""
    for label in space.classes:
        rows = space.rows_of(label)
        ax.scatter(
            space.planets[rows] + beside(space, label),
            space.spread[rows],
            s=16,
            alpha=0.65,
            linewidths=0,
            color=class_color(space.classes, label),
            zorder=3,
        )
    top = 1.1 * max(float(space.spread.max()), 1e-3)
    ax.set(
        xlabel="planets in the survey $N$",
        ylabel=f"spread of {quantity}",
        xlim=_reach(space),
        ylim=(0, top),
    )
    sizes = np.unique(space.planets)
    if sizes.size <= MOST_TICKS:
        ax.set_xticks(sizes)
    for contour in contours:
        ax.plot(
            contour.planets, contour.spread, color="0.35", linewidth=1, linestyle="--", zorder=1
        )
        _name(ax, contour)
    return dress(ax)


def plot_slope_plane(plane: SlopePlane, ax: Any, figure: Figure) -> Any:
    """Both slopes of each survey over leverage, coloured by the survey's size."""
    points = ax.scatter(
        plane.leverage,
        plane.first,
        plane.second,
        c=plane.planets,
        cmap=SIZES,
        s=14,
        alpha=0.8,
        linewidths=0,
        depthshade=False,
    )
    floor = float(plane.second.min())
    ax.scatter(plane.leverage, plane.first, floor, color="0.8", s=4, linewidths=0, depthshade=False)
    ax.set(
        xlabel="leverage $L$ (dex)",
        ylabel=f"{plane.first_quantity.words} ${plane.first_quantity.tex}$",
        zlabel=f"{plane.second_quantity.words} ${plane.second_quantity.tex}$",
    )
    ax.view_init(elev=20, azim=-52)
    ax.zaxis.labelpad = 9
    ax.set_box_aspect((1.3, 1, 0.8), zoom=1.05)
    figure.colorbar(points, ax=ax, label="planets in the survey $N$", shrink=0.6, pad=0.09)
    return ax


def beside(space: DesignSpace, label: str) -> float:
    """How far a class is moved sideways, in planets, so that classes do not hide each other."""
    sizes = np.unique(space.planets)
    # Less than the distance of sizes, so that their columns stay apart.
    gap = float(np.diff(sizes).min()) if sizes.size > 1 else 4.0
    place = space.classes.index(label) - (len(space.classes) - 1) / 2
    return 0.6 * gap * place / len(space.classes)


def _reach(space: DesignSpace) -> tuple[float, float]:
    low, high = float(space.planets.min()), float(space.planets.max())
    margin = max(0.08 * (high - low), 3.0)
    return max(low - margin, 0.0), high + margin


def _name(ax: Axes, contour: LeverageContour) -> None:
    """Write the leverage on the contour's right end, inside the axes."""
    right = float(contour.planets[-1])
    top = ax.get_ylim()[1]
    x, y = right, float(contour.spread[-1])
    if y > top:
        # Too spread for any survey here: name it where it enters at the top.
        x, y = (contour.leverage / top) ** 2, top
    if not ax.get_xlim()[0] < x <= ax.get_xlim()[1] * 1.001:
        return
    ax.annotate(
        f"$L={contour.leverage:.1f}$ dex",
        (x, y),
        xytext=(2, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize="small",
        color="0.35",
        annotation_clip=False,
    )
