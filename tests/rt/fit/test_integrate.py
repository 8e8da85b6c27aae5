"""Integrated scales: weights, evidence and mixtures."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest
from scipy import stats

from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.fit.integrate import (
    MixturePredictor,
    PoolMixture,
    curvature,
    explore,
    integrate_scales,
    log_posterior,
)
from errorbar.rt.fit.integrate.importance import smooth_tail
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.model.pool import PoolModel
from tests.rt.fit.dense import descriptors, small_table


@pytest.fixture(scope="module")
def fit():
    peaks = small_table(1)
    return fit_pool(peaks, PoolModel(), descriptors(peaks))


@pytest.fixture(scope="module")
def mixture(fit):
    return integrate_scales(fit, seed=2)


def test_half_normal_scales_have_the_evidence_one():
    """Logarithms of scales that nothing was seen of: long tails towards zero."""
    width = np.array([0.05, 0.5, 0.5, 2.0])

    def log_density(at):
        return float(
            (np.log(np.sqrt(2 / np.pi) / width) + at - 0.5 * np.exp(2 * at) / width**2).sum()
        )

    found = explore(log_density, np.log(width), np.eye(4) / 2, draws=4000, rounds=3, seed=1)
    assert abs(found.log_evidence) < 4 * found.evidence_error < 0.2
    assert found.tail < 0.7
    assert found.effective_size > 1000
    # E log|z| of a normal is -(gamma + log 2) / 2, its sd pi / sqrt(8).
    mean = found.weights @ found.at - np.log(width)
    error = np.pi / np.sqrt(8 * found.effective_size)
    assert np.abs(mean + 0.5 * (np.euler_gamma + np.log(2))).max() < 4 * error
    scale = np.exp(found.at) / width
    np.testing.assert_allclose(found.weights @ scale**2, 1.0, atol=0.15)


def test_a_correlated_normal_has_its_moments_and_its_evidence():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(6, 6))
    covariance, centre = root @ root.T + np.eye(6), rng.normal(size=6)
    normal = stats.multivariate_normal(centre, covariance)
    found = explore(
        lambda at: float(normal.logpdf(at)) + 12.5, centre, covariance, draws=3000, rounds=2, seed=4
    )
    assert abs(found.log_evidence - 12.5) < 4 * found.evidence_error < 0.1
    off = found.weights @ found.at - centre
    assert off @ np.linalg.solve(covariance, off) < 25 / found.effective_size


def test_smoothed_weights_are_those_of_arviz():
    rng = np.random.default_rng(5)
    for index in (0.1, 0.5, 0.9):
        log_weights = index * rng.exponential(size=1000)
        weights = np.exp(log_weights)
        ours, tail = smooth_tail(weights / weights.sum())
        theirs, k = az.psislw(log_weights)
        assert tail == pytest.approx(float(k), abs=1e-6)
        np.testing.assert_allclose(ours, np.exp(theirs), rtol=1e-3)


def test_equal_weights_have_no_tail():
    weights, tail = smooth_tail(np.full(400, 1 / 400))
    np.testing.assert_allclose(weights, 1 / 400)
    assert tail == -np.inf


def test_the_curvature_is_that_of_the_log_posterior(fit):
    found = curvature(fit)
    rng = np.random.default_rng(6)
    step = 3e-3 * rng.normal(size=len(fit.at))
    up, down = (log_posterior(fit, fit.at + sign * step)[0] for sign in (1, -1))
    bend = up + down - 2 * log_posterior(fit, fit.at)[0]
    assert bend == pytest.approx(-step @ found.hessian @ step, rel=1e-3)
    np.linalg.cholesky(found.covariance)


def test_the_evidence_does_not_depend_on_the_seed(fit):
    first, second = (integrate_scales(fit, seed=seed) for seed in (7, 8))
    error = np.hypot(first.evidence_error, second.evidence_error)
    assert abs(first.log_evidence - second.log_evidence) < 4 * error
    assert first.tail < 0.7
    assert integrate_scales(fit, seed=7).log_evidence == first.log_evidence


def test_evidence_prefers_the_model_that_made_the_table():
    """Slopes of every pair are drawn to one centre; a penalty that frees them loses."""
    peaks = small_table(9)
    right, wrong = (
        integrate_scales(fit_pool(peaks, PoolModel(penalty=penalty))) for penalty in (30.0, 3e-4)
    )
    assert right.log_evidence - wrong.log_evidence > 20


def test_a_mixture_of_one_node_is_the_fit(fit):
    peaks = small_table(2)
    one = PoolMixture(
        fit, fit.at[None], np.ones(1), fit.at, np.zeros((len(fit.at),) * 2), effective_size=1.0
    )
    ours, theirs = one.predict(peaks), Predictor(fit).times(peaks)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-13)
    np.testing.assert_allclose(ours.sd, theirs.sd, rtol=1e-10)
    assert one.scales == fit.scales


def test_means_and_variances_of_a_mixture_add_up(mixture):
    peaks = small_table(2).select(np.arange(40))
    times = list(mixture.each(peaks))
    means, sds = np.array([t.mean for t in times]), np.array([t.sd for t in times])
    mean = mixture.weights @ means
    variance = mixture.weights @ (sds**2 + (means - mean) ** 2)
    found = mixture.predict(peaks)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.sd, np.sqrt(variance), rtol=1e-8)
    held = MixturePredictor(mixture).times(peaks)
    np.testing.assert_array_equal(held.mean, found.mean)
    np.testing.assert_array_equal(held.sd, found.sd)


def test_thirty_nodes_predict_as_all_points_do(fit, mixture):
    peaks = small_table(1)
    every = replace(integrate_scales(fit, seed=2, nodes=None)).predict(peaks)
    few = mixture.predict(peaks)
    assert len(mixture) <= 30
    assert np.abs((few.mean - every.mean) / every.sd).max() < 0.1
    np.testing.assert_allclose(few.sd, every.sd, rtol=0.1)


def test_scales_left_open_widen_the_intervals_of_what_was_not_seen():
    peaks = small_table(3)
    kept = peaks.species != 16
    fit = fit_pool(peaks.select(kept), PoolModel())
    new = peaks.select(~kept)
    wide, plain = integrate_scales(fit).predict(new), Predictor(fit).times(new)
    assert np.median(wide.sd / plain.sd) > 1.0


def test_heavy_tails_stay_heavy_in_a_mixture():
    peaks = small_table(3)
    fit = fit_pool(peaks, PoolModel(freedom=4.0))
    mixed, plain = integrate_scales(fit, draws=200).predict(peaks), Predictor(fit).times(peaks)
    np.testing.assert_allclose(mixed.freedom, plain.freedom, rtol=0.3)
    np.testing.assert_allclose(mixed.sd, plain.sd, rtol=0.5)


def test_settings_that_cannot_be_are_refused(fit):
    with pytest.raises(SettingsError, match="at least one round"):
        integrate_scales(fit, draws=30, rounds=3)
    with pytest.raises(SettingsError, match="None for all points"):
        integrate_scales(fit, nodes=0)


def test_a_density_without_a_mode_is_refused():
    with pytest.raises(FitError, match="fit again"):
        explore(lambda at: -np.inf, np.zeros(2), np.eye(2), draws=100, rounds=1, seed=0)
