"""Pictures of a plan: what hours buy, which targets, and what each further planet brings."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from errorbar.core.plots import dress, new_figure, write_figure
from errorbar.survey.plan import Required, SurveyPlan
from errorbar.survey.plots.marks import CURVE

__all__ = [
    "make_plan",
    "make_reach",
    "plot_budgets",
    "plot_further",
    "plot_reach",
    "plot_targets",
    "write_plan",
    "write_reach",
]

BEST = 12
COLORS = {False: "C0", True: "C2"}


def plot_budgets(plan: SurveyPlan, ax: Axes) -> Axes:
    """Standard deviation against telescope hours: chosen lists, lists by lot, this plan."""
    bent = plan.guard is not None
    sd, after = ("bent_sd", "bent_sd_after") if bent else ("sd", "sd_after")
    lots = plan.budgets.filter(pl.col("strategy") == "random").drop_nulls(sd)
    ax.plot(lots["budget_hours"], lots[sd], color="0.5", label="lists by lot")
    if not bent:
        known = lots.drop_nulls("sd_84")
        ax.fill_between(
            known["budget_hours"],
            known["sd_16"],
            known["sd_84"],
            color="0.85",
            linewidth=0,
            label="68 % of them",
        )
    chosen = plan.budgets.filter(pl.col("strategy") != "random").drop_nulls(sd)
    for guarded, color in COLORS.items():
        rows = chosen.filter(pl.col("guarded") == guarded)
        if rows.height:
            label = f"{plan.strategy}, guarded" if guarded else plan.strategy
            ax.plot(rows["budget_hours"], rows[sd], color=color, marker="o", ms=3, label=label)
    steps = plan.listed.drop_nulls(after)
    ax.plot(
        steps["cumulative_hours"],
        steps[after],
        color="C3",
        linewidth=1.2,
        label=f"this list of {plan.planets}, planet by planet",
    )
    ax.axvline(plan.budget_hours, color=CURVE, linewidth=0.9, linestyle=":")
    low = 0.5 * float(chosen["budget_hours"].min() or plan.budget_hours)  # pyright: ignore[reportArgumentType]
    ax.set(xscale="log", yscale="log", xlabel="telescope hours")
    ax.set_ylabel(f"{_sd(plan.parameter)}{', line may be bent' if bent else ''}")
    ax.set_xlim(left=low)
    _plain(ax)
    ax.legend(edgecolor="none", framealpha=0.9, fontsize="small", loc="upper right")
    return dress(ax)


def plot_targets(plan: SurveyPlan, ax: Axes) -> Axes:
    """Cost against mass: planets on the list, those left, and those that may not be observed."""
    barred = plan.others.filter(pl.col("barred") != "")
    left = plan.others.filter(pl.col("barred") == "")
    for rows, label, style in (
        (barred, "may not be observed", {"marker": "x", "color": "0.75", "linewidths": 0.8}),
        (left, "left out", {"color": "0.55", "linewidths": 0}),
        (plan.listed, "on the list", {"color": "C3", "linewidths": 0}),
    ):
        if rows.height:
            ax.scatter(
                rows["log_mass"], rows["hours"], s=13, label=f"{rows.height} {label}", **style
            )
    ax.set(
        yscale="log",
        xlabel=r"planet mass $\log M$ ($\log\,M_\mathrm{Jup}$)",
        ylabel="hours it costs",
    )
    ax.legend(frameon=False, fontsize="small", loc="best")
    return dress(ax)


def plot_further(plan: SurveyPlan, ax: Axes) -> Axes:
    """The planets that would add most for their hours, each alone on top of the list."""
    column = "gain_percent_per_100_hours"
    best = plan.others.drop_nulls(column).head(BEST)
    place = range(best.height)
    ax.barh(place, best[column], color="C0", alpha=0.75, height=0.7)
    top = max(float(best[column].max() or 0.0), 1e-9)  # pyright: ignore[reportArgumentType]
    for at, gain, hours in zip(place, best["gain_percent"], best["hours"]):
        ax.text(0.02 * top, at, f"{gain:.2g} % for {hours:.0f} h", va="center", fontsize="x-small")
    ax.set_yticks(place, best["name"].to_list(), fontsize="small")
    ax.invert_yaxis()
    ax.set(xlabel=f"{_sd(plan.parameter)}: percent less per 100 h")
    if not best.height:
        ax.text(0.5, 0.5, "nothing is left to add", transform=ax.transAxes, ha="center")
    dress(ax)
    ax.grid(False, axis="y")
    return ax


def plot_reach(required: Required, ax: Axes) -> Axes:
    """How the sd of a survey may turn out as it grows, and where it is precise enough."""
    curve = required.curve
    known = np.isfinite(curve.sd).all(axis=0)
    middle = curve.levels.index(0.5)
    for low, high, shade in ((0, 4, "0.9"), (1, 3, "0.78")):
        label = f"{curve.levels[high] - curve.levels[low]:.0%} of surveys"
        ax.fill_between(
            curve.effort[known],
            curve.sd[low, known],
            curve.sd[high, known],
            color=shade,
            linewidth=0,
            label=label,
        )
    ax.plot(curve.effort[known], curve.sd[middle, known], color="C0", label="median")
    ax.axhline(required.wanted_sd, color=CURVE, linewidth=0.9, linestyle=":")
    ax.axvline(
        required.effort,
        color="C3",
        linewidth=1.2,
        label=f"{required.effort:.0f} {required.unit}: reached with {required.probability:.0%}",
    )
    words = "planets, drawn by lot" if required.unit == "planets" else "telescope hours"
    ax.set(xlabel=words, ylabel=_sd(required.parameter), yscale="log", xscale="log")
    _plain(ax)
    ax.legend(edgecolor="none", framealpha=0.9, fontsize="small", loc="upper right")
    return dress(ax)


def make_plan(plan: SurveyPlan) -> Figure:
    """What hours buy, the targets, and what comes next."""
    count = 3 if plan.reach is None else 4
    figure = new_figure(12.6, 4.2) if count == 3 else new_figure(9.6, 8.0)
    shape = (1, 3) if count == 3 else (2, 2)
    axes = figure.subplots(*shape).ravel()
    plot_budgets(plan, axes[0])
    plot_targets(plan, axes[1])
    plot_further(plan, axes[2])
    if plan.reach is not None:
        plot_reach(plan.reach, axes[3])
    _title(figure, f"{plan.planets} planets in {plan.hours:.0f} h, {plan.strategy}")
    return figure


def make_reach(required: Required) -> Figure:
    """How many planets, or hours, a wanted precision takes."""
    figure = new_figure(6.4, 4.4)
    plot_reach(required, figure.subplots())
    _title(figure, f"sd({required.parameter}) of {required.wanted_sd:g}")
    return figure


def write_plan(plan: SurveyPlan, folder: str | Path) -> tuple[Path, ...]:
    """The plan's figure as PDF and PNG; the PNG's path is returned."""
    return write_figure(make_plan(plan), Path(folder) / "plan")[1:]


def write_reach(required: Required, folder: str | Path) -> tuple[Path, ...]:
    """The figure of a wanted precision as PDF and PNG; the PNG's path is returned."""
    return write_figure(make_reach(required), Path(folder) / "plan_reach")[1:]


def _sd(parameter: str) -> str:
    """`beta_p` is its own name in TeX."""
    return rf"posterior error $\sigma(\{parameter})$"


def _plain(ax: Axes) -> None:
    """Logarithmic axes with plain numbers."""
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0) if high > 80 * low else (1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _title(figure: Figure, words: str) -> None:
    figure.suptitle(words, x=0.012, ha="left", fontsize="medium", fontweight="bold")
