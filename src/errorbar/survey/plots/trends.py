"""Panels of surveys against leverage: points by class, trends, closed forms."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from errorbar.core.plots import dress
from errorbar.survey.plots.marks import CLOSED_FORM, CURVE, class_color
from errorbar.survey.summary import ClosedFormCheck, PivotIntercepts, PowerLaw, TrendPanel
from errorbar.survey.summary.panels import Cloud

__all__ = ["plot_closed_form", "plot_errors", "plot_means", "plot_pivot"]


FEW = 50
Corner = Literal["lower left", "lower right", "upper right"]


def plot_errors(panel: TrendPanel, ax: Axes, *, logarithmic: bool = False) -> Axes:
    """Posterior errors, with power law and band, straight line, and closed form."""
    for cloud in panel.clouds:
        ax.scatter(
            cloud.x + _beside(panel, cloud),
            cloud.y,
            s=15,
            alpha=_alpha(panel.count),
            linewidths=0,
            color=class_color(panel.classes, cloud.label),
            zorder=3,
        )
    if panel.expected is not None:
        ax.plot(
            panel.expected.x,
            panel.expected.y,
            color=CLOSED_FORM,
            linewidth=1.6,
            zorder=4,
            label=f"${panel.expected.formula}$, {panel.expected.terms}",
        )
    if panel.power is not None and panel.power_band is not None:
        band = panel.power_band
        ax.fill_between(band.x, band.low, band.high, color=CURVE, alpha=0.18, linewidth=0, zorder=1)
        ax.plot(
            band.x,
            band.middle,
            color=CURVE,
            linestyle="--",
            linewidth=1.2,
            zorder=5,
            label=_law(panel.power, panel.across.tex),
        )
    if panel.linear_band is not None and not logarithmic:
        ax.plot(
            panel.linear_band.x,
            panel.linear_band.middle,
            color="0.45",
            linestyle="-.",
            linewidth=1,
            zorder=2,
            label="straight line",
        )
    _name_axes(panel, ax)
    if logarithmic:
        _logarithmic(ax)
    else:
        _from_zero(panel, ax)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(
            frameon=False, fontsize="small", loc=_corner(panel, logarithmic), handlelength=1.8
        )
    return dress(ax)


def plot_means(panel: TrendPanel, ax: Axes, *, zero: bool = False) -> Axes:
    """Posterior means with their 68 % intervals, and the straight line through them."""
    for cloud in panel.clouds:
        color = class_color(panel.classes, cloud.label)
        _bars(cloud, ax, color, panel.count, _beside(panel, cloud))
    if panel.linear is not None and panel.linear_band is not None:
        band = panel.linear_band
        ax.fill_between(band.x, band.low, band.high, color=CURVE, alpha=0.18, linewidth=0, zorder=4)
        ax.plot(
            band.x,
            band.middle,
            color=CURVE,
            linewidth=1.2,
            zorder=5,
            label=f"slope {_rounded(panel.linear.slope, panel.linear.slope_error)}",
        )
        ax.legend(frameon=False, fontsize="small", loc="best", handlelength=1.8)
    if zero:
        ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    _name_axes(panel, ax)
    return dress(ax)


def plot_closed_form(check: ClosedFormCheck, ax: Axes) -> Axes:
    """Fitted errors of the slope against sigma_tot/L: a match lies on the line."""
    count = sum(len(cloud.x) for cloud in check.clouds)
    for cloud in check.clouds:
        ax.scatter(
            cloud.x,
            cloud.y,
            s=14,
            alpha=_alpha(count),
            linewidths=0,
            color=class_color(check.classes, cloud.label),
            zorder=3,
        )
    if count:
        ends = [
            0.92 * min(float(min(c.x.min(), c.y.min())) for c in check.clouds),
            1.08 * max(float(max(c.x.max(), c.y.max())) for c in check.clouds),
        ]
        ax.plot(ends, ends, color=CLOSED_FORM, linewidth=1.4, zorder=2)
        ax.set(xlim=ends, ylim=ends)
        low, high = check.middle
        ax.text(
            0.04,
            0.96,
            f"fitted / closed form\nmedian {check.median:.3f}\n68 % in {low:.3f}–{high:.3f}",
            transform=ax.transAxes,
            va="top",
            fontsize="small",
        )
    ax.set(
        xlabel=rf"closed form $\sigma_\mathrm{{tot}}/L$ ({check.quantity.unit})",
        ylabel=f"fitted {check.quantity.axis}",
    )
    _logarithmic(ax)
    ax.set_aspect("equal")
    return dress(ax)


def plot_pivot(value: PivotIntercepts, ax: Axes, *, common: bool) -> Axes:
    """Intercepts against each survey's mean log mass: its own, or all at the common pivot."""
    clouds = value.at_pivot if common else value.at_mean
    count = sum(len(cloud.x) for cloud in clouds)
    for cloud in clouds:
        _bars(cloud, ax, class_color(value.classes, cloud.label), count)
    if common:
        ax.axvline(value.pivot, color="0.5", linewidth=1, linestyle=":", zorder=0)
    where = rf"at $\log M = {value.pivot:.2f}$" if common else "at each survey's own mean"
    ax.set(
        xlabel=r"mean $\log M$ of the survey ($\log\,M_\mathrm{Jup}$)",
        ylabel=value.quantity.axis,
    )
    ax.text(0.97, 0.95, where, transform=ax.transAxes, ha="right", va="top")
    if clouds:
        both = np.concatenate([cloud.y for cloud in (*value.at_mean, *value.at_pivot)])
        _leave_out_strays(ax, np.concatenate([cloud.y for cloud in clouds]), both)
    return dress(ax)


