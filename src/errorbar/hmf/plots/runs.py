"""Pictures of what a fit did: the weights it left, and its way to the end."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from errorbar.core.plots import dress
from errorbar.hmf.summary import WeightHistogram

__all__ = ["plot_convergence", "plot_weights"]

# Smaller distances to the end are rounding.
LEAST = 1e-9


def plot_weights(
    histogram: WeightHistogram, ax: Axes, *, cut: float | None = 0.5, density: bool = False
) -> Axes:
    """Counts of robust weights for each group, or their shares, on a logarithmic axis."""
    for place, (name, counts) in enumerate(zip(histogram.groups, histogram.counts)):
        total = int(counts.sum())
        height = counts / max(1, total) if density else counts
        ax.stairs(
            height, histogram.edges, color=f"C{place}", linewidth=1.4,
            label=f"{name} ({total:,})",
        )  # fmt: skip
    if cut is not None:
        ax.axvline(cut, color="0.6", linewidth=0.8, linestyle=":", zorder=1)
    ax.set(
        xlabel="weight kept $u$", ylabel="share of pixels" if density else "pixels", xlim=(0, 1),
        yscale="log",
    )  # fmt: skip
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return dress(ax)


def plot_convergence(runs: Mapping[str, ndarray], ax: Axes, *, end: float | None = None) -> Axes:
    """Objectives on the way, as a share above `end`, by default the lowest of all runs.

    What is not above it is not drawn.
    """
    lowest = min(float(np.min(losses)) for losses in runs.values()) if end is None else end
    for place, (name, losses) in enumerate(runs.items()):
        above = np.asarray(losses) / lowest - 1.0
        above = np.where(above > LEAST, above, np.nan)
        ax.plot(
            np.arange(1, len(losses) + 1), above, color=f"C{place % 10}", linewidth=1.3,
            marker="o" if len(losses) < 40 else None, markersize=2.5, label=name,
        )  # fmt: skip
    ax.set(xlabel="iteration", ylabel="objective above the lowest, as a share", yscale="log")
    ax.legend(frameon=False, fontsize="small", loc="upper right")
    return dress(ax)
