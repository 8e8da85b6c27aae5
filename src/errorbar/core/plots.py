"""Pictures any system wants, and how a picture becomes a file.

Figures are made without pyplot, so that they can be drawn in threads and nobody's current figure
changes. A drawing function takes a value and an `Axes`, draws, and returns the `Axes`.
"""

# Matplotlib leaves most of its keyword arguments without a type.
# pyright: reportUnknownMemberType=false

from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np

from errorbar.core.errors import MissingExtraError
from errorbar.core.maths.calibration import (
    CoverageCurve,
    EcdfDifference,
    PitHistogram,
    PredictedTruth,
)

try:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages
    from matplotlib.figure import Figure
    from PIL import Image
except ModuleNotFoundError as missing:
    raise MissingExtraError("matplotlib", "survey") from missing

__all__ = [
    "dress",
    "fix_layout",
    "new_figure",
    "plot_coverage",
    "plot_ecdf_difference",
    "plot_pit_histogram",
    "plot_predicted_truth",
    "png_bytes",
    "print_page",
    "write_figure",
]

GUIDE = "0.55"
BAND = "0.90"
PNG_DPI = 160


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches whose labels never overlap or leave the page."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(ax: Axes) -> Axes:
    """Open the frame to two sides and lay a faint grid under the data."""
    if legend := ax.get_legend():
        # It lies inside the panel, and measuring it is most of a layout's work.
        legend.set_in_layout(False)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, which="major", color="0.93", linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def png_bytes(figure: Figure, dpi: int = PNG_DPI) -> bytes:
    """The picture as PNG of at most 256 colours; figures made alike give the same bytes."""
    before = _lay_out(figure)
    png = _render_png(figure, dpi)
    _restore(figure, before)
    return png


def write_figure(figure: Figure, stem: str | Path) -> tuple[Path, Path]:
    """Save as `stem`.pdf and `stem`.png, without the date, and return both paths."""
    stem = Path(stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    pdf, png = stem.with_name(f"{stem.name}.pdf"), stem.with_name(f"{stem.name}.png")
    before = _lay_out(figure)
    canvas = FigureCanvasPdf(figure)
    canvas.print_pdf(pdf, metadata={"CreationDate": None})
    png.write_bytes(_render_png(figure, PNG_DPI))
    _restore(figure, before)
    return pdf, png


def print_page(figure: Figure, file: PdfPages) -> None:
    """Add the figure to a PDF of several pages, laid out as `write_figure` does."""
    before = _lay_out(figure)
    FigureCanvasPdf(figure).print_pdf(cast(Any, file))
    _restore(figure, before)


def fix_layout(figure: Figure) -> Figure:
    """Lay the figure out for good: for one that is finished and goes into several files."""
    before = _lay_out(figure)
    figure.set_dpi(before[1])
    figure.set_canvas(before[2])
    return figure


def _lay_out(figure: Figure) -> tuple[Any, ...]:
    """Lay the figure out once for all files, at the resolution of PNG.

    `savefig` would lay out and draw twice for each file, and layout costs more than drawing. What
    it learns of each text's size is kept by matplotlib and serves the PNG too.
    """
    before = (figure.get_layout_engine(), figure.dpi, figure.canvas)
    figure.set_dpi(PNG_DPI)
    FigureCanvasAgg(figure)
    if before[0] is not None:
        before[0].execute(figure)
        figure.set_layout_engine("none")
    return before


def _restore(figure: Figure, before: tuple[Any, ...]) -> None:
    layout, dpi, canvas = before
    figure.set_layout_engine(layout)
    figure.set_dpi(dpi)
    figure.set_canvas(canvas)


def _render_png(figure: Figure, dpi: int) -> bytes:
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    file = BytesIO()
    picture = cast(Any, Image.fromarray(pixels))
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        file, format="png", dpi=(dpi, dpi)
    )
    return file.getvalue()


