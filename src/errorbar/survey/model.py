r"""Priors of the survey regressions: what is believed before a survey is seen.

Three models share one notation. $x_i$ is the log mass less the survey's mean, $y_i$ the planet's
abundance with variance $v_i$, $s_i$ the star's metallicity with variance $u_i$.

- **single**: $y_i \sim N(\alpha + \beta x_i,\; v_i + \epsilon^2)$.
- **joint**: $(y_i, s_i) \sim N_2\big((\alpha_p + \beta_p x_i,\; \alpha_s + \beta_s x_i),\;
  \Sigma + \mathrm{diag}(v_i, u_i)\big)$ with
  $\Sigma$ built of $\sigma_p, \sigma_s, \rho$; the prior of $\Sigma$ is LKJ(2) on $\rho$, which in
  two dimensions is $\tfrac34(1-\rho^2)$, times a half-normal on each scatter.
- **mass-star**: $y_i \sim N(\alpha + \beta_p x_i + \beta_s (\xi_i - \bar s),\; v_i + \epsilon^2)$
  with the true stellar metallicity $\xi_i \sim N(s_i, u_i)$.

The reference code writes its priors in terms of the data: `PriorRule` names its choices and
turns a survey into the numbers a fit needs. Calibration needs priors that do not look at the data:
pass a `SinglePrior`, `JointPrior` or `MassStarPrior` with numbers of your own.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.survey.data import SurveyData

__all__ = [
    "JOINT_PARAMETERS",
    "MASS_STAR_PARAMETERS",
    "SINGLE_PARAMETERS",
    "InterceptRule",
    "JointPrior",
    "MassStarPrior",
    "PriorRule",
    "SinglePrior",
    "SlopeRule",
]

SINGLE_PARAMETERS = ("alpha", "beta", "epsilon")
JOINT_PARAMETERS = ("alpha_p", "beta_p", "alpha_s", "beta_s", "sigma_p", "sigma_s", "rho")
MASS_STAR_PARAMETERS = ("alpha", "beta_p", "beta_s", "epsilon")

InterceptRule = Literal["reference", "flat"]
SlopeRule = Literal["ptp", "sd"]


@dataclass(frozen=True, slots=True)
class SinglePrior:
    """Normal intercept and slope (`inf` is flat), half-normal scatter."""

    alpha_mean: float
    alpha_sd: float
    beta_sd: float
    epsilon_scale: float


@dataclass(frozen=True, slots=True)
class JointPrior:
    """Normal intercepts and slopes for planet then star, half-normal scatters, LKJ(2)."""

    alpha_mean: tuple[float, float]
    alpha_sd: tuple[float, float]
    beta_sd: tuple[float, float]
    scatter_scale: float = 0.5


@dataclass(frozen=True, slots=True)
class MassStarPrior:
    """Normal intercept and slopes, the star's slope around `beta_s_mean`, half-normal scatter."""

    alpha_mean: float
    alpha_sd: float
    beta_p_sd: float
    beta_s_sd: float
    epsilon_scale: float
    beta_s_mean: float = 1.0


@dataclass(frozen=True, slots=True)
class PriorRule:
    """How a survey's own data set its priors.

    `intercept="reference"` is the reference code's normal around the mean response with standard
    deviation $s_y/\\sqrt n$: it uses the data twice and its intervals are too short. `"flat"`
    is the honest choice. `slope="ptp"` is the reference code's ratio of ranges, `"sd"` the ratio
    of standard deviations of its README.
    """

    intercept: InterceptRule = "reference"
    slope: SlopeRule = "ptp"

    def __post_init__(self) -> None:
        for name, choices in (("intercept", InterceptRule), ("slope", SlopeRule)):
            if getattr(self, name) not in get_args(choices):
                raise SettingsError(
                    f"{name}={getattr(self, name)!r} is not a prior rule; "
                    f"choose one of {', '.join(get_args(choices))}."
                )

    @property
    def label(self) -> str:
        """The rule in a few words, as every table states it."""
        return f"intercept={self.intercept}, slope={self.slope}"

    def single(self, data: SurveyData) -> SinglePrior:
        """The reference's `Model` priors: a floor of 1e-3 under each scale."""
        spread = float(np.std(data.y))
        return SinglePrior(
            alpha_mean=float(np.mean(data.y)),
            alpha_sd=self._intercept_sd(max(spread / np.sqrt(data.n), 1e-3)),
            beta_sd=self._slope_sd(data.x, data.y),
            epsilon_scale=max(spread, 1e-3),
        )

    def joint(self, data: SurveyData) -> JointPrior:
        """The reference's `MetModel` priors: 1e-3 is added to the scale, not a floor."""
        star, _ = data.need_star()
        responses = (data.y, star)
        spreads = [float(np.std(r)) / np.sqrt(data.n) + 1e-3 for r in responses]
        return JointPrior(
            alpha_mean=(float(np.mean(data.y)), float(np.mean(star))),
            alpha_sd=(self._intercept_sd(spreads[0]), self._intercept_sd(spreads[1])),
            beta_sd=(self._slope_sd(data.x, data.y), self._slope_sd(data.x, star)),
        )

    def mass_star(self, data: SurveyData) -> MassStarPrior:
        """The later planet-on-mass-and-star model: sample (ddof=1) spreads, star's slope near 1."""
        star, _ = data.need_star()
        spread = float(np.std(data.y, ddof=1))
        return MassStarPrior(
            alpha_mean=float(np.mean(data.y)),
            alpha_sd=self._intercept_sd(max(spread / np.sqrt(data.n), 1e-3)),
            beta_p_sd=self._slope_sd(data.x, data.y, ddof=1),
            beta_s_sd=self._slope_sd(star, data.y, ddof=1),
            epsilon_scale=max(spread, 1e-3),
        )

    def _intercept_sd(self, reference: float) -> float:
        return float("inf") if self.intercept == "flat" else float(reference)

    def _slope_sd(self, x: NDArray[np.float64], y: NDArray[np.float64], ddof: int = 0) -> float:
        if self.slope == "ptp":
            # The reference puts 1 wherever a range is zero.
            return float((np.ptp(y) or 1.0) / (np.ptp(x) or 1.0))
        return float((np.std(y, ddof=ddof) or 1.0) / (np.std(x, ddof=ddof) or 1.0))
