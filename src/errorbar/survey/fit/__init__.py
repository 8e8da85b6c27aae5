"""Posteriors of survey regressions: exact by default, by the no-U-turn sampler as the check."""

from collections.abc import Sequence
from typing import Any

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.inference import to_inference_data
from errorbar.survey.fit.lattice import STATUS, FitBatch, sum_surveys
from errorbar.survey.fit.models import MODELS, find_model
from errorbar.survey.fit.one import SurveyFit, sum_one

__all__ = [
    "MODELS",
    "STATUS",
    "FitBatch",
    "SurveyFit",
    "fit_one",
    "fit_surveys",
    "to_inference_data",
]


def fit_surveys(
    datas: Sequence[SurveyData],
    model: str = "single",
    prior: Any = None,
    *,
    level: float = 0.68,
) -> FitBatch:
    """Exact summaries of many surveys: means, sds, intervals and evidence of every parameter.

    `prior` is a `PriorRule` (by default the reference's for its three models, a flat intercept
    for the others), one prior for all surveys or one each. A survey whose lattice does not close
    holds NaN and a status of `STATUS`.
    """
    if not datas:
        raise SurveyError("there is no survey to fit: the list is empty.")
    if not 0 < level < 1:
        raise SettingsError(f"a level lies between 0 and 1, not {level:g}: 68 % is written 0.68.")
    if isinstance(prior, Sequence) and len(prior) != len(datas):
        raise SettingsError(
            f"{len(prior)} priors were given for {len(datas)} surveys: "
            "give one for all, or one each."
        )
    found = find_model(model)
    return sum_surveys(found, datas, found.usual if prior is None else prior, level)


def fit_one(data: SurveyData, model: str = "single", prior: Any = None) -> SurveyFit:
    """The exact posterior of one survey, with everything that can be asked of it."""
    found = find_model(model)
    return sum_one(found, data, found.usual if prior is None else prior)
