"""Standards that were not found: what stands for them, and how much wider times are for it."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import TableError
from errorbar.rt import RetentionTimes
from errorbar.rt.baselines import fit_lasso, fit_ridge
from errorbar.rt.data import hold_out_runs
from errorbar.rt.fit.anchors import anchored, shared_covariance
from errorbar.rt.fit.gaps import covariate_spread, fill_gaps
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.fit.statistics import collect
from errorbar.rt.synth import production_table
from tests.rt.fit.dense import small_table


def without(peaks, missing):
    """The peaks with these standards of each run gone."""
    values = np.where(missing[peaks.run], np.nan, peaks.covariates)
    return replace(peaks, covariates=values)


@pytest.fixture(scope="module")
def production():
    peaks = production_table(seed=3).peaks
    split = hold_out_runs(peaks, 0.3, 0)
    return peaks.select(split.train), peaks.select(split.test)


@pytest.fixture(scope="module")
def model(production):
    return RetentionTimes(widen=False).fit(production[0])


def test_what_is_filled_in_is_the_conditional_gaussian():
    peaks = small_table(5)
    statistics = collect(peaks)
    x = statistics.centred(peaks)
    covariance = covariate_spread(statistics)
    own = np.cov(x.T, bias=True)
    np.testing.assert_allclose(np.diag(covariance), np.diag(own), rtol=1e-9)
    gone = np.arange(x.shape[1]) == 0
    filled = fill_gaps(statistics, np.where(gone, np.nan, x))
    precision = np.linalg.inv(covariance)
    # The same by the precision, which knows no blocks: the expected and its variance.
    expected = -(x[:, 1:] @ precision[0, 1:]) / precision[0, 0]
    np.testing.assert_allclose(filled.x[:, 0], expected, atol=1e-10)
    runs, known = np.bincount(peaks.compound).max(), x.shape[1] - 1
    unsure = (runs - 1) / (runs - known - 2) * (1 + (1 + known) / runs)
    assert unsure < 1.5
    assert filled.spread[1][0, 0] == pytest.approx(unsure / precision[0, 0])
    assert not filled.spread[1][1:].any()
    assert not filled.complete


def test_rows_without_gaps_are_as_they_were():
    peaks = small_table(5)
    predictor = Predictor(fit_pool(peaks))
    half = np.arange(len(peaks)) % 2 == 0
    values = np.where(half[:, None], peaks.covariates, np.nan)
    mixed = predictor.times(replace(peaks, covariates=values))
    whole = predictor.times(peaks)
    np.testing.assert_array_equal(mixed.mean[half], whole.mean[half])
    np.testing.assert_array_equal(mixed.sd[half], whole.sd[half])
    assert (mixed.sd[~half] > 0).all()


def test_variance_is_that_of_drawn_standards_and_slopes():
    peaks = small_table(6)
    predictor = Predictor(fit_pool(peaks))
    one = peaks.select(np.array([0]))
    gone = np.array([True] + [False] * (peaks.features - 1))
    asked = replace(one, covariates=np.where(gone, np.nan, one.covariates))
    pairs, _ = predictor.pairs(one)
    filled = predictor.covariates(asked)
    random = np.random.default_rng(0)
    draws = 400_000
    w = random.multivariate_normal(pairs.mean[0], pairs.covariance[0], draws)
    x = np.repeat(filled.x, draws, axis=0)
    x[:, 0] += random.normal(0, np.sqrt(filled.spread[1][0, 0]), draws)
    drawn = w[:, 0] + (x * w[:, 1:]).sum(axis=1)
    mean, variance, _ = predictor.rows(asked)
    centre = predictor.fit.statistics.centre_rt
    assert mean[0] == pytest.approx(drawn.mean() + centre, abs=5 * drawn.std() / np.sqrt(draws))
    assert variance[0] == pytest.approx(drawn.var(), rel=0.01)


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0])
def test_intervals_hold_whatever_was_not_found(production, model, share):
    _, test = production
    random = np.random.default_rng(1)
    missing = random.random((test.run.max() + 1, test.features)) < share
    asked = without(test, missing)
    found, zero = (
        model.predictor.times(each)
        for each in (asked, replace(asked, covariates=np.nan_to_num(asked.covariates)))
    )
    whole = model.predictor.times(test)
    inside = np.abs(found.score(test.rt)) <= found.reach(0.95)
    by_run = np.array([inside[test.run == run].mean() for run in np.unique(test.run)])
    assert abs(by_run.mean() - 0.95) < max(0.02, 3 * by_run.std() / np.sqrt(len(by_run)))
    assert found.sd.mean() > whole.sd.mean()
    errors = [np.abs(each.mean - test.rt).mean() for each in (found, zero)]
    assert errors[0] <= 1.001 * errors[1]
    naive = np.abs(zero.score(test.rt)) <= zero.reach(0.95)
    assert naive.mean() < inside.mean()


def test_anchors_tell_of_standards_that_were_not_found(production, model):
    _, test = production
    missing = np.ones((test.run.max() + 1, test.features), dtype=bool)
    asked = without(test, missing)
    lot = np.random.default_rng(2).random(len(test)) < 0.3
    alone = model.predictor.times(asked.select(~lot))
    told = anchored(model.predictor, asked.select(~lot), asked.select(lot))
    truth = test.rt[~lot]
    assert np.abs(told.mean - truth).mean() < 0.97 * np.abs(alone.mean - truth).mean()
    assert told.sd.mean() < alone.sd.mean()
    inside = np.abs(told.score(truth)) <= told.reach(0.95)
    assert 0.93 < inside.mean() < 0.97


def test_covariance_of_a_run_with_gaps_has_their_variance_on_its_diagonal(production, model):
    from errorbar.rt.fit.anchors import _functionals

    _, test = production
    run = test.select(np.flatnonzero(test.run == test.run[0]))
    asked = replace(run, covariates=np.where([True] + [False] * (run.features - 1), np.nan,
                                             run.covariates))  # fmt: skip
    predictor = model.predictor
    rows = _functionals(predictor, asked)
    total = shared_covariance(predictor, rows, rows)
    _, variance, _ = predictor.rows(asked)
    pairs, which = predictor.pairs(asked)
    second = np.einsum(
        "rab,rba->r", pairs.covariance[which][:, 1:, 1:], rows.gaps.spread[rows.gaps.pattern]
    )
    np.testing.assert_allclose(
        np.diag(total), variance - second + predictor.run_variance(), rtol=1e-9
    )
    assert np.linalg.eigvalsh(total).min() > -1e-12


def test_far_runs_with_gaps_still_have_a_farness(production, model):
    _, test = production
    missing = np.zeros((test.run.max() + 1, test.features), dtype=bool)
    missing[:, 0] = True
    far = model.farness(without(test, missing))
    assert np.isfinite(far["farness"].to_numpy()).all()


@pytest.mark.parametrize("fit", [fit_pool, fit_ridge, fit_lasso])
def test_nothing_is_fitted_to_gaps(fit):
    peaks = small_table(5)
    values = peaks.covariates.copy()
    values[4:7, 0] = np.nan
    with pytest.raises(TableError, match=r"missing in 3 of \d+ rows, first at row 4"):
        fit(replace(peaks, covariates=values))


def test_standards_in_minutes_where_training_had_seconds_are_refused(production, model):
    _, test = production
    with pytest.raises(TableError, match=r"covariates are some sixtieth of those"):
        model.predict(replace(test, covariates=test.covariates / 60))


def test_standards_in_seconds_are_refused(production, model):
    _, test = production
    with pytest.raises(TableError, match=r"covariates are some sixty times .* seconds"):
        model.predict(replace(test, covariates=60 * test.covariates))
