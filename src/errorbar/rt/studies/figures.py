"""The studies' figures, drawn from their tables."""

import numpy as np
import polars as pl

from errorbar.core.plots import dress, new_figure
from errorbar.rt.evaluate import ALL, replicate_means
from errorbar.rt.plots import (
    NamedFigure,
    make_farness,
    make_support,
    make_tails,
    plot_farness,
)
from errorbar.rt.studies.far_runs import HIERARCHY
from errorbar.rt.studies.rare import RareStudy
from errorbar.rt.studies.shift import ShiftStudy
from errorbar.rt.studies.tails import TailStudy

__all__ = ["rare_figures", "shift_figures", "tail_figures"]

GUIDE = "0.45"
OVER = "Bars are 95 % intervals over replicates."


def shift_figures(study: ShiftStudy) -> list[NamedFigure]:
    """Errors by far-ness and anchors, differences in percent, and whether intervals are true."""
    bins = study.bins.filter(pl.col("bin") != ALL)
    # A bar that reaches below zero has no place on a logarithmic axis.
    shown = bins.with_columns(low=pl.max_horizontal("low", pl.col("mae") / 3))
    return [
        NamedFigure(
            "errors", "Errors by far-ness",
            f"Mean absolute error of each method, by how far the run lies from others. {OVER} "
            "Those that come near zero are cut. All panels are of the same rows.",
            make_farness(shown), bins,
        ),
        _differences(study),
        _intervals(study),
    ]  # fmt: skip


def _differences(study: ShiftStudy) -> NamedFigure:
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    gains, anchoring = (
        frame.filter(pl.col("bin") != ALL).with_columns(
            method=pl.format("{} anchors", pl.col("anchors"))
        )
        for frame in (study.gains, study.anchoring)
    )
    for frame, ax, words in (
        (gains, left, "MAE against the cluster × compound lasso (%)"),
        (anchoring, right, "MAE against no anchors (%)"),
    ):
        ax.axhline(0, color=GUIDE, linewidth=1, zorder=1)
        if frame.height:
            plot_farness(frame, ax, measure="percent", words=words)
            ax.margins(y=0.25)
    return NamedFigure(
        "differences", "What the hierarchy gains, and what anchors add",
        f"Differences of the hierarchy's MAE in percent, paired within replicates: negative is "
        f"better. {OVER}",
        figure, gains,
    )  # fmt: skip


def _intervals(study: ShiftStudy) -> NamedFigure:
    ours = study.scores.filter((pl.col("method") == HIERARCHY) & (pl.col("bin") != ALL))
    ours = ours.with_columns(method=pl.format("{} anchors", pl.col("anchors")))
    figure = new_figure(11, 4.2)
    for ax, (name, words, target) in zip(
        figure.subplots(1, 2),
        (
            ("coverage", "coverage of 95 % intervals", 0.95),
            ("z_sd", "standard deviation of $z$", 1),
        ),
    ):
        frame = replicate_means(ours, ["method", "bin"], name)
        ax.axhline(target, color=GUIDE, linewidth=1, zorder=1)
        plot_farness(frame, ax, measure=name, words=words)
        ax.set_yscale("linear")
        ax.margins(y=0.3)
    return NamedFigure(
        "intervals", "Are the hierarchy's intervals true?",
        f"Coverage and spread of errors in units of their predicted sd. {OVER}", figure,
    )  # fmt: skip


def tail_figures(study: TailStudy) -> list[NamedFigure]:
    """Errors, intervals and worst pairs by support."""
    return [
        NamedFigure(
            "support", "Errors and intervals by support",
            "Rows by how many training peaks their pair has, the same counts for all. Bars are 95 "
            "% intervals from the scatter between runs; grey is what independent rows scatter.",
            make_support(study.scores), study.scores.filter(pl.col("by") == "support"),
        ),
        NamedFigure(
            "tails", "The worst pairs by support",
            "RMSE of each pair's test rows: the line runs from the median pair to the 99th "
            "percentile, the dot is the 90th.",
            make_tails(study.tails), study.tails,
        ),
    ]  # fmt: skip


def rare_figures(study: RareStudy) -> list[NamedFigure]:
    """What each arm saves on rare pairs, a panel for each table."""
    tables = study.gains["table"].unique(maintain_order=True).to_list()
    arms = study.gains["arm"].unique(maintain_order=True).to_list()
    figure = new_figure(1.5 + 4.6 * len(tables), 1.4 + 0.36 * len(arms))
    panels = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for name, ax in zip(tables, panels):
        part = study.gains.filter(pl.col("table") == name)
        at = np.arange(part.height)
        for side, low, high, words in (
            (-0.12, "low", "high", "over replicates"),
            (0.12, "low_runs", "high_runs", "over runs"),
        ):
            value = part["percent"].to_numpy()
            ends = np.stack(
                [
                    value - part[low].fill_null(np.nan).to_numpy(),
                    part[high].fill_null(np.nan).to_numpy() - value,
                ]
            )
            ax.errorbar(
                value, at + side, xerr=np.maximum(np.nan_to_num(ends), 0), fmt="o",
                markersize=4.5, linewidth=1.3, label=words,
            )  # fmt: skip
        ax.axvline(0, color=GUIDE, linewidth=1, zorder=1)
        verdict = study.verdicts.filter(pl.col("table") == name).row(0, named=True)
        said = "adopt" if verdict["adopt"] else "do not adopt"
        ax.set_title(f"{name}: {said} {verdict['candidate']}", loc="left", fontsize="medium")
        ax.set_yticks(at, part["arm"].to_list())
        ax.set_xlabel("error saved on rare pairs (%)")
        dress(ax)
    panels[0].invert_yaxis()
    panels[0].legend(frameon=False, fontsize="small")
    return [
        NamedFigure(
            "gains", "What each arm saves on rare pairs",
            "Mean absolute error saved against the full model without heads, in percent, with 95 % "
            "intervals over replicates and over runs; right of zero is better.",
            figure, study.gains,
        )
    ]  # fmt: skip
