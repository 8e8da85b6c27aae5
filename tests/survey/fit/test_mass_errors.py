"""The regression with errors of the masses: laws, references, recovery, refusals."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import halfnorm, norm

from errorbar.core.errors import SurveyError
from errorbar.core.extras import load
from errorbar.survey import PriorRule, SinglePrior, SurveyData, fit_one, fit_surveys
from errorbar.survey.data import read_ariel
from errorbar.survey.fit.lattice import sum_surveys
from errorbar.survey.fit.models import find_model
from errorbar.survey.fit.table import fit_table
from errorbar.survey.model import MassErrorsPrior
from errorbar.survey.sample import Survey
from tests.survey.fit.brute import box_posterior, edges

BETA = -1.09
FIXED = MassErrorsPrior(
    alpha_mean=-0.5,
    alpha_sd=1.0,
    beta_sd=1.0,
    epsilon_scale=0.4,
    mu_mean=-0.2,
    mu_sd=0.8,
    tau_scale=0.5,
)


def mock(seed, n, mass_noise=0.2, scatter=0.4, noise=0.2, width=0.6):
    rng = np.random.default_rng(seed)
    true = rng.normal(-0.3, width, n)
    x_sigma = mass_noise * np.exp(0.5 * rng.normal(size=n))
    sigma = noise * np.exp(0.4 * rng.normal(size=n))
    return SurveyData(
        x=true + x_sigma * rng.normal(size=n),
        y=-0.95 + BETA * true + scatter * rng.normal(size=n) + sigma * rng.normal(size=n),
        sigma=sigma,
        x_sigma=x_sigma,
    )


def dense_reference(data, prior, box, points):
    """All 2n measurements as one normal vector, with nothing integrated by hand."""
    n, x = data.n, data.x
    design = np.zeros((2 * n, 2))
    design[:n, 1] = 1.0
    design[n:, 0] = 1.0
    start = np.diag([prior.alpha_sd**2, prior.mu_sd**2])

    def pieces(theta):
        beta, eps, tau = (column[:, None, None] for column in theta.T)
        eye = np.eye(n)
        covariance = np.empty((len(theta), 2 * n, 2 * n))
        covariance[:, :n, :n] = tau**2 * eye + np.diag(data.x_sigma**2)
        covariance[:, :n, n:] = covariance[:, n:, :n] = beta * tau**2 * eye
        covariance[:, n:, n:] = (beta**2 * tau**2 + eps**2) * eye + np.diag(data.sigma**2)
        linear = np.repeat(design[None], len(theta), axis=0)
        linear[:, n:, 1] = beta[:, :, 0]
        # The line is taken at the survey's mean: y = alpha + beta (xi - centre).
        offset = np.concatenate(
            [np.zeros((len(theta), n)), -beta[:, :, 0] * data.centre + 0 * x], 1
        )
        return covariance, linear, np.concatenate([x, data.y]) - offset

    def residual(theta):
        covariance, linear, observed = pieces(theta)
        middle = np.array([prior.alpha_mean, prior.mu_mean])
        whole = covariance + linear @ start @ linear.transpose(0, 2, 1)
        return whole, linear, observed - linear @ middle

    def log_density(theta):
        whole, _, r = residual(theta)
        _, log_det = np.linalg.slogdet(whole)
        square = np.einsum("ti,ti->t", r, np.linalg.solve(whole, r[:, :, None])[:, :, 0])
        beta, eps, tau = theta.T
        return (
            -0.5 * (2 * n * np.log(2 * np.pi) + log_det + square)
            + norm.logpdf(beta, 0, prior.beta_sd)
            + halfnorm.logpdf(eps, scale=prior.epsilon_scale)
            + halfnorm.logpdf(tau, scale=prior.tau_scale)
        )

    def inner(theta):
        whole, linear, r = residual(theta)
        gain = start @ linear.transpose(0, 2, 1) @ np.linalg.inv(whole)
        mean = np.array([prior.alpha_mean, prior.mu_mean]) + np.einsum("tij,tj->ti", gain, r)
        return mean, np.diagonal(start - gain @ linear @ start, axis1=1, axis2=2)

    return box_posterior(log_density, box, points, inner)


@pytest.mark.parametrize(("seed", "scatter"), [(2, 0.0), (3, 0.5)])
def test_the_lattice_is_the_dense_normal_model_summed_over_a_box(seed, scatter):
    data = mock(seed, 12, mass_noise=0.25, scatter=scatter)
    fit = fit_one(data, "mass-errors", FIXED)
    brute = dense_reference(data, FIXED, edges(fit, 7.0), 24)
    np.testing.assert_allclose((fit.mean - brute.mean) / brute.sd, 0, atol=2e-3)
    np.testing.assert_allclose(fit.sd / brute.sd, 1, atol=2e-3)
    assert fit.log_evidence == pytest.approx(brute.log_evidence, abs=2e-3)


@pytest.mark.parametrize("mass_noise", [0.05, 0.3])
def test_a_finer_lattice_changes_nothing(mass_noise):
    datas = [mock(seed, n, mass_noise) for seed, n in ((1, 5), (2, 12), (3, 60))]
    model = find_model("mass-errors")
    fine = replace(
        model.accuracy,
        step=0.5, cut=22.0, tolerance=1e-7, tolerance_folded=1e-5, cells=301, side=301,
        capacity=600_000,
    )  # fmt: skip
    usual = fit_surveys(datas, "mass-errors")
    exact = sum_surveys(model, datas, model.usual, 0.68, fine)
    assert not usual.status.any()
    np.testing.assert_allclose((usual.mean - exact.mean) / exact.sd, 0, atol=1e-4)
    np.testing.assert_allclose(usual.sd / exact.sd, 1, atol=1e-4)
    np.testing.assert_allclose((usual.hdi_low - exact.hdi_low) / exact.sd, 0, atol=2e-3)
    np.testing.assert_allclose((usual.hdi_high - exact.hdi_high) / exact.sd, 0, atol=2e-3)


def test_exact_masses_give_back_the_single_regression():
    data = mock(3, 25, mass_noise=1e-4)
    fit = fit_one(data, "mass-errors", PriorRule(intercept="flat"))
    single = fit_one(data, "single", PriorRule(intercept="flat"))
    for name in ("alpha", "beta", "epsilon"):
        i, j = fit.names.index(name), single.names.index(name)
        assert fit.mean[i] == pytest.approx(single.mean[j], abs=1e-3 * single.sd[j])
        assert fit.sd[i] == pytest.approx(single.sd[j], rel=1e-3)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(5, 40), move=st.floats(-2, 2))
def test_moving_all_masses_moves_the_population_alone(seed, n, move):
    a = mock(seed, n)
    b = SurveyData(a.x + move, a.y, a.sigma, x_sigma=a.x_sigma)
    one, other = fit_surveys([a], "mass-errors"), fit_surveys([b], "mass-errors")
    shift = (other.mean - one.mean)[0]
    shift[one.names.index("mu_x")] -= move
    np.testing.assert_allclose(shift / one.sd[0], 0, atol=1e-3)
    np.testing.assert_allclose(one.log_evidence, other.log_evidence, atol=1e-3)


@pytest.mark.parametrize("scatter", [0.0, 0.5])
def test_draws_have_the_posterior_they_come_from(scatter):
    fit = fit_one(mock(5, 20, scatter=scatter), "mass-errors")
    draws = np.array(list(fit.draws(20_000, seed=1).values()))
    z = (draws.mean(1) - fit.mean) / fit.sd * np.sqrt(20_000)
    assert np.max(np.abs(z)) < 4.5
    np.testing.assert_allclose(draws.std(1) / fit.sd, 1, atol=0.04)


def test_true_masses_are_known_as_well_as_claimed_and_better_than_measured():
    scores, gains = [], []
    for seed in range(12):
        data = mock(seed, 30, mass_noise=0.3)
        true = np.random.default_rng(seed).normal(-0.3, 0.6, 30)
        latent = fit_one(data, "mass-errors").latent(2000, seed=seed)
        scores.append((true - latent["x"].mean(0)) / latent["x"].std(0))
        gains.append(latent["x"].std(0) / data.x_sigma)
        assert latent["z"].shape == (2000, 30)
    # 360 planets: the rms score has a standard error of 0.04.
    assert np.sqrt(np.mean(np.square(scores))) == pytest.approx(1, abs=0.15)
    assert np.mean(gains) < 0.95


@pytest.mark.heavy
def test_the_slope_is_not_attenuated_where_masses_have_errors():
    datas = [mock(seed, 60, mass_noise=0.25) for seed in range(300)]
    modelled = fit_surveys(datas, "mass-errors")
    naive = fit_surveys(datas, "single", PriorRule(intercept="flat"))
    at = modelled.names.index("beta")
    share = modelled.mean[:, at] / BETA
    error = share.std() / np.sqrt(len(datas))
    assert abs(share.mean() - 1) < 4 * error + 0.01
    assert (naive.mean[:, 1] / BETA).mean() < 0.9
    held = (modelled.hdi_low[:, at] <= BETA) & (modelled.hdi_high[:, at] >= BETA)
    assert abs(held.mean() - 0.68) < 4 * np.sqrt(0.68 * 0.32 / len(datas))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bars", "above", "surveys", "naive_share"),
    [
        ("logarithmic", 0.75, 4000, 0.934),
        ("first order", 0.75, 4000, 0.913),
        ("logarithmic", 0.0, 400, 0.979),
    ],
)
def test_slopes_on_the_ariel_list_are_freed_of_attenuation(
    shared_data, bars, above, surveys, naive_share
):
    """The planets above a quantile of listed mass, measured with the listed errors.

    A listed bar of the mass is a distance of logarithms, or, to first order, its share of the mass.
    """
    planets = read_ariel(shared_data / "hermes" / "Ariel_MCS_Known_2024-07-09.csv")
    kept = planets.log_mass >= np.quantile(planets.log_mass, above)
    true, x_sigma = planets.log_mass[kept], planets.mass_sigma[kept]
    if bars == "first order":
        down, up = planets.mass_bars
        x_sigma = ((10**up - 10**-down) / (2 * np.log(10)))[kept]
    rng = np.random.default_rng(1)
    datas = []
    for _ in range(surveys):
        y = -0.95 + BETA * true + np.hypot(0.4, 0.2) * rng.normal(size=len(true))
        x = true + x_sigma * rng.normal(size=len(true))
        datas.append(SurveyData(x, y, np.full(len(true), 0.2), x_sigma=x_sigma))
    modelled = fit_surveys(datas, "mass-errors")
    naive = fit_surveys(datas, "single", PriorRule(intercept="flat"))
    assert not modelled.status.any()
    at = modelled.names.index("beta")
    assert abs(modelled.mean[:, at].mean() / BETA - 1) < 0.02
    held = (modelled.hdi_low[:, at] <= BETA) & (modelled.hdi_high[:, at] >= BETA)
    assert held.mean() == pytest.approx(0.68, abs=3 * np.sqrt(0.68 * 0.32 / surveys))
    assert naive.mean[:, 1].mean() / BETA == pytest.approx(naive_share, abs=0.005)


@pytest.mark.slow
def test_chains_over_the_latent_masses_find_the_same_posterior():
    import arviz as az

    pm = load("pymc")

    data = mock(11, 15, mass_noise=0.25)
    exact = fit_one(data, "mass-errors", FIXED)
    with pm.Model():
        alpha = pm.Normal("alpha", FIXED.alpha_mean, FIXED.alpha_sd)
        mu = pm.Normal("mu_x", FIXED.mu_mean, FIXED.mu_sd)
        beta = pm.Normal("beta", 0, FIXED.beta_sd)
        eps = pm.HalfNormal("epsilon", FIXED.epsilon_scale)
        tau = pm.HalfNormal("tau_x", FIXED.tau_scale)
        true = mu + tau * pm.Normal("raw", 0, 1, shape=data.n)
        pm.Normal("x", true, data.x_sigma, observed=data.x)
        line = alpha + beta * (true - data.centre)
        pm.Normal("y", line, pm.math.sqrt(eps**2 + data.sigma**2), observed=data.y)
        trace = pm.sample(
            4000, tune=2000, chains=2, cores=1, random_seed=5, target_accept=0.95, progressbar=False
        )
    for i, name in enumerate(exact.names):
        draws = trace.posterior[name].to_numpy()
        error = draws.std() / np.sqrt(float(az.ess(draws)))
        assert abs(draws.mean() - exact.mean[i]) < 4 * error
        assert draws.std() / exact.sd[i] == pytest.approx(1, abs=0.08)


def test_a_survey_without_mass_errors_says_what_to_add():
    bare = SurveyData(x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 2.0], sigma=[0.1] * 3)
    with pytest.raises(SurveyError, match="logM_err_lower"):
        fit_one(bare, "mass-errors")


def test_upper_limits_are_not_read_as_detections():
    data = mock(1, 6)
    limited = SurveyData(
        data.x, data.y, data.sigma, x_sigma=data.x_sigma, limit=[True] + [False] * 5
    )
    for model in ("single", "mass-errors"):
        with pytest.raises(SurveyError, match="fit the model 'limits'"):
            fit_one(limited, model)
        with pytest.raises(SurveyError, match="first at row 0"):
            fit_surveys([limited], model, SinglePrior(0, 1, 1, 1) if model == "single" else FIXED)


def test_tables_say_what_became_of_the_errors_of_the_masses():
    rng = np.random.default_rng(1)
    bars = {"uncertainty_lower": 0.2, "uncertainty_upper": 0.2}
    mass_bars = {"logM_err_lower": 0.1, "logM_err_upper": 0.1}
    bare = {"logM": rng.normal(size=9), "log(X_H2O)": rng.normal(size=9)}

    def said(model, columns):
        survey = Survey(1, "S1", pl.DataFrame(columns))
        fits = fit_surveys([survey.data()], model)
        table = fit_table([survey], fits, prior="flat", centres=[0.0], pivot=0.0)
        # The second inner parameter is the population's mean here, along which nothing moves.
        assert ("alpha_pivot_mean" in table.columns) == (model == "single")
        return table["mass_errors"].item()

    assert said("single", bare | bars) == "none"
    assert said("single", bare | bars | mass_bars) == "ignored"
    assert said("mass-errors", bare | bars | mass_bars) == "modelled"
