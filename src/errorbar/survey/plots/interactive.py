"""The design space and the slope plane as figures to turn and point at, for pages."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from errorbar.core.report import Interactive, Picture
from errorbar.survey.plots.space import beside
from errorbar.survey.summary import DesignSpace, LeverageContour, SlopePlane

__all__ = ["interactive_design_space", "interactive_slope_plane"]

# Matplotlib's C0 to C9, so that a class has one colour on a whole page.
COLORS = (
    "#1f77b4",
    "#ff7f0e",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#8c564b",
    "#e377c2",
    "#7f7f7f",
    "#bcbd22",
    "#17becf",
)


def interactive_design_space(
    space: DesignSpace, contours: Sequence[LeverageContour], still: Picture | None = None
) -> Interactive:
    """Surveys by size and spread; pointing at one tells its number, class and leverage."""
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": contour.planets,
            "y": contour.spread,
            "line": {"color": "#8a929b", "width": 1, "dash": "dash"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for contour in contours
    ]
    traces += [_class_points(space, label) for label in space.classes if label in space.label]
    top = 1.1 * float(space.spread.max())
    layout = {
        "xaxis": {"title": {"text": "planets in the survey N"}},
        "yaxis": {"title": {"text": "spread of log M (dex)"}, "range": [0, top]},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 60, "r": 75, "t": 40, "b": 65},
        "annotations": [
            {
                "x": float(contour.planets[-1]),
                "y": float(contour.spread[-1]),
                "text": f"L = {contour.leverage:.1f} dex",
                "showarrow": False,
                "xanchor": "left",
                "font": {"size": 11},
            }
            for contour in contours
            if contour.spread[-1] < top
        ],
    }
    return Interactive(
        title="Where the surveys lie",
        caption=(
            "Each point is one survey. Surveys on one dashed curve have one leverage "
            "L = √N × spread of log M, and measure the slope equally well. "
            "Point at a survey to read it; click a class to hide it."
        ),
        data=traces,
        layout=layout,
        still=still,
    )


def interactive_slope_plane(plane: SlopePlane, still: Picture | None = None) -> Interactive:
    """Both slopes of each survey over leverage, to be turned by hand."""
    first, second = plane.first_quantity, plane.second_quantity
    hover = [
        f"survey {number}, {label}, N = {planets}<br>"
        f"{first.plain} = {a:.3f} ± {da:.3f}<br>{second.plain} = {b:.3f} ± {db:.3f}"
        for number, label, planets, a, da, b, db in zip(
            plane.survey_id,
            plane.label,
            plane.planets,
            plane.first,
            plane.first_sd,
            plane.second,
            plane.second_sd,
            strict=True,
        )
    ]
    points = {
        "type": "scatter3d",
        "mode": "markers",
        "x": plane.leverage,
        "y": plane.first,
        "z": plane.second,
        "text": hover,
        "hovertemplate": "%{text}<br>L = %{x:.2f} dex<extra></extra>",
        "marker": {
            "size": 3.2,
            "opacity": 0.85,
            "color": plane.planets,
            "colorscale": "Viridis",
            "colorbar": {"title": {"text": "planets N"}, "thickness": 14, "len": 0.7},
        },
    }
    layout = {
        "scene": {
            "xaxis": {"title": {"text": "leverage L (dex)"}},
            "yaxis": {"title": {"text": f"{first.words} {first.plain}"}},
            "zaxis": {"title": {"text": f"{second.words} {second.plain}"}},
            "camera": {
                "eye": {"x": -1.5, "y": -2.1, "z": 0.7},
                "center": {"x": 0, "y": 0, "z": -0.1},
            },
        },
        "margin": {"l": 0, "r": 0, "t": 10, "b": 10},
    }
    return Interactive(
        title="Both slopes of every survey",
        caption=(
            f"{first.words.capitalize()} and {second.words} (dex per dex) over leverage: the "
            "cloud narrows as leverage grows, whatever the class. Drag to turn, scroll to zoom."
        ),
        data=[points],
        layout=layout,
        still=still,
        height=560,
    )


def _class_points(space: DesignSpace, label: str) -> dict[str, Any]:
    rows = space.rows_of(label)
    number = np.array(space.survey_id)[rows]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": label,
        "x": space.planets[rows] + beside(space, label),
        "y": space.spread[rows],
        "customdata": np.column_stack([number, space.planets[rows], space.leverage[rows]]),
        "hovertemplate": (
            f"survey %{{customdata[0]}}, {label}<br>N = %{{customdata[1]}}, "
            "spread %{y:.3f} dex<br>L = %{customdata[2]:.2f} dex<extra></extra>"
        ),
        "marker": {
            "size": 7,
            "opacity": 0.65,
            "color": COLORS[space.classes.index(label) % len(COLORS)],
        },
    }
