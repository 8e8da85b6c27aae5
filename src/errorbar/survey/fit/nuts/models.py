r"""The three regressions as PyMC models.

The text follows the reference: coefficients with normal priors, half-normal scatters, and in the
joint model `pm.LKJCholeskyCov(n=2, eta=2, sd_dist=HalfNormal(0.5))` with latent metallicities
$z_i$ drawn around the two lines (centred, $n \times 2$) and observed with their errors; the
mass-star model keeps the true stellar metallicity of each host as a latent number. Errors of the
masses play no part in these models.

Every number a survey or a prior brings is a `pm.Data`, so that one compiled model serves all
surveys of its shape. A flat prior changes the graph: it belongs to the shape.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.core.extras import load
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

__all__ = [
    "LATENTS",
    "PARAMETERS",
    "ModelName",
    "ModelShape",
    "Prior",
    "build_model",
    "model_arrays",
    "model_shape",
    "resolve_prior",
]

ModelName = Literal["single", "joint", "mass-star"]
Prior = SinglePrior | JointPrior | MassStarPrior
Arrays = Mapping[str, NDArray[np.float64]]

PARAMETERS: dict[str, tuple[str, ...]] = {
    "single": SINGLE_PARAMETERS,
    "joint": JOINT_PARAMETERS,
    "mass-star": MASS_STAR_PARAMETERS,
}
LATENTS: dict[str, tuple[str, ...]] = {"single": (), "joint": ("z",), "mass-star": ("star_true",)}

_PRIORS = {"single": SinglePrior, "joint": JointPrior, "mass-star": MassStarPrior}


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a compiled model depends on; surveys that agree on it share one.

    `latent_planets` is 0 for the single model, whose unknowns do not grow with the survey.
    `flat` names the coefficients with a flat prior.
    """

    model: ModelName
    latent_planets: int
    flat: frozenset[str]


def resolve_prior(data: SurveyData, model: str, prior: PriorRule | Prior) -> Prior:
    """The prior's numbers for this survey."""
    if model not in PARAMETERS:
        raise SettingsError(
            f"model={model!r} does not exist; choose one of {', '.join(PARAMETERS)}."
        )
    if isinstance(prior, PriorRule):
        return getattr(prior, model.replace("-", "_"))(data)
    if not isinstance(prior, _PRIORS[model]):
        raise SettingsError(
            f"the model `{model}` takes a {_PRIORS[model].__name__} or a PriorRule, "
            f"not a {type(prior).__name__}."
        )
    return prior


def model_arrays(data: SurveyData, model: str, prior: Prior) -> dict[str, NDArray[np.float64]]:
    """Every number the model's `pm.Data` hold, by name."""
    if data.limit is not None and data.limit.any():
        raise SurveyError(
            f"{int(data.limit.sum())} abundances are upper limits (first at row "
            f"{np.flatnonzero(data.limit)[0]}), and these models would read them as detections: "
            "leave them out, or use a censored fit."
        )
    arrays = {"x": data.xc, "y": data.y, "sigma": data.sigma}
    if model != "single":
        arrays["star"], arrays["star_sigma"] = data.need_star()
    for name, value in _prior_numbers(prior).items():
        arrays[name] = np.asarray(value, dtype=np.float64)
    return arrays


def model_shape(data: SurveyData, model: ModelName, arrays: Arrays) -> ModelShape:
    """The shape whose compiled model can hold these arrays."""
    flat = frozenset(
        name.removesuffix("_sd")
        for name, value in arrays.items()
        if name.endswith("_sd") and np.isinf(value)
    )
    return ModelShape(model, data.n if LATENTS[model] else 0, flat)


