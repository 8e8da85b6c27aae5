"""Errors far from the training runs, for several methods and numbers of anchors."""

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from errorbar.core.plots import dress
from errorbar.rt.plots.axes import logarithmic, sides

__all__ = ["plot_farness"]


def plot_farness(
    frame: pl.DataFrame,
    ax: Axes,
    *,
    anchors: int | None = None,
    measure: str = "mae",
    words: str = "mean absolute error (min)",
) -> Axes:
    """A measure by percentile of far-ness, a line for each method, with its interval.

    `frame` has the columns method, bin, the measure, low and high, and anchors where there are
    several numbers of them: `replicate_means` makes it.
    """
    part = frame if anchors is None else frame.filter(pl.col("anchors") == anchors)
    labels = part["bin"].unique(maintain_order=True).to_list()
    methods = part["method"].unique(maintain_order=True).to_list()
    every = frame["method"].unique(maintain_order=True).to_list()
    for method, side in zip(methods, sides(len(methods), 0.3)):
        held = pl.DataFrame({"bin": labels}).join(
            part.filter(pl.col("method") == method), on="bin", how="left", maintain_order="left"
        )
        value = held[measure].to_numpy().astype(np.float64)
        low, high = (held[name].to_numpy().astype(np.float64) for name in ("low", "high"))
        bars = np.nan_to_num(np.stack([value - low, high - value]))
        ax.errorbar(
            np.arange(len(labels)) + side, value, yerr=np.maximum(bars, 0), fmt="o-",
            markersize=4.5, linewidth=1.3, color=f"C{every.index(method) % 10}", label=method,
        )  # fmt: skip
    ax.set_xticks(range(len(labels)), [x.replace("-", "–").removesuffix(" %") for x in labels])
    ax.set(xlabel="far-ness of the run (percentile)", ylabel=words, xlim=(-0.5, len(labels) - 0.5))
    if anchors is not None:
        ax.set_title(
            f"{anchors} anchors" if anchors else "no anchors", loc="left", fontsize="medium"
        )
    values = part[measure].drop_nulls().to_numpy()
    if values.size and values.min() > 0:
        logarithmic(ax)
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return dress(ax)
