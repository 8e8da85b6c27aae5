r"""The exact Bayes factor of a link between planet and star.

- **mass-star**: the link is the slope $\beta_s$ of the planet's abundance on its star's
  metallicity at fixed mass. Without it the model is the single-response one.
- **joint**: the link is the correlation $\rho$ of both intrinsic scatters. At $\rho = 0$ planet
  and star are two single-response regressions, whose evidences multiply.

Priors of what both models share are the same, so a flat intercept cancels. The prior of the link
does not: the wider it is, the more a link must stand out. It is part of every answer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit import fit_one, fit_surveys
from errorbar.survey.model import JointPrior, MassStarPrior, SinglePrior
from errorbar.survey.synth.parameters import PARAMETERS, PRIORS

__all__ = ["DEFAULT_PRIORS", "LINKS", "check_link", "log_bayes_factors", "null_parameters"]

LINKS = {"mass-star": "beta_s", "joint": "rho"}
DEFAULT_PRIORS = {
    "mass-star": MassStarPrior(
        alpha_mean=0.0,
        alpha_sd=np.inf,
        beta_p_sd=2.0,
        beta_s_sd=1.0,
        epsilon_scale=1.0,
        beta_s_mean=0.0,
    ),
    "joint": JointPrior((0.0, 0.0), (np.inf, np.inf), (2.0, 1.0), scatter_scale=0.5),
}


def check_link(model: str, prior: Any) -> Any:
    """The prior to use, after refusing models without a link and priors of another kind."""
    if model not in LINKS:
        raise SettingsError(
            f"the model {model!r} has no link between planet and star; choose one of "
            f"{', '.join(LINKS)}."
        )
    chosen = DEFAULT_PRIORS[model] if prior is None else prior
    if not isinstance(chosen, PRIORS[model]):
        raise SettingsError(
            f"detection with the model {model!r} takes a {PRIORS[model].__name__} with numbers, "
            f"not a {type(chosen).__name__}: a prior set by the data at hand would move with every "
            "mock."
        )
    if model == "mass-star" and not np.isfinite(chosen.beta_s_sd):
        raise SettingsError(
            "a flat prior of beta_s makes every Bayes factor zero: give `beta_s_sd` a number."
        )
    return chosen


def log_bayes_factors(datas: Sequence[SurveyData], model: str, prior: Any) -> NDArray[np.float64]:
    """Log evidence with the link less log evidence without it; NaN where a fit failed."""
    linked = fit_surveys(datas, model, prior).log_evidence
    planets, stars = null_priors(model, prior)
    factors = linked - fit_surveys([_bare(data) for data in datas], "single", planets).log_evidence
    if stars is not None:
        factors = (
            factors - fit_surveys([_star(data) for data in datas], "single", stars).log_evidence
        )
    return factors


def null_priors(model: str, prior: Any) -> tuple[SinglePrior, SinglePrior | None]:
    """Priors of planet and star where there is no link; the mass-star model has no star part."""
    if model == "mass-star":
        planets = SinglePrior(
            prior.alpha_mean, prior.alpha_sd, prior.beta_p_sd, prior.epsilon_scale
        )
        return planets, None
    first, second = (
        SinglePrior(prior.alpha_mean[k], prior.alpha_sd[k], prior.beta_sd[k], prior.scatter_scale)
        for k in (0, 1)
    )
    return first, second


def null_parameters(
    data: SurveyData, model: str, prior: Any, count: int, *, scatter: float | None, seed: int
) -> NDArray[np.float64]:
    """Parameters without a link, drawn from the survey's own posterior: one row per mock.

    With `scatter` the planets' intrinsic scatter is that number in every row.
    """
    planets, stars = null_priors(model, prior)
    drawn = fit_one(_bare(data), "single", planets).draws(count, seed=seed)
    columns = {
        "alpha": drawn["alpha"],
        "beta_p": drawn["beta"],
        "epsilon": drawn["epsilon"],
    }
    columns |= {"alpha_p": columns["alpha"], "sigma_p": columns["epsilon"]}
    if stars is not None:
        star = fit_one(_star(data), "single", stars).draws(count, seed=seed + 1)
        columns |= {"alpha_s": star["alpha"], "beta_s": star["beta"], "sigma_s": star["epsilon"]}
    if scatter is not None:
        columns["epsilon"] = columns["sigma_p"] = np.full(count, float(scatter))
    columns[LINKS[model]] = np.zeros(count)
    return np.column_stack([columns[name] for name in PARAMETERS[model]])


def _bare(data: SurveyData) -> SurveyData:
    """The planets without their stars; upper limits stay, so that they are refused."""
    return SurveyData(data.x, data.y, data.sigma, limit=data.limit)


def _star(data: SurveyData) -> SurveyData:
    """The stars as the response."""
    star, star_sigma = data.need_star()
    return SurveyData(data.x, star, star_sigma)
