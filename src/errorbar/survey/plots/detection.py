"""Pictures of a detection: null mocks beside the survey, and power against the link."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from errorbar.core.plots import dress, new_figure, write_figure
from errorbar.survey.detect import Detection, DetectionPower, PowerCurve
from errorbar.survey.plots.marks import CURVE

__all__ = [
    "DetectionFiles",
    "make_detection",
    "make_detection_power",
    "plot_link_posterior",
    "plot_null_mocks",
    "plot_power",
    "write_detection",
    "write_detection_power",
]

NAMES = {"beta_s": r"$\beta_s$, slope on the star's metallicity", "rho": r"$\rho$, correlation"}
DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class DetectionFiles:
    """Where a detection was written: tables, and each figure with its caption."""

    tables: tuple[Path, ...]
    figures: tuple[tuple[Path, str], ...]


def plot_null_mocks(detection: Detection, ax: Axes) -> Axes:
    """Log Bayes factors of mocks without a link, the threshold, and the survey."""
    null = detection.null[np.isfinite(detection.null)]
    ax.hist(null, bins=60, color="0.75", linewidth=0, label=f"{len(null)} surveys without a link")
    ax.axvline(
        detection.threshold,
        color=CURVE,
        linestyle="--",
        label=f"passed by {detection.false_alarm:.1%} of them",
    )
    word = "detected" if detection.detected else "not detected"
    ax.axvline(
        detection.log_bayes,
        color="C3",
        label=f"this survey: {word}, p = {detection.p_value:.2g} ± {detection.p_error:.1g}",
    )
    ax.set(xlabel="log Bayes factor of the link", ylabel="mocks", yscale="log")
    ax.set_ylim(top=8 * ax.get_ylim()[1])
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)


def plot_link_posterior(detection: Detection, ax: Axes) -> Axes:
    """The posterior of the link with its 68 % highest-density interval."""
    posterior, name = detection.fit.posterior, detection.parameter
    place = posterior.place(name)
    low, high = detection.fit.hdi()[place]
    mean, reach = float(detection.fit.mean[place]), 4.5 * float(detection.fit.sd[place])
    first, last = posterior.marginal(name).support()
    grid = np.linspace(max(mean - reach, first), min(mean + reach, last), 301)
    height = posterior.marginal(name).pdf(grid)
    ax.plot(grid, height, color="C3", linewidth=1.4)
    inside = (grid >= low) & (grid <= high)
    ax.fill_between(
        grid[inside], height[inside], color="C3", alpha=0.25, linewidth=0, label="68 % interval"
    )
    ax.axvline(0, color=CURVE, linewidth=0.9, linestyle=":")
    ax.set(xlabel=NAMES[name], ylabel="posterior density")
    ax.set_ylim(0, 1.25 * float(height.max()))
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)


def plot_power(curve: PowerCurve, ax: Axes, *, color: str = "C0", linestyle: str = "-") -> Axes:
    """Share of surveys that detect, with binomial bars, against the size of the link."""
    ax.errorbar(
        curve.link,
        curve.power,
        yerr=curve.error,
        marker="o",
        markersize=3.5,
        linewidth=1.3,
        linestyle=linestyle,
        capsize=2,
        color=color,
        label=f"N = {curve.n}, scatter {curve.scatter:g} dex",
    )
    return dress(ax)


def make_detection(detection: Detection) -> Figure:
    """The survey among its null mocks, beside the posterior of its link."""
    figure = new_figure(9.6, 3.6)
    plot_null_mocks(detection, figure.add_subplot(1, 2, 1))
    plot_link_posterior(detection, figure.add_subplot(1, 2, 2))
    figure.suptitle(
        f"Planet and star, {detection.model} model, {detection.fit.data.n} planets",
        x=0.012,
        ha="left",
        fontsize="medium",
        fontweight="bold",
    )
    return figure


def make_detection_power(power: DetectionPower) -> Figure:
    """Power against the link: sizes by colour, scatters by dash."""
    figure = new_figure(6.4, 4.2)
    ax = figure.add_subplot()
    curves = power.curves()
    sizes = list(dict.fromkeys(curve.n for curve in curves))
    scatters = list(dict.fromkeys(curve.scatter for curve in curves))
    for curve in curves:
        dash = DASHES[scatters.index(curve.scatter) % len(DASHES)]
        plot_power(curve, ax, color=f"C{sizes.index(curve.n) % 10}", linestyle=dash)
    ax.axhline(power.false_alarm, color=CURVE, linewidth=0.9, linestyle=":")
    ax.axhline(0.8, color="0.8", linewidth=0.9)
    ax.set(xlabel=NAMES[power.parameter], ylabel="share of surveys that detect", ylim=(0, 1.02))
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    figure.suptitle(
        f"Detection at {power.false_alarm:.1%} false alarms, {power.model} model",
        x=0.012,
        ha="left",
        fontsize="medium",
        fontweight="bold",
    )
    return figure


def write_detection(detection: Detection, folder: str | Path) -> DetectionFiles:
    """Tables as CSV, the figure as PDF and PNG; of a figure the PNG's path is returned."""
    tables = detection.write_tables(folder)
    _, png = write_figure(make_detection(detection), Path(folder) / "detection")
    caption = (
        "Left: log Bayes factors of mocks of this survey without a link, the threshold that "
        f"{detection.false_alarm:.1%} of them pass, and the survey. Right: the posterior of the "
        f"link; prior {detection.prior}."
    )
    return DetectionFiles(tables, ((png, caption),))


def write_detection_power(power: DetectionPower, folder: str | Path) -> DetectionFiles:
    """Tables as CSV, the figure as PDF and PNG; of a figure the PNG's path is returned."""
    tables = power.write_tables(folder)
    _, png = write_figure(make_detection_power(power), Path(folder) / "detection_power")
    caption = (
        "Share of simulated surveys whose link is detected, with binomial bars; dotted: the "
        "false-alarm rate, grey: 80 %."
    )
    return DetectionFiles(tables, ((png, caption),))
