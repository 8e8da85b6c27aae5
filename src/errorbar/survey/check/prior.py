"""Priors that a truth can be drawn from."""

from typing import Any

import numpy as np

from errorbar.core.errors import SettingsError
from errorbar.survey.model import JointPrior, MassStarPrior, PriorRule, SinglePrior
from errorbar.survey.synth.parameters import PRIORS, prior_label, prior_numbers

__all__ = ["DEFAULT_PRIORS", "check_prior"]

# Wide enough for every published trend, narrow enough for the truth to be a survey one would see.
DEFAULT_PRIORS = {
    "single": SinglePrior(alpha_mean=-0.5, alpha_sd=1.0, beta_sd=1.0, epsilon_scale=0.5),
    "joint": JointPrior((-0.5, 0.1), (1.0, 0.3), (1.0, 0.3), scatter_scale=0.5),
    "mass-star": MassStarPrior(-0.5, 1.0, 1.0, 1.0, 0.5, beta_s_mean=1.0),
}


def check_prior(model: str, prior: Any) -> None:
    """Refuse a prior of another model, or one that no truth can be drawn from."""
    kind = PRIORS[model]
    if isinstance(prior, PriorRule):
        raise SettingsError(
            f"the prior rule ({prior.label}) looks at the data, so no truth can be drawn from it: "
            f"give a {kind.__name__} with numbers, or one `truth` for all surveys, which gives the "
            "rule's frequentist coverage."
        )
    if not isinstance(prior, kind):
        raise SettingsError(
            f"the prior of the model {model!r} is a {kind.__name__}, not a {type(prior).__name__}."
        )
    if not np.all(np.isfinite(prior_numbers(prior))):
        raise SettingsError(
            f"no truth can be drawn from a flat prior ({prior_label(prior)}): give finite numbers."
        )
