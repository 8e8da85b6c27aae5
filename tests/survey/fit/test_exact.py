"""Exact posteriors: laws, references, recovery, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey import PriorRule, SinglePrior, SurveyData, fit_one, fit_surveys

MODELS = ("single", "joint", "mass-star")


def mock(seed, n, scatter=0.5, star_scatter=0.15, rho=0.4, noise=0.2, star_noise=0.08):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.5, 1.2, n)
    sigma = noise * np.exp(0.4 * rng.normal(size=n))
    star_sigma = star_noise * np.exp(0.4 * rng.normal(size=n))
    cross = rho * scatter * star_scatter
    z = rng.multivariate_normal([0, 0], [[scatter**2, cross], [cross, star_scatter**2]], size=n)
    return SurveyData(
        x=x,
        y=-0.95 - 1.09 * x + z[:, 0] + sigma * rng.normal(size=n),
        sigma=sigma,
        star=0.05 + 0.05 * x + z[:, 1] + star_sigma * rng.normal(size=n),
        star_sigma=star_sigma,
    )


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(5, 60))
def test_a_survey_fitted_alone_or_among_others_gives_the_same_bytes(model, seed, n):
    datas = [mock(seed, n), mock(seed + 1, n), mock(seed + 2, n + 3)]
    together = fit_surveys(datas, model)
    alone = fit_surveys(datas[1:2], model)
    assert together.mean[1].tobytes() == alone.mean[0].tobytes()
    assert together.hdi_high[1].tobytes() == alone.hdi_high[0].tobytes()


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(5, 60), move=st.floats(-2, 2))
def test_moving_all_abundances_moves_the_intercept_alone(model, seed, n, move):
    a = mock(seed, n)
    b = SurveyData(a.x, a.y + move, a.sigma, a.star, a.star_sigma)
    one, other = fit_surveys([a], model), fit_surveys([b], model)
    shift = (other.mean - one.mean)[0] / one.sd[0]
    assert shift[0] == pytest.approx(move / one.sd[0, 0], abs=1e-3)
    np.testing.assert_allclose(shift[1:], 0, atol=1e-3)
    np.testing.assert_allclose(one.log_evidence, other.log_evidence, atol=1e-3)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(5, 60))
def test_intervals_of_the_stack_and_of_the_single_posterior_agree(seed, n):
    data = mock(seed, n)
    for model in MODELS:
        batch, fit = fit_surveys([data], model), fit_one(data, model)
        np.testing.assert_allclose((fit.mean - batch.mean[0]) / fit.sd, 0, atol=1e-6)
        ends = fit.hdi()
        # The joint model promises 1e-3 sd; the two routes share nodes but not the interval search.
        within = 1e-5 if model == "single" else 2e-3
        assert np.max(np.abs(ends[:, 0] - batch.hdi_low[0]) / batch.sd[0]) < within
        assert np.max(np.abs(ends[:, 1] - batch.hdi_high[0]) / batch.sd[0]) < within


@pytest.mark.parametrize("scatter", [0.0, 0.5])
@pytest.mark.parametrize("model", MODELS)
def test_draws_have_the_posterior_they_come_from(model, scatter):
    fit = fit_one(mock(5, 25, scatter=scatter, star_scatter=scatter / 3), model)
    draws = np.array(list(fit.draws(20_000, seed=1).values()))
    z = (draws.mean(1) - fit.mean) / fit.sd * np.sqrt(20_000)
    assert np.max(np.abs(z)) < 4.5
    np.testing.assert_allclose(draws.std(1) / fit.sd, 1, atol=0.04)
    again = np.array(list(fit.draws(20_000, seed=1).values()))
    assert draws.tobytes() == again.tobytes()


def test_latent_draws_lie_between_line_and_measurement():
    data = mock(9, 40)
    z = fit_one(data, "joint").latent(2_000, seed=3)
    assert z["z_p"].shape == (2_000, 40)
    line = np.polyval(np.polyfit(data.x, data.y, 1), data.x)
    centre = z["z_p"].mean(0)
    pulled = (centre - line) / (data.y - line)
    assert 0 < np.median(pulled) < 1
    assert np.all(z["z_p"].std(0) < data.sigma * 1.05)


def test_fixed_priors_and_one_prior_each_are_the_same_when_equal():
    datas = [mock(1, 10), mock(2, 12)]
    prior = SinglePrior(alpha_mean=0.0, alpha_sd=2.0, beta_sd=1.5, epsilon_scale=0.7)
    one, each = fit_surveys(datas, "single", prior), fit_surveys(datas, "single", [prior, prior])
    assert one.mean.tobytes() == each.mean.tobytes()


def test_a_flat_intercept_is_wider_than_the_references_which_uses_the_data_twice():
    datas = [mock(seed, 30) for seed in range(20)]
    flat = fit_surveys(datas, "single", PriorRule(intercept="flat"))
    reference = fit_surveys(datas, "single", PriorRule())
    assert np.all(reference.sd[:, 0] < 0.97 * flat.sd[:, 0])


def test_an_unknown_model_names_the_models_there_are():
    with pytest.raises(SettingsError, match="choose one of single, joint, mass-star"):
        fit_one(mock(1, 5), "quadratic")


def test_no_survey_is_refused():
    with pytest.raises(SurveyError, match="the list is empty"):
        fit_surveys([])


def test_a_level_in_percent_is_refused():
    with pytest.raises(SettingsError, match=r"68 % is written 0\.68"):
        fit_surveys([mock(1, 5)], level=68)


def test_two_priors_for_three_surveys_are_refused():
    prior = SinglePrior(0.0, 1.0, 1.0, 1.0)
    with pytest.raises(SettingsError, match="2 priors were given for 3 surveys"):
        fit_surveys([mock(1, 5)] * 3, "single", [prior] * 2)


def test_the_joint_model_without_stars_says_what_to_add():
    bare = SurveyData(x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 2.0], sigma=[0.1] * 3)
    with pytest.raises(SurveyError, match="Star Metallicity Error"):
        fit_one(bare, "joint")