def _leave_out_strays(ax: Axes, y: np.ndarray, beside: np.ndarray) -> None:
    """Show the middle 98 % of many points and those beside, and say how many lie outside."""
    if y.size < FEW:
        return
    low, high = np.quantile(beside, [0.01, 0.99])
    room = 0.35 * float(high - low)
    ax.set_ylim(float(low) - room, float(high) + room)
    outside = int(np.sum((y < low - room) | (y > high + room)))
    if outside:
        ax.text(
            0.98,
            0.02,
            f"{outside} of {y.size} outside",
            transform=ax.transAxes,
            ha="right",
            fontsize="small",
            color="0.4",
        )


def _bars(cloud: Cloud, ax: Axes, color: str, count: int, beside: float = 0.0) -> None:
    if cloud.low is not None and cloud.high is not None:
        ax.vlines(
            cloud.x + beside,
            cloud.low,
            cloud.high,
            color=color,
            alpha=0.28,
            linewidth=0.8,
            zorder=2,
        )
    ax.scatter(
        cloud.x + beside, cloud.y, s=12, alpha=_alpha(count), linewidths=0, color=color, zorder=3
    )


def _beside(panel: TrendPanel, cloud: Cloud) -> float:
    """Classes stand side by side at each survey size, instead of on top of each other."""
    if panel.across.tex != "N":
        return 0.0
    sizes = np.unique(np.concatenate([each.x for each in panel.clouds]))
    gap = float(np.diff(sizes).min()) if sizes.size > 1 else 4.0
    place = panel.classes.index(cloud.label) - (len(panel.classes) - 1) / 2
    return 0.6 * gap * place / len(panel.classes)


def _alpha(count: int) -> float:
    """Fainter points where there are more of them."""
    return 0.8 if count <= 120 else 0.5


def _law(law: PowerLaw, symbol: str) -> str:
    """`a/L^b`, with the exponent's error."""
    factor, error = f"{law.coefficient:.3g}", f"{law.exponent_error:.2f}"
    if law.exponent < 0:
        return rf"${factor}\,/\,{symbol}^{{{-law.exponent:.2f}\pm{error}}}$"
    return rf"${factor}\,{symbol}^{{{law.exponent:.2f}\pm{error}}}$"


def _name_axes(panel: TrendPanel, ax: Axes) -> None:
    ax.set(xlabel=panel.across.axis, ylabel=panel.up.axis)
    if panel.across.tex == "N":
        ax.set_xlabel("planets in the survey $N$")


def _rounded(value: float, error: float) -> str:
    """A value and its error in TeX, to the error's first digit."""
    digits = int(np.clip(np.ceil(-np.log10(error)), 0, 9)) if error > 0 else 3
    return rf"${value:+.{digits}f}\pm{error:.{digits}f}$"


def _from_zero(panel: TrendPanel, ax: Axes) -> None:
    """Errors from zero up, so that a flat one looks flat."""
    tops = [float(cloud.y.max()) for cloud in panel.clouds]
    if panel.expected is not None and panel.power is None:
        tops.append(float(panel.expected.y.max()))
    if tops and max(tops) > 0:
        ax.set_ylim(0, 1.22 * max(tops))


def _corner(panel: TrendPanel, logarithmic: bool) -> Corner:
    """Where the points leave room: under errors that stay flat, above those that fall."""
    if logarithmic:
        return "lower left"
    y = np.concatenate([cloud.y for cloud in panel.clouds]) if panel.clouds else np.zeros(0)
    flat = y.size > 0 and float(np.min(y)) > 0.5 * float(np.max(y))
    return "lower right" if flat else "upper right"


def _logarithmic(ax: Axes) -> None:
    """Logarithmic axes with plain numbers."""
    for axis, scale in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
        scale("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
