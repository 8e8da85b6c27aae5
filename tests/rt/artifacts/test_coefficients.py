"""Coefficients of pairs: what they predict, and what they may not be."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import InputError, TableError
from errorbar.rt.artifacts import (
    CoeffSummaries,
    Stage1CoeffSummaries,
    with_features,
)
from errorbar.rt.artifacts.coefficients import GATHERED
from errorbar.rt.data import poly2_names
from errorbar.rt.data.keys import pair_keys
from tests.rt.artifacts.some import peaks_of, some_coefficients, some_peaks


def by_hand(value, peaks, row):
    """Mean and variance of one row, from the formula."""
    (g,) = np.flatnonzero(
        (value.species_cluster == peaks.species[row]) & (value.comp_id == peaks.compound[row])
    )
    x = peaks.covariates[row] - value.feature_center
    u = np.concatenate([[1], value.feature_rotation.T @ x])
    return value.beta_hat[g] @ u, value.sigma2_mean[g] + u @ value.beta_cov[g] @ u


def test_a_time_is_linear_in_centred_and_rotated_covariates():
    value = some_coefficients()
    peaks = peaks_of(value)
    times = value.predict(peaks)
    for row in range(len(peaks)):
        mean, variance = by_hand(value, peaks, row)
        assert times.mean[row] == pytest.approx(mean, rel=1e-12)
        assert times.sd[row] ** 2 == pytest.approx(variance, rel=1e-12)
    assert set(times.known) == {0}
    assert set(times.support) <= set(value.n_obs)


def test_without_covariances_the_variances_add():
    value = some_coefficients(beta_cov=None, feature_rotation=None)
    peaks = peaks_of(value)
    at = value.places(peaks)
    u = np.concatenate([np.ones((40, 1)), peaks.covariates - value.feature_center], axis=1)
    variance = value.sigma2_mean[at] + (u**2 * value.beta_var_diag[at]).sum(axis=1)
    np.testing.assert_allclose(value.predict(peaks).sd ** 2, variance)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_and_of_covariates_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    value = some_coefficients()
    peaks = peaks_of(value)
    rows, columns = rng.permutation(len(peaks)), rng.permutation(3)
    shuffled = replace(
        peaks,
        covariates=peaks.covariates[:, columns],
        feature_names=tuple(peaks.feature_names[c] for c in columns),
    ).select(rows)
    np.testing.assert_allclose(value.predict(shuffled).mean, value.predict(peaks).mean[rows])


def test_many_rows_are_predicted_as_few_are():
    value = some_coefficients()
    rows = GATHERED // 16 + 7
    many = peaks_of(value, rows)
    few = many.select(np.arange(rows - 5, rows))
    np.testing.assert_allclose(value.predict(many).sd[-5:], value.predict(few).sd)


def test_unseen_groups_are_an_error_or_left_out():
    value = some_coefficients()
    peaks = peaks_of(value)
    other = replace(peaks, compound=np.where(np.arange(40) % 4 == 0, 9, peaks.compound))
    with pytest.raises(InputError, match="10 of 40 peaks.*unseen='skip'.*backed_off"):
        value.predict(other)
    times, seen = value.predict(other, unseen="skip")
    assert seen.tolist() == [row % 4 != 0 for row in range(40)]
    np.testing.assert_array_equal(times.mean, value.predict(peaks).mean[seen])
    with pytest.raises(InputError, match="error or skip"):
        value.predict(other, unseen="drop")


def test_groups_may_be_supercategories():
    value = some_coefficients(group_col="species_cluster", supercat_id=None)
    peaks = replace(peaks_of(value), species=np.arange(40))
    peaks = replace(peaks, supercategory=peaks_of(value).species)
    assert (value.places(peaks) >= 0).all()


def test_second_powers_are_computed_from_raw_columns():
    raw = ("IS1", "IS2", "RS1")
    names = (*raw, *poly2_names([*raw, "ES_4"]))
    assert names[3:] == (
        "poly2_sq(IS1)", "poly2_sq(IS2)", "poly2_sq(RS1)",
        "poly2_int(IS1,IS2)", "poly2_int(IS1,RS1)", "poly2_int(IS2,RS1)",
    )  # fmt: skip
    wide = some_coefficients(features=9, feature_center=None, feature_rotation=None)
    value = replace(wide, feature_names=names)
    peaks = replace(peaks_of(some_coefficients()), feature_names=raw)
    a, b, c = peaks.covariates.T
    x = np.stack([a, b, c, a * a, b * b, c * c, a * b, a * c, b * c], axis=1)
    at = value.places(peaks)
    mean = value.beta_hat[at, 0] + (value.beta_hat[at, 1:] * x).sum(axis=1)
    np.testing.assert_allclose(value.predict(peaks).mean, mean)
    np.testing.assert_allclose(with_features(peaks, names).covariates, x)
    np.testing.assert_allclose(value.predict(with_features(peaks, names)).mean, mean)


@pytest.mark.parametrize("part", ["feature_center", "feature_rotation"])
def test_second_powers_have_no_centre_and_no_rotation(part):
    names = ("IS1", "IS2", "poly2_int(IS1,IS2)")
    other = {"feature_center", "feature_rotation"} - {part}
    with pytest.raises(InputError, match=r"poly2_int\(IS1,IS2\).*cannot go with them"):
        some_coefficients(feature_names=names, **{other.pop(): None})


def test_covariates_are_found_by_name():
    value = some_coefficients()
    peaks = peaks_of(value)
    wide = replace(peaks, covariates=np.ones((40, 4)), feature_names=("IS1", "IS2", "IS3", "ES_9"))
    with pytest.raises(TableError, match="1 covariates.*ES_9.*with_features"):
        value.predict(wide)
    assert len(value.predict(with_features(wide, value.feature_names))) == 40
    with pytest.raises(TableError, match="lack 1 of 3.*IS3"):
        value.predict(replace(peaks, covariates=np.ones((40, 2)), feature_names=("IS1", "IS2")))


def test_ids_of_any_width_make_the_same_keys():
    group, compound = np.array([3, 2**31 - 1]), np.array([2**32 - 1, 7])
    assert pair_keys(group, compound).tolist() == [(3 << 32) + 2**32 - 1, ((2**31 - 1) << 32) + 7]
    assert pair_keys(group.astype(np.int32), compound)[1] == ((2**31 - 1) << 32) + 7


def broken(name, change):
    value = some_coefficients()
    return replace(value, **{name: change(getattr(value, name).copy())})


def put(place, number):
    def change(array):
        array[place] = number
        return array

    return change


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("group_keys", np.flip, "are not .species_cluster << 32"),
        ("beta_hat", lambda a: a[:, 1:], r"`beta_hat` \(5, 3\) must be \(5, 4\)"),
        ("beta_hat", put((2, 1), np.nan), "first group 2"),
        ("beta_hat", lambda a: a.astype(int), "floating"),
        ("n_obs", lambda a: a * 1.0, "whole numbers"),
        ("n_obs", put(1, -1), "at least 0"),
        ("sigma2_mean", put(3, 0.0), "`sigma2_mean` must be positive"),
        ("comp_id", put(3, -2), "between 0 and 4294967295"),
        ("species_cluster", put(3, 2**31), "between 0 and 2147483647"),
        ("beta_var_diag", put((1, 1), -1.0), "at least 0"),
        ("beta_var_diag", put((1, 1), 10.0), "on its diagonal"),
        ("beta_cov", put((1, 0, 1), 0.5), "symmetric"),
        ("beta_cov", lambda a: a + 9 * (1 - np.eye(4)), "beyond one"),
        ("feature_rotation", lambda a: 2 * a, "orthonormal"),
        ("feature_center", put(0, np.inf), "finite"),
    ],
)
def test_coefficients_that_cannot_be_are_refused(name, change, told):
    with pytest.raises(InputError, match=told):
        broken(name, change)


def test_keys_are_sorted_and_differ():
    value = some_coefficients()
    twice = {
        f: getattr(value, f)[[0, 1, 1, 2, 3]] for f in ("group_keys", "species_cluster", "comp_id")
    }
    with pytest.raises(InputError, match="at group 2"):
        replace(value, **twice)


def test_names_and_the_grouping_are_checked():
    with pytest.raises(InputError, match="repeat"):
        some_coefficients(feature_names=("IS1", "IS1", "IS2"))
    with pytest.raises(InputError, match="group_col='genus'"):
        some_coefficients(group_col="genus")


def test_the_name_of_the_reference_is_known():
    assert Stage1CoeffSummaries is CoeffSummaries


def test_no_peaks_are_no_times():
    value = some_coefficients()
    assert len(value.predict(some_peaks(rows=0))) == 0
