r"""Power laws and closed-form curves of posterior errors against leverage.

A power law $s = a x^b$ is the least-squares line of $\log s$ on $\log x$; its bands are those of
the line (`core.maths.linear`), exponentiated.

The closed forms need no fit. With $\sigma_\mathrm{tot}^2 = \sigma_i^2 + \epsilon^2$ the same for
all $N$ planets and flat priors,

$$\sigma(\beta) = \frac{\sigma_\mathrm{tot}}{L}, \qquad
  \sigma(\alpha) = \frac{\sigma_\mathrm{tot}}{\sqrt N}, \qquad
  \sigma(\epsilon) = \frac{\sigma_\mathrm{tot}^2}{\epsilon\sqrt{2N}},$$

the last one valid while it is small against $\epsilon$. Only the slope's error depends on leverage.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.core.maths.linear import BandKind, LineBand, StraightLine, fit_line, line_band

__all__ = ["ExpectedCurve", "PowerLaw", "expected_sd", "fit_power_law", "power_law_band"]


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """`coefficient * x**exponent`, by least squares on logarithms."""

    line: StraightLine

    @property
    def coefficient(self) -> float:
        return float(np.exp(self.line.intercept))

    @property
    def exponent(self) -> float:
        return self.line.slope

    @property
    def exponent_error(self) -> float:
        """One standard deviation of the exponent."""
        return self.line.slope_error


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedCurve:
    """A closed-form posterior error `y` at `x`, the formula it comes from in TeX, and its terms."""

    x: ndarray
    y: ndarray
    formula: str
    terms: str = "no fit"


def fit_power_law(x: Float[ndarray, " rows"], y: Float[ndarray, " rows"]) -> PowerLaw:
    """The power law through positive points."""
    bad = np.flatnonzero(~((x > 0) & (y > 0)))
    if bad.size:
        raise InputError(
            f"a power law needs positive numbers; {bad.size} of {len(x)} points are not, first at "
            f"row {bad[0]} (x {x[bad[0]]}, y {y[bad[0]]}). Leave them out first."
        )
    return PowerLaw(fit_line(np.log(x), np.log(y)))


def power_law_band(
    law: PowerLaw, x: Float[ndarray, " places"], kind: BandKind = "mean"
) -> LineBand:
    """The power law at `x` within one sigma of its mean, or of a new value."""
    band = line_band(law.line, np.log(x), kind)
    return LineBand(x, np.exp(band.middle), np.exp(band.low), np.exp(band.high))


def expected_sd(
    kind: str, leverage: Float[ndarray, " places"], planets: int, total: float, scatter: float
) -> ExpectedCurve:
    """The closed-form error of an `intercept`, a `slope` or a `scatter` at these leverages.

    `total` is the total scatter of one planet about the line, `scatter` the intrinsic part of it,
    both in dex.
    """
    if kind == "slope":
        return ExpectedCurve(leverage, total / leverage, r"\sigma_\mathrm{tot}/L")
    if kind == "intercept":
        flat = np.full_like(leverage, total / np.sqrt(planets))
        formula = r"\sigma_\mathrm{tot}/\sqrt{N}"
        return ExpectedCurve(leverage, flat, formula, "no fit, flat prior")
    flat = np.full_like(leverage, total**2 / (scatter * np.sqrt(2.0 * planets)))
    return ExpectedCurve(leverage, flat, r"\sigma_\mathrm{tot}^2/(\epsilon\sqrt{2N})")
