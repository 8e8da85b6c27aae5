"""Detection of a link: laws, references, recovery, refusals, round trips."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.errors import InputError, SettingsError, SurveyError
from errorbar.survey import MassStarPrior, PriorRule, SurveyData, fit_one
from errorbar.survey.detect import (
    DEFAULT_PRIORS,
    PowerCurve,
    detect_link,
    detection_power,
    log_bayes_factors,
)
from errorbar.survey.detect.threshold import p_value, threshold
from errorbar.survey.synth import MockDesign, MockPlanets
from errorbar.survey.synth.parameters import simulate_planets

MODELS = ("mass-star", "joint")
PARAMETER = {"mass-star": "beta_s", "joint": "rho"}
TRUTH = {
    "mass-star": {"alpha": -0.95, "beta_p": -1.09, "beta_s": 0.0, "epsilon": 0.4},
    "joint": {
        "alpha_p": -0.95,
        "beta_p": -1.09,
        "alpha_s": 0.116,
        "beta_s": 0.0775,
        "sigma_p": 0.4,
        "sigma_s": 0.163,
        "rho": 0.0,
    },
}


def mock(model, seed, n=40, link=0.0, planets=None):
    rng = np.random.default_rng(seed)
    planets = MockDesign().draw(rng, n) if planets is None else planets
    return simulate_planets(model, rng, planets, {**TRUTH[model], PARAMETER[model]: link})


def prior_at_zero(model):
    # rho has 3/4 (1 - rho^2); beta_s the normal of the default prior.
    return 0.75 if model == "joint" else stats.norm(0, DEFAULT_PRIORS[model].beta_s_sd).pdf(0)


@pytest.mark.parametrize(("model", "within"), [("mass-star", 1e-5), ("joint", 2e-2)])
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 80), link=st.floats(0, 0.6))
def test_the_bayes_factor_is_prior_over_posterior_density_where_there_is_no_link(
    model, within, seed, n, link
):
    """Savage and Dickey's ratio: shared priors do not depend on the link."""
    data = mock(model, seed, n, link)
    prior = DEFAULT_PRIORS[model]
    height = fit_one(data, model, prior).posterior.marginal(PARAMETER[model]).pdf(np.zeros(1))[0]
    factor = log_bayes_factors([data], model, prior)[0]
    assert factor == pytest.approx(np.log(prior_at_zero(model) / height), abs=within)


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), move=st.floats(-2, 2), tilt=st.floats(-0.3, 0.3))
def test_moving_all_abundances_leaves_the_bayes_factor(model, seed, move, tilt):
    a = mock(model, seed)
    b = SurveyData(a.x, a.y + move, a.sigma, a.star, a.star_sigma)
    prior = DEFAULT_PRIORS[model]
    first, second = log_bayes_factors([a, b], model, prior)
    assert first == pytest.approx(second, abs=1e-3)
    # The mass slope has a wide prior: adding a slope to all abundances hardly matters either.
    c = SurveyData(a.x, a.y + tilt * a.x, a.sigma, a.star, a.star_sigma)
    assert first == pytest.approx(log_bayes_factors([c], model, prior)[0], abs=0.5)


@given(
    null=st.lists(st.floats(-5, 5), min_size=19, max_size=300, unique=True),
    false_alarm=st.floats(0.05, 0.5),
)
def test_the_threshold_and_the_p_value_tell_the_same_story(null, false_alarm):
    mocks = np.array(null)
    limit = threshold(mocks, false_alarm)
    for value in (*mocks[:5], limit, np.nextafter(limit, 9), 6.0, -6.0):
        assert (value > limit) == (p_value(value, mocks)[0] <= false_alarm + 1e-12)


def test_one_more_null_survey_passes_at_most_at_the_stated_rate():
    rng = np.random.default_rng(3)
    passed = [
        value > threshold(null, 0.05)
        for null, value in ((rng.normal(size=59), rng.normal()) for _ in range(20_000))
    ]
    # Three of 60 places pass: exactly 5 %.
    assert np.mean(passed) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 20_000))


