"""Pictures of rows: predicted and found times, z, runs in order, and one compound."""

from typing import Any, cast

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from errorbar.core.maths.calibration import PredictedTruth
from errorbar.core.plots import dress
from errorbar.rt.evaluate import BinScores, CompoundTimes, RunDrift

__all__ = [
    "plot_compound_times",
    "plot_predicted_times",
    "plot_run_drift",
    "plot_time_errors",
    "plot_z_scores",
]

REACH = 1.96
GUIDE, MARK, QUIET = "0.45", "C3", "0.25"
CELLS = 70
# The faintest blue could not be told from paper.
SHADES = ListedColormap(colormaps["Blues"](np.linspace(0.3, 1.0, 128)))
# Fewer rows are drawn one by one.
CROWD = 2000


def plot_predicted_times(value: PredictedTruth, ax: Axes) -> Axes:
    """Predicted against found times, around the line where they are equal."""
    _cloud(ax, value.truth, value.predicted)
    ends = [float(value.truth.min()), float(value.truth.max())]
    ax.plot(ends, ends, color=GUIDE, linewidth=0.9, zorder=2)
    ax.set(xlabel="time found (min)", ylabel="time predicted (min)")
    ax.text(
        0.04, 0.96, f"{len(value.truth):,} rows\nrms error {value.rms:.3g} min",
        transform=ax.transAxes, va="top", fontsize="small",
    )  # fmt: skip
    return dress(ax)


def plot_time_errors(value: PredictedTruth, ax: Axes, *, share: float = 0.998) -> Axes:
    """Errors against found times; the axis holds this share of them, the rest is counted."""
    error = value.truth - value.predicted
    reach = 1.1 * float(np.quantile(np.abs(error), share)) or 1.0
    inside = np.abs(error) <= reach
    _cloud(ax, value.truth[inside], error[inside])
    ax.axhline(0, color=GUIDE, linewidth=0.9, zorder=2)
    ax.set(xlabel="time found (min)", ylabel="found less predicted (min)", ylim=(-reach, reach))
    if beyond := int((~inside).sum()):
        words = f"{beyond:,} row{'s' if beyond > 1 else ''} beyond"
        ax.text(0.98, 0.97, words, transform=ax.transAxes, ha="right", va="top", fontsize="small")
    return dress(ax)


def plot_z_scores(
    scores: BinScores, ax: Axes, *, label: str = "", color: str = "C0", log: bool = False
) -> Axes:
    """Distribution of errors in units of their sd, over the normal that it should be.

    What lies beyond ±6 is in the bins at the ends.
    """
    edges, counts = scores.score_counts()
    # Three bins of 0.1 are one: finer than any eye needs.
    edges, counts = edges[::3], counts.reshape(-1, 3).sum(axis=1)
    density = counts / (counts.sum() * np.diff(edges))
    fine = np.linspace(edges[0], edges[-1], 400)
    normal = np.exp(-0.5 * fine**2) / np.sqrt(2 * np.pi)
    ax.plot(fine, normal, color=GUIDE, linewidth=1.2, zorder=2, label="standard normal")
    ax.stairs(density, edges, color=color, linewidth=1.3, zorder=3, label=label or "found")
    ax.stairs(density, edges, color=color, fill=True, alpha=0.25, zorder=1)
    ax.set(xlabel="$z$, error over its sd", ylabel="density")
    ax.set_xlim(edges[0], edges[-1])
    if log:
        least = 0.4 / (counts.sum() * (edges[1] - edges[0]))
        ax.set(yscale="log", ylim=(max(least, 1e-8), 2.0))
    else:
        ax.set_ylim(0, 1.35 * max(float(density.max()), float(normal.max())))
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)


def plot_run_drift(drift: RunDrift, ax: Axes, *, label: str = "", color: str = "C0") -> Axes:
    """Mean error of each run in order, with its 95 % interval."""
    at = np.arange(len(drift.run))
    ax.axhline(0, color=GUIDE, linewidth=0.9, zorder=1)
    ax.errorbar(
        at, drift.mean, yerr=REACH * drift.error, fmt="o", markersize=3, linewidth=0.9,
        color=color, label=label or None, zorder=3,
    )  # fmt: skip
    ax.set(xlabel="runs in order", ylabel="mean of found\nless predicted (min)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlim(-1, len(at))
    if label:
        ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)


def plot_compound_times(value: CompoundTimes, ax: Axes) -> Axes:
    """One compound run by run: intervals, and the times found, those outside marked."""
    at, out = np.arange(len(value.run)), value.outside
    level = f"{100 * value.level:g} %"
    ax.vlines(
        at, value.low, value.high, color="C0", alpha=0.45, linewidth=3.0, zorder=2,
        label=f"predicted, {level}",
    )  # fmt: skip
    ax.plot(
        at[~out], value.found[~out], linestyle="none", marker="o", markersize=3.2, color=QUIET,
        zorder=3, label="found",
    )  # fmt: skip
    if out.any():
        ax.plot(
            at[out], value.found[out], linestyle="none", marker="D", markersize=4, color=MARK,
            zorder=4, label=f"found outside ({int(out.sum())} of {len(out)})",
        )  # fmt: skip
    ax.set(xlabel="runs with the compound, in order", ylabel="retention time (min)")
    ax.set_title(value.name, loc="left", fontsize="medium")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.ticklabel_format(axis="y", useOffset=False)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.28 * (high - low))
    ax.legend(frameon=False, fontsize="small", loc="upper left", ncols=3)
    return dress(ax)


def _cloud(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Points, or their density where they would cover each other."""
    if len(x) < CROWD:
        ax.plot(
            x, y, linestyle="none", marker="o", markersize=3, markeredgewidth=0,
            alpha=float(np.clip(300 / max(len(x), 1), 0.25, 0.8)), zorder=3,
        )  # fmt: skip
        return
    cells = ax.hexbin(
        x, y, gridsize=CELLS, bins="log", mincnt=1, cmap=SHADES, linewidths=0.1, zorder=3,
        rasterized=True,
    )  # fmt: skip
    bar = cast(Any, ax.figure).colorbar(cells, ax=ax, pad=0.02, label="rows")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.outline.set_visible(False)
