"""Colours, markers and legends that every figure of surveys shares."""

from collections.abc import Collection, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

__all__ = ["class_color", "class_key", "class_legend", "tell"]

CURVE = "0.25"
CLOSED_FORM = "C4"


def class_color(classes: Sequence[str], label: str) -> str:
    """The colour of a class: the first is C0, and so on."""
    return f"C{tuple(classes).index(label) % 10}"


def class_key(classes: Sequence[str], drawn: Collection[str]) -> list[Line2D]:
    """Legend entries of the classes that are drawn, in the order of their colours."""
    return [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=6,
            markeredgewidth=0,
            color=class_color(classes, label),
            label=label,
        )
        for label in classes
        if label in drawn
    ]


def class_legend(
    figure: Figure, classes: Sequence[str], drawn: Collection[str], title: str
) -> None:
    """The classes in one row above all panels, under the figure's title."""
    figure.suptitle(title, x=0.012, ha="left", fontsize="medium", fontweight="bold")
    key = class_key(classes, drawn)
    if key:
        figure.legend(
            handles=key,
            loc="outside upper right",
            ncols=len(key),
            frameon=False,
            fontsize="small",
            handletextpad=0.1,
            columnspacing=1.0,
            borderaxespad=0.2,
        )


def tell(ax: Axes, words: str) -> None:
    """Words in the middle of a panel that has nothing else to show."""
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color="0.4")
