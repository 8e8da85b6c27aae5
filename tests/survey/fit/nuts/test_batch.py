"""Many surveys in one call."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import FitError, SettingsError
from errorbar.survey.fit.nuts import fit_nuts, nuts_batch, nuts_summary, reference_seeds
from errorbar.survey.model import PriorRule
from tests.survey.fit.nuts.surveys import small_survey

pytestmark = pytest.mark.heavy

SHORT = {"draws": 400, "tune": 400, "chains": 2, "sampler": "numpyro"}


def test_a_batch_holds_what_each_survey_gives_alone():
    datas = [small_survey(seed=seed) for seed in range(3)]
    seeds = reference_seeds("single", 3)
    priors = [PriorRule(slope="sd").single(data) for data in datas]
    batch = nuts_batch(datas, "single", priors, seeds, level=0.9, **SHORT)
    assert batch.names == ("alpha", "beta", "epsilon")
    for i, data in enumerate(datas):
        alone = nuts_summary(fit_nuts(data, "single", priors[i], seed=int(seeds[i]), **SHORT), 0.9)
        for column in (
            "mean",
            "sd",
            "hdi_low",
            "hdi_high",
            "line_covariance",
            "rhat_max",
            "ess_min",
            "divergences",
        ):
            np.testing.assert_array_equal(getattr(batch, column)[i], getattr(alone, column))
        assert batch.status[i] == alone.status


def test_an_empty_batch_is_an_empty_table():
    batch = nuts_batch([], "joint", seeds=[])
    assert batch.mean.shape == (0, 7)
    assert batch.line_covariance.shape == (0, 2)
    assert batch.status == ()


def test_a_survey_that_fails_is_named():
    datas = [small_survey(), replace(small_survey(), y=small_survey().y * 1e200)]
    prior = PriorRule().single(datas[0])
    with pytest.raises(FitError, match="survey 1: none of 11 starting points"):
        nuts_batch(datas, prior=prior, seeds=[1, 2], **SHORT)


def test_each_survey_needs_its_seed_and_its_prior():
    datas = [small_survey(), small_survey()]
    with pytest.raises(SettingsError, match="as many seeds, not 1"):
        nuts_batch(datas, seeds=[1])
    with pytest.raises(SettingsError, match="as many priors, not 1"):
        nuts_batch(datas, prior=[PriorRule().single(datas[0])], seeds=[1, 2])