def plot_coverage(
    curve: CoverageCurve, ax: Axes, *, label: str | None = None, color: str = "C0"
) -> Axes:
    """Found against claimed coverage; the grey lens is twice the binomial standard error."""
    ax.plot([0, 1], [0, 1], color=GUIDE, linewidth=1, zorder=1)
    ax.fill_between(
        curve.claimed,
        np.clip(curve.claimed - 2 * curve.error, 0, 1),
        np.clip(curve.claimed + 2 * curve.error, 0, 1),
        color=BAND,
        linewidth=0,
        zorder=0,
    )
    ax.plot(
        curve.claimed,
        curve.found,
        marker="o",
        markersize=3.5,
        linewidth=1.2,
        color=color,
        label=label or f"n = {curve.count}",
    )
    ax.set(xlabel="claimed coverage", ylabel="found coverage", xlim=(0, 1), ylim=(0, 1))
    ax.set_aspect("equal")
    ax.legend(frameon=False, loc="upper left")
    return dress(ax)


def plot_pit_histogram(histogram: PitHistogram, ax: Axes, *, color: str = "C0") -> Axes:
    """Counts of PIT values over the range that calibrated counts keep."""
    ax.axhspan(
        histogram.low,
        histogram.high,
        color=BAND,
        linewidth=0,
        zorder=0,
        label=f"{histogram.level:.0%} of calibrated bins",
    )
    ax.axhline(histogram.expected, color=GUIDE, linewidth=1, zorder=1)
    ax.stairs(histogram.counts, histogram.edges, color=color, linewidth=1.4, zorder=3)
    ax.stairs(histogram.counts, histogram.edges, color=color, fill=True, alpha=0.35, zorder=2)
    top = max(histogram.high, float(histogram.counts.max()))
    ax.set(
        xlabel="F(truth), the PIT value",
        ylabel=f"cases of {histogram.counts.sum()}",
        xlim=(0, 1),
        ylim=(0, 1.3 * top),
    )
    ax.legend(frameon=False, loc="upper right")
    return dress(ax)


def plot_ecdf_difference(value: EcdfDifference, ax: Axes, *, color: str = "C0") -> Axes:
    """Distribution of PIT values less the uniform one, in the band for the whole curve."""
    ax.fill_between(
        value.at,
        value.low,
        value.high,
        step="mid",
        color=BAND,
        linewidth=0,
        label=f"{value.level:.0%} of calibrated curves",
    )
    ax.axhline(0, color=GUIDE, linewidth=1)
    ax.step(value.at, value.difference, where="mid", color=color, linewidth=1.4)
    reach = 1.35 * float(np.max(np.abs([value.low, value.high, value.difference])))
    ax.set(
        xlabel="F(truth), the PIT value",
        ylabel="found share less expected",
        xlim=(0, 1),
        ylim=(-reach, reach),
    )
    ax.legend(frameon=False, loc="upper right")
    return dress(ax)


def plot_predicted_truth(
    value: PredictedTruth, ax: Axes, *, quantity: str = "", color: str = "C0"
) -> Axes:
    """Predictions with one-sigma bars against truths, around the line where they are equal."""
    faint = float(np.clip(100 / len(value.truth), 0.1, 0.7))
    ax.errorbar(
        value.truth,
        value.predicted,
        yerr=value.sd,
        fmt="o",
        markersize=3,
        linewidth=0.8,
        alpha=faint,
        color=color,
        markeredgewidth=0,
    )
    ends = [
        float(min(value.truth.min(), value.predicted.min())),
        float(max(value.truth.max(), value.predicted.max())),
    ]
    ax.plot(ends, ends, color=GUIDE, linewidth=1, zorder=0)
    ax.set(xlabel=f"true {quantity}".strip(), ylabel=f"predicted {quantity}".strip())
    ax.text(
        0.04,
        0.96,
        f"n = {len(value.truth)}\nrms error {value.rms:.3g}\n"
        f"scaled errors {value.score.mean():+.2f} ± {value.score.std():.2f}",
        transform=ax.transAxes,
        va="top",
        fontsize="small",
    )
    return dress(ax)
