"""The posterior of one survey: marginals, pairs, and the line over its data."""

import numpy as np
from matplotlib.axes import Axes

from errorbar.core.plots import dress
from errorbar.survey.summary import FittedLine, Marginal, Pair, Quantity

__all__ = ["plot_line", "plot_marginal", "plot_pair"]


def plot_marginal(value: Marginal, ax: Axes, *, color: str = "C0") -> Axes:
    """A marginal density with its highest-density interval filled and its mean marked."""
    ax.plot(value.x, value.density, color=color, linewidth=1.4)
    inside = (value.x >= value.low) & (value.x <= value.high)
    ax.fill_between(value.x, value.density, where=inside, color=color, alpha=0.3, linewidth=0)
    height = float(np.interp(value.mean, value.x, value.density))
    ax.vlines(value.mean, 0, height, color=color, linewidth=1, linestyle="--")
    ax.set_title(
        f"${value.quantity.tex} = {value.mean:.3g}"
        rf"^{{+{value.high - value.mean:.2g}}}_{{-{value.mean - value.low:.2g}}}$",
        fontsize="medium",
    )
    ax.set(xlabel=_two_lines(value.quantity), yticks=[])
    ax.set_ylim(bottom=0)
    dress(ax).spines["left"].set_visible(False)
    return ax


def plot_pair(value: Pair, ax: Axes, *, color: str = "C0") -> Axes:
    """The 68 % and 95 % regions of two parameters."""
    top = 1.01 * float(value.density.max())
    grid = (value.x, value.y, value.density)
    for level in value.levels:
        ax.contourf(*grid, levels=[level, top], colors=[color], alpha=0.22)
    ax.contour(*grid, levels=value.levels, colors=[color], linewidths=1.0)
    ax.set(xlabel=_two_lines(value.first), ylabel=_two_lines(value.second))
    return dress(ax)


def _two_lines(quantity: Quantity) -> str:
    """Words above symbol and unit: panels of a corner are narrow."""
    unit = f" ({quantity.unit})" if quantity.unit else ""
    return f"{quantity.words}\n${quantity.tex}${unit}"


def plot_line(value: FittedLine, ax: Axes, *, color: str = "C0") -> Axes:
    """A survey's planets with error bars under the line and its central 68 % band."""
    seen, limit = ~value.limit, value.limit
    ax.errorbar(
        value.x[seen],
        value.y[seen],
        yerr=value.sigma[seen],
        fmt="o",
        markersize=3.5,
        markeredgewidth=0,
        linewidth=0.8,
        color="0.35",
        alpha=0.75,
        zorder=2,
        label=f"{int(seen.sum())} planets",
    )
    if limit.any():
        ax.errorbar(
            value.x[limit],
            value.y[limit],
            yerr=value.sigma[limit],
            uplims=True,
            fmt="none",
            linewidth=0.8,
            color="0.6",
            zorder=2,
            label=f"{int(limit.sum())} upper limits",
        )
    ax.fill_between(
        value.places, value.low, value.high, color=color, alpha=0.3, linewidth=0, zorder=3
    )
    ax.plot(value.places, value.middle, color=color, linewidth=1.6, zorder=4, label="line, 68 %")
    ax.set(xlabel=r"planet mass $\log M$ ($\log\,M_\mathrm{Jup}$)", ylabel=value.response)
    if value.note:
        ax.set_title(value.note, fontsize="small")
    ax.legend(frameon=False, fontsize="small")
    return dress(ax)
