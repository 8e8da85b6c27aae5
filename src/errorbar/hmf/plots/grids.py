"""Pictures of a grid of models over rank and scale."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, LogLocator

from errorbar.core.plots import dress
from errorbar.hmf.grid import BEST, GridSurface

__all__ = ["plot_heat_map", "plot_selection"]

Chosen = tuple[int, float]
WORDS = {
    "kl": "KL divergence",
    "kl_all": "KL divergence, gaps counted",
    "std_z": "deviation of $z$",
    "chi2_red": r"reduced $\chi^2$",
    "rmse": "weighted rms",
    "mad_z": "median $|z|$",
}


def plot_heat_map(
    surface: GridSurface,
    ax: Axes,
    *,
    better: Literal["high", "low"] = "high",
    logarithmic: bool = False,
    chosen: Chosen | None = None,
    form: str = ".2f",
    title: str = "",
) -> Axes:
    """Numbers in cells, scales along, ranks up; better cells are lighter, the chosen one framed."""
    values = surface.values
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    norm = LogNorm(max(low, 1e-300), high) if logarithmic else Normalize(low, high)
    colours = "viridis" if better == "high" else "viridis_r"
    # Cells of equal size whatever the distance of scales.
    ax.pcolormesh(values, cmap=colours, norm=norm, edgecolors="white", linewidth=0.6)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            shade = float(norm(value))
            light = shade > 0.6 if better == "high" else shade < 0.4
            ax.text(
                column + 0.5, row + 0.5, format(value, form), ha="center", va="center",
                fontsize="x-small", color="0.1" if light else "white",
            )  # fmt: skip
    if chosen is not None:
        at = surface.scales.index(chosen[1]), surface.ranks.index(chosen[0])
        ax.plot(
            np.array([0, 1, 1, 0, 0]) + at[0], np.array([0, 0, 1, 1, 0]) + at[1], color="C3",
            linewidth=2, clip_on=False, label="chosen",
        )  # fmt: skip
    ax.set_xticks(np.arange(len(surface.scales)) + 0.5, [f"{scale:g}" for scale in surface.scales])
    ax.set_yticks(np.arange(len(surface.ranks)) + 0.5, [str(rank) for rank in surface.ranks])
    ax.set(xlabel="scale $Q$", ylabel="rank $K$")
    ax.set_title(title or WORDS.get(surface.name, surface.name), loc="left", fontsize="medium")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_selection(
    surface: GridSurface, ax: Axes, *, chosen: Chosen | None = None, legend: bool = True
) -> Axes:
    """A score against scale, a line for each rank, over the value it should have."""
    ideal = BEST.get(surface.name)
    if ideal:
        ax.axhline(ideal, color="0.6", linewidth=1, linestyle=":", zorder=1)
    for place, rank in enumerate(surface.ranks):
        ax.plot(
            surface.scales, surface.values[place], marker="o", markersize=3.5,
            # Ranks that do equally well lie on one line: the lower ones show beside the higher.
            linewidth=1.2 + 0.4 * (len(surface.ranks) - 1 - place),
            color=f"C{place % 10}", label=f"{rank}", zorder=3,
        )  # fmt: skip
    if chosen is not None:
        value = surface.values[surface.ranks.index(chosen[0]), surface.scales.index(chosen[1])]
        ax.plot(
            [chosen[1]], [value], marker="o", markersize=10, markerfacecolor="none", color="C3",
            linestyle="none", zorder=4,
        )  # fmt: skip
    ax.set(
        xlabel="scale $Q$", ylabel=WORDS.get(surface.name, surface.name), xscale="log",
        yscale="log" if np.nanmin(surface.values) > 0 else "linear",
    )  # fmt: skip
    ax.set_xticks(surface.scales, [f"{scale:g}" for scale in surface.scales])
    if ax.get_yscale() == "log" and np.nanmax(surface.values) < 1e3 * np.nanmin(surface.values):
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.minorticks_off()
    if legend:
        ax.legend(title="rank $K$", frameon=False, fontsize="x-small", title_fontsize="x-small")
    return dress(ax)