def _prior_numbers(prior: Prior) -> dict[str, float]:
    match prior:
        case SinglePrior():
            numbers = {
                "alpha_mean": prior.alpha_mean,
                "alpha_sd": prior.alpha_sd,
                "beta_mean": 0.0,
                "beta_sd": prior.beta_sd,
                "scatter_scale": prior.epsilon_scale,
            }
        case JointPrior():
            numbers = {"scatter_scale": prior.scatter_scale}
            for i, response in enumerate("ps"):
                numbers[f"alpha_{response}_mean"] = prior.alpha_mean[i]
                numbers[f"alpha_{response}_sd"] = prior.alpha_sd[i]
                numbers[f"beta_{response}_mean"] = 0.0
                numbers[f"beta_{response}_sd"] = prior.beta_sd[i]
        case MassStarPrior():
            numbers = {
                "alpha_mean": prior.alpha_mean,
                "alpha_sd": prior.alpha_sd,
                "beta_p_mean": 0.0,
                "beta_p_sd": prior.beta_p_sd,
                "beta_s_mean": prior.beta_s_mean,
                "beta_s_sd": prior.beta_s_sd,
                "scatter_scale": prior.epsilon_scale,
            }
    for name, value in numbers.items():
        if name.endswith("_mean"):
            valid, rule = np.isfinite(value), "finite"
        elif name.endswith("_sd"):
            valid, rule = value > 0, "positive (infinite is flat)"
        else:
            valid, rule = 0 < value < np.inf, "positive and finite"
        if not valid:
            raise SettingsError(f"{type(prior).__name__}: {name}={value!r} must be {rule}.")
    return numbers


def build_model(shape: ModelShape, arrays: Arrays) -> Any:
    """The PyMC model of this shape, holding these arrays until others are set."""
    pm = load("pymc")
    builders: dict[str, Callable[[Any, ModelShape, dict[str, Any]], None]] = {
        "single": _single,
        "joint": _joint,
        "mass-star": _mass_star,
    }
    with pm.Model() as model:
        held = {name: pm.Data(name, value) for name, value in arrays.items()}
        builders[shape.model](pm, shape, held)
    return model


def _coefficient(pm: Any, name: str, shape: ModelShape, held: dict[str, Any]) -> Any:
    if name in shape.flat:
        return pm.Flat(name, initval=held[f"{name}_mean"])
    return pm.Normal(name, held[f"{name}_mean"], held[f"{name}_sd"])


def _single(pm: Any, shape: ModelShape, held: dict[str, Any]) -> None:
    alpha = _coefficient(pm, "alpha", shape, held)
    beta = _coefficient(pm, "beta", shape, held)
    epsilon = pm.HalfNormal("epsilon", held["scatter_scale"])
    spread = pm.math.sqrt(held["sigma"] ** 2 + epsilon**2)
    pm.Normal("abundance", alpha + beta * held["x"], spread, observed=held["y"])


def _joint(pm: Any, shape: ModelShape, held: dict[str, Any]) -> None:
    lines = [
        _coefficient(pm, f"alpha_{response}", shape, held)
        + _coefficient(pm, f"beta_{response}", shape, held) * held["x"]
        for response in "ps"
    ]
    root, correlation, spreads = pm.LKJCholeskyCov(
        "chol_cov", n=2, eta=2.0, sd_dist=pm.HalfNormal.dist(held["scatter_scale"])
    )
    pm.Deterministic("sigma_p", spreads[0])
    pm.Deterministic("sigma_s", spreads[1])
    pm.Deterministic("rho", correlation[0, 1])
    z = pm.MvNormal("z", pm.math.stack(lines, axis=1), chol=root, shape=(shape.latent_planets, 2))
    pm.Normal("abundance", z[:, 0], held["sigma"], observed=held["y"])
    pm.Normal("metallicity", z[:, 1], held["star_sigma"], observed=held["star"])


def _mass_star(pm: Any, shape: ModelShape, held: dict[str, Any]) -> None:
    alpha = _coefficient(pm, "alpha", shape, held)
    beta_p = _coefficient(pm, "beta_p", shape, held)
    beta_s = _coefficient(pm, "beta_s", shape, held)
    epsilon = pm.HalfNormal("epsilon", held["scatter_scale"])
    star = pm.Normal("star_true", held["star"], held["star_sigma"], shape=shape.latent_planets)
    line = alpha + beta_p * held["x"] + beta_s * (star - pm.math.mean(held["star"]))
    spread = pm.math.sqrt(held["sigma"] ** 2 + epsilon**2)
    pm.Normal("abundance", line, spread, observed=held["y"])
