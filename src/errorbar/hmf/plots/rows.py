"""Pictures of single rows: data, model and outlying pixels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from errorbar.core.plots import dress, new_figure
from errorbar.hmf.summary import RowView

__all__ = ["FLAGGED", "MODEL", "make_gallery", "plot_kept", "plot_residuals", "plot_row"]

DATA, MODEL, FLAGGED, TRUE, GAP = "0.45", "C0", "C3", "C2", "0.88"
# Quantiles of the data that a picture reaches to.
LOOK = (0.005, 0.995)


def plot_row(view: RowView, ax: Axes, *, legend: bool = True, axis: str = "wavelength") -> Axes:
    """Data with error bars, the model through them, flagged pixels, and gaps in grey.

    Pixels far off the picture are counted in its corner.
    """
    _gaps(view, ax)
    low, high = _reach(view)
    plain = view.valid & ~view.flagged
    for pixels, color, label in (
        (plain, DATA, "data"),
        (view.flagged, FLAGGED, f"flagged ({int(view.flagged.sum())})"),
    ):
        at, flux, sd = view.wavelength[pixels], view.flux[pixels], view.sd[pixels]
        ax.vlines(at, flux - sd, flux + sd, color=color, linewidth=0.5, alpha=0.35, zorder=2)
        ax.plot(
            at, flux, linestyle="none", marker="o", markersize=2 if pixels is plain else 3.2,
            markeredgewidth=0, color=color, label=label, zorder=3 if pixels is plain else 5,
        )  # fmt: skip
    ax.plot(view.wavelength, view.model, color=MODEL, linewidth=1.2, label="model", zorder=4)
    _mark_true(view, ax)
    ax.set(
        xlabel=axis,
        ylabel="flux",
        xlim=(view.wavelength[0], view.wavelength[-1]),
        ylim=(low, high),
    )
    ax.set_title(view.name, loc="left", fontsize="small")
    _count_outside(view, ax, low, high)
    if legend:
        ax.legend(
            frameon=False, fontsize="x-small", ncols=4, loc="lower right", handletextpad=0.3,
            bbox_to_anchor=(1.0, 1.0), borderaxespad=0.1, columnspacing=1.0,
        )  # fmt: skip
    return dress(ax)


def plot_residuals(view: RowView, ax: Axes, *, c: float | None = None, most: float = 12) -> Axes:
    """Residuals in units of their errors; with `c` the lines beyond which a pixel keeps < 1/2.

    Larger ones than `most` are drawn as triangles at the edge.
    """
    _gaps(view, ax)
    if c is not None and np.isfinite(c):
        for side in (-1, 1):
            ax.axhline(side * np.sqrt(c), color="0.6", linewidth=0.8, linestyle=":", zorder=1)
    z = np.clip(view.z, -most, most)
    off = np.abs(view.z) > most
    for pixels, color, size in (
        (view.valid & ~view.flagged, DATA, 2.0),
        (view.flagged & ~off, FLAGGED, 3.2),
    ):
        ax.plot(
            view.wavelength[pixels], z[pixels], linestyle="none", marker="o", markersize=size,
            markeredgewidth=0, color=color, zorder=3,
        )  # fmt: skip
    for side, marker in ((-1, "v"), (1, "^")):
        pixels = off & (np.sign(view.z) == side)
        if pixels.any():
            ax.plot(
                view.wavelength[pixels], z[pixels] * 0.97, linestyle="none", marker=marker,
                markersize=4, markeredgewidth=0, color=FLAGGED, zorder=4,
            )  # fmt: skip
    _mark_true(view, ax)
    ax.set(ylabel="residual / error", ylim=(-most, most))
    ax.set_xlim(view.wavelength[0], view.wavelength[-1])
    return dress(ax)


def plot_kept(view: RowView, ax: Axes, *, cut: float = 0.5, axis: str = "wavelength") -> Axes:
    """The share of its weight that each pixel keeps."""
    _gaps(view, ax)
    ax.axhline(cut, color="0.6", linewidth=0.8, linestyle=":", zorder=1)
    kept = np.where(view.valid, view.kept, np.nan)
    ax.step(view.wavelength, kept, where="mid", color=DATA, linewidth=0.9, zorder=3)
    low = view.valid & view.flagged
    ax.plot(
        view.wavelength[low], view.kept[low], linestyle="none", marker="o", markersize=3.2,
        markeredgewidth=0, color=FLAGGED, zorder=4,
    )  # fmt: skip
    ax.set(xlabel=axis, ylabel="weight kept", ylim=(0, 1.03))
    ax.set_xlim(view.wavelength[0], view.wavelength[-1])
    return dress(ax)


def make_gallery(
    views: Sequence[RowView], *, columns: int = 2, title: str = "", axis: str = "wavelength"
) -> Figure:
    """One panel for each row, the first at the upper left."""
    columns = max(1, min(columns, len(views)))
    lines = -(-len(views) // columns)
    figure = new_figure(4.6 * columns, 1.9 * lines + 0.4)
    panels = np.atleast_1d(np.asarray(figure.subplots(lines, columns, squeeze=False))).ravel()
    for place, ax in enumerate(panels):
        if place >= len(views):
            ax.remove()
            continue
        plot_row(views[place], ax, legend=False, axis=axis)
        if place + columns < len(views):
            ax.set_xlabel("")
        if place % columns:
            ax.set_ylabel("")
    if views:
        key = _key(list(panels[: len(views)]))
        figure.legend(
            key.values(), key.keys(), loc="outside upper right", ncols=len(key), frameon=False,
            fontsize="small", handletextpad=0.3,
        )  # fmt: skip
    if title:
        figure.suptitle(title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def _key(panels: Sequence[Axes]) -> dict[str, Artist]:
    """What is drawn in any of the panels, without its numbers."""
    found: dict[str, Artist] = {}
    for ax in panels:
        for handle, label in zip(*ax.get_legend_handles_labels()):
            found.setdefault(label.split(" (")[0], handle)
    return found


def _reach(view: RowView) -> tuple[float, float]:
    """What must be seen: the whole model and most of the data."""
    seen = [view.model]
    if view.valid.any():
        seen.append(np.quantile(view.flux[view.valid], LOOK))
    low, high = float(np.min(np.concatenate(seen))), float(np.max(np.concatenate(seen)))
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room


def _count_outside(view: RowView, ax: Axes, low: float, high: float) -> None:
    outside = int(np.sum(view.valid & ((view.flux < low) | (view.flux > high))))
    if outside:
        ax.text(
            0.99, 0.09, f"{outside} outside", transform=ax.transAxes, ha="right",
            fontsize="x-small", color="0.4",
        )  # fmt: skip


def _gaps(view: RowView, ax: Axes) -> None:
    for first, last in _runs(~view.valid):
        ax.axvspan(view.wavelength[first], view.wavelength[last], color=GAP, linewidth=0, zorder=0)


def _mark_true(view: RowView, ax: Axes) -> None:
    """Ticks under the true outliers, along the lower edge."""
    if view.true.any():
        ax.plot(
            view.wavelength[view.true], np.full(int(view.true.sum()), 0.02), linestyle="none",
            marker="|", markersize=5, color=TRUE, transform=ax.get_xaxis_transform(),
            label="true outliers", zorder=6,
        )  # fmt: skip


def _runs(mask: ndarray) -> list[tuple[int, int]]:
    """First and last place of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]
