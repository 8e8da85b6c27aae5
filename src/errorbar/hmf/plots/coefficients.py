"""A picture of scores of coefficients: what has a signal, and what is unlike the others."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from errorbar.core.plots import dress
from errorbar.hmf.summary import CoefficientScores

__all__ = ["plot_coefficients"]

MARKERS = "osD^vP*X"


def plot_coefficients(
    scores: CoefficientScores, ax: Axes, *, groups: Sequence[str] | None = None
) -> Axes:
    """Signal against significance, a colour for each group; flagged objects are in the grey part.

    `groups` name each object's, say its class; objects of which nothing is known are not drawn.
    """
    known = ~np.isnan(scores.signal)
    names = np.array(["objects"] * len(known) if groups is None else list(groups), dtype=object)
    for place, name in enumerate(dict.fromkeys(names.tolist())):
        chosen = known & (names == name)
        ax.plot(
            scores.signal[chosen], scores.unlike[chosen], linestyle="none", markersize=4.5,
            marker=MARKERS[place % len(MARKERS)], markeredgewidth=0, alpha=0.8,
            color=f"C{place % 10}", label=f"{name} ({int(chosen.sum())})", zorder=3,
        )  # fmt: skip
    rule = scores.rule
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    bottom, top = ax.get_ylim()
    bottom, top = min(bottom, -2.0), max(top, 1.15 * rule.critical)
    faintest = np.exp(rule.brightness[0] - rule.brightness[1] * rule.critical_faint)
    empty = min(float(faintest), rule.least_signal)
    if empty > low:
        ax.axvspan(low, empty, color="0.93", linewidth=0, zorder=0)
        ax.text(low * 1.15, top, "no signal", va="top", fontsize="small", color="0.4")
    ax.fill_between([max(empty, low), high], rule.critical, top, color="0.93", linewidth=0)
    ax.text(
        max(empty, low) * 1.15, top, "unlike the others", va="top", fontsize="small", color="0.4"
    )
    ax.set(
        xlim=(low, high), ylim=(bottom, top), xlabel="signal / noise of a pixel",
        ylabel="distance from the others",
    )  # fmt: skip
    ax.legend(frameon=False, fontsize="small", loc="best")
    return dress(ax)
