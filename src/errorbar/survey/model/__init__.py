"""Likelihoods and priors of the survey regressions."""

from errorbar.survey.model.priors import (
    JOINT_PARAMETERS,
    MASS_ERRORS_PARAMETERS,
    MASS_STAR_PARAMETERS,
    SINGLE_PARAMETERS,
    InterceptRule,
    JointPrior,
    MassErrorsPrior,
    MassStarPrior,
    PooledPrior,
    PriorRule,
    RobustPrior,
    SinglePrior,
    SlopeRule,
)

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
