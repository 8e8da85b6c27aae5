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

- **mass-errors**: single with true log masses $\xi_i \sim N(\mu_x, \tau_x^2)$ behind the measured
  ones, $x_i \sim N(\xi_i, u_i)$.
- **limits**: single, where some $y_i$ are upper limits.
- **robust**: single or limits, where a share $q$ of the planets has a much larger variance.
- **classes**: single in every class of planets, with slopes $\beta_c \sim N(\mu, \tau^2)$.

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
    "MASS_ERRORS_PARAMETERS",
    "MASS_STAR_PARAMETERS",
    "SINGLE_PARAMETERS",
    "InterceptRule",
    "JointPrior",
    "MassErrorsPrior",
    "MassStarPrior",
    "PooledPrior",
    "PriorRule",
    "RobustPrior",
    "SinglePrior",
    "SlopeRule",
]

SINGLE_PARAMETERS = ("alpha", "beta", "epsilon")
JOINT_PARAMETERS = ("alpha_p", "beta_p", "alpha_s", "beta_s", "sigma_p", "sigma_s", "rho")
MASS_STAR_PARAMETERS = ("alpha", "beta_p", "beta_s", "epsilon")
MASS_ERRORS_PARAMETERS = ("alpha", "mu_x", "beta", "epsilon", "tau_x")

InterceptRule = Literal["reference", "flat"]
SlopeRule = Literal["ptp", "sd"]
Rows = NDArray[np.float64]


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
class MassErrorsPrior:
    """`SinglePrior` and a Gaussian population of true log masses: normal mean, half-normal width.

    `mu_mean` is a log mass, not centred.
    """

    alpha_mean: float
    alpha_sd: float
    beta_sd: float
    epsilon_scale: float
    mu_mean: float
    mu_sd: float
    tau_scale: float


@dataclass(frozen=True, slots=True)
class RobustPrior:
    """`SinglePrior` and a share of outliers, beta-distributed with the shapes `outlier_share`.

    An outlier's variance is larger by `outlier_sd` squared.
    """

    alpha_mean: float
    alpha_sd: float
    beta_sd: float
    epsilon_scale: float
    outlier_sd: float
    outlier_share: tuple[float, float] = (1.0, 9.0)

    def __post_init__(self) -> None:
        few, many = self.outlier_share
        if not (few > 0 and many > 0 and few + many <= 1000):
            raise SettingsError(
                f"outlier_share={self.outlier_share} does not shape a beta distribution we can "
                "integrate: give two positive numbers whose sum is at most 1000."
            )


