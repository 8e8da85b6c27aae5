"""Pictures of the RVS study: bins in the HR diagram, lines, scores side by side, maps."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from errorbar.core.plots import dress, new_figure
from errorbar.hmf.plots.grids import WORDS
from errorbar.hmf.plots.rows import plot_kept, plot_residuals, plot_row
from errorbar.hmf.summary import RowView

__all__ = [
    "make_line_view",
    "mark_lines",
    "plot_column_share",
    "plot_hr_diagram",
    "plot_metric_counts",
    "plot_metric_overlap",
    "plot_residual_map",
    "plot_significance",
]

ODD, LINE, AXIS = "C3", "0.72", "wavelength in vacuum (nm)"
# Share of the axis that a label of a line needs.
APART = 0.017
MARKERS = ("o", "s", "^", "D")


def plot_hr_diagram(
    colour: ndarray,
    magnitude: ndarray,
    outlines: Mapping[str, ndarray],
    ax: Axes,
    *,
    odd: ndarray | None = None,
    counts: Sequence[int] | None = None,
) -> Axes:
    """Density of stars, bright ones up, with the outlines of bins, named with their counts.

    `odd` is a mask of stars that are marked.
    """
    if len(colour):
        ax.hexbin(
            colour, magnitude, gridsize=120, bins="log", cmap="Greys", mincnt=1, linewidths=0,
            vmin=0.3, rasterized=True,
        )  # fmt: skip
    for place, (name, edge) in enumerate(outlines.items()):
        shade = f"C{place % 10}"
        ax.plot(edge[:, 0], edge[:, 1], color=shade, linewidth=1.3, zorder=3)
        if counts is not None:
            # Its lower left lies outside of its neighbours.
            lean = edge[:, 1] / np.ptp(edge[:, 1]) - edge[:, 0] / np.ptp(edge[:, 0])
            at = edge[int(np.argmax(lean))]
            ax.annotate(
                f"{name}: {counts[place]:,}", at, xytext=(-30, -6), textcoords="offset points",
                ha="right", va="center", fontsize="x-small", color=shade, zorder=5,
                arrowprops={"arrowstyle": "-", "color": shade, "linewidth": 0.6},
            )  # fmt: skip
    if odd is not None and odd.any():
        ax.plot(
            colour[odd], magnitude[odd], linestyle="none", marker="o", markersize=4,
            markerfacecolor="none", color=ODD, label=f"odd ({int(odd.sum()):,})", zorder=4,
        )  # fmt: skip
        ax.legend(frameon=False, fontsize="small", loc="upper right")
    ax.set(xlabel="BP-RP (mag)", ylabel="absolute $G$ (mag)")
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    return dress(ax)


def mark_lines(ax: Axes, lines: Sequence[tuple[str, float]], *, labels: bool = True) -> Axes:
    """A thin line at each wavelength, its name above the panel; crowded names step aside."""
    low, high = ax.get_xlim()
    inside = sorted((at, name) for name, at in lines if low <= at <= high)
    for at, _ in inside:
        ax.axvline(at, color=LINE, linewidth=0.6, zorder=0.5)
    if labels and inside:
        feet = np.array([(at - low) / (high - low) for at, _ in inside])
        for (_, name), foot, place in zip(inside, feet, _spread(feet)):
            ax.annotate(
                name, (foot, 1.0), xytext=(place, 1.05),
                xycoords="axes fraction", textcoords="axes fraction", rotation=90, ha="center",
                va="bottom", fontsize=6, color="0.35", annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": LINE, "linewidth": 0.5, "shrinkB": 0},
            )  # fmt: skip
    ax.set_xlim(low, high)
    return ax


def make_line_view(
    view: RowView, lines: Sequence[tuple[str, float]], c: float, *, axis: str = AXIS
) -> Figure:
    """One spectrum with its residuals and weights, and the lines at rest with their names."""
    figure = new_figure(10, 6)
    top, middle, low = figure.subplots(3, 1, sharex=True, height_ratios=(2.2, 1.2, 1))
    plot_row(view, top, legend=False, axis="")
    plot_residuals(view, middle, c=c)
    plot_kept(view, low, axis=axis)
    top.set_title("", loc="left")
    for ax in (top, middle, low):
        mark_lines(ax, lines, labels=ax is top)
    top.legend(frameon=False, fontsize="x-small", ncols=3, loc="lower left")
    figure.suptitle(view.name, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def plot_significance(
    significance: ndarray, critical: float, ax: Axes, *, flagged: int | None = None
) -> Axes:
    """Spectra by their distance from the ordinary, and where they count as odd."""
    some = significance[np.isfinite(significance)]
    most = max(2 * critical, 6.0)
    edges = np.linspace(-5, most, 81).tolist()
    ax.hist(np.clip(some, -5, most), edges, color="0.45", histtype="stepfilled", alpha=0.6)
    label = f"odd beyond {critical:.1f}" + ("" if flagged is None else f" ({flagged:,})")
    ax.axvline(critical, color=ODD, linewidth=1.2, label=label)
    ax.set(xlabel="significance (larger ones in the last bar)", ylabel="spectra", yscale="log")
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)


def plot_column_share(
    wavelength: ndarray, share: ndarray, odd: ndarray, ax: Axes, *, axis: str = AXIS
) -> Axes:
    """Share of ordinary spectra in which each pixel is outlying, odd columns marked."""
    ax.plot(wavelength, 100 * share, color="0.45", linewidth=0.8, zorder=3)
    if odd.any():
        ax.plot(
            wavelength[odd], 100 * share[odd], linestyle="none", marker="o", markersize=3,
            markeredgewidth=0, color=ODD, label=f"odd columns ({int(odd.sum())})", zorder=4,
        )  # fmt: skip
        ax.legend(frameon=False, fontsize="small", loc="upper right")
    ax.set(xlabel=axis, ylabel="outlying spectra (%)", xlim=(wavelength[0], wavelength[-1]))
    ax.set_ylim(bottom=0)
    return dress(ax)


def plot_metric_counts(metrics: Sequence[str], found: ndarray, alone: ndarray, ax: Axes) -> Axes:
    """Odd stars by the score that chose the models, and how many no other score's models find."""
    place = np.arange(len(metrics))
    ax.barh(place, found, color="0.75", label="found")
    ax.barh(place, alone, color=ODD, label="by this score alone")
    for at, count in enumerate(found.tolist()):
        ax.text(count, at, f" {count:,}", va="center", fontsize="small", color="0.3")
    ax.set_yticks(place, [WORDS.get(name, name) for name in metrics])
    ax.invert_yaxis()
    ax.set(xlabel="odd stars", xlim=(0, 1.15 * max(1, int(found.max()))))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    dress(ax)
    ax.legend(
        frameon=False, fontsize="x-small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2,
        borderaxespad=0.1,
    )  # fmt: skip
    return ax


