r"""What a prior adds to a design before its data exist.

The reference's rules write a prior in terms of the data: `assumed_prior` gives the numbers they
would typically choose under a trend. Response spread is $s_y^2=\beta^2 s_x^2+\bar t$ with $\bar t$
the mean total variance; the ratio of ranges is taken as the ratio of standard deviations, which
moves the standard deviation of a slope by less than one part in a thousand beyond thirty planets.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.model import JointPrior, MassStarPrior, PriorRule, SinglePrior
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.information import joint_covariance, total_variance
from errorbar.survey.plan.trend import JointTrend, MassStarTrend, SingleTrend, Trend, parameters_of

__all__ = ["Prior", "assumed_prior", "prior_precision"]

Prior = SinglePrior | JointPrior | MassStarPrior

FLAT = float("inf")


def assumed_prior(prior: Prior | PriorRule | None, design: Design, trend: Trend) -> Prior:
    """The numbers a prior rule would choose; numbers stay as they are, None is a weak prior.

    None means flat intercepts and slopes; the scatters keep the half-normal scale of the
    reference's rule, which a posterior of few planets needs to be finite.
    """
    if isinstance(prior, (SinglePrior, JointPrior, MassStarPrior)):
        _check_family(prior, trend)
        return prior
    flat_alpha = prior is None or prior.intercept == "flat"
    if isinstance(trend, JointTrend):
        return _joint(design, trend, flat_alpha=flat_alpha, flat_beta=prior is None)
    noise = float(np.average(total_variance(design, trend), weights=design.weight))
    if isinstance(trend, MassStarTrend):
        return _mass_star(design, trend, noise, flat_alpha=flat_alpha, flat_beta=prior is None)
    response = float(np.sqrt(trend.beta**2 * design.spread**2 + noise))
    return SinglePrior(
        alpha_mean=0.0,
        alpha_sd=FLAT if flat_alpha else response / np.sqrt(design.n),
        beta_sd=FLAT if prior is None else _ratio(response, design.spread),
        epsilon_scale=response,
    )


def prior_precision(
    prior: Prior, design: Design, trend: Trend, pivot: float
) -> Float[ndarray, "k k"]:
    """The prior's precision matrix over the trend's parameters, intercepts taken at `pivot`.

    The models put their intercept's prior at the survey's mean mass (and mean stellar
    metallicity), so at another pivot it ties intercept and slope together.
    """
    _check_family(prior, trend)
    matrix = np.zeros((len(parameters_of(trend)),) * 2)
    centre = np.array([1.0, design.centre - pivot])
    if isinstance(prior, JointPrior):
        for response in range(2):
            block = slice(2 * response, 2 * response + 2)
            matrix[block, block] = np.outer(centre, centre) / prior.alpha_sd[response] ** 2
            matrix[2 * response + 1, 2 * response + 1] += prior.beta_sd[response] ** -2.0
        return matrix
    matrix[:2, :2] = np.outer(centre, centre) / prior.alpha_sd**2
    if isinstance(prior, MassStarPrior):
        matrix[1, 1] += prior.beta_p_sd**-2.0
        matrix[2, 2] += prior.beta_s_sd**-2.0
    else:
        matrix[1, 1] += prior.beta_sd**-2.0
    return matrix


def _joint(design: Design, trend: JointTrend, *, flat_alpha: bool, flat_beta: bool) -> JointPrior:
    noise = np.average(joint_covariance(design, trend), axis=0, weights=design.weight)
    slopes = (trend.beta_p, trend.beta_s)
    spread = [float(np.sqrt(b**2 * design.spread**2 + noise[i, i])) for i, b in enumerate(slopes)]
    alpha = [FLAT if flat_alpha else s / np.sqrt(design.n) + 1e-3 for s in spread]
    beta = [FLAT if flat_beta else _ratio(s, design.spread) for s in spread]
    return JointPrior((0.0, 0.0), (alpha[0], alpha[1]), (beta[0], beta[1]))


def _mass_star(
    design: Design, trend: MassStarTrend, noise: float, *, flat_alpha: bool, flat_beta: bool
) -> MassStarPrior:
    star = design.need_star()
    weight = design.weight
    star_spread = float(np.sqrt(np.average((star - design.star_centre) ** 2, weights=weight)))
    line = trend.beta_p * (design.x - design.centre) + trend.beta_s * (star - design.star_centre)
    response = float(np.sqrt(np.average(line**2, weights=weight) + noise))
    return MassStarPrior(
        alpha_mean=0.0,
        alpha_sd=FLAT if flat_alpha else response / np.sqrt(design.n),
        beta_p_sd=FLAT if flat_beta else _ratio(response, design.spread),
        beta_s_sd=FLAT if flat_beta else _ratio(response, star_spread),
        epsilon_scale=response,
    )


def _ratio(response: float, spread: float) -> float:
    # The reference puts 1 wherever a range is zero.
    return (response or 1.0) / (spread or 1.0)


def _check_family(prior: Prior, trend: Trend) -> None:
    pairs = ((SinglePrior, SingleTrend), (JointPrior, JointTrend), (MassStarPrior, MassStarTrend))
    if not any(isinstance(prior, p) and isinstance(trend, t) for p, t in pairs):
        raise DesignError(
            f"a {type(prior).__name__} does not belong to a {type(trend).__name__}: "
            "prior and trend must be of one model."
        )