@dataclass(frozen=True, slots=True)
class PooledPrior:
    """What classes share: normal mean slope, half-normal spread of slopes, and their own priors.

    Every class has its own intercept, at the mean log mass of its planets, and its own scatter.
    """

    mu_mean: float
    mu_sd: float
    tau_scale: float
    epsilon_scale: float
    alpha_mean: float = 0.0
    alpha_sd: float = np.inf

    def __post_init__(self) -> None:
        for name in ("mu_sd", "tau_scale", "epsilon_scale", "alpha_sd"):
            value = getattr(self, name)
            if not value > 0 or (name.endswith("scale") and not np.isfinite(value)):
                raise SettingsError(
                    f"{name}={value:g} is not a width: give a positive number"
                    + ("." if name.endswith("scale") else ", or inf for a flat prior.")
                )
        for name in ("mu_mean", "alpha_mean"):
            if not np.isfinite(getattr(self, name)):
                raise SettingsError(f"{name}={getattr(self, name):g} must be a finite number.")


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
        return SinglePrior(*_numbers(self.single_columns(data.x, data.y)))

    def joint(self, data: SurveyData) -> JointPrior:
        """The reference's `MetModel` priors: 1e-3 is added to the scale, not a floor."""
        star, _ = data.need_star()
        means, star_means, sds, star_sds, slopes, star_slopes = _numbers(
            self.joint_columns(data.x, data.y, star)
        )
        return JointPrior((means, star_means), (sds, star_sds), (slopes, star_slopes))

    def mass_star(self, data: SurveyData) -> MassStarPrior:
        """The later planet-on-mass-and-star model: sample (ddof=1) spreads, star's slope near 1."""
        star, _ = data.need_star()
        return MassStarPrior(*_numbers(self.mass_star_columns(data.x, data.y, star)))

    def mass_errors(self, data: SurveyData) -> MassErrorsPrior:
        """`single`, a flat population mean, and twice the spread of the masses as its scale."""
        return MassErrorsPrior(*_numbers(self.mass_errors_columns(data.x, data.y)))

    def robust(self, data: SurveyData) -> RobustPrior:
        """`single`, and one planet in ten expected to be an outlier.

        Outliers are ten median error bars wide, or half the range of the abundances if that is
        more: an outlier farther out than the prior reaches would have to be taken for scatter.
        """
        mean, alpha_sd, beta_sd, scale, width, few, many = _numbers(
            self.robust_columns(data.x, data.y, data.sigma)
        )
        return RobustPrior(mean, alpha_sd, beta_sd, scale, width, (few, many))

    def single_columns(self, x: Rows, y: Rows) -> tuple[Rows, ...]:
        """Intercept mean and sd, slope sd, scatter scale: one each per row of planets."""
        spread = np.maximum(np.std(y, axis=-1), 1e-3)
        centre = np.mean(y, axis=-1)
        sd = np.maximum(np.std(y, axis=-1) / np.sqrt(y.shape[-1]), 1e-3)
        return centre, self._intercept_sd(sd), self._slope_sd(x, y, 0), spread

    def joint_columns(self, x: Rows, y: Rows, star: Rows) -> tuple[Rows, ...]:
        """Intercept means, intercept sds and slope sds, planet and star in turn."""
        root = np.sqrt(y.shape[-1])
        return (
            np.mean(y, axis=-1),
            np.mean(star, axis=-1),
            self._intercept_sd(np.std(y, axis=-1) / root + 1e-3),
            self._intercept_sd(np.std(star, axis=-1) / root + 1e-3),
            self._slope_sd(x, y, 0),
            self._slope_sd(x, star, 0),
        )

    def mass_star_columns(self, x: Rows, y: Rows, star: Rows) -> tuple[Rows, ...]:
        """Intercept mean and sd, slope sds on mass and star, scatter scale."""
        spread = np.std(y, axis=-1, ddof=1)
        sd = np.maximum(spread / np.sqrt(y.shape[-1]), 1e-3)
        return (
            np.mean(y, axis=-1),
            self._intercept_sd(sd),
            self._slope_sd(x, y, 1),
            self._slope_sd(star, y, 1),
            np.maximum(spread, 1e-3),
        )

    def mass_errors_columns(self, x: Rows, y: Rows) -> tuple[Rows, ...]:
        """The columns of `single`, then population mean, its sd, and the scale of its width."""
        centre = np.mean(x, axis=-1)
        spread = 2.0 * np.std(x, axis=-1)
        return *self.single_columns(x, y), centre, np.full_like(centre, np.inf), spread

    def robust_columns(self, x: Rows, y: Rows, sigma: Rows) -> tuple[Rows, ...]:
        """The columns of `single`, the outliers' extra sd and the two shapes of their share."""
        width = np.maximum(10.0 * np.median(sigma, axis=-1), 0.5 * np.ptp(y, axis=-1))
        few, many = np.ones_like(width), np.full_like(width, 9.0)
        return *self.single_columns(x, y), width, few, many

    def _intercept_sd(self, reference: Rows) -> Rows:
        return np.full_like(reference, np.inf) if self.intercept == "flat" else reference

    def _slope_sd(self, x: Rows, y: Rows, ddof: int) -> Rows:
        def size(values: Rows) -> Rows:
            wide = np.ptp(values, axis=-1) if self.slope == "ptp" else values.std(-1, ddof=ddof)
            # The reference puts 1 wherever a spread is zero.
            return np.where(wide > 0, wide, 1.0)

        return size(y) / size(x)


def _numbers(columns: tuple[Rows, ...]) -> list[float]:
    return [float(column) for column in columns]