def plot_metric_overlap(metrics: Sequence[str], shared: ndarray, ax: Axes) -> Axes:
    """Of the stars that a row's score finds, the share that a column's score finds too."""
    share = shared / np.maximum(1, np.diag(shared))[:, None]
    ax.pcolormesh(share, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.6)
    for (row, column), value in np.ndenumerate(share):
        ax.text(
            column + 0.5, row + 0.5, f"{value:.0%}\n{int(shared[row, column]):,}", ha="center",
            va="center", fontsize="x-small", color="white" if value > 0.6 else "0.2",
        )  # fmt: skip
    names = [WORDS.get(name, name) for name in metrics]
    ax.set_xticks(np.arange(len(metrics)) + 0.5, names, rotation=30, ha="right")
    ax.set_yticks(np.arange(len(metrics)) + 0.5, names)
    ax.invert_yaxis()
    ax.set_title("also found by", loc="left", fontsize="small")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def plot_residual_map(xy: ndarray, groups: Sequence[str], ax: Axes, *, title: str = "bin") -> Axes:
    """Odd stars where a map puts them, coloured by group; ten colours, then another marker."""
    names = sorted(set(groups))
    of = np.asarray(groups)
    for place, name in enumerate(names):
        mine = of == name
        ax.plot(
            xy[mine, 0], xy[mine, 1], linestyle="none", markeredgewidth=0, markersize=5, alpha=0.85,
            marker=MARKERS[place // 10 % len(MARKERS)], color=f"C{place % 10}",
            label=f"{name} ({int(mine.sum())})",
        )  # fmt: skip
    ax.set(xlabel="first direction", ylabel="second direction")
    ax.set_xticks([])
    ax.set_yticks([])
    dress(ax)
    ax.legend(
        title=title, frameon=False, fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1),
        borderaxespad=0, handletextpad=0.2,
    )  # fmt: skip
    return ax


def _spread(feet: ndarray) -> ndarray:
    """Places as near to `feet`, which increase, as they can be while they keep apart."""
    places = feet.copy()
    for _ in range(500):
        gaps = np.diff(places)
        tight = np.flatnonzero(gaps < APART - 1e-6)
        if not tight.size:
            break
        for at in tight:
            push = (APART - (places[at + 1] - places[at])) / 2
            if push > 0:
                places[at] -= push
                places[at + 1] += push
        places[0], places[-1] = max(places[0], 0.0), min(places[-1], 1.0)
    return places
