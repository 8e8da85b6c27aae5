"""Slopes of classes that learn from each other: laws, references, recovery, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import halfnorm, kstest, norm

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.core.extras import load
from errorbar.survey import PooledPrior, SurveyData, fit_pooled, mass_bins
from errorbar.survey.fit.pooled.result import usual_prior
from tests.survey.fit.brute import box_posterior

FIXED = PooledPrior(
    mu_mean=-0.5, mu_sd=1.0, tau_scale=0.5, epsilon_scale=0.5, alpha_mean=-0.8, alpha_sd=1.0
)


def one_class(rng, n, *, alpha=-0.9, beta=-1.0, epsilon=0.4, width=0.6):
    x = rng.normal(0.0, width, n)
    sigma = 0.2 * np.exp(0.4 * rng.normal(size=n))
    line = alpha + beta * (x - x.mean())
    return SurveyData(x, line + epsilon * rng.normal(size=n) + sigma * rng.normal(size=n), sigma)


def some_classes(seed, sizes=(6, 10, 20), spread=0.3):
    rng = np.random.default_rng(seed)
    return {
        f"c{k}": one_class(rng, n, beta=-1.0 + spread * rng.normal()) for k, n in enumerate(sizes)
    }


def dense_reference(classes, prior, box, points):
    """All abundances as one normal vector, given the spread and the scatters, over a box."""
    labels = list(classes)
    sizes = [data.n for data in classes.values()]
    start = np.cumsum([0, *sizes])
    # Linear parameters: mu, then intercept and slope of each class.
    design = np.zeros((start[-1], 1 + 2 * len(labels)))
    for c, data in enumerate(classes.values()):
        rows = slice(start[c], start[c + 1])
        design[rows, 1 + 2 * c], design[rows, 2 + 2 * c] = 1.0, data.xc
    y = np.concatenate([data.y for data in classes.values()])
    noise = np.concatenate([data.sigma for data in classes.values()]) ** 2
    middle = np.array([prior.mu_mean] + [prior.alpha_mean, prior.mu_mean] * len(labels))

    def pieces(theta):
        covariance = np.zeros((len(theta), design.shape[1], design.shape[1]))
        slopes = [0, *range(2, design.shape[1], 2)]
        covariance[np.ix_(range(len(theta)), slopes, slopes)] = prior.mu_sd**2
        for c in range(len(labels)):
            covariance[:, 1 + 2 * c, 1 + 2 * c] = prior.alpha_sd**2
            covariance[:, 2 + 2 * c, 2 + 2 * c] += theta[:, 0] ** 2
        whole = design @ covariance @ design.T
        scatter = np.repeat(theta[:, 1:], sizes, axis=1) ** 2
        index = np.arange(len(y))
        whole[:, index, index] += noise + scatter
        return covariance, whole, y - design @ middle

    def log_density(theta):
        _, whole, r = pieces(theta)
        _, log_det = np.linalg.slogdet(whole)
        square = np.linalg.solve(whole, np.broadcast_to(r[:, None], (len(theta), len(r), 1)))
        square = square[:, :, 0] @ r
        return (
            -0.5 * (len(y) * np.log(2 * np.pi) + log_det + square)
            + halfnorm.logpdf(theta[:, 0], scale=prior.tau_scale)
            + halfnorm.logpdf(theta[:, 1:], scale=prior.epsilon_scale).sum(1)
        )

    def inner(theta):
        covariance, whole, r = pieces(theta)
        gain = covariance @ design.T @ np.linalg.inv(whole)
        rest = covariance - gain @ design @ covariance
        return middle + gain @ r, np.diagonal(rest, axis1=1, axis2=2)

    names = ["mu", *(f"{part}[{label}]" for label in labels for part in ("alpha", "beta"))]
    names += ["tau", *(f"epsilon[{label}]" for label in labels)]
    return names, box_posterior(log_density, box, points, inner)


def test_two_classes_are_one_dense_normal_model_summed_over_a_box():
    classes = some_classes(1, sizes=(4, 7))
    fit = fit_pooled(classes, FIXED)
    box = [(0.0, 3.2), (0.0, 3.2), (0.0, 2.2)]
    names, brute = dense_reference(classes, FIXED, box, (34, 38, 34))
    place = [fit.names.index(name) for name in names]
    np.testing.assert_allclose((fit.mean[place] - brute.mean) / brute.sd, 0, atol=1e-5)
    np.testing.assert_allclose(fit.sd[place] / brute.sd, 1, atol=1e-5)
    assert fit.log_evidence == pytest.approx(brute.log_evidence, abs=1e-5)


def test_without_scatter_or_spread_the_slope_is_that_of_weighted_least_squares():
    classes = some_classes(2)
    prior = PooledPrior(-0.5, 1.0, tau_scale=1e-6, epsilon_scale=1e-6)
    fit = fit_pooled(classes, prior)
    known, pull = 1.0, -0.5
    for data in classes.values():
        w = data.sigma**-2
        away = data.x - np.average(data.x, weights=w)
        known, pull = known + np.sum(w * away**2), pull + np.sum(w * away * data.y)
    for name in ("mu", "beta[c0]", "beta[c1]", "beta[c2]"):
        at = fit.names.index(name)
        assert fit.mean[at] == pytest.approx(pull / known, abs=1e-5)
        assert fit.sd[at] == pytest.approx(known**-0.5, rel=1e-4)
    assert fit.whole == pytest.approx((pull / known, known**-0.5), rel=1e-5)


def test_classes_far_apart_are_left_alone():
    rng = np.random.default_rng(3)
    classes = {f"c{k}": one_class(rng, 12, beta=b) for k, b in enumerate((-60.0, 0.0, 55.0))}
    fit = fit_pooled(classes, PooledPrior(0.0, 1e3, tau_scale=100.0, epsilon_scale=0.5))
    at = [fit.names.index(f"beta[{label}]") for label in classes]
    np.testing.assert_allclose((fit.mean[at] - fit.alone.mean) / fit.alone.sd, 0, atol=0.02)
    np.testing.assert_allclose(fit.sd[at] / fit.alone.sd, 1, atol=1e-3)
    np.testing.assert_allclose(fit.hdi()[at], fit.alone.hdi(), atol=0.01)


def test_a_class_alone_is_the_flat_single_regression():
    from errorbar.survey import SinglePrior, fit_one

    classes = some_classes(4)
    fit = fit_pooled(classes, FIXED)
    for c, data in enumerate(classes.values()):
        single = fit_one(data, "single", SinglePrior(-0.8, 1.0, np.inf, 0.5))
        assert fit.alone.mean[c] == pytest.approx(single.mean[1], abs=1e-5)
        assert fit.alone.sd[c] == pytest.approx(single.sd[1], rel=1e-5)
    alone = [fit_one(d, "single", SinglePrior(-0.8, 1.0, np.inf, 0.5)) for d in classes.values()]
    assert fit.alone.log_evidence == pytest.approx(sum(f.log_evidence for f in alone), abs=1e-6)


def test_the_order_of_classes_does_not_matter():
    classes = some_classes(5)
    one = fit_pooled(classes, FIXED)
    other = fit_pooled(dict(reversed(classes.items())), FIXED)
    place = [other.names.index(name) for name in one.names]
    np.testing.assert_allclose(other.mean[place], one.mean, atol=1e-9)
    np.testing.assert_allclose(other.sd[place], one.sd, atol=1e-9)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tilt=st.floats(-5, 5), lift=st.floats(-5, 5))
def test_tilting_all_abundances_tilts_all_slopes(seed, tilt, lift):
    classes = some_classes(seed)
    tilted = {
        label: SurveyData(d.x, d.y + lift + tilt * d.xc, d.sigma) for label, d in classes.items()
    }
    one = fit_pooled(classes, PooledPrior(-0.5, 1.0, 0.5, 0.5))
    other = fit_pooled(tilted, PooledPrior(-0.5 + tilt, 1.0, 0.5, 0.5))
    for name, a, b, sd in zip(one.names, one.mean, other.mean, one.sd):
        move = tilt if name.startswith(("mu", "beta")) else lift if name[:5] == "alpha" else 0.0
        assert abs(b - a - move) < 1e-5 * sd
    np.testing.assert_allclose(other.sd, one.sd, rtol=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("sizes", "prior"),
    [
        ((3, 3), PooledPrior(0.0, np.inf, 3.0, 1.0)),
        ((3, 200), None),
        ((4, 5, 6, 7, 8, 9, 10, 11), PooledPrior(0.0, np.inf, 3.0, 1.0)),
        ((60, 60), None),
    ],
)
def test_draws_have_the_marginals_that_were_summed(sizes, prior):
    fit = fit_pooled(some_classes(6, sizes), prior)
    draws = fit.draws(1500, seed=1)
    assert tuple(draws) == ("mu", "tau", *fit.names[2:])
    for name, values in draws.items():
        assert kstest(fit.posterior.marginal(name).cdf(values), "uniform").pvalue > 1e-4


def calibration(n_fits, sizes):
    """Ranks of truths drawn from the prior in their posteriors."""
    ranks = []
    for seed in range(n_fits):
        rng = np.random.default_rng([seed, 7])
        mu, tau = rng.normal(FIXED.mu_mean, FIXED.mu_sd), abs(FIXED.tau_scale * rng.normal())
        truth, classes = {"mu": mu, "tau": tau}, {}
        for c, n in enumerate(sizes):
            alpha = rng.normal(FIXED.alpha_mean, FIXED.alpha_sd)
            beta, epsilon = rng.normal(mu, tau), abs(FIXED.epsilon_scale * rng.normal())
            classes[f"c{c}"] = one_class(rng, n, alpha=alpha, beta=beta, epsilon=epsilon)
            truth |= {f"alpha[c{c}]": alpha, f"beta[c{c}]": beta, f"epsilon[c{c}]": epsilon}
        fit = fit_pooled(classes, FIXED)
        ranks.append([fit.posterior.cdf(name, truth[name]) for name in fit.names])
    return fit.names, np.array(ranks)


@pytest.mark.heavy
def test_truths_are_anywhere_in_their_posteriors():
    names, ranks = calibration(30, (4, 8))
    for name, rank in zip(names, ranks.T):
        assert kstest(rank, "uniform").pvalue > 1e-3, name


@pytest.mark.slow
def test_truths_are_anywhere_in_their_posteriors_in_a_thousand_catalogues():
    names, ranks = calibration(1000, (4, 8, 16, 30))
    for name, rank in zip(names, ranks.T):
        assert kstest(rank, "uniform").pvalue > 1e-3, name
        inside = np.mean(np.abs(rank - 0.5) < 0.34)
        assert abs(inside - 0.68) < 3.5 * np.sqrt(0.68 * 0.32 / 1000), name


def catalogue_errors(n_catalogues, spread):
    """Errors of pooled, separate and common slopes of four mass bins, and coverage of the first."""
    errors, held = [], []
    for seed in range(n_catalogues):
        rng = np.random.default_rng([seed, 3])
        n, x = 80, rng.normal(-0.5, 0.8, 80)
        sigma = 0.2 * np.exp(0.4 * rng.normal(size=n))
        truth = -1.09 + spread * rng.normal(size=4)
        place = np.searchsorted(np.quantile(x, [0.25, 0.5, 0.75]), x, side="right")
        y = -0.95 + truth[place] * x + 0.4 * rng.normal(size=n) + sigma * rng.normal(size=n)
        fit = fit_pooled(mass_bins(SurveyData(x, y, sigma), 4))
        at = [fit.names.index(f"beta[{label}]") for label in fit.labels]
        errors.append([fit.mean[at] - truth, fit.alone.mean - truth, fit.whole[0] - truth])
        below = [fit.posterior.cdf(fit.names[k], value) for k, value in zip(at, truth)]
        held.append(np.abs(np.array(below) - 0.5) < 0.34)
    return np.sqrt(np.mean(np.square(errors), axis=(0, 2))), np.mean(held)


@pytest.mark.heavy
def test_pooled_slopes_are_nearer_the_truth_than_separate_ones():
    (pooled, alone, _), _ = catalogue_errors(15, 0.3)
    assert pooled < 0.8 * alone


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "cover"), [(0.0, 0.78), (0.3, 0.68), (1.0, 0.59)])
def test_pooled_slopes_gain_most_where_classes_are_alike_and_lose_nothing_elsewhere(spread, cover):
    (pooled, alone, whole), held = catalogue_errors(200, spread)
    assert pooled < {0.0: 0.5, 0.3: 0.65, 1.0: 1.02}[spread] * alone
    assert pooled < {0.0: 1.35, 0.3: 0.95, 1.0: 0.6}[spread] * whole
    # The usual prior expects a spread of half a dex per dex: it is cautious below, too sure above.
    assert held == pytest.approx(cover, abs=0.05)


@pytest.mark.slow
def test_chains_over_all_slopes_find_the_same_posterior():
    import arviz as az

    pm = load("pymc")

    classes = some_classes(8, (5, 8, 15))
    exact = fit_pooled(classes, FIXED)
    with pm.Model():
        mu = pm.Normal("mu", FIXED.mu_mean, FIXED.mu_sd)
        tau = pm.HalfNormal("tau", FIXED.tau_scale)
        for label, data in classes.items():
            alpha = pm.Normal(f"alpha[{label}]", FIXED.alpha_mean, FIXED.alpha_sd)
            raw = pm.Normal(f"raw[{label}]", 0, 1)
            beta = pm.Deterministic(f"beta[{label}]", mu + tau * raw)
            eps = pm.HalfNormal(f"epsilon[{label}]", FIXED.epsilon_scale)
            spread = pm.math.sqrt(eps**2 + data.sigma**2)
            pm.Normal(f"y[{label}]", alpha + beta * data.xc, spread, observed=data.y)
        trace = pm.sample(
            4000, tune=2000, chains=2, cores=1, random_seed=5, target_accept=0.97, progressbar=False
        )
    for i, name in enumerate(exact.names):
        draws = trace.posterior[name].to_numpy()
        error = draws.std() / np.sqrt(float(az.ess(draws)))
        assert abs(draws.mean() - exact.mean[i]) < 4 * error
        assert draws.std() / exact.sd[i] == pytest.approx(1, abs=0.08)


def test_mass_bins_hold_every_planet_once_and_in_order_of_mass():
    rng = np.random.default_rng(9)
    data = one_class(rng, 50)
    named = SurveyData(data.x, data.y, data.sigma, names=tuple(f"p{i}" for i in range(50)))
    bins = mass_bins(named, 4)
    assert list(bins) == ["M1", "M2", "M3", "M4"]
    assert sorted(name for part in bins.values() for name in part.names) == sorted(named.names)
    assert all(
        a.x.max() <= b.x.min() for a, b in zip(list(bins.values())[:-1], list(bins.values())[1:])
    )
    assert {part.n for part in bins.values()} <= {12, 13}


def test_the_table_states_pooled_and_separate_slopes_of_every_class():
    classes = some_classes(10)
    fit = fit_pooled(classes)
    table = fit.table()
    assert table["class_label"].to_list() == list(classes)
    assert table["N"].to_list() == [6, 10, 20]
    np.testing.assert_array_equal(table["alone_mean"], fit.alone.mean)
    assert (table["beta_hdi16"] < table["beta_mean"]).all()
    assert (table["beta_mean"] < table["beta_hdi84"]).all()
    said = fit.summary()["beta[c1]"]
    assert said["hdi_low"] == pytest.approx(table["beta_hdi16"][1])
    assert fit.prior == usual_prior(classes)
    assert fit.prior.alpha_sd == np.inf


def test_a_planet_in_two_classes_is_refused():
    rng = np.random.default_rng(11)
    data = one_class(rng, 20)
    heavy = data.x > np.median(data.x)
    nested = SurveyData(data.x[heavy], data.y[heavy], data.sigma[heavy])
    with pytest.raises(SurveyError, match="counted twice: classes must be disjoint"):
        fit_pooled({"S1": data, "S3": nested})
    other = one_class(rng, 4)
    twice = SurveyData(other.x, other.y, other.sigma, names=("a", "b", "c", "d"))
    third = one_class(rng, 3)
    again = SurveyData(third.x, third.y, third.sigma, names=("e", "a", "f"))
    with pytest.raises(SurveyError, match="'a' of class two stands in class one"):
        fit_pooled({"one": twice, "two": again})


def test_what_cannot_be_pooled_is_refused():
    rng = np.random.default_rng(12)
    data = one_class(rng, 7)
    with pytest.raises(SurveyError, match="at least 2 are needed"):
        fit_pooled({"all": data})
    with pytest.raises(SurveyError, match="ask for fewer classes"):
        mass_bins(data, 3)
    with pytest.raises(SettingsError, match="at least 2"):
        mass_bins(data, 1)
    limited = SurveyData(data.x, data.y, data.sigma, limit=[True] + [False] * 6)
    with pytest.raises(SurveyError, match="upper limits"):
        fit_pooled({"a": limited, "b": one_class(rng, 5)})
    with pytest.raises(SettingsError, match="at least one"):
        fit_pooled({"a": data, "b": one_class(rng, 5)}).draws(0, seed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("tau_scale", 0.0), ("tau_scale", np.inf), ("mu_sd", -1.0), ("alpha_mean", np.nan)],
)
def test_priors_without_a_width_are_refused(name, value):
    numbers = {"mu_mean": 0.0, "mu_sd": 1.0, "tau_scale": 1.0, "epsilon_scale": 1.0} | {name: value}
    with pytest.raises(SettingsError, match=name):
        PooledPrior(**numbers)


def test_prior_of_the_mean_slope_is_counted_once():
    """With a class that says nothing the mean slope keeps its prior."""
    vague = {
        label: SurveyData([0.0, 1e-4, 2e-4], [lift, 0.1 + lift, lift], [1.0, 1.0, 1.0])
        for label, lift in (("a", 0.0), ("b", 0.2))
    }
    fit = fit_pooled(vague, FIXED)
    at = np.linspace(-3.0, 2.0, 11)
    np.testing.assert_allclose(
        fit.posterior.marginal("mu").cdf(at), norm.cdf(at, FIXED.mu_mean, FIXED.mu_sd), atol=1e-4
    )
    np.testing.assert_allclose(
        fit.posterior.marginal("tau").cdf(at[at > 0]),
        halfnorm.cdf(at[at > 0], scale=FIXED.tau_scale),
        atol=1e-4,
    )
