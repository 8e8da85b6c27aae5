"""Truths drawn from a prior, and priors as numbers."""

from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.survey.model import (
    JOINT_PARAMETERS,
    MASS_STAR_PARAMETERS,
    SINGLE_PARAMETERS,
    JointPrior,
    MassStarPrior,
    PriorRule,
    SinglePrior,
)

__all__ = ["DEFAULT_PRIORS", "NAMES", "check_prior", "draw_truth", "prior_label", "prior_numbers"]

NAMES = {
    "single": SINGLE_PARAMETERS,
    "joint": JOINT_PARAMETERS,
    "mass-star": MASS_STAR_PARAMETERS,
}
KINDS = {"single": SinglePrior, "joint": JointPrior, "mass-star": MassStarPrior}
# Wide enough for every published trend, narrow enough for the truth to be a survey one would see.
DEFAULT_PRIORS = {
    "single": SinglePrior(alpha_mean=-0.5, alpha_sd=1.0, beta_sd=1.0, epsilon_scale=0.5),
    "joint": JointPrior((-0.5, 0.1), (1.0, 0.3), (1.0, 0.3), scatter_scale=0.5),
    "mass-star": MassStarPrior(-0.5, 1.0, 1.0, 1.0, 0.5, beta_s_mean=1.0),
}


def check_prior(model: str, prior: Any) -> None:
    """Refuse a prior of another model, or one that no truth can be drawn from."""
    if model not in KINDS:
        raise SettingsError(f"there is no model {model!r}; choose one of {', '.join(KINDS)}.")
    if isinstance(prior, PriorRule):
        raise SettingsError(
            f"the prior rule ({prior.label}) looks at the data, so no truth can be drawn from it: "
            f"give a {KINDS[model].__name__} with numbers, or one `truth` for all surveys, which "
            "gives the rule's frequentist coverage."
        )
    if not isinstance(prior, KINDS[model]):
        raise SettingsError(
            f"the prior of the model {model!r} is a {KINDS[model].__name__}, not a "
            f"{type(prior).__name__}."
        )
    numbers = prior_numbers(prior)
    if not np.all(np.isfinite(numbers)):
        raise SettingsError(
            f"no truth can be drawn from a flat prior ({prior_label(prior)}): give finite numbers."
        )


def prior_numbers(prior: Any) -> NDArray[np.float64]:
    """A prior's numbers in the order of its fields."""
    return np.array([number for part in astuple(prior) for number in np.atleast_1d(part)])


def prior_of(model: str, numbers: NDArray[np.float64]) -> Any:
    """The prior of `prior_numbers`."""
    values = [float(number) for number in numbers]
    if model == "joint":
        pairs = [(values[i], values[i + 1]) for i in (0, 2, 4)]
        return JointPrior(pairs[0], pairs[1], pairs[2], values[6])
    return KINDS[model](*values)


def prior_label(prior: Any) -> str:
    """A prior in one line, as tables state it."""
    return prior.label if isinstance(prior, PriorRule) else repr(prior)


def draw_truth(model: str, prior: Any, rng: np.random.Generator) -> dict[str, float]:
    """One set of parameters from the prior."""
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
    return {name: float(value) for name, value in zip(NAMES[model], values)}
