"""The classes a notebook holds: the field's names over the functions of `fit`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError
from errorbar.survey.data import SurveyData
from errorbar.survey.fit import SurveyFit, fit_one, fit_surveys
from errorbar.survey.fit.nuts.models import ModelName
from errorbar.survey.fit.table import fit_table
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import Survey

__all__ = ["MassStarModel", "MetModel", "Model"]

METHODS = ("exact", "nuts")


class _Regression:
    """One model, one prior, one way to its posterior."""

    model: ClassVar[ModelName]
    seed: ClassVar[int]

    def __init__(
        self,
        *,
        method: str = "exact",
        prior: Any = None,
        level: float = 0.68,
        draws: int = 2000,
        tune: int = 1000,
        chains: int = 2,
        target_accept: float = 0.9,
        sampler: str = "pymc",
        rng_seed: int | None = None,
    ) -> None:
        if method not in METHODS:
            raise SettingsError(
                f"method={method!r} does not exist; choose one of {', '.join(METHODS)}."
            )
        self.method = method
        self.prior = PriorRule() if prior is None else prior
        self.level = level
        self.sampling: Mapping[str, Any] = {
            "draws": draws,
            "tune": tune,
            "chains": chains,
            "target_accept": target_accept,
            "sampler": sampler,
        }
        self.rng_seed = self.seed if rng_seed is None else rng_seed

    def fit_survey(self, survey: Survey) -> Any:
        """The posterior of one survey: a `SurveyFit`, or ArviZ's `InferenceData` from chains."""
        if self.method == "exact":
            return self._exact(survey)
        from errorbar.survey.fit.nuts import fit_nuts

        seed = int(np.random.default_rng(self.rng_seed).integers(0, 2**32 - 1))
        return fit_nuts(self._data(survey), self.model, self.prior, seed=seed, **self.sampling)

    def run_on_surveys(self, surveys: Sequence[Survey]) -> pl.DataFrame:
        """One row per survey with the reference's columns, and what it did not record."""
        datas = [self._data(survey) for survey in surveys]
        if self.method == "exact":
            fits: Any = fit_surveys(datas, self.model, self.prior, level=self.level)
        else:
            from errorbar.survey.fit.nuts import nuts_batch

            rng = np.random.default_rng(self.rng_seed)
            seeds = [int(rng.integers(0, 2**32 - 1)) for _ in datas]
            fits = nuts_batch(
                datas, self.model, self.prior, seeds, level=self.level, **self.sampling
            )
        label = self.prior.label if isinstance(self.prior, PriorRule) else str(self.prior)
        return fit_table(
            surveys, fits, prior=label, method=self.method, centres=[d.centre for d in datas]
        )

    def _exact(self, survey: Survey) -> SurveyFit:
        return fit_one(self._data(survey), self.model, self.prior)

    def _data(self, survey: Survey) -> SurveyData:
        return survey.data(star=self.model != "single", mass_errors=False)


class Model(_Regression):
    """The single-response regression of abundance on log mass.

    Parameters
    ----------
    method
        `exact` sums the posterior; `nuts` samples it with `draws`, `tune`, `chains`,
        `target_accept` and `sampler` (pymc, nutpie or numpyro).
    prior
        A `PriorRule`, by default the reference code's, or a prior with numbers.
    level
        Share of the posterior that the intervals hold.
    rng_seed
        Seeds the chains, one further seed drawn per survey; an exact posterior needs none.
    """

    model = "single"
    seed = 123


class MetModel(_Regression):
    """The joint regression of planet abundance and stellar metallicity with one covariance.

    Parameters are those of `Model`.
    """

    model = "joint"
    seed = 321


class MassStarModel(_Regression):
    """The regression of planet abundance on log mass and true stellar metallicity.

    Parameters are those of `Model`.
    """

    model = "mass-star"
    seed = 321
