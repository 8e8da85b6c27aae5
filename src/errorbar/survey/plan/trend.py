r"""What a plan takes to be true: slopes and scatters whose precision is being planned.

A plan is made before the data, so somebody must say how large the scatter is thought to be.
When that is itself uncertain, a plan takes many trends instead of one: see `spread_trend`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

import numpy as np

from errorbar.core.errors import DesignError
from errorbar.survey.model import (
    JOINT_PARAMETERS,
    MASS_STAR_PARAMETERS,
    SINGLE_PARAMETERS,
)
from errorbar.survey.synth import Recipe

__all__ = [
    "JointTrend",
    "MassStarTrend",
    "ModelName",
    "SingleTrend",
    "Trend",
    "default_trend",
    "model_of",
    "parameters_of",
    "spread_trend",
]

ModelName = Literal["single", "joint", "mass-star"]

SCATTERS = ("epsilon", "sigma_p", "sigma_s")


@dataclass(frozen=True, slots=True)
class SingleTrend:
    """A line with intrinsic scatter; `beta` matters only where masses have errors or priors ask."""

    epsilon: float
    beta: float = -1.09

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class JointTrend:
    """Two lines on mass, planet and star, whose scatters correlate by `rho`."""

    sigma_p: float
    sigma_s: float
    rho: float
    beta_p: float = -1.09
    beta_s: float = 0.0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class MassStarTrend:
    """A plane over mass and stellar metallicity, with intrinsic scatter."""

    epsilon: float
    beta_p: float = -1.09
    beta_s: float = 1.0

    def __post_init__(self) -> None:
        _check(self)


Trend = SingleTrend | JointTrend | MassStarTrend


def default_trend(model: ModelName) -> Trend:
    """The trend behind a synthetic catalogue of the default recipe, for whoever names none."""
    recipe = Recipe()
    if model == "single":
        return SingleTrend(epsilon=recipe.epsilon, beta=recipe.beta)
    if model == "joint":
        return JointTrend(
            sigma_p=recipe.epsilon,
            sigma_s=recipe.sigma_s,
            rho=recipe.rho,
            beta_p=recipe.beta,
            beta_s=recipe.beta_s,
        )
    if model == "mass-star":
        return MassStarTrend(epsilon=recipe.epsilon, beta_p=recipe.beta)
    raise DesignError(
        f"model={model!r} cannot be planned for; choose one of {', '.join(get_args(ModelName))}."
    )


def model_of(trend: Trend) -> ModelName:
    """The name of a trend's model."""
    if isinstance(trend, SingleTrend):
        return "single"
    return "joint" if isinstance(trend, JointTrend) else "mass-star"


def parameters_of(trend: Trend) -> tuple[str, ...]:
    """The parameters whose standard deviation a plan can promise under `trend`."""
    if isinstance(trend, SingleTrend):
        return SINGLE_PARAMETERS
    return JOINT_PARAMETERS if isinstance(trend, JointTrend) else MASS_STAR_PARAMETERS


def spread_trend(
    trend: Trend, *, relative_scatter: float, draws: int, seed: int
) -> tuple[Trend, ...]:
    """Trends around `trend` whose scatters are log-normal: what is not known before the survey.

    `relative_scatter` is the standard deviation of each log scatter.
    """
    if not relative_scatter >= 0 or draws < 1:
        raise DesignError(
            f"relative_scatter={relative_scatter} and draws={draws} make no spread: "
            "the first must not be negative, the second at least 1."
        )
    rng = np.random.default_rng(seed)
    names = [field.name for field in fields(trend) if field.name in SCATTERS]
    factors = np.exp(relative_scatter * rng.standard_normal((draws, len(names))))
    return tuple(
        replace(trend, **{n: getattr(trend, n) * float(f) for n, f in zip(names, row, strict=True)})
        for row in factors
    )


def check_parameter(parameter: str, trends: Sequence[Trend]) -> None:
    """Refuses a parameter that the trends' model does not have."""
    if not trends:
        raise DesignError("no trend is given to plan under: pass one, or several draws of it.")
    known = parameters_of(trends[0])
    if any(type(t) is not type(trends[0]) for t in trends):
        raise DesignError("all trends of one plan must belong to one model.")
    if parameter not in known:
        raise DesignError(
            f"parameter={parameter!r} is not one of this model's: choose one of {', '.join(known)}."
        )


def _check(trend: Trend) -> None:
    for field in fields(trend):
        value = getattr(trend, field.name)
        if not math.isfinite(value):
            raise DesignError(f"{field.name}={value} must be finite.")
        if field.name in SCATTERS and value < 0:
            raise DesignError(f"{field.name}={value} is a scatter and cannot be negative.")
        if field.name == "rho" and not abs(value) < 1:
            raise DesignError(
                f"rho={value} must lie strictly between -1 and 1: at the ends both scatters are "
                "one quantity, which is the single model."
            )
