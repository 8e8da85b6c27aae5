"""The lasso of each pair: scikit-learn's, only quicker."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.baselines import fit_lasso
from errorbar.rt.baselines.descent import gap, solve
from tests.rt.artifacts.some import some_peaks

sklearn = pytest.importorskip("sklearn")
linear_model = pytest.importorskip("sklearn.linear_model")
pipeline = pytest.importorskip("sklearn.pipeline")
preprocessing = pytest.importorskip("sklearn.preprocessing")


def the_reference(x, y, *, tol):
    """Intercept, slopes and alpha of the pipeline that production has."""
    if len(y) >= 5:
        lasso = linear_model.LassoCV(cv=min(5, len(y)), max_iter=100_000, tol=tol)
    else:
        lasso = linear_model.Lasso(alpha=0.01, max_iter=100_000, tol=tol)
    made = pipeline.make_pipeline(preprocessing.StandardScaler(), lasso).fit(x, y)
    slopes = lasso.coef_ / made[0].scale_
    alpha = lasso.alpha_ if len(y) >= 5 else 0.01
    return lasso.intercept_ - made[0].mean_ @ slopes, slopes, alpha


def correlated(seed, rows, features=5, **more):
    """Peaks whose covariates move together, as internal standards do."""
    peaks = some_peaks(seed, rows, features, **more)
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(features, 2)) @ rng.normal(size=(2, features))
    return replace(peaks, covariates=5 + (peaks.covariates - 5) @ (mix + 0.2 * np.eye(features)))


def test_alphas_and_slopes_are_those_of_scikit_learn():
    peaks = correlated(1, 260, species=4, compounds=4, noise=0.05)
    fit = fit_lasso(peaks)
    assert len(fit) > 10
    for g, key in enumerate(fit.group_keys):
        rows = peaks.keys("species") == key
        intercept, slopes, alpha = the_reference(peaks.covariates[rows], peaks.rt[rows], tol=1e-8)
        assert fit.alpha[g] == pytest.approx(alpha, rel=1e-9)
        assert fit.beta[g, 0] == pytest.approx(intercept, abs=2e-3)
        np.testing.assert_allclose(fit.beta[g, 1:], slopes, atol=5e-4)
        assert fit.n_obs[g] == rows.sum()


def test_predictions_are_those_of_its_usual_stop_too():
    peaks = correlated(2, 200, species=3, compounds=3, noise=0.05)
    mean, scored = fit_lasso(peaks, group_col="species_cluster").predict(peaks)
    assert scored.all()
    for key in np.unique(peaks.keys("species_cluster")):
        rows = peaks.keys("species_cluster") == key
        b, w, _ = the_reference(peaks.covariates[rows], peaks.rt[rows], tol=1e-4)
        np.testing.assert_allclose(mean[rows], b + peaks.covariates[rows] @ w, atol=0.02)


@pytest.mark.parametrize("rows", [3, 4, 5, 6, 7, 11])
def test_small_pairs_are_those_of_scikit_learn(rows):
    peaks = correlated(3, rows, species=1, compounds=1)
    fit = fit_lasso(peaks)
    with warnings.catch_warnings():
        # At small alphas its descent of a few rows takes more sweeps than it allows itself.
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        intercept, slopes, alpha = the_reference(peaks.covariates, peaks.rt, tol=1e-8)
    assert fit.alpha[0] == pytest.approx(alpha, rel=1e-9)
    np.testing.assert_allclose(fit.beta[0], [intercept, *slopes], atol=2e-4)


@pytest.mark.parametrize("rows", [4, 6, 9, 40])
@pytest.mark.parametrize("twice", [False, True])
def test_every_solution_meets_the_conditions_of_a_lasso(rows, twice):
    rng = np.random.default_rng(rows)
    x = rng.normal(size=(rows, 6)) @ rng.normal(size=(6, 6))
    if twice:
        x[:, 5] = x[:, 0]
        x[:, 4] = 0
    x, y = x - x.mean(axis=0), rng.normal(size=rows)
    y -= y.mean()
    gram, target, weights = x.T @ x, x.T @ y, np.zeros(6)
    for penalty in np.abs(target).max() * np.geomspace(1, 1e-3, 30):
        solve(gram, target, y @ y, penalty, weights)
        slope = target - gram @ weights
        assert np.abs(slope).max() <= penalty * (1 + 1e-3) + 1e-9
        used = weights != 0
        np.testing.assert_allclose(
            slope[used], penalty * np.sign(weights[used]), rtol=1e-2, atol=1e-3 * penalty
        )
        assert abs(gap(slope, target, y @ y, penalty, weights)) <= 1e-7 * (y @ y)


def test_constant_covariates_and_constant_times_have_no_slopes():
    peaks = some_peaks(rows=30, species=1, compounds=1)
    flat = peaks.covariates.copy()
    flat[:, 1] = 0.1
    fit = fit_lasso(replace(peaks, covariates=flat))
    assert fit.beta[0, 2] == 0
    assert fit.beta[0, 1] != 0
    fit = fit_lasso(replace(peaks, rt=np.full(30, 4.2)))
    np.testing.assert_allclose(fit.beta[0], [4.2, 0, 0, 0], atol=1e-12)


def test_pairs_of_few_rows_are_not_scored():
    peaks = some_peaks(rows=120)
    fit = fit_lasso(peaks)
    mean, scored = fit.predict(peaks)
    _, inverse, count = np.unique(peaks.keys("species"), return_inverse=True, return_counts=True)
    assert scored.tolist() == (count[inverse] >= 3).tolist()
    assert np.isnan(mean).tolist() == (~scored).tolist()
    assert fit.too_few == (count < 3).sum() > 0
    assert len(fit) == (count >= 3).sum()
    none = fit_lasso(peaks, min_rows=1000)
    assert not none.predict(peaks)[1].any()


def test_progress_counts_pairs():
    told = []
    peaks = some_peaks(rows=2000, species=6, compounds=60)
    fit = fit_lasso(peaks, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(fit), len(fit))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert len(told) > 1


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(SettingsError, match="folds=1"):
        fit_lasso(some_peaks(), folds=1)
    with pytest.raises(SettingsError, match="min_rows=0"):
        fit_lasso(some_peaks(), min_rows=0)
    with pytest.raises(TableError, match="nothing to fit"):
        fit_lasso(some_peaks(rows=0))
