"""The scatter of one class as nodes of a trapezoid rule, and its slope as normals over them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.survey.data import SurveyData
from errorbar.survey.fit.models.inputs import HALF_NORMAL, scatter_scale
from errorbar.survey.model import PooledPrior
from errorbar.survey.model.classes import SlopeCurves, slope_curves

__all__ = ["FINE", "Profile", "make_profile"]

# Nodes of the sum, and how many more of them a draw is taken from.
_NODES, FINE = 64, 8
# How far log f may fall: other classes can pull a scatter far out into its own tail.
_CUT = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    r"""A class over $\epsilon = c \sinh t$: log weight of each node, prior and Jacobian within.

    Every `FINE`-th node stands in sums; a first node at $t = 0$ has half weight there.
    """

    data: SurveyData
    t: Float[ndarray, " nodes"]
    scale: float
    log_weight: Float[ndarray, " nodes"]
    curves: SlopeCurves

    @property
    def epsilon(self) -> Float[ndarray, " nodes"]:
        return self.scale * np.sinh(self.t)

    def coarse(self) -> tuple[ndarray, ndarray, ndarray]:
        """Log weights, slopes and variances of the nodes that are summed."""
        log_weight = self.log_weight[::FINE] + np.log(FINE * (self.t[1] - self.t[0]))
        log_weight[-1] -= np.log(2)
        if self.t[0] == 0:
            log_weight[0] -= np.log(2)
        return log_weight, self.curves.slope[::FINE], self.curves.variance[::FINE]


def make_profile(data: SurveyData, prior: PooledPrior) -> Profile:
    """The class at the scatters that any slope leaves likely."""
    c = float(scatter_scale(data.sigma**2, np.array(prior.epsilon_scale)))
    t = np.linspace(0.0, np.arcsinh(8.0 * prior.epsilon_scale / c), 257)
    log_weight, _ = _weigh(data, prior, c, t)
    kept = np.flatnonzero(log_weight > log_weight.max() - _CUT)
    low, high = max(kept[0] - 1, 0), min(kept[-1] + 1, len(t) - 1)
    t = np.linspace(t[low], t[high], _NODES * FINE + 1)
    return Profile(data, t, c, *_weigh(data, prior, c, t))


def _weigh(
    data: SurveyData, prior: PooledPrior, c: float, t: ndarray
) -> tuple[ndarray, SlopeCurves]:
    epsilon = c * np.sinh(t)
    curves = slope_curves(data, epsilon, prior.alpha_mean, prior.alpha_sd)
    half_normal = (
        HALF_NORMAL - np.log(prior.epsilon_scale) - 0.5 * (epsilon / prior.epsilon_scale) ** 2
    )
    return curves.log_z + half_normal + np.log(c * np.cosh(t)), curves