def test_a_mock_that_failed_makes_detection_harder():
    null = np.linspace(-3, 3, 99)
    broken = null.copy()
    broken[:3] = np.nan
    assert threshold(broken, 0.05) > threshold(null, 0.05)
    assert p_value(2.0, broken)[0] > p_value(2.0, null)[0]


def test_a_strong_link_is_detected_and_its_slope_recovered():
    answer = detect_link(mock("mass-star", 1, n=150, link=1.0), mocks=199, seed=1)
    told = answer.summary()
    assert answer.detected
    assert told["p_value"] == pytest.approx(1 / 200)
    assert told["hdi16"] - told["sd"] < 1.0 < told["hdi84"] + told["sd"]
    assert told["probability_positive"] > 0.99


def test_a_correlated_scatter_is_detected_by_the_joint_model():
    answer = detect_link(mock("joint", 2, n=80, link=0.8), model="joint", mocks=60, seed=1)
    assert answer.detected
    assert answer.parameter == "rho"
    assert abs(answer.fit.mean[-1] - 0.8) < 4 * answer.fit.sd[-1]


@pytest.mark.heavy
def test_surveys_without_a_link_seldom_pass_the_threshold():
    power = detection_power(
        links=(0.0,), scatters=(0.4,), n_planets=(30,), mocks=600, trials=600, seed=5
    )
    # Both the threshold and the rate have a binomial error of 0.009.
    assert power.frame["power"][0] == pytest.approx(0.05, abs=4 * 0.0126)


@pytest.mark.slow
@pytest.mark.parametrize("n", [80, 250])
@pytest.mark.parametrize("model", MODELS)
def test_null_mocks_fire_in_five_percent(model, n):
    rng = np.random.default_rng(n)
    planets = MockDesign().draw(rng, n)
    survey = simulate_planets(model, rng, planets, TRUTH[model])
    answer = detect_link(survey, model=model, mocks=2000, seed=n)
    fresh = [simulate_planets(model, rng, planets, TRUTH[model]) for _ in range(2000)]
    factors = log_bayes_factors(fresh, model, DEFAULT_PRIORS[model])
    assert np.mean(factors > answer.threshold) == pytest.approx(0.05, abs=0.015)


@pytest.mark.slow
def test_p_values_of_surveys_without_a_link_are_uniform():
    found = [
        detect_link(mock("mass-star", seed, n=40), mocks=199, seed=seed).p_value
        for seed in range(300)
    ]
    assert stats.kstest(found, "uniform").pvalue > 1e-3
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=4 * 0.0126)


def test_power_grows_with_the_link_and_the_table_survives_its_file(tmp_path):
    power = detection_power(
        links=(0.0, 0.6, 1.5), scatters=(0.3,), n_planets=(40,), mocks=99, trials=60, seed=2
    )
    shares = power.frame["power"].to_list()
    assert shares[0] < 0.3 < shares[2]
    assert shares == sorted(shares)
    table, least = (pl.read_csv(path) for path in power.write_tables(tmp_path))
    assert table["power"].to_list() == shares
    assert "beta_s_sd=1.0" in table["prior"][0]
    assert least["least_beta_s"].to_list() == power.least_link()["least_beta_s"].to_list()
    with pytest.raises(InputError, match=r"sizes are \[40\]"):
        power.curve(50, 0.3)


def test_the_least_link_lies_where_the_power_is_reached():
    curve = PowerCurve(30, 0.3, np.array([0.0, 0.5, 1.0]), np.array([0.05, 0.4, 0.9]), np.zeros(3))
    assert curve.reaches(0.65) == pytest.approx(0.75)
    assert curve.reaches(0.01) == 0.0
    assert np.isnan(curve.reaches(0.95))


