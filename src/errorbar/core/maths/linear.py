r"""Least-squares straight lines and what they do not know.

With $A = [1, x]$ the line is $\hat\theta = (A^\top A)^{-1} A^\top y$; its residual variance is
$s^2 = \mathrm{RSS} / \max(n - 2, 1)$, and at a point with $a = (1, x)$

- the **mean** is uncertain by $\sqrt{s^2\, a^\top (A^\top A)^{-1} a}$,
- a **new value** by $\sqrt{s^2 + s^2\, a^\top (A^\top A)^{-1} a}$.

Both are computed about the mean of $x$, where $A^\top A$ is diagonal and nothing cancels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import InputError

__all__ = ["BandKind", "LineBand", "StraightLine", "fit_line", "line_band"]

BandKind = Literal["mean", "prediction"]


@dataclass(frozen=True, slots=True)
class StraightLine:
    """An ordinary least-squares line.

    `slope_error` is one standard deviation, `variance` the residual variance, `centre` the mean
    and `spread` the sum of squared distances from it of the `count` abscissae.
    """

    intercept: float
    slope: float
    slope_error: float
    variance: float
    centre: float
    spread: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class LineBand:
    """A line at the places `x`, with one-sigma limits `low` and `high`."""

    x: ndarray
    middle: ndarray
    low: ndarray
    high: ndarray


def fit_line(x: Float[ndarray, " rows"], y: Float[ndarray, " rows"]) -> StraightLine:
    """The least-squares line of `y` on `x`; two different abscissae are the least it needs."""
    bad = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if bad.size:
        raise InputError(
            f"a line needs finite points; {bad.size} of {len(x)} are not, first at row {bad[0]} "
            f"(x {x[bad[0]]}, y {y[bad[0]]}). Drop them first."
        )
    if len(x) < 2 or np.ptp(x) == 0:
        raise InputError(
            f"a line needs two different abscissae, and the {len(x)} points have "
            f"{len(np.unique(x))}: widen the selection."
        )
    centre, height = float(x.mean()), float(y.mean())
    away = x - centre
    spread = float(away @ away)
    slope = float(away @ (y - height)) / spread
    residual = y - height - slope * away
    variance = float(residual @ residual) / max(len(x) - 2, 1)
    return StraightLine(
        intercept=height - slope * centre,
        slope=slope,
        slope_error=float(np.sqrt(variance / spread)),
        variance=variance,
        centre=centre,
        spread=spread,
        count=len(x),
    )


def line_band(
    line: StraightLine, x: Float[ndarray, " places"], kind: BandKind = "mean"
) -> LineBand:
    """The line at `x` within one sigma of its mean, or of a new value."""
    middle = line.intercept + line.slope * x
    unknown = line.variance * (1.0 / line.count + (x - line.centre) ** 2 / line.spread)
    width = np.sqrt(unknown + (line.variance if kind == "prediction" else 0.0))
    return LineBand(x=x, middle=middle, low=middle - width, high=middle + width)
