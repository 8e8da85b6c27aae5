r"""The posterior that a typical survey will find, before it is observed.

The leading order takes the scatter as known. Here it is inferred: the exact log posterior of the
scatters on expected data (see the conditional posteriors) is integrated by quadrature over its one,
two or three parameters, and the coefficients are mixtures over it, as in the exact fit. It holds
where the Fisher information of a scatter vanishes: at $\epsilon=0$ the posterior is one-sided and
its standard deviation finite.

`luck` scales the residuals found: $T_i$ becomes $T_i^{1/2} W T_i^{1/2}$ with $W$ a Wishart matrix
over its degrees of freedom (one response: $\chi^2_\nu/\nu$), so that the posterior standard
deviation has a distribution itself. By default it is the median, not the mean.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.model import JointPrior, MassStarPrior, PriorRule, SinglePrior
from errorbar.survey.plan.box import box_quadrature
from errorbar.survey.plan.conditional import (
    Conditional,
    Outer,
    joint_outer,
    mass_star_outer,
    single_outer,
)
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.precision import Precision, typical_ratio
from errorbar.survey.plan.prior import Prior, assumed_prior
from errorbar.survey.plan.trend import JointTrend, MassStarTrend, SingleTrend, Trend, parameters_of

__all__ = ["Luck", "expected_precision", "residual_freedom"]

# Gauss-Legendre nodes a dimension.
POINTS = {1: 32, 2: 24, 3: 16}
FEWEST = 3
CHUNK = 400_000

Luck = float | Float[ndarray, "2 2"]


def expected_precision(
    design: Design,
    trend: Trend,
    prior: Prior | PriorRule | None = None,
    *,
    pivot: float | None = None,
    luck: Luck | None = None,
) -> Precision:
    """Posterior standard deviations of every parameter on typical data.

    `prior` None means flat coefficients and the half-normal scatter of the reference's rule.
    `luck` is the realised over the true residual variance (a 2x2 matrix for the joint model).
    """
    if design.n < FEWEST:
        raise DesignError(
            f"{design.n:g} planets leave no residual from which to judge the scatter: "
            f"a typical posterior needs at least {FEWEST}."
        )
    at = design.centre if pivot is None else pivot
    outer = _outer(design, trend, assumed_prior(prior, design, trend), at, luck)
    rows = max(1, CHUNK // design.rows)

    def conditional(nodes: Float[ndarray, "nodes dims"]) -> Conditional:
        starts = range(0, len(nodes), rows)
        pieces = [outer.conditional(nodes[start : start + rows]) for start in starts]
        return Conditional(
            np.concatenate([piece.log_density for piece in pieces]),
            np.concatenate([piece.shift for piece in pieces]),
            np.concatenate([piece.covariance for piece in pieces]),
        )

    nodes, weight = box_quadrature(
        lambda at_nodes: conditional(at_nodes).log_density,
        outer.lower,
        outer.upper,
        POINTS[len(outer.lower)],
    )
    return _mixture(trend, nodes, weight, conditional(nodes))


def residual_freedom(n: float, trend: Trend) -> float:
    """Degrees of freedom left to the residuals of one response."""
    return max(n - (3.0 if isinstance(trend, MassStarTrend) else 2.0), 1.0)


def _outer(design: Design, trend: Trend, prior: Prior, pivot: float, luck: Luck | None) -> Outer:
    chance = typical_ratio(residual_freedom(design.n, trend)) if luck is None else luck
    if isinstance(trend, JointTrend) and isinstance(prior, JointPrior):
        matrix = np.eye(2) * chance if isinstance(chance, int | float) else chance
        return joint_outer(design, trend, prior, pivot, matrix)
    if not isinstance(chance, int | float):
        raise DesignError("a matrix of luck belongs to the joint model: pass one number here.")
    if isinstance(trend, MassStarTrend) and isinstance(prior, MassStarPrior):
        return mass_star_outer(design, trend, prior, pivot, chance)
    if isinstance(trend, SingleTrend) and isinstance(prior, SinglePrior):
        return single_outer(design, trend, prior, pivot, chance)
    raise DesignError(
        f"a {type(prior).__name__} does not belong to a {type(trend).__name__}: "
        "prior and trend must be of one model."
    )


def _mixture(
    trend: Trend,
    nodes: Float[ndarray, "nodes dims"],
    weight: Float[ndarray, " nodes"],
    inner: Conditional,
) -> Precision:
    """Covariance of a mixture of normals and of its outer parameters, in the model's order."""
    centre = np.concatenate([inner.shift, nodes], axis=1)
    away = centre - weight @ centre
    covariance = np.einsum("m,mj,mk->jk", weight, away, away)
    inside = inner.shift.shape[1]
    covariance[:inside, :inside] += np.einsum("m,mjk->jk", weight, inner.covariance)
    return Precision(parameters_of(trend), np.sqrt(np.diag(covariance)), covariance, "expected")
