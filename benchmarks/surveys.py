"""Surveys to time: the reference code's trend and errors."""

import numpy as np

from errorbar.survey import SurveyData

__all__ = ["mock_survey"]


def mock_survey(n: int, seed: int) -> SurveyData:
    rng = np.random.default_rng([seed, n])
    x = rng.normal(-0.5, 0.9, n)
    sigma, star_sigma = np.multiply.outer((0.2, 0.08), np.exp(0.4 * rng.normal(size=n)))
    own = 0.4 * rng.normal(size=n)
    star = 0.05 + 0.05 * x + 0.15 * (0.4 * own / 0.4 + 0.9 * rng.normal(size=n))
    return SurveyData(
        x=x,
        y=-0.95 - 1.09 * x + own + sigma * rng.normal(size=n),
        sigma=sigma,
        star=star + star_sigma * rng.normal(size=n),
        star_sigma=star_sigma,
    )
