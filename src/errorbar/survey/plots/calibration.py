"""Pictures of a calibration: where the truths fall in their posteriors."""

from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from errorbar.core.plots import (
    new_figure,
    plot_coverage,
    plot_ecdf_difference,
    plot_pit_histogram,
    write_figure,
)
from errorbar.survey.check import CalibrationResult

__all__ = [
    "CalibrationFiles",
    "make_calibration_panels",
    "make_coverage_panels",
    "write_calibration",
]

CELL = 2.9


@dataclass(frozen=True, slots=True)
class CalibrationFiles:
    """Where a calibration was written: tables, and each figure with its caption."""

    tables: tuple[Path, ...]
    figures: tuple[tuple[Path, str], ...]


def make_calibration_panels(result: CalibrationResult) -> Figure:
    """For each parameter the histogram of PIT values over their distribution less the uniform."""
    columns, blocks = _layout(len(result.names))
    figure = new_figure(CELL * columns, 1.7 * CELL * blocks)
    for place, name in enumerate(result.names):
        block, column = divmod(place, columns)
        upper = figure.add_subplot(2 * blocks, columns, 2 * block * columns + column + 1)
        lower = figure.add_subplot(2 * blocks, columns, (2 * block + 1) * columns + column + 1)
        plot_pit_histogram(result.histogram(name), upper, color=f"C{place}")
        plot_ecdf_difference(result.difference(name), lower, color=f"C{place}")
        upper.set_title(name.replace("_", " "), fontsize="medium")
        upper.set_xlabel("")
        for ax in (upper, lower):
            ax.legend(frameon=False, fontsize="x-small", loc="upper right")
            if place:
                _keep_curves_only(ax, column)
    figure.suptitle(_title(result), x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def make_coverage_panels(result: CalibrationResult) -> Figure:
    """For each parameter the share of truths inside central intervals, against what they claim."""
    columns, rows = _layout(len(result.names))
    figure = new_figure(CELL * columns, CELL * rows + 0.3)
    for place, name in enumerate(result.names):
        ax = figure.add_subplot(rows, columns, place + 1)
        plot_coverage(result.curve(name), ax, label=name.replace("_", " "), color=f"C{place}")
    figure.suptitle(_title(result), x=0.012, ha="left", fontsize="medium", fontweight="bold")
    return figure


def write_calibration(result: CalibrationResult, folder: str | Path) -> CalibrationFiles:
    """Tables as CSV and figures as PDF and PNG; of a figure the PNG's path is returned."""
    tables = result.write_tables(folder)
    stem = f"calibration_{result.model.replace('-', '_')}"
    drawn = (
        (
            "pit",
            make_calibration_panels(result),
            "Where the truths fall in their posteriors. Above: counts in 20 bins over the range "
            "of calibrated counts. Below: distribution of PIT values less the uniform one, in the "
            "band that holds 95 % of calibrated curves whole.",
        ),
        (
            "coverage",
            make_coverage_panels(result),
            "Share of truths inside central intervals against the share claimed; grey: twice the "
            "binomial standard error.",
        ),
    )
    figures: list[tuple[Path, str]] = []
    for name, figure, caption in drawn:
        _, png = write_figure(figure, Path(folder) / f"{stem}_{name}")
        figures.append((png, caption))
    return CalibrationFiles(tables, tuple(figures))


def _title(result: CalibrationResult) -> str:
    sizes = ", ".join(str(n) for n in sorted(set(result.sizes.tolist())))
    truth = "truths from the prior" if result.drawn else "one truth"
    return f"{result.model}: {len(result.sizes)} surveys of {sizes} planets, {truth}"


def _layout(count: int) -> tuple[int, int]:
    """Columns and rows of panels: at most four beside one another."""
    columns = min(count, 4)
    return columns, -(-count // columns)


def _keep_curves_only(ax: Axes, column: int) -> None:
    """What the first panel has said is not said again."""
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
    if column:
        ax.set_ylabel("")