def test_the_same_seed_gives_the_same_mocks_on_any_workers(tmp_path):
    data = mock("mass-star", 4, n=12)
    job = {"mocks": 220, "seed": 6}
    alone = detect_link(data, **job, n_workers=1)
    two = detect_link(data, **job, n_workers=2, journal=tmp_path / "job")
    again = detect_link(data, **job, journal=tmp_path / "job")
    assert alone.null.tobytes() == two.null.tobytes() == again.null.tobytes()
    assert alone.summary() == again.summary()


def test_a_stated_scatter_replaces_the_posteriors():
    data = mock("mass-star", 4, n=12)
    answer = detect_link(data, mocks=50, scatter=0.2, seed=1)
    assert answer.null_scatter == "0.2 dex"
    assert answer.null.tobytes() != detect_link(data, mocks=50, seed=1).null.tobytes()


@pytest.mark.heavy
def test_figures_and_tables_are_written(tmp_path):
    from errorbar.survey.plots.detection import write_detection, write_detection_power

    answer = detect_link(mock("mass-star", 4, n=15), mocks=60, seed=1)
    power = detection_power(
        links=(0.0, 1.0), scatters=(0.2, 0.5), n_planets=(10,), mocks=40, trials=20, seed=2
    )
    first = write_detection(answer, tmp_path)
    second = write_detection_power(power, tmp_path)
    for files in (first, second):
        assert all(table.stat().st_size > 0 for table in files.tables)
        for png, caption in files.figures:
            assert png.stat().st_size > 10_000
            assert caption
    row = pl.read_csv(first.tables[0]).row(0, named=True)
    assert row["log_bayes_factor"] == pytest.approx(answer.log_bayes)
    assert pl.read_csv(first.tables[1]).height == 60


def test_questions_without_an_answer_are_refused():
    data = mock("mass-star", 4, n=12)
    with pytest.raises(SettingsError, match="choose one of mass-star, joint"):
        detect_link(data, model="single")
    with pytest.raises(SettingsError, match="move with every mock"):
        detect_link(data, prior=PriorRule())
    with pytest.raises(SettingsError, match="flat prior of beta_s"):
        detect_link(data, prior=MassStarPrior(0, 1, 1, np.inf, 1))
    with pytest.raises(SettingsError, match=r"5 % is written 0\.05"):
        detect_link(data, false_alarm=5)
    with pytest.raises(SettingsError, match="at least 999 are needed"):
        detect_link(data, false_alarm=0.001, mocks=500)
    with pytest.raises(SettingsError, match="not negative"):
        detect_link(data, scatter=-0.1)
    with pytest.raises(SurveyError, match="Star Metallicity Error"):
        detect_link(SurveyData(data.x, data.y, data.sigma))
    with pytest.raises(SettingsError, match="correlations"):
        detection_power(model="joint", links=(1.5,))
    with pytest.raises(SettingsError, match="at least one of each"):
        detection_power(links=())
    with pytest.raises(SettingsError, match="at least 3 planets"):
        detection_power(n_planets=(2,))
    with pytest.raises(SettingsError, match="80 % is written"):
        PowerCurve(3, 0.1, np.zeros(1), np.zeros(1), np.zeros(1)).reaches(80)


def test_upper_limits_are_refused():
    data = mock("mass-star", 4, n=12)
    limit = np.zeros(12, dtype=bool)
    limit[3] = True
    censored = SurveyData(data.x, data.y, data.sigma, data.star, data.star_sigma, limit=limit)
    with pytest.raises(SurveyError, match="upper limits"):
        detect_link(censored, mocks=50)


def test_mock_planets_keep_the_survey_they_stand_for():
    data = mock("mass-star", 4, n=12)
    again = mock(
        "mass-star", 5, planets=MockPlanets(data.x, data.sigma, data.star, data.star_sigma)
    )
    np.testing.assert_array_equal(again.x, data.x)
    np.testing.assert_array_equal(again.star, data.star)
    assert not np.array_equal(again.y, data.y)
