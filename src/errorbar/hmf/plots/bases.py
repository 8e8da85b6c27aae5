"""Pictures of basis vectors."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from errorbar.core.plots import dress
from errorbar.hmf.summary import BasisMatch

__all__ = ["plot_bases", "plot_basis"]

TRUTH = "0.7"


def plot_basis(wavelength: ndarray, G: ndarray, ax: Axes, *, axis: str = "wavelength") -> Axes:
    """Every vector above the next, each scaled to the same height; the first is on top."""
    for k, vector in enumerate(G.T):
        size = 2.3 * float(np.abs(vector).max()) or 1.0
        ax.plot(wavelength, vector / size - k, color=f"C{k % 10}", linewidth=1.1, zorder=3)
        ax.axhline(-k, color="0.85", linewidth=0.8, zorder=1)
    ax.set(xlabel=axis, xlim=(wavelength[0], wavelength[-1]))
    ax.set_yticks(-np.arange(G.shape[1]), [str(k + 1) for k in range(G.shape[1])])
    ax.set_ylabel("basis vector")
    return dress(ax)


def plot_bases(
    wavelength: ndarray,
    matches: Mapping[str, BasisMatch],
    axes: Sequence[Axes],
    *,
    axis: str = "wavelength",
) -> Sequence[Axes]:
    """One panel for each true vector, with what each method finds of it.

    The legend, in the first panel, tells the largest angle between the spans.
    """
    first = next(iter(matches.values()))
    for k, ax in enumerate(axes):
        ax.plot(wavelength, first.true[:, k], color=TRUTH, linewidth=3.2, label="true", zorder=2)
        for place, (name, match) in enumerate(matches.items()):
            label = f"{name} ({match.angles[0]:.2g}°)"
            ax.plot(
                wavelength, match.found[:, k], color=f"C{place}", linewidth=1.0, label=label,
                zorder=3 + len(matches) - place,
            )  # fmt: skip
        low, high = float(first.true[:, k].min()), float(first.true[:, k].max())
        room = 0.25 * max(high - low, 0.4 * float(np.abs(first.true[:, k]).max()))
        ax.set(ylabel=f"vector {k + 1}", xlim=(wavelength[0], wavelength[-1]))
        ax.set_ylim(low - room, high + room)
        dress(ax)
    axes[-1].set_xlabel(axis)
    axes[0].legend(
        frameon=False, fontsize="small", ncols=1 + len(matches), loc="lower left",
        bbox_to_anchor=(0.0, 1.0), borderaxespad=0.1,
    )  # fmt: skip
    return axes
