"""Whole figures of several panels."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from errorbar.core.maths.calibration import PredictedTruth
from errorbar.core.plots import (
    new_figure,
    plot_coverage,
    plot_ecdf_difference,
    plot_pit_histogram,
)
from errorbar.rt.evaluate import (
    FAR_SLICE,
    CompoundTimes,
    RunDrift,
    SupportScores,
    coverage_name,
)
from errorbar.rt.plots.bins import plot_bins, plot_coverage_by_bin, plot_tails
from errorbar.rt.plots.farness import plot_farness
from errorbar.rt.plots.rows import (
    plot_compound_times,
    plot_predicted_times,
    plot_run_drift,
    plot_time_errors,
    plot_z_scores,
)

__all__ = [
    "make_calibration",
    "make_compounds",
    "make_drift",
    "make_farness",
    "make_predicted",
    "make_slices",
    "make_support",
    "make_tails",
]

LEVELS = np.arange(0.1, 0.96, 0.05)
SLICE_WORDS = {"known": "what training knew", FAR_SLICE: "far-ness of the run, percentile"}


def make_support(table: pl.DataFrame, *, level: float = 0.95) -> Figure:
    """MAE and RMSE by support; coverage and width too where any model has intervals."""
    spread = _has_intervals(table, level)
    figure = new_figure(11, 7.4 if spread else 4.0)
    panels = figure.subplots(2 if spread else 1, 2).ravel()
    plot_bins(table, panels[0], measure="mae")
    plot_bins(table, panels[1], measure="rmse")
    if spread:
        plot_coverage_by_bin(table, panels[2], level=level)
        plot_bins(table, panels[3], measure="interval_width_mean")
    _one_legend(panels, figure)
    return figure


def make_tails(table: pl.DataFrame) -> Figure:
    """Median, 90th and 99th percentile of group RMSE by support."""
    figure = new_figure(9, 4.2)
    _one_legend((plot_tails(table, figure.subplots()),), figure)
    return figure


def make_slices(table: pl.DataFrame, by: str, *, level: float = 0.95) -> Figure:
    """MAE by another slice of the rows, and coverage where any model has intervals."""
    spread = _has_intervals(table, level)
    figure = new_figure(11 if spread else 6.5, 4.2)
    panels = figure.subplots(1, 2 if spread else 1, squeeze=False)[0]
    words = SLICE_WORDS.get(by, by)
    plot_bins(table, panels[0], by=by, words=words)
    if spread:
        plot_coverage_by_bin(table, panels[1], by=by, level=level, words=words)
    _one_legend(panels, figure)
    return figure


def make_calibration(scores: SupportScores) -> Figure:
    """Are the intervals true? Coverage, ranks of truths, and z, for one model."""
    figure = new_figure(11, 7.4)
    panels = figure.subplot_mosaic("AABBCC;DDDEEE")
    plot_coverage(scores.coverage(LEVELS), panels["A"])
    plot_pit_histogram(scores.pit(), panels["B"])
    plot_ecdf_difference(scores.pit_difference(), panels["C"])
    plot_z_scores(scores.support, panels["D"])
    plot_z_scores(scores.support, panels["E"], log=True)
    return figure


def make_predicted(value: PredictedTruth) -> Figure:
    """Predicted against found times, and errors against found times."""
    figure = new_figure(11, 4.4)
    left, right = figure.subplots(1, 2)
    plot_predicted_times(value, left)
    plot_time_errors(value, right)
    return figure


def make_drift(drifts: Mapping[str, RunDrift]) -> Figure:
    """Mean error run by run, a panel for each model on one scale."""
    figure = new_figure(10, 0.6 + 1.9 * len(drifts))
    panels = figure.subplots(len(drifts), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    for place, ((name, drift), ax) in enumerate(zip(drifts.items(), panels)):
        plot_run_drift(drift, ax, color=f"C{place % 10}")
        ax.set_title(name, loc="left", fontsize="medium")
        if place < len(drifts) - 1:
            ax.set_xlabel("")
    return figure


def make_compounds(values: Sequence[CompoundTimes]) -> Figure:
    """Compounds looked up, one below the other."""
    figure = new_figure(10, 2.7 * len(values))
    for value, ax in zip(values, figure.subplots(len(values), 1, squeeze=False)[:, 0]):
        plot_compound_times(value, ax)
    return figure


def make_farness(frame: pl.DataFrame, **words: str) -> Figure:
    """Errors by far-ness, a panel for each number of anchors, on one scale."""
    anchors = frame["anchors"].unique(maintain_order=True).to_list()
    figure = new_figure(0.8 + 3.6 * len(anchors), 4.0)
    panels = figure.subplots(1, len(anchors), squeeze=False, sharey=True)[0]
    for number, ax in zip(anchors, panels):
        plot_farness(frame, ax, anchors=number, **words)
        if ax is not panels[0]:
            ax.set_ylabel("")
    _one_legend(panels, figure)
    return figure


def _has_intervals(table: pl.DataFrame, level: float) -> bool:
    return table[coverage_name(level)].is_not_null().any()


def _one_legend(panels: Sequence[Axes], figure: Figure) -> None:
    """The panels' legend once, above them all."""
    entries: dict[str, Artist] = {}
    for ax in panels:
        for handle, label in zip(*ax.get_legend_handles_labels()):
            entries.setdefault(label, handle)
        if legend := ax.get_legend():
            legend.remove()
    figure.legend(
        list(entries.values()), list(entries), loc="outside upper center",
        ncols=min(len(entries), 5), frameon=False, fontsize="small",
    )  # fmt: skip
