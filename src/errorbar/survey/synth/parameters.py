"""Parameters of a model drawn from its prior, and priors as plain numbers."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.survey.data import SurveyData
from errorbar.survey.model import (
    JOINT_PARAMETERS,
    MASS_STAR_PARAMETERS,
    SINGLE_PARAMETERS,
    JointPrior,
    MassStarPrior,
    PriorRule,
    SinglePrior,
)
from errorbar.survey.synth.design import MockPlanets
from errorbar.survey.synth.simulate import simulate_joint, simulate_mass_star, simulate_single

__all__ = [
    "PARAMETERS",
    "PRIORS",
    "draw_parameters",
    "prior_from_numbers",
    "prior_label",
    "prior_numbers",
    "simulate_planets",
]

PARAMETERS = {
    "single": SINGLE_PARAMETERS,
    "joint": JOINT_PARAMETERS,
    "mass-star": MASS_STAR_PARAMETERS,
}
PRIORS = {"single": SinglePrior, "joint": JointPrior, "mass-star": MassStarPrior}


def prior_numbers(prior: Any) -> NDArray[np.float64]:
    """A prior's numbers in the order of its fields."""
    return np.array([number for part in astuple(prior) for number in np.atleast_1d(part)])


def prior_from_numbers(model: str, numbers: NDArray[np.float64]) -> Any:
    """The prior of `prior_numbers`."""
    values = [float(number) for number in numbers]
    if model == "joint":
        pairs = [(values[i], values[i + 1]) for i in (0, 2, 4)]
        return JointPrior(pairs[0], pairs[1], pairs[2], values[6])
    return PRIORS[model](*values)


def prior_label(prior: Any) -> str:
    """A prior in one line, as tables state it."""
    return prior.label if isinstance(prior, PriorRule) else repr(prior)


def draw_parameters(model: str, prior: Any, rng: np.random.Generator) -> dict[str, float]:
    """One set of parameters from a prior with finite numbers."""
    if model == "joint":
        alpha = rng.normal(prior.alpha_mean, prior.alpha_sd)
        beta = rng.normal(0.0, prior.beta_sd)
        scatter = np.abs(rng.normal(0.0, prior.scatter_scale, 2))
        # (1 + rho) / 2 of an LKJ(2) correlation in two dimensions is Beta(2, 2).
        rho = 2.0 * rng.beta(2.0, 2.0) - 1.0
        values = [alpha[0], beta[0], alpha[1], beta[1], *scatter, rho]
    else:
        scatter = abs(rng.normal(0.0, prior.epsilon_scale))
        values = [rng.normal(prior.alpha_mean, prior.alpha_sd)]
        if model == "single":
            values += [rng.normal(0.0, prior.beta_sd), scatter]
        else:
            slope = rng.normal(prior.beta_s_mean, prior.beta_s_sd)
            values += [rng.normal(0.0, prior.beta_p_sd), slope, scatter]
    return {name: float(value) for name, value in zip(PARAMETERS[model], values)}


def simulate_planets(
    model: str, rng: np.random.Generator, planets: MockPlanets, parameters: Mapping[str, float]
) -> SurveyData:
    """One survey of these planets under a model with given parameters."""
    named: dict[str, Any] = dict(parameters)
    if model == "joint":
        return simulate_joint(rng, planets.x, planets.sigma, planets.star_sigma, **named)
    if model == "mass-star":
        return simulate_mass_star(
            rng, planets.x, planets.sigma, planets.star, planets.star_sigma, **named
        )
    return simulate_single(rng, planets.x, planets.sigma, **named)
