"""Pictures of an audit: drawn from bins and tables, never from rows."""

# Matplotlib leaves most of its keyword arguments without a type.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.numbers import IntervalAudit
from errorbar.core.audit.probabilities import ProbabilityAudit
from errorbar.core.audit.tables import percent
from errorbar.core.plots import (
    GUIDE,
    dress,
    fix_layout,
    new_figure,
    plot_coverage,
    plot_pit_histogram,
    png_bytes,
    write_figure,
)

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as missing:
    from errorbar.core.errors import MissingExtraError

    raise MissingExtraError("matplotlib", "survey") from missing

__all__ = [
    "AuditFigure",
    "audit_figures",
    "make_calibration",
    "make_reliability",
    "make_slices",
    "plot_level_values",
    "plot_normal_scores",
    "plot_reliability",
    "plot_shares",
    "write_audit_figures",
]

FAULT, FINE = "C3", "C0"
MOST_CLASSES = 12


@dataclass(frozen=True, slots=True, eq=False)
class AuditFigure:
    """A figure with the name of its file, its caption, and the numbers it shows."""

    name: str
    title: str
    caption: str
    figure: Figure
    data: pl.DataFrame | None = None

    @property
    def png(self) -> bytes:
        """Its PNG."""
        return png_bytes(self.figure)


def plot_normal_scores(bins: pl.DataFrame, ax: Axes) -> Axes:
    """Densities of normal scores in bins, beside the normal; the outer bins hold what is beyond."""
    low, high = _column(bins, "low"), _column(bins, "high")
    density = _column(bins, "rows") / float(bins["rows"].sum()) / (high - low)
    edges = np.append(low, high[-1])
    ax.stairs(density, edges, color=FINE, fill=True, alpha=0.35)
    ax.stairs(density, edges, color=FINE, linewidth=1.2, label="found")
    at = np.linspace(-6, 6, 241)
    normal = np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi)
    ax.plot(at, normal, color="0.25", linewidth=1.2, label="claimed")
    least = 0.3 / float(bins["rows"].sum()) / float(high[0] - low[0])
    ax.set(
        xlabel="normal score of the truth", ylabel="density", xlim=(-6, 6), yscale="log",
        ylim=(least, 2 * max(float(density.max()), 0.4)),
    )  # fmt: skip
    ax.legend(frameon=False, loc="upper right")
    return dress(ax)


def plot_shares(shares: pl.DataFrame, ax: Axes) -> Axes:
    """Found shares of truths between the claimed ends, over the claimed shares."""
    place = np.arange(shares.height)
    ax.bar(place, _column(shares, "found"), width=0.7, color=FINE, alpha=0.6, label="found")
    claimed = _column(shares, "claimed")
    error = np.sqrt(claimed * (1 - claimed) / float(shares["rows"].sum()))
    ax.errorbar(
        place, claimed, yerr=2 * error, fmt="_", markersize=22, color="0.15", capsize=3,
        label="claimed, ± 2 standard errors",
    )  # fmt: skip
    names = [f"{100 * low:g}–{100 * high:g} %" for low, high in shares.select("from", "to").rows()]
    ax.set_xticks(place.tolist(), names)
    top = max(float(_column(shares, "found").max()), float((claimed + 2 * error).max()))
    ax.set(xlabel="claimed quantiles", ylabel="share of truths", ylim=(0, 1.25 * top))
    ax.legend(frameon=False, loc="upper right")
    return dress(ax)


def plot_reliability(table: pl.DataFrame, ax: Axes, *, label: str = "", color: str = FINE) -> Axes:
    """Found against claimed shares; grey is where true claims keep each bin with 95 %."""
    claimed, found = _column(table, "claimed"), _column(table, "found")
    ax.plot([0, 1], [0, 1], color=GUIDE, linewidth=1, zorder=1)
    ax.vlines(
        claimed, _column(table, "low"), _column(table, "high"), color="0.86", linewidth=6, zorder=0,
        label="where true claims are, 95 %",
    )  # fmt: skip
    rows = f"n = {table['rows'].sum():,}"
    ax.plot(
        claimed, found, marker="o", markersize=4, linewidth=1.2, color=color, label=label or rows
    )
    ax.set(xlabel="claimed probability", ylabel="found share", xlim=(0, 1), ylim=(0, 1))
    ax.set_aspect("equal")
    ax.legend(frameon=False, loc="upper left", fontsize="small")
    return dress(ax)


def plot_level_values(
    table: pl.DataFrame, quantity: str, ax: Axes, *, words: str, faulty: Sequence[str] = ()
) -> Axes:
    """One quantity of every level of a slice with 95 % intervals, the overall one beside them."""
    rows = table.filter(pl.col("quantity") == quantity)
    names = rows["slice"].to_list()
    place = np.arange(len(names))[::-1]
    value = _column(rows, "value")
    expected = _column(rows, "expected")
    known = np.isfinite(expected)
    if known.all() and np.ptp(expected) == 0:
        ax.axvline(float(expected[0]), color="0.25", linewidth=1, linestyle="--", zorder=1)
    elif known.any():
        ax.plot(expected[known], place[known], "|", color="0.25", markersize=12, zorder=3)
    low, high = _column(rows, "low"), _column(rows, "high")
    colors = [FAULT if name in faulty else FINE for name in names]
    for at, y, left, right, color in zip(value, place, low, high, colors):
        ends = [at if np.isnan(left) else left, at if np.isnan(right) else right]
        ax.plot(ends, [y, y], color=color, linewidth=1.6)
        ax.plot(at, y, "o", color=color, markersize=5)
    ax.set_yticks(place.tolist(), names)
    ax.set(xlabel=words, ylim=(-0.6, len(names) - 0.4))
    return dress(ax)


