r"""One class of planets as what it says about its own slope, one normal for each scatter.

Within a class $y_i \sim N(\alpha + \beta x_i,\; v_i + \epsilon^2)$, masses less the class's mean.
Given $\epsilon$ the likelihood is normal in $(\alpha, \beta)$. With the intercept integrated out,

$$L(\beta \mid \epsilon) = Z(\epsilon)\, N\big(\beta;\; b(\epsilon), s^2(\epsilon)\big),$$

and $\alpha$ given the slope is normal around $a(\epsilon) + g(\epsilon) (\beta - b(\epsilon))$.
These curves of $\epsilon$ are all that other classes need to know of this one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.data import SurveyData

__all__ = ["SlopeCurves", "slope_curves"]


@dataclass(frozen=True, slots=True, eq=False)
class SlopeCurves:
    """$\\log Z$, $b$, $s^2$, and of the intercept $a$, $g$ and its variance given the slope."""

    log_z: Float[ndarray, " nodes"]
    slope: Float[ndarray, " nodes"]
    variance: Float[ndarray, " nodes"]
    intercept: Float[ndarray, " nodes"]
    gradient: Float[ndarray, " nodes"]
    remainder: Float[ndarray, " nodes"]


def slope_curves(
    data: SurveyData, epsilon: Float[ndarray, " nodes"], alpha_mean: float, alpha_sd: float
) -> SlopeCurves:
    """The curves at these scatters; an infinite `alpha_sd` is a flat intercept of density one."""
    x, y = data.xc, data.y - alpha_mean
    w = 1.0 / (data.sigma**2 + epsilon[:, None] ** 2)
    s0, s1, s2 = w.sum(1), w @ x, w @ (x * x)
    t0, t1, q = w @ y, w @ (x * y), w @ (y * y)
    constant = (1 - 0.5 * data.n) * np.log(2 * np.pi)
    if np.isfinite(alpha_sd):
        s0 = s0 + alpha_sd**-2
        constant -= np.log(alpha_sd) + 0.5 * np.log(2 * np.pi)
    det = s0 * s2 - s1 * s1
    a, b = (s2 * t0 - s1 * t1) / det, (s0 * t1 - s1 * t0) / det
    log_z = constant + 0.5 * (np.log(w).sum(1) - np.log(det) - q + t0 * a + t1 * b)
    return SlopeCurves(log_z, b, s0 / det, a + alpha_mean, -s1 / s0, 1.0 / s0)
