"""Axes of bins and of minutes that can be read."""

import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from errorbar.rt.evaluate import SUPPORT_EDGES, UNSEEN

__all__ = ["bin_words", "logarithmic", "name_bins", "sides"]

SUPPORT_AXIS = "training peaks of the pair"
# Ticks in each power of ten, by the factor between the ends of the axis.
STEPS = (
    (2.5, (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)),
    (12.0, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)),
    (100.0, (1.0, 2.0, 5.0)),
)


def bin_words(label: str) -> str:
    """A bin's name as readers see it: `2-2` is 2, `<= 1` without unseen pairs is 1."""
    if label == UNSEEN:
        return label
    if label.startswith("<= "):
        edge = label.removeprefix("<= ")
        return edge if edge == str(SUPPORT_EDGES[0]) else f"1–{edge}"
    low, dash, high = label.partition("-")
    if dash and low.isdigit():
        return low if low == high else f"{low}–{high}"
    if " and " in label:
        return label.replace(" and ", "\nand ")
    return label


def name_bins(ax: Axes, table: pl.DataFrame, labels: list[str], *, words: str = "") -> None:
    """A tick for each bin, with how many rows it holds where all models have the same there."""
    rows = table.group_by("bin").agg(pl.col("n_obs_test").unique())
    found = {label: counts for label, counts in rows.iter_rows()}
    alike = all(len(found[label]) == 1 for label in labels)
    names = [
        bin_words(label) + (f"\n({_short(found[label][0])})" if alike else "") for label in labels
    ]
    ax.set_xticks(range(len(labels)), names, fontsize="small")
    ax.set_xlabel(words + (" (test rows)" if alike else ""))
    ax.set_xlim(-0.6, len(labels) - 0.4)
    ax.tick_params(axis="x", length=0)


def logarithmic(ax: Axes) -> None:
    """A logarithmic axis upwards whose ticks are plain numbers, enough of them to read off."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    steps = next((steps for most, steps in STEPS if high < most * low), (1.0,))
    ax.yaxis.set_major_locator(LogLocator(subs=steps, numticks=20))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    if len(steps) > 3:
        ax.yaxis.set_minor_locator(NullLocator())


def sides(count: int, width: float = 0.6) -> list[float]:
    """How far beside a bin's middle each of `count` models stands."""
    step = min(width / max(count, 1), 0.16)
    return [step * (place - (count - 1) / 2) for place in range(count)]


def _short(rows: int) -> str:
    if rows < 100_000:
        return f"{rows:,}"
    return f"{rows / 1e3:.0f}k" if rows < 999_500 else f"{rows / 1e6:.1f}M"
