"""Pictures of an evaluation: confusion, curves, sets, predicted against true, errors by slice."""

# Matplotlib leaves most of its keyword arguments without a type.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence

import numpy as np
import polars as pl

from errorbar.core.audit.plots import AuditFigure, audit_figures, make_slices, plot_reliability
from errorbar.core.plots import GUIDE, dress, new_figure
from errorbar.platform.evaluate.classes import ClassEvaluation
from errorbar.platform.evaluate.numbers import NumberEvaluation

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as missing:
    from errorbar.core.errors import MissingExtraError

    raise MissingExtraError("matplotlib", "survey") from missing

__all__ = [
    "class_figures",
    "number_figures",
    "plot_confusion",
    "plot_curves",
    "plot_points",
    "plot_sets",
]

MOST_NAMED = 20


def plot_confusion(value: ClassEvaluation, ax: Axes) -> Axes:
    """Shares of each true class (down) by predicted class, with the numbers of rows."""
    counts = value.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = len(value.names)
    if size <= MOST_NAMED:
        for row in range(size):
            for column in range(size):
                if counts[row, column]:
                    dark = shares[row, column] > 0.5
                    ax.text(
                        column, row, f"{counts[row, column]:,}", ha="center", va="center",
                        fontsize="x-small", color="white" if dark else "0.2",
                    )  # fmt: skip
    ticks = list(range(size))
    ax.set_xticks(ticks, value.names, rotation=45, ha="right")
    ax.set_yticks(ticks, value.names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def plot_curves(value: ClassEvaluation, ax: Axes, *, curve: str) -> Axes:
    """ROC (`roc`) or precision over recall (`pr`) of each class against the others."""
    areas = value.classes.filter(pl.col("quantity") == f"{curve}_auc")
    named = dict(areas.select("slice", "value").rows())
    points = value.curves.points.filter(pl.col("curve") == curve)
    for at, name in enumerate(value.names):
        own = points.filter(pl.col("class") == name)
        if own.height:
            ax.plot(
                own["x"].to_numpy(), own["y"].to_numpy(), linewidth=1.3, color=f"C{at % 10}",
                label=f"{name} ({named[name]:.3f})",
            )  # fmt: skip
    if curve == "roc":
        ax.plot([0, 1], [0, 1], color=GUIDE, linewidth=1)
        ax.set(xlabel="share of others called so", ylabel="share of members called so")
    else:
        ax.set(xlabel="recall", ylabel="precision")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(frameon=False, loc="lower right" if curve == "roc" else "lower left", fontsize=7)
    return dress(ax)


def plot_sets(table: pl.DataFrame, ax: Axes, *, alpha: float) -> Axes:
    """Coverage of each level with its exact interval; grey is what calibration allows."""
    place = np.arange(table.height)[::-1]
    for at, row in zip(place, table.iter_rows(named=True)):
        if row["band_low"] is not None:
            ax.plot(
                [row["band_low"], row["band_high"]], [at, at], color="0.86", linewidth=9,
                solid_capstyle="butt", zorder=0,
            )  # fmt: skip
        ax.plot([row["low"], row["high"]], [at, at], color="C0", linewidth=1.6)
        ax.plot(row["coverage"], at, "o", color="C0", markersize=5)
    ax.axvline(1 - alpha, color="0.25", linewidth=1, linestyle="--", zorder=1)
    ax.set_yticks(place.tolist(), table["slice"].to_list())
    ax.set(xlabel=f"share of sets with the truth (claimed {1 - alpha:g})")
    ax.set_ylim(-0.6, table.height - 0.4)
    return dress(ax)


def plot_points(value: NumberEvaluation, ax: Axes, *, residuals: bool = False) -> Axes:
    """Predicted against true, or their differences over what is true."""
    true, told = (value.points[name].to_numpy() for name in ("true", "predicted"))
    faint = float(np.clip(200 / max(len(true), 1), 0.08, 0.8))
    shown = told - true if residuals else told
    ax.plot(true, shown, "o", markersize=3, alpha=faint, markeredgewidth=0, color="C0")
    ends = [float(min(true.min(), told.min())), float(max(true.max(), told.max()))]
    ax.plot(ends, [0.0, 0.0] if residuals else ends, color=GUIDE, linewidth=1)
    if residuals:
        reach = 1.05 * float(np.quantile(np.abs(shown), 0.995)) or 1.0
        ax.set(ylim=(-reach, reach))
    ax.set(
        xlabel=f"true {value.name}",
        ylabel=f"{value.name}, predicted less true" if residuals else f"predicted {value.name}",
    )
    return dress(ax)


def class_figures(value: ClassEvaluation) -> list[AuditFigure]:
    """All figures of an evaluation of classes, the ones that matter first."""
    size = float(np.clip(2.4 + 0.5 * len(value.names), 4.2, 11))
    found = [
        AuditFigure(
            "confusion", "Who is taken for whom",
            "Rows of a true class by predicted class; shades are shares of the true class.",
            _one(size, size, lambda ax: plot_confusion(value, ax)),
        )
    ]  # fmt: skip
    if value.curves.points.height:
        figure = new_figure(9.6, 4.4)
        for at, curve in enumerate(("roc", "pr")):
            plot_curves(value, figure.add_subplot(1, 2, at + 1), curve=curve)
        found.append(
            AuditFigure(
                "curves", "Each class against the others",
                "Areas under the curves stand beside the names.", figure, value.curves.points,
            )
        )  # fmt: skip
    if value.before is not None:
        found.append(_before_after(value))
    for (name, alpha), table in value.sets.group_by("sets", "alpha", maintain_order=True):
        found += _set_figures(str(name), float(str(alpha)), table)
    panels = (("accuracy", "accuracy"), ("macro_f1", "macro F1"))
    found += _slice_figures(value.scores, panels)
    return [*found, *audit_figures(value.audit)[:1]]


def number_figures(value: NumberEvaluation) -> list[AuditFigure]:
    """All figures of an evaluation of numbers."""
    figure = new_figure(10.0, 4.4)
    for at, residuals in enumerate((False, True)):
        plot_points(value, figure.add_subplot(1, 2, at + 1), residuals=residuals)
    found = [
        AuditFigure(
            "points", f"Predicted {value.name}",
            f"{value.points.height:,} of {value.rows:,} rows; one in two hundred lies beyond the "
            "right panel.", figure, value.points,
        )
    ]  # fmt: skip
    panels = (("bias", "bias"), ("rmse", "rms error"), ("robust_sigma", "robust sigma"))
    found += _slice_figures(value.scores, panels)
    return found if value.audit is None else [*found, *audit_figures(value.audit)]


def _one(width: float, height: float, draw: object) -> Figure:
    figure = new_figure(width, height)
    assert callable(draw)
    draw(figure.add_subplot(1, 1, 1))
    return figure


def _before_after(value: ClassEvaluation) -> AuditFigure:
    assert value.before is not None
    figure = new_figure(9.4, 4.6)
    for at, (audit, words) in enumerate(
        ((value.before, "before calibration"), (value.audit, "after calibration"))
    ):
        ax = figure.add_subplot(1, 2, at + 1)
        title = f"{words}, ECE {audit.value('ece'):.4f}"
        plot_reliability(audit.reliability, ax).set_title(title, fontsize="medium")
    return AuditFigure(
        "calibrated", "What calibration has done",
        "Found against claimed shares of the likeliest class. Grey is where true claims keep each "
        "bin with 95 %.", figure,
    )  # fmt: skip


def _set_figures(name: str, alpha: float, table: pl.DataFrame) -> list[AuditFigure]:
    found: list[AuditFigure] = []
    for (by,), part in table.filter(pl.col("by") != "").group_by("by", maintain_order=True):
        figure = _one(
            6.4, 1.4 + 0.32 * part.height, lambda ax, p=part: plot_sets(p, ax, alpha=alpha)
        )
        words = "".join(c if c.isalnum() else "_" for c in f"{name}_{alpha:g}_{by}")
        found.append(
            AuditFigure(
                f"sets_{words}", f"Sets {name} at {1 - alpha:g}, by {by}",
                "Lines are exact 95 % intervals; grey is what the calibration rows allow.",
                figure, part,
            )
        )  # fmt: skip
    return found


def _slice_figures(scores: pl.DataFrame, panels: Sequence[tuple[str, str]]) -> list[AuditFigure]:
    return [
        AuditFigure(
            f"scores_{''.join(c if c.isalnum() else '_' for c in by)}", f"Scores by {by}",
            "Bars are 95 % intervals from whole groups drawn again.",
            make_slices(scores, by, panels, ()), scores.filter(pl.col("by") == by),
        )
        for by in scores["by"].unique(maintain_order=True) if by
    ]  # fmt: skip