def make_calibration(audit: IntervalAudit) -> Figure:
    """Coverage, PIT and scores; of intervals and quantiles the shares between their ends."""
    if audit.pit is None or audit.coverage is None or audit.z is None:
        figure = new_figure(5.6, 3.8)
        plot_shares(cast(pl.DataFrame, audit.shares), figure.add_subplot(1, 1, 1))
        return figure
    figure = new_figure(12.6, 4.0)
    axes = [figure.add_subplot(1, 3, at) for at in (1, 2, 3)]
    plot_coverage(audit.coverage, axes[0])
    plot_pit_histogram(audit.pit, axes[1])
    plot_normal_scores(audit.z, axes[2])
    return figure


def make_slices(
    table: pl.DataFrame, by: str, panels: Sequence[tuple[str, str]], faulty: Sequence[str]
) -> Figure:
    """The same quantities of every level of one slice, side by side."""
    part = table.filter(pl.col("by") == by)
    levels = part["slice"].n_unique()
    figure = new_figure(4.1 * len(panels) + 0.8, 1.5 + 0.32 * levels)
    first: Axes | None = None
    for at, (quantity, words) in enumerate(panels):
        ax = figure.add_subplot(1, len(panels), at + 1, sharey=first)
        plot_level_values(part, quantity, ax, words=words, faulty=faulty)
        if first is None:
            first = ax
            ax.set_ylabel(by)
        else:
            ax.tick_params(labelleft=False)
    return figure


def make_reliability(audit: ProbabilityAudit) -> Figure:
    """Reliability of the likeliest class, and of every class's own probability."""
    shown = list(audit.class_reliability.items())[: MOST_CLASSES - 1]
    panels = 1 + len(shown)
    across = min(panels, 4)
    down = -(-panels // across)
    figure = new_figure(3.6 * across, 3.7 * down)
    ax = figure.add_subplot(down, across, 1)
    plot_reliability(audit.reliability, ax).set_title("the likeliest class", fontsize="medium")
    faulty = {fault.of for fault in audit.verdict.faults}
    for at, (name, table) in enumerate(shown):
        ax = figure.add_subplot(down, across, at + 2)
        color = FAULT if name in faulty else FINE
        plot_reliability(table, ax, color=color).set_title(f"class {name}", fontsize="medium")
        if legend := ax.get_legend():
            legend.remove()
    return figure


def audit_figures(audit: IntervalAudit | ProbabilityAudit) -> list[AuditFigure]:
    """All figures of an audit, the ones that matter first."""
    if isinstance(audit, ProbabilityAudit):
        panels = (
            ("accuracy", "accuracy"),
            ("ece", "calibration error"),
            ("nll", "log score"),
        )
        found = [AuditFigure(
            "reliability", "Claimed and found shares",
            "Bins of equally many rows. Grey is where true claims keep each bin with 95 %.",
            make_reliability(audit), audit.reliability,
        )]  # fmt: skip
    else:
        level = min(audit.levels, key=lambda one: abs(one - 0.9))
        name = f"coverage_{percent(level)}"
        panels = ((name, f"coverage of {100 * level:g} % intervals"),)
        if audit.z is not None:
            panels = (*panels, ("z_mean", "mean of scores"), ("z_sd", "spread of scores"))
        else:
            panels = (*panels, ("below_lowest", "share below"), ("above_highest", "share above"))
        found = [AuditFigure(
            "calibration", "Are the claims true?", _words(audit), make_calibration(audit),
            audit.z if audit.shares is None else audit.shares,
        )]  # fmt: skip
    for by in audit.slices["by"].unique(maintain_order=True):
        faulty = [fault.level for fault in audit.verdict.faults if fault.by == by]
        found.append(AuditFigure(
            f"slice_{_file_name(by)}", f"By {by}",
            "Bars are 95 % intervals from whole groups drawn again; lines and ticks are what true "
            "claims lead to. Red levels are named in the verdict.",
            make_slices(audit.slices, by, panels, faulty),
            audit.slices.filter(pl.col("by") == by),
        ))  # fmt: skip
    return found


def write_audit_figures(figures: Sequence[AuditFigure], folder: str | Path) -> list[Path]:
    """Save all figures as PDF and PNG; the paths of the PNG."""
    return [write_figure(fix_layout(each.figure), Path(folder) / each.name)[1] for each in figures]


def _words(audit: IntervalAudit) -> str:
    if audit.z is None:
        return "Shares of truths between the claimed ends, beside the claimed shares."
    return (
        "Coverage of central intervals at all levels; claimed probabilities of a value below the "
        "truth, which are uniform if claims are true; truths in units of their error bars, those "
        "beyond ±6 in the bins at the ends. Grey is what independent rows keep "
        "within; those of groups leave it more often."
    )


def _column(table: pl.DataFrame, name: str) -> ndarray:
    return np.asarray(cast(Any, table[name].cast(pl.Float64).to_numpy()), dtype=np.float64)


def _file_name(words: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in words.lower()).strip("_") or "slice"
