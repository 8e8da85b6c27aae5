"""Calibration by simulation: laws, references, recovery, refusals, round trips."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from errorbar.core.errors import InputError, SettingsError, SurveyError
from errorbar.survey import JointPrior, MassStarPrior, PriorRule, SinglePrior, fit_one
from errorbar.survey.check import DEFAULT_PRIORS, calibrate_survey
from errorbar.survey.synth import MockDesign, draw_planets
from errorbar.survey.synth.parameters import (
    draw_parameters,
    prior_from_numbers,
    prior_numbers,
    simulate_planets,
)

MODELS = ("single", "joint", "mass-star")
TRUTH = {"alpha": -0.95, "beta": -1.09, "epsilon": 0.5}


@pytest.mark.heavy
@pytest.mark.parametrize(("model", "surveys"), [("single", 1000), ("joint", 200)])
def test_intervals_hold_the_truth_as_often_as_they_claim(model, surveys):
    result = calibrate_survey(model, n_surveys=surveys, seed=1)
    assert result.departures() == ()
    assert sorted(set(result.sizes.tolist())) == [5, 10, 30, 100]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "surveys"), [("single", 20_000), ("joint", 5_000), ("mass-star", 5_000)]
)
def test_intervals_hold_the_truth_as_often_as_they_claim_in_thousands_of_surveys(model, surveys):
    result = calibrate_survey(model, n_surveys=surveys, seed=11)
    assert result.departures(errors=3.0, p=0.001) == ()


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("intercept", "low", "high"), [("reference", 0.57, 0.66), ("flat", 0.65, 0.72)]
)
def test_the_references_intercept_is_too_sure_and_a_flat_one_is_not(intercept, low, high):
    result = calibrate_survey(
        "single", n_planets=30, n_surveys=1500, prior=PriorRule(intercept), truth=TRUTH, seed=3
    )
    assert not result.drawn
    assert low < result.inside[:, 0].mean() < high


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 30, 100])
def test_coverage_of_the_references_intercept_is_what_its_double_use_of_data_leaves(n):
    def found(intercept):
        result = calibrate_survey(
            "single", n_planets=n, n_surveys=8000, prior=PriorRule(intercept), truth=TRUTH, seed=n
        )
        return result.inside[:, 0].mean()

    # Design notes: 0.603, 0.627, 0.626 and 0.685, 0.686, 0.684, each with an error of 0.005.
    assert found("reference") == pytest.approx({10: 0.603, 30: 0.627, 100: 0.626}[n], abs=0.025)
    assert found("flat") == pytest.approx(0.685, abs=0.02)


@pytest.mark.heavy
def test_a_fit_with_another_prior_than_the_truths_is_found_out():
    honest = calibrate_survey("single", n_planets=5, n_surveys=600, seed=2)
    shifted = SinglePrior(2.0, 0.3, 1.0, 0.5)
    fooled = calibrate_survey(
        "single",
        n_planets=5,
        n_surveys=600,
        prior=shifted,
        truth={"alpha": -0.5, "beta": 0.3, "epsilon": 0.3},
        seed=2,
    )
    assert honest.departures() == ()
    assert any(words.startswith("alpha:") for words in fooled.departures())


@pytest.mark.parametrize("model", MODELS)
def test_pit_is_the_posterior_distribution_function_at_the_truth(model):
    result = calibrate_survey(model, n_planets=8, n_surveys=2, seed=5)
    prior, rng = DEFAULT_PRIORS[model], np.random.default_rng(9)
    planets, truth = MockDesign().draw(rng, 12), draw_parameters(model, prior, rng)
    fit = fit_one(simulate_planets(model, rng, planets, truth), model, prior)
    draws = fit.draws(20_000, seed=1)
    for name, value in truth.items():
        share = np.mean(draws[name] <= value)
        assert fit.cdf(name, value) == pytest.approx(share, abs=0.02)
    assert result.names == tuple(truth)
    assert np.all((result.pit > 0) & (result.pit < 1))


@pytest.mark.parametrize("model", MODELS)
def test_truths_have_the_distribution_of_their_prior(model):
    prior, rng = DEFAULT_PRIORS[model], np.random.default_rng(4)
    drawn = [draw_parameters(model, prior, rng) for _ in range(4000)]
    columns = {name: np.array([truth[name] for truth in drawn]) for name in drawn[0]}
    expected = {
        "alpha": stats.norm(-0.5, 1.0),
        "alpha_p": stats.norm(-0.5, 1.0),
        "alpha_s": stats.norm(0.1, 0.3),
        "beta": stats.norm(0.0, 1.0),
        "beta_p": stats.norm(0.0, 1.0),
        "beta_s": stats.norm(0.0, 0.3) if model == "joint" else stats.norm(1.0, 1.0),
        "epsilon": stats.halfnorm(0.0, 0.5),
        "sigma_p": stats.halfnorm(0.0, 0.5),
        "sigma_s": stats.halfnorm(0.0, 0.5),
        "rho": stats.beta(2, 2, loc=-1.0, scale=2.0),
    }
    for name, values in columns.items():
        assert stats.kstest(values, expected[name].cdf).pvalue > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_priors_survive_as_numbers(model):
    prior = DEFAULT_PRIORS[model]
    assert prior_from_numbers(model, prior_numbers(prior)) == prior


@pytest.mark.heavy
def test_any_number_of_workers_and_an_interrupted_job_give_the_same_bytes(tmp_path):
    job = {"model": "single", "n_surveys": 450, "seed": 8}
    alone = calibrate_survey(**job, n_workers=1)
    two = calibrate_survey(**job, n_workers=2, journal=tmp_path / "job")
    finished = sorted((tmp_path / "job").rglob("*.safetensors"))
    assert len(finished) == 3
    finished[1].unlink()
    resumed = calibrate_survey(**job, journal=tmp_path / "job")
    assert alone.pit.tobytes() == two.pit.tobytes() == resumed.pit.tobytes()


def test_masses_come_from_the_list_that_is_given():
    listed = np.linspace(-2.0, 1.0, 40)
    planets = MockDesign(masses=listed, bar_spread=0.0).draw(np.random.default_rng(1), 20)
    assert set(planets.x) <= set(listed)
    assert len(set(planets.x)) == 20
    assert set(planets.sigma) == {0.2}
    real = draw_planets(60, seed=1).df["log_mass"].to_numpy()
    result = calibrate_survey(
        "single", n_planets=10, n_surveys=20, design=MockDesign(masses=real), seed=1
    )
    assert result.failed == 0


def test_tables_hold_what_the_result_says(tmp_path):
    result = calibrate_survey("mass-star", n_planets=(6, 12), n_surveys=60, seed=6)
    coverage, uniformity, surveys = (pl.read_csv(path) for path in result.write_tables(tmp_path))
    whole = coverage.filter(pl.col("N").is_null() & (pl.col("interval") == "highest density"))
    assert whole["parameter"].to_list() == list(result.names)
    np.testing.assert_allclose(whole["found"], result.inside.mean(axis=0))
    assert set(coverage["prior"]) == {repr(DEFAULT_PRIORS["mass-star"])}
    assert set(uniformity["N"]) == {None, 6, 12}
    np.testing.assert_allclose(surveys["beta_s_pit"], result.column("beta_s"))


def test_a_failed_fit_is_counted_and_left_out_of_the_shares():
    whole = calibrate_survey("single", n_planets=6, n_surveys=40, seed=6)
    pit = whole.pit.copy()
    pit[3] = np.nan
    broken = type(whole)(
        **{name: getattr(whole, name) for name in whole.__slots__ if name != "pit"}, pit=pit
    )
    assert broken.failed == 1
    assert len(broken.column("alpha")) == 39
    assert "1 of 40 fits failed" in broken.departures()


@pytest.mark.heavy
def test_figures_are_drawn_for_every_parameter(tmp_path):
    from errorbar.survey.plots.calibration import make_calibration_panels, write_calibration

    result = calibrate_survey("joint", n_planets=8, n_surveys=40, seed=6)
    titles = [ax.get_title() for ax in make_calibration_panels(result).axes if ax.get_title()]
    assert titles == [name.replace("_", " ") for name in result.names]
    files = write_calibration(result, tmp_path)
    assert len(files.tables) == 3
    for png, caption in files.figures:
        assert png.stat().st_size > 10_000
        assert png.with_suffix(".pdf").exists()
        assert caption


def test_a_rule_that_looks_at_the_data_is_refused_without_a_truth():
    with pytest.raises(SettingsError, match="frequentist coverage"):
        calibrate_survey("single", prior=PriorRule())


def test_a_flat_prior_is_refused_because_no_truth_can_be_drawn():
    with pytest.raises(SettingsError, match="give finite numbers"):
        calibrate_survey("single", prior=SinglePrior(0.0, np.inf, 1.0, 0.5))


def test_a_prior_of_another_model_is_refused():
    for model, prior in (
        ("single", JointPrior((0, 0), (1, 1), (1, 1))),
        ("joint", MassStarPrior(0, 1, 1, 1, 1)),
    ):
        with pytest.raises(SettingsError, match=f"model '{model}' is a"):
            calibrate_survey(model, prior=prior)


def test_a_truth_that_lacks_a_parameter_is_refused():
    with pytest.raises(SettingsError, match="needs exactly alpha, beta, epsilon"):
        calibrate_survey("single", truth={"alpha": 0.0})


def test_what_cannot_be_simulated_is_refused():
    with pytest.raises(SettingsError, match="choose one of single, joint, mass-star"):
        calibrate_survey("quadratic")
    with pytest.raises(SettingsError, match="at least 3 planets"):
        calibrate_survey(n_planets=(10, 2))
    with pytest.raises(SettingsError, match="at least one survey"):
        calibrate_survey(n_surveys=0)
    with pytest.raises(SettingsError, match="bar=0"):
        MockDesign(bar=0)
    with pytest.raises(SurveyError, match="one column of finite log masses"):
        MockDesign(masses=[0.0, np.nan])
    with pytest.raises(SurveyError, match="leave it out"):
        MockDesign(masses=[])
    with pytest.raises(SurveyError, match="cannot be drawn from 4 masses"):
        MockDesign(masses=[0.0, 1.0, 2.0, 3.0]).draw(np.random.default_rng(1), 5)


def test_an_unknown_parameter_names_those_there_are():
    result = calibrate_survey("single", n_planets=6, n_surveys=4, seed=6)
    with pytest.raises(InputError, match="choose one of alpha, beta, epsilon"):
        result.histogram("gamma")
