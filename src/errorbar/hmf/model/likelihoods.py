r"""What a residual costs, and how much of its weight it keeps.

With $t = W r^2$ the squared residual in units of its error,

$$F = \sum_{ij} \rho(t_{ij}), \qquad u = \rho'(t) \in (0, 1],$$

and a fit solves weighted least squares with $w = W u$, again and again: $\rho$ is concave, so that
every exact solve lowers $F$. Student's t has $\rho(t) = c \log(1 + t/c)$ and $u = c / (c + t)$ with
$c = \nu s^2$; only $c$ matters to the fit. The log likelihood of Student's t is
$-\tfrac{\nu + 1}{2 c} F$ up to a constant, that of the Gaussian $-\tfrac12 F$.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError

__all__ = ["CauchyLikelihood", "GaussianLikelihood", "Likelihood", "StudentTLikelihood"]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """What fits have in common: the constant `c` decides everything, infinity is Gaussian."""

    @property
    def c(self) -> float:
        raise NotImplementedError

    @property
    def robust(self) -> bool:
        return bool(np.isfinite(self.c))

    def robust_weights(self, W: ndarray, residuals: ndarray) -> ndarray:
        """The share `u` of its weight that each pixel keeps; one where the weight is zero."""
        t = squared(W, residuals)
        return self.c / (self.c + t) if self.robust else np.ones_like(t)

    def total_weights(self, W: ndarray, residuals: ndarray) -> ndarray:
        """Inverse variances times robust weights."""
        return W * self.robust_weights(W, residuals)

    def objective(self, W: ndarray, residuals: ndarray) -> float:
        """The sum of what every pixel costs."""
        t = squared(W, residuals)
        return float(self.c * np.log1p(t / self.c).sum()) if self.robust else float(t.sum())


def squared(W: ndarray, residuals: ndarray) -> ndarray:
    """Squared residuals in units of their errors; none where nothing was measured."""
    return np.where(W > 0, W * np.where(W > 0, residuals, 0) ** 2, 0)


@dataclass(frozen=True, slots=True)
class GaussianLikelihood(Likelihood):
    """Errors are normal, and are believed."""

    @property
    def c(self) -> float:
        return np.inf


@dataclass(frozen=True, slots=True)
class StudentTLikelihood(Likelihood):
    """Residuals over their errors follow Student's t with `nu` degrees of freedom times `scale`."""

    nu: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("nu", "scale"):
            value = getattr(self, name)
            if not (value > 0 and np.isfinite(value)):
                raise SettingsError(
                    f"{name}={value:g} must be a positive number; a Gaussian fit is "
                    "GaussianLikelihood(), or robust=False."
                )

    @property
    def c(self) -> float:
        return float(self.nu * self.scale**2)


@dataclass(frozen=True, slots=True)
class CauchyLikelihood(StudentTLikelihood):
    """Student's t with one degree of freedom."""

    def __init__(self, scale: float = 1.0) -> None:
        StudentTLikelihood.__init__(self, 1.0, scale)
