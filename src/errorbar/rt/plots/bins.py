"""Scores of several models by bin: errors, coverage, widths and tails.

Tables are those of `compare` and `tails`. Models stand side by side in each bin.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from errorbar.core.errors import InputError
from errorbar.core.plots import dress
from errorbar.rt.evaluate import ALL, coverage_name
from errorbar.rt.plots.axes import SUPPORT_AXIS, logarithmic, name_bins, sides

__all__ = ["MEASURES", "plot_bins", "plot_coverage_by_bin", "plot_tails"]

# Half a 95 % interval in standard errors.
REACH = 1.96
GUIDE, BAND = "0.45", "0.90"
# A column, what it is called, and the column of its error.
MEASURES = {
    "mae": ("mean absolute error (min)", "mae_se_runs"),
    "rmse": ("root mean square error (min)", "rmse_se_runs"),
    "interval_width_mean": ("mean width of the interval (min)", None),
    "crps": ("CRPS (min)", None),
    "nll": ("negative log density (nats)", None),
    "bias": ("mean error, found less predicted (min)", None),
    "z_sd": ("standard deviation of $z$", None),
    "abs_error_p95": ("95th percentile of |error| (min)", None),
}
PLAIN = ("nll", "bias", "z_sd")


def plot_bins(
    table: pl.DataFrame,
    ax: Axes,
    *,
    measure: str = "mae",
    by: str = "support",
    words: str | None = None,
) -> Axes:
    """A measure in each bin; bars are 95 % intervals from the scatter between runs."""
    if measure not in MEASURES:
        raise InputError(f"measure={measure!r} must be one of {', '.join(MEASURES)}.")
    said, error = MEASURES[measure]
    table, labels, models = _bins(table, by)
    ends: list[np.ndarray] = []
    for place, (model, side) in enumerate(zip(models, sides(len(models)))):
        part = _ordered(table, model, labels)
        if part[measure].is_null().all():
            continue
        values = part[measure].to_numpy()
        bars = np.zeros(len(values)) if error is None else part[error].fill_null(0.0).to_numpy()
        bars = REACH * np.nan_to_num(bars)
        _draw(ax, values, bars, side, place, model)
        # A bar that reaches zero would take a logarithmic axis with it.
        ends += [np.maximum(values - bars, values / 3), values + bars]
    if measure not in PLAIN:
        _positive(ax, np.array(ends))
        logarithmic(ax)
    _finish(ax, table, labels, by, words)
    ax.set_ylabel(said)
    return dress(ax)


def plot_coverage_by_bin(
    table: pl.DataFrame,
    ax: Axes,
    *,
    level: float = 0.95,
    by: str = "support",
    words: str | None = None,
) -> Axes:
    """Coverage in each bin around its target.

    Grey is where coverage lies in 95 % of cases if claims are true and rows independent; bars are
    95 % intervals from the scatter between runs.
    """
    table, labels, models = _bins(table, by)
    name = coverage_name(level)
    for place, label in enumerate(labels):
        held = table.filter(pl.col("bin") == label)["coverage_se_binomial"].drop_nulls()
        half = REACH * max(held.to_list(), default=0.0)
        ax.fill_between(
            [place - 0.45, place + 0.45],
            [level - half] * 2,
            [min(level + half, 1.0)] * 2,
            color=BAND,
            linewidth=0,
            zorder=0,
            label="independent rows, 95 %" if place == 0 else None,
        )
    ax.axhline(level, color=GUIDE, linewidth=1, zorder=1)
    for place, (model, side) in enumerate(zip(models, sides(len(models)))):
        part = _ordered(table, model, labels)
        if part[name].is_null().all():
            continue
        values = part[name].to_numpy()
        bars = np.nan_to_num(REACH * part["coverage_se_runs"].fill_null(0.0).to_numpy())
        # No interval of a share goes beyond 1.
        reach = np.stack([bars, np.minimum(bars, np.maximum(1 - values, 0))])
        _draw(ax, values, reach, side, place, model)
    _finish(ax, table, labels, by, words)
    ax.set_ylabel(f"coverage of {100 * level:g} % intervals")
    low = min(float(np.nanmin(ax.dataLim.intervaly)), 2 * level - 1)
    ax.set_ylim(low - 0.01, 1.005)
    return dress(ax)


def plot_tails(table: pl.DataFrame, ax: Axes, *, words: str | None = None) -> Axes:
    """Group RMSE by bin: a line from the median group to the 99th percentile, a dot at the 90th."""
    table = table.with_columns(pl.lit("support").alias("by"))
    table, labels, models = _bins(table, "support")
    for place, (model, side) in enumerate(zip(models, sides(len(models)))):
        part, color = _ordered(table, model, labels), f"C{place % 10}"
        at = np.arange(len(labels)) + side
        p50, p90, p99 = (part[f"group_rmse_p{q}"].to_numpy() for q in (50, 90, 99))
        ax.vlines(at, p50, p99, color=color, linewidth=1.3, zorder=3)
        for ends in (p50, p99):
            ax.plot(at, ends, linestyle="none", marker="_", markersize=7, color=color, zorder=3)
        ax.plot(
            at, p90, linestyle="none", marker="o", markersize=5, color=color, label=model, zorder=4
        )
    _positive(ax, table.select("group_rmse_p50", "group_rmse_p99").to_numpy())
    logarithmic(ax)
    _finish(ax, table, labels, "support", words)
    ax.set_ylabel("RMSE of a group (min):\nmedian, 90th, 99th percentile")
    return dress(ax)


def _bins(table: pl.DataFrame, by: str) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Rows of a slice, its bins that hold anything, in order, and the models."""
    if "model" not in table.columns:
        table = table.with_columns(pl.lit("model").alias("model"))
    part = table.filter((pl.col("by") == by) & (pl.col("bin") != ALL))
    held = part.filter(pl.col("n_obs_test") > 0)
    if held.is_empty():
        given = ", ".join(table["by"].unique(maintain_order=True))
        raise InputError(f"the table has no rows by {by!r}, only by {given}: compare with by=.")
    filled = set(held["bin"].to_list())
    labels = [x for x in part["bin"].unique(maintain_order=True).to_list() if x in filled]
    return held, labels, held["model"].unique(maintain_order=True).to_list()


def _ordered(table: pl.DataFrame, model: str, labels: Sequence[str]) -> pl.DataFrame:
    """A row for each bin, null where the model has none."""
    frame = pl.DataFrame({"bin": list(labels)})
    part = table.filter(pl.col("model") == model)
    return frame.join(part, on="bin", how="left", maintain_order="left")


def _draw(
    ax: Axes, values: np.ndarray, bars: np.ndarray, side: float, place: int, label: str
) -> None:
    values = values.astype(np.float64)
    ax.errorbar(
        np.arange(len(values)) + side, values, yerr=bars, fmt="o", markersize=4.5, linewidth=1.3,
        color=f"C{place % 10}", label=label, zorder=3,
    )  # fmt: skip


def _positive(ax: Axes, values: np.ndarray) -> None:
    """Room for all values on a logarithmic axis, whatever bars do below them."""
    found = values[np.isfinite(values.astype(np.float64)) & (values.astype(np.float64) > 0)]
    if found.size:
        ax.set_ylim(0.88 * float(found.min()), 1.14 * float(found.max()))


def _finish(ax: Axes, table: pl.DataFrame, labels: list[str], by: str, words: str | None) -> None:
    if words is None:
        words = SUPPORT_AXIS if by == "support" else by
    name_bins(ax, table, labels, words=words)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize="small")
