"""Ridges of pairs: scikit-learn's numbers, and the exact Gaussian ones."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import FitError, InputError, SettingsError, TableError
from errorbar.rt.artifacts import with_features
from errorbar.rt.baselines import (
    fit_fast_ridge,
    fit_ridge,
    fit_supercategory_ridge,
    supercategory_evidence,
)
from errorbar.rt.baselines.groups import compound_labels, sum_groups
from errorbar.rt.data import poly2_names
from errorbar.rt.model.times import KNOWN
from tests.rt.artifacts.some import some_peaks

linear_model = pytest.importorskip("sklearn.linear_model")


def groups_of(peaks, group_col):
    """Rows of each group and compound."""
    for key in np.unique(peaks.keys(group_col)):
        yield key, np.flatnonzero(peaks.keys(group_col) == key)


def covariance_by_hand(x, penalty):
    """Inverse of the precision of (b, w) with a flat prior on b, for noise one."""
    u = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    return np.linalg.inv(u.T @ u + np.diag([0.0, *np.full(x.shape[1], penalty)]))


@pytest.mark.parametrize("group_col", ["species", "species_cluster"])
@pytest.mark.parametrize("penalty", [3e-4, 0.5])
def test_means_are_those_of_scikit_learn(group_col, penalty):
    peaks = some_peaks(rows=400)
    new = some_peaks(seed=0, rows=400)
    times = fit_ridge(peaks, group_col=group_col, penalty=penalty).predict(new)
    for _, rows in groups_of(peaks, group_col):
        ridge = linear_model.Ridge(alpha=penalty).fit(peaks.covariates[rows], peaks.rt[rows])
        same = np.isin(new.keys(group_col), peaks.keys(group_col)[rows])
        wanted = ridge.predict(new.covariates[same])
        np.testing.assert_allclose(times.mean[same], wanted, atol=1e-6)


def test_noise_and_covariance_are_those_of_the_formulas():
    peaks = some_peaks(rows=200)
    fit = fit_ridge(peaks, group_col="species", penalty=0.1, a0=2.5, b0=1e-5)
    for g, (key, rows) in enumerate(groups_of(peaks, "species")):
        assert fit.group_keys[g] == key
        assert fit.n_obs[g] == len(rows)
        x, y = peaks.covariates[rows] - fit.feature_center, peaks.rt[rows]
        xc, yc = x - x.mean(axis=0), y - y.mean()
        w = np.linalg.solve(xc.T @ xc + 0.1 * np.eye(3), xc.T @ yc)
        sigma2 = (1e-5 + (yc @ yc - w @ xc.T @ yc) / 2) / (2.5 + len(rows) / 2 - 1)
        assert fit.sigma2_mean[g] == pytest.approx(sigma2, rel=1e-9)
        np.testing.assert_allclose(fit.beta_hat[g, 1:], w, rtol=1e-9)
        np.testing.assert_allclose(
            fit.beta_cov[g], sigma2 * covariance_by_hand(x, 0.1), rtol=1e-8, atol=1e-12
        )


def test_a_pair_of_one_row_is_its_time():
    peaks = some_peaks(rows=1)
    fit = fit_ridge(peaks)
    assert fit.predict(peaks).mean[0] == pytest.approx(peaks.rt[0])
    assert fit.sigma2_mean[0] == pytest.approx(1e-6 / 1.5)


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1e3, 1e3))
def test_a_shift_of_all_times_shifts_predictions(seed, shift):
    peaks = some_peaks(seed, rows=60)
    one = fit_ridge(peaks, penalty=0.1).predict(peaks)
    other = fit_ridge(replace(peaks, rt=peaks.rt + shift), penalty=0.1).predict(peaks)
    np.testing.assert_allclose(other.mean, one.mean + shift, atol=1e-8)
    np.testing.assert_allclose(other.sd, one.sd, rtol=1e-5)


def test_a_shift_of_covariates_changes_nothing():
    peaks = some_peaks(rows=200)
    far = replace(peaks, covariates=peaks.covariates + 1000.0)
    one, other = (fit_ridge(p, penalty=0.1).predict(p) for p in (peaks, far))
    np.testing.assert_allclose(other.mean, one.mean, atol=1e-8)
    np.testing.assert_allclose(other.sd, one.sd, rtol=1e-6)


def test_each_covariate_may_have_a_penalty_of_its_own():
    peaks = some_peaks(features=2)
    names = (*peaks.feature_names, *poly2_names(peaks.feature_names))
    wide = with_features(peaks, names)
    fit = fit_ridge(wide, penalty=np.array([0.1, 0.1, 1e9, 1e9, 1e9]))
    assert fit.feature_center is None
    np.testing.assert_allclose(
        fit.predict(peaks).mean, fit_ridge(peaks, penalty=0.1).predict(peaks).mean, atol=1e-4
    )


def test_intervals_hold_new_times_as_often_as_they_say():
    both = some_peaks(seed=5, rows=6000, runs=600, noise=0.02, species=4, compounds=6)
    fit = fit_ridge(both.select(np.arange(3000)), group_col="species")
    times, seen = fit.predict(new := both.select(np.arange(3000, 6000)), unseen="skip")
    ends = times.interval(0.9)
    rt = new.rt[seen]
    assert np.mean((ends[:, 0] < rt) & (rt < ends[:, 1])) == pytest.approx(0.9, abs=0.02)


def test_sums_of_groups_of_all_sizes_are_those_of_each_group():
    rng = np.random.default_rng(0)
    keys = rng.permutation(np.repeat(np.arange(9) * 5, np.arange(1, 10)))
    x, y = rng.normal(size=(len(keys), 2)) + 100, rng.normal(size=len(keys)) + 100
    sums = sum_groups(keys, x, y)
    for g, key in enumerate(sums.keys):
        xc, yc = x[keys == key], y[keys == key]
        np.testing.assert_allclose(sums.x_mean[g], xc.mean(axis=0))
        xc, yc = xc - xc.mean(axis=0), yc - yc.mean()
        np.testing.assert_allclose(sums.xx[g], xc.T @ xc, atol=1e-12)
        np.testing.assert_allclose(sums.xy[g], xc.T @ yc, atol=1e-12)
        assert sums.yy[g] == pytest.approx(yc @ yc, abs=1e-12)
        assert keys[sums.first[g]] == key


def test_a_compound_is_called_what_most_of_its_rows_call_it():
    peaks = replace(
        some_peaks(rows=7),
        compound=np.array([5, 5, 5, 3, 3, 3, 3]),
        chem_id=np.array([1, 2, 2, 9, 9, 4, 4]),
        compound_class=np.array([0, 7, 7, 1, 0, 2, 2]),
    )
    compounds, chem, classes = compound_labels(peaks)
    assert (compounds.tolist(), chem.tolist(), classes.tolist()) == ([3, 5], [4, 2], [2, 7])
    tied = replace(peaks, compound_class=np.array([0, 7, 7, 1, 1, 2, 2]))
    assert compound_labels(tied)[1].tolist() == [4, 2]


def test_supercategories_of_species_are_kept():
    fit = fit_ridge(peaks := some_peaks(), group_col="species")
    assert fit.supercat_id.tolist() == (1 + (fit.species_cluster - 10) // 6).tolist()
    torn = replace(peaks, supercategory=np.arange(300))
    with pytest.raises(TableError, match="belongs to one"):
        fit_ridge(torn, group_col="species")


# The ridge that falls back on the compound.


def test_a_pair_that_was_not_seen_falls_back_on_its_compound():
    peaks = some_peaks(rows=600)
    hidden = (peaks.supercategory == 2) & (peaks.compound == 107)
    fit = fit_fast_ridge(peaks.select(~hidden))
    times = fit.predict(peaks)
    assert {KNOWN[code] for code in times.known[hidden]} == {"species and compound"}
    assert (times.support[hidden] == 0).all()
    rows = np.flatnonzero(~hidden & (peaks.compound == 107))
    ridge = linear_model.Ridge(alpha=1e-3).fit(peaks.covariates[rows], peaks.rt[rows])
    np.testing.assert_allclose(
        times.mean[hidden], ridge.predict(peaks.covariates[hidden]), atol=1e-6
    )
    own = fit_ridge(peaks.select(~hidden)).predict(peaks.select(~hidden))
    np.testing.assert_allclose(times.mean[~hidden], own.mean)
    np.testing.assert_allclose(times.sd[~hidden], own.sd)
    freedom = fit.freedom(peaks)
    np.testing.assert_array_equal(freedom[~hidden], own.support + 4)
    assert set(freedom[hidden]) == {len(rows) + 4}


def test_its_variance_is_that_of_the_t():
    from scipy import stats

    peaks = some_peaks(rows=40, compounds=1, species=2)
    fit = fit_fast_ridge(peaks)
    sd, nu = fit.predict(peaks).sd[0], fit.freedom(peaks)[0]
    # The t's scale squared is b_n / a_n times the same inflation, with 2 a_n degrees of freedom.
    a_n = 2 + 40 / 2
    assert nu == 2 * a_n
    u = np.array([1.0, *(peaks.covariates[0] - fit.pairs.feature_center)])
    sigma2 = fit.pairs.sigma2_mean[0]
    scale2 = sigma2 * (a_n - 1) / a_n * (1 + u @ fit.pairs.beta_cov[0] @ u / sigma2)
    assert stats.t(nu, scale=np.sqrt(scale2)).std() == pytest.approx(sd)


def test_a_compound_that_was_not_seen_is_an_error_or_left_out():
    peaks = some_peaks()
    fit = fit_fast_ridge(peaks.select(peaks.compound != 100))
    with pytest.raises(InputError, match="compounds that were not seen.*compound 100"):
        fit.predict(peaks)
    times, scored = fit.predict(peaks, unseen="skip")
    assert scored.tolist() == (peaks.compound != 100).tolist()
    assert len(times) == scored.sum()
    assert np.isnan(fit.freedom(peaks)).tolist() == (~scored).tolist()
    with pytest.raises(InputError, match="error or skip"):
        fit.predict(peaks, unseen="drop")


def test_it_needs_the_runs_of_its_rows():
    peaks = some_peaks()
    for torn in (replace(peaks, run=peaks.run - 5), replace(peaks, run_keys=np.zeros((0, 3), int))):
        with pytest.raises(TableError, match="sampleset_id"):
            fit_fast_ridge(torn)


# One noise for all pairs.


def dense_evidence(peaks, sigma2, penalty):
    """Log density of all contrasts of rows within pairs, from their covariance."""
    from scipy import stats

    total = 0.0
    for _, rows in groups_of(peaks, "species_cluster"):
        x, y = peaks.covariates[rows], peaks.rt[rows]
        if len(rows) == 1:
            continue
        contrast = np.linalg.svd(np.ones((1, len(rows))))[2][1:]
        cov = sigma2 * (np.eye(len(rows)) + x @ x.T / penalty)
        total += stats.multivariate_normal(cov=contrast @ cov @ contrast.T).logpdf(contrast @ y)
    return total


@pytest.mark.parametrize("penalty", [0.03, 2.0])
@pytest.mark.parametrize("sigma2", [1e-4, 0.3])
def test_the_evidence_is_that_of_the_dense_gaussian(penalty, sigma2):
    peaks = some_peaks(rows=80, center=0.5)
    found = supercategory_evidence(peaks, sigma2=sigma2, penalty=penalty)
    assert found == pytest.approx(dense_evidence(peaks, sigma2, penalty), rel=1e-9)


@pytest.mark.parametrize("scale", [None, 0.05, 1.0])
def test_the_noise_is_the_most_probable_one(scale):
    peaks = some_peaks(rows=80)
    fit = fit_supercategory_ridge(peaks, penalty=0.03, sigma_scale=scale)
    assert len(set(fit.sigma2_mean)) == 1

    def height(log_sigma):
        sigma2 = np.exp(2 * log_sigma)
        prior = 0.0 if scale is None else log_sigma - sigma2 / (2 * scale**2)
        return supercategory_evidence(peaks, sigma2=sigma2, penalty=0.03) + prior

    best, step = 0.5 * np.log(fit.sigma2_mean[0]), 1e-3
    slope = (height(best + step) - height(best - step)) / (2 * step)
    curve = (height(best + step) - 2 * height(best) + height(best - step)) / step**2
    assert curve < 0
    assert abs(slope) < 1e-3 * abs(curve)


def test_its_means_are_those_of_the_ridge_of_each_pair():
    peaks = some_peaks()
    one = fit_supercategory_ridge(peaks, penalty=0.1)
    other = fit_ridge(peaks, penalty=0.1)
    np.testing.assert_array_equal(one.beta_hat, other.beta_hat)
    scale = one.sigma2_mean / other.sigma2_mean
    np.testing.assert_allclose(one.beta_cov, other.beta_cov * scale[:, None, None])


def test_its_predictions_are_those_of_the_dense_gaussian():
    peaks = some_peaks(rows=60, species=2, compounds=2, center=0.0)
    fit = fit_supercategory_ridge(peaks.select(np.arange(59)), penalty=0.5)
    new = peaks.select(np.array([59]))
    times = fit.predict(new)
    rows = np.flatnonzero(peaks.keys("species_cluster")[:59] == new.keys("species_cluster")[0])
    x = np.concatenate([peaks.covariates[rows], new.covariates])
    # An intercept of a large variance stands for the flat one.
    cov = fit.sigma2_mean[0] * (np.eye(len(x)) + x @ x.T / 0.5) + 1e4
    gain = np.linalg.solve(cov[:-1, :-1], cov[:-1, -1])
    assert times.mean[0] == pytest.approx(gain @ peaks.rt[rows], abs=1e-5)
    assert times.sd[0] ** 2 == pytest.approx(cov[-1, -1] - gain @ cov[:-1, -1], rel=1e-4)


def test_without_a_second_row_there_is_no_noise_to_see():
    with pytest.raises(FitError, match="0 rows beyond"):
        fit_supercategory_ridge(some_peaks(rows=1))
    peaks = some_peaks(rows=50)
    with pytest.raises(FitError, match="cannot be told"):
        fit_supercategory_ridge(replace(peaks, rt=np.ones(50)))


# What cannot be fitted.


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"penalty": 0.0}, "penalty must be positive"),
        ({"penalty": np.ones(5)}, r"penalty \(5,\)"),
        ({"penalty": np.array([1.0, np.nan, 1.0])}, "positive, not nan"),
        ({"a0": 1.0}, "a0=1 must exceed 1"),
        ({"b0": 0.0}, "b0=0 must exceed 0"),
        ({"group_col": "genus"}, "genus"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, match):
    with pytest.raises(InputError, match=match):
        fit_ridge(some_peaks(), **changes)


def test_scales_must_be_positive():
    with pytest.raises(SettingsError, match="sigma_scale=-1"):
        fit_supercategory_ridge(some_peaks(), sigma_scale=-1.0)
    with pytest.raises(SettingsError, match="sigma2=0"):
        supercategory_evidence(some_peaks(), sigma2=0.0)


def test_no_peaks_are_no_fit():
    with pytest.raises(TableError, match="nothing to fit"):
        fit_ridge(some_peaks(rows=0))


def test_a_penalty_that_drowns_in_rounding_is_refused():
    peaks = some_peaks(rows=20, species=1, compounds=1)
    large = replace(peaks, covariates=1e9 * peaks.covariates[:, [0, 0, 0]])
    with warnings.catch_warnings(), pytest.raises(FitError, match="scale the covariates down"):
        fit_ridge(large, penalty=1e-9)
