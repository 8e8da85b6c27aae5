"""Upper limits and outliers: laws, references, recovery, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta as beta_distribution
from scipy.stats import halfnorm, norm

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.core.extras import load
from errorbar.survey import PriorRule, SinglePrior, SurveyData, fit_one, fit_surveys
from errorbar.survey.fit.lattice import sum_surveys
from errorbar.survey.fit.models import find_model
from errorbar.survey.model import RobustPrior
from errorbar.survey.model.tails import log_below
from tests.survey.fit.brute import box_posterior, edges

BETA, THRESHOLD = -1.09, -1.26
FLAT = PriorRule(intercept="flat")
LINE = SinglePrior(alpha_mean=-0.5, alpha_sd=1.0, beta_sd=1.0, epsilon_scale=0.5)
MIXED = RobustPrior(-0.5, 1.0, 1.0, 0.5, outlier_sd=2.0, outlier_share=(2.0, 6.0))


def mock(seed, n, *, threshold=None, outliers=0.0, scatter=0.4):
    rng = np.random.default_rng(seed)
    x = rng.normal(-0.5, 0.8, n)
    sigma = 0.2 * np.exp(0.4 * rng.normal(size=n))
    y = -0.95 + BETA * x + scatter * rng.normal(size=n) + sigma * rng.normal(size=n)
    wrong = rng.random(n) < outliers
    y = y + wrong * rng.normal(0.0, 2.0, n)
    limit = np.zeros(n, bool) if threshold is None else y < threshold
    if limit.all():
        limit[np.argmax(y)] = False
    return SurveyData(x, np.where(limit, threshold, y) if limit.any() else y, sigma, limit=limit)


def reference(data, prior, model, fit, points):
    """The likelihood written with SciPy, on a box; the share of outliers is one more axis."""
    limit = data.limit

    def log_term(r, variance):
        s = np.sqrt(variance)
        return np.where(limit, norm.logcdf(r / s), norm.logpdf(r, scale=s))

    def log_density(theta):
        alpha, slope, eps = (theta[:, k, None] for k in range(3))
        r = data.y - alpha - slope * data.xc
        variance = data.sigma**2 + eps**2
        term = log_term(r, variance)
        logp = (
            norm.logpdf(theta[:, 0], prior.alpha_mean, prior.alpha_sd)
            + norm.logpdf(theta[:, 1], 0, prior.beta_sd)
            + halfnorm.logpdf(theta[:, 2], scale=prior.epsilon_scale)
        )
        if model == "robust":
            q = theta[:, 3, None]
            wide = log_term(r, variance + prior.outlier_sd**2)
            term = np.logaddexp(np.log1p(-q) + term, np.log(q) + wide)
            logp = logp + beta_distribution.logpdf(theta[:, 3], *prior.outlier_share)
        return logp + term.sum(1)

    box = edges(fit, 8.0)
    return box_posterior(log_density, [*box, (0.0, 1.0)] if model == "robust" else box, points)


@pytest.mark.parametrize("threshold", [None, THRESHOLD])
def test_limits_are_normal_probabilities_summed_over_a_box(threshold):
    data = mock(1, 12, threshold=threshold)
    fit = fit_one(data, "limits", LINE)
    brute = reference(data, LINE, "limits", fit, 40)
    np.testing.assert_allclose((fit.mean - brute.mean) / brute.sd, 0, atol=1e-3)
    np.testing.assert_allclose(fit.sd / brute.sd, 1, atol=2e-3)
    assert fit.log_evidence == pytest.approx(brute.log_evidence, abs=1e-3)


@pytest.mark.heavy
def test_a_robust_fit_is_the_mixture_summed_over_a_box_of_one_more_dimension():
    data = mock(2, 12, threshold=THRESHOLD, outliers=0.3)
    assert data.limit.any()
    fit = fit_one(data, "robust", MIXED)
    # A polynomial of degree 18 in the share: ten points are exact.
    brute = reference(data, MIXED, "robust", fit, (40, 40, 40, 10))
    np.testing.assert_allclose((fit.mean - brute.mean[:3]) / brute.sd[:3], 0, atol=1e-3)
    np.testing.assert_allclose(fit.sd / brute.sd[:3], 1, atol=1e-3)
    assert fit.log_evidence == pytest.approx(brute.log_evidence, abs=1e-3)
    q = fit.latent(20_000, seed=1)["q"]
    assert abs(q.mean() - brute.mean[3]) < 4.5 * brute.sd[3] / np.sqrt(20_000)
    assert q.std() / brute.sd[3] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("model", ["limits", "robust"])
def test_a_finer_lattice_changes_nothing(model):
    datas = [mock(seed, n, threshold=THRESHOLD, outliers=0.1) for seed, n in ((1, 6), (2, 15))]
    kind = find_model(model)
    fine = replace(
        kind.accuracy, step=0.55, cut=20.0, tolerance=1e-6, tolerance_folded=1e-4, cells=301,
        side=301, capacity=400_000,
    )  # fmt: skip
    usual = fit_surveys(datas, model)
    exact = sum_surveys(kind, datas, kind.usual, 0.68, fine)
    assert not usual.status.any()
    np.testing.assert_allclose((usual.mean - exact.mean) / exact.sd, 0, atol=1e-3)
    np.testing.assert_allclose(usual.sd / exact.sd, 1, atol=2e-3)
    np.testing.assert_allclose((usual.hdi_low - exact.hdi_low) / exact.sd, 0, atol=3e-3)
    np.testing.assert_allclose((usual.hdi_high - exact.hdi_high) / exact.sd, 0, atol=3e-3)


def test_without_limits_the_lattice_of_limits_is_that_of_the_single_regression():
    data = mock(3, 20)
    limits, single = fit_one(data, "limits", FLAT), fit_one(data, "single", FLAT)
    np.testing.assert_allclose((limits.mean - single.mean) / single.sd, 0, atol=1e-3)
    np.testing.assert_allclose(limits.sd / single.sd, 1, atol=1e-3)
    assert limits.log_evidence == pytest.approx(single.log_evidence, abs=1e-3)


@pytest.mark.parametrize("share", [(0.0, 9.0), (1.0, -1.0), (500.0, 501.0), (1.0, np.nan)])
def test_shares_that_shape_no_distribution_are_refused(share):
    with pytest.raises(SettingsError, match="two positive numbers"):
        RobustPrior(-0.5, 1.0, 1.0, 0.5, outlier_sd=2.0, outlier_share=share)


def test_where_outliers_are_no_wider_the_robust_fit_is_that_of_limits():
    data = mock(4, 20, threshold=THRESHOLD)
    never = RobustPrior(-0.5, 1.0, 1.0, 0.5, outlier_sd=1e-9, outlier_share=(2.0, 3.0))
    robust, limits = fit_one(data, "robust", never), fit_one(data, "limits", LINE)
    np.testing.assert_allclose((robust.mean - limits.mean) / limits.sd, 0, atol=1e-3)
    assert robust.log_evidence == pytest.approx(limits.log_evidence, abs=1e-3)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(6, 25), move=st.floats(-2, 2))
def test_moving_abundances_and_limits_moves_the_intercept_alone(seed, n, move):
    a = mock(seed, n, threshold=THRESHOLD)
    b = SurveyData(a.x, a.y + move, a.sigma, limit=a.limit)
    one, other = fit_surveys([a], "limits"), fit_surveys([b], "limits")
    shift = (other.mean - one.mean)[0] - [move, 0, 0]
    np.testing.assert_allclose(shift / one.sd[0], 0, atol=2e-3)


def test_a_limit_far_above_the_line_says_nothing():
    data = mock(5, 15)
    far = SurveyData(
        np.append(data.x, data.x.mean()),
        np.append(data.y, 90.0),
        np.append(data.sigma, 0.2),
        limit=[False] * 15 + [True],
    )
    fit, bare = fit_one(far, "limits", LINE), fit_one(data, "limits", LINE)
    np.testing.assert_allclose((fit.mean - bare.mean) / bare.sd, 0, atol=1e-3)


@pytest.mark.parametrize("z", [-1e8, -200.0, -38.5, -20.0, -19.99, -5.0, 0.0, 5.0, 5.01, 30.0])
def test_the_log_of_a_normal_probability_has_its_tails(z):
    assert log_below(z) == pytest.approx(float(norm.logcdf(z)), rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("model", ["limits", "robust"])
@pytest.mark.parametrize("n", [5, 20, 100])
@pytest.mark.parametrize("limits", ["none", "all but one"])
def test_surveys_without_scatter_or_with_one_detection_can_be_summed(model, n, limits):
    datas = []
    for seed in range(3):
        data = mock(seed, n, scatter=0.0, outliers=0.1 if limits == "none" else 0.0)
        limit = np.full(n, limits != "none")
        limit[np.argmax(data.y)] = False
        datas.append(SurveyData(data.x, data.y, data.sigma, limit=limit))
    fits = fit_surveys(datas, model)
    assert not fits.status.any()
    assert np.all((fits.hdi_low < fits.mean) & (fits.mean < fits.hdi_high) & (fits.sd > 0))


@pytest.mark.parametrize("model", ["limits", "robust"])
def test_draws_have_the_posterior_they_come_from(model):
    fit = fit_one(mock(5, 20, threshold=THRESHOLD, outliers=0.1), model)
    draws = np.array(list(fit.draws(20_000, seed=1).values()))
    z = (draws.mean(1) - fit.mean) / fit.sd * np.sqrt(20_000)
    assert np.max(np.abs(z)) < 4.5
    np.testing.assert_allclose(draws.std(1) / fit.sd, 1, atol=0.04)


def test_true_abundances_behind_limits_lie_mostly_below_them():
    data = mock(6, 30, threshold=THRESHOLD)
    z = fit_one(data, "limits").latent(2000, seed=3)["z"]
    assert z.shape == (2000, 30)
    assert np.isfinite(z).all()
    assert np.all(z[:, data.limit].mean(0) < THRESHOLD)


def spoiled_at_the_end(seed):
    """A survey, and the same with its heaviest planet, which has most leverage, off by four dex."""
    data = mock(seed, 30)
    y = data.y.copy()
    y[np.argmax(data.x)] += 4.0
    return data, SurveyData(data.x, y, data.sigma)


def test_the_planet_that_was_spoiled_is_found():
    data, spoiled = spoiled_at_the_end(7)
    chance = fit_one(spoiled, "robust").latent(1000, seed=1)["outlier"].mean(0)
    heaviest = np.argmax(data.x)
    assert chance[heaviest] > 0.95
    assert np.delete(chance, heaviest).max() < 0.75


def test_a_spoiled_planet_moves_a_robust_slope_a_fifth_as_far_as_a_plain_one():
    clean, spoiled = zip(*(spoiled_at_the_end(seed) for seed in range(40)))
    robust = fit_surveys(spoiled, "robust").mean[:, 1] - fit_surveys(clean, "robust").mean[:, 1]
    plain = fit_surveys(spoiled, "single", FLAT).mean[:, 1]
    plain = plain - fit_surveys(clean, "single", FLAT).mean[:, 1]
    assert np.abs(robust).mean() < 0.2 * np.abs(plain).mean()


def slope_coverage(fits):
    at = fits.names.index("beta")
    assert not fits.status.any()
    held = (fits.hdi_low[:, at] <= BETA) & (fits.hdi_high[:, at] >= BETA)
    return held.mean(), np.sqrt(0.68 * 0.32 / len(held))


@pytest.mark.slow
def test_slopes_are_covered_as_claimed_with_a_fifth_of_upper_limits():
    datas = [mock(seed, 40, threshold=THRESHOLD) for seed in range(2000)]
    assert np.mean([data.limit.mean() for data in datas]) == pytest.approx(0.2, abs=0.01)
    found, error = slope_coverage(fit_surveys(datas, "limits"))
    assert abs(found - 0.68) < 3 * error
    as_detections = [SurveyData(data.x, data.y, data.sigma) for data in datas]
    kept = [SurveyData(d.x[~d.limit], d.y[~d.limit], d.sigma[~d.limit]) for d in datas]
    assert slope_coverage(fit_surveys(as_detections, "single", FLAT))[0] < 0.68 - 10 * error
    assert slope_coverage(fit_surveys(kept, "single", FLAT))[0] < 0.68 - 3 * error


@pytest.mark.slow
def test_slopes_are_covered_as_claimed_with_one_outlier_in_twenty():
    datas = [mock(seed, 40, outliers=0.05) for seed in range(2000)]
    robust, plain = fit_surveys(datas, "robust"), fit_surveys(datas, "single", FLAT)
    found, error = slope_coverage(robust)
    assert abs(found - 0.68) < 3 * error
    # The plain slope may be covered as often, but at the price of much longer bars.
    assert robust.sd[:, 1].mean() < 0.9 * plain.sd[:, 1].mean()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["limits", "robust"])
def test_chains_find_the_same_posterior(model):
    import arviz as az

    pm = load("pymc")

    data = mock(8, 20, threshold=THRESHOLD, outliers=0.15)
    exact = fit_one(data, model, LINE if model == "limits" else MIXED)
    seen, limit = ~data.limit, data.limit
    with pm.Model():
        alpha, slope = pm.Normal("alpha", -0.5, 1.0), pm.Normal("beta", 0, 1.0)
        eps = pm.HalfNormal("epsilon", 0.5)
        r = data.y - alpha - slope * data.xc

        def log_term(s):
            seen_term = pm.logp(pm.Normal.dist(0, s[seen]), r[seen])
            return seen_term, pm.logcdf(pm.Normal.dist(0, s[limit]), r[limit])

        terms = log_term(pm.math.sqrt(data.sigma**2 + eps**2))
        if model == "robust":
            q = pm.Beta("q", 2.0, 6.0)
            wide = log_term(pm.math.sqrt(data.sigma**2 + eps**2 + 4.0))
            terms = [
                pm.math.logaddexp(pm.math.log(1 - q) + a, pm.math.log(q) + b)
                for a, b in zip(terms, wide)
            ]
        pm.Potential("planets", sum(pm.math.sum(term) for term in terms))
        trace = pm.sample(
            4000, tune=2000, chains=2, cores=1, random_seed=5, target_accept=0.95, progressbar=False
        )
    for i, name in enumerate(exact.names):
        draws = trace.posterior[name].to_numpy()
        error = draws.std() / np.sqrt(float(az.ess(draws)))
        assert abs(draws.mean() - exact.mean[i]) < 4 * error
        assert draws.std() / exact.sd[i] == pytest.approx(1, abs=0.08)


def test_a_survey_of_upper_limits_alone_is_refused():
    with pytest.raises(SurveyError, match="at least one detection is needed"):
        SurveyData(x=[0.0, 1.0, 2.0], y=[0.0] * 3, sigma=[0.1] * 3, limit=[True] * 3)
