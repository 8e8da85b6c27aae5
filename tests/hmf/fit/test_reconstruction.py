"""Variances of spectra from a fitted basis."""

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.covariance import FORMS, basis_errors, coefficient_errors
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.reconstruction import (
    measurement_variance,
    overall_dof,
    reconstruction_variance,
)
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.model import GaussianLikelihood, Regulariser, StudentTLikelihood
from tests.hmf.fit.plain import some_data
from tests.hmf.fit.test_covariance import ROBUST, check_coverage, coverage, simulated

TO_REST = AlsSettings(conv_tol=1e-20, conv_check_cadence=1, max_iter=3000, refits=2)


def refit(data, form, *, basis=True, likelihood=ROBUST):
    """What was fitted, and its variance, with the basis fitted to the same rows."""
    Y, W, _, G = data
    state = fit_factors(Y, W, G.shape[1], likelihood, TO_REST).state
    errors = coefficient_errors(Y, W, state.A, state.G, likelihood, form=form)
    beside = basis_errors(Y, W, state.A, state.G, likelihood, form=form) if basis else None
    return state, reconstruction_variance(state.A, state.G, errors, beside)


def pulls(seeds, form, *, rows, pixels, basis=True, new=False, **rest):
    """Errors of one pixel of each row over their error bars, in many fits."""
    found = []
    for seed in seeds:
        data = simulated(rows, pixels, 2, seed=seed, **rest)
        state, variance = refit(data, form, basis=basis)
        error = state.A @ state.G.T - data[2] @ data[3].T
        if new:
            rng = np.random.default_rng([seed, 2])
            W = np.where(data[1] > 0, data[1], np.median(data[1]))
            error = error - rng.normal(size=W.shape) / np.sqrt(W)
            variance = measurement_variance(variance, W)
        # One pixel a row: its pixels share their coefficients, and their errors.
        place = np.random.default_rng([seed, 3]).integers(pixels, size=rows)
        found.append((error / np.sqrt(variance))[np.arange(rows), place])
    return np.concatenate(found)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("outliers", [0.0, 0.01])
def test_intervals_of_spectra_hold_the_truth_when_the_basis_is_fitted_too(form, outliers):
    check_coverage(pulls(range(8), form, rows=250, pixels=150, outliers=outliers))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("outliers", [0.0, 0.01])
def test_intervals_of_spectra_hold_the_truth_in_many_rows(form, outliers):
    check_coverage(pulls(range(20), form, rows=400, pixels=300, outliers=outliers))


def test_without_the_part_of_the_basis_intervals_are_too_short():
    whole, part = (pulls(range(20), "believed", rows=60, pixels=80, basis=b) for b in (True, False))
    check_coverage(whole)
    (_, found, far), _ = coverage(part)
    assert found < 0.68 - 3 * far


def test_wrong_error_bars_are_seen_in_spectra_unless_they_are_believed():
    for form in ("scaled", "sandwich"):
        check_coverage(pulls(range(8), form, rows=250, pixels=200, factor=2.0))
    (_, found, far), _ = coverage(pulls(range(8), "believed", rows=250, pixels=200, factor=2.0))
    assert found < 0.68 - 5 * far


def test_a_new_measurement_lies_where_it_is_predicted():
    check_coverage(pulls(range(8), "believed", rows=250, pixels=60, new=True))


def test_the_gauge_changes_no_variance_of_spectra():
    Y, W, A, G = simulated(40, 30, 3)
    T = np.random.default_rng(0).normal(size=(3, 3))
    found = []
    for a, g in ((A, G), (A @ np.linalg.inv(T).T, G @ T)):
        errors = [make(Y, W, a, g, ROBUST) for make in (coefficient_errors, basis_errors)]
        found.append(reconstruction_variance(a, g, *errors))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8)


def test_a_variance_is_the_quadratic_form_of_its_covariance():
    Y, W, A, G = simulated(6, 30, 3)
    one, two = (make(Y, W, A, G, ROBUST) for make in (coefficient_errors, basis_errors))
    found = reconstruction_variance(A, G, one, two)
    for i, j in ((0, 0), (3, 7), (5, 29)):
        expected = G[j] @ one.covariance[i] @ G[j] + A[i] @ two.covariance[j] @ A[i]
        assert found[i, j] == pytest.approx(expected, rel=1e-10)


def test_what_the_data_leave_open_has_infinite_variance():
    Y, W, A, G = simulated(20, 30, 3)
    W[4], W[:, 7] = 0, 0
    A[4], G[7] = 0, 0
    one, two = (make(Y, W, A, G, ROBUST) for make in (coefficient_errors, basis_errors))
    found = reconstruction_variance(A, G, one, two)
    assert np.isinf(found[4]).all()
    assert np.isinf(found[:, 7]).all()
    assert np.isfinite(np.delete(np.delete(found, 4, 0), 7, 1)).all()
    known = reconstruction_variance(A, G, one)
    assert np.isfinite(np.delete(known, 4, 0)).all()
    total = measurement_variance(known, W)
    assert np.array_equal(np.isinf(total), W == 0)


def test_degrees_of_freedom_are_pixels_less_free_numbers():
    Y, W, A, G = some_data(80, 40, 3)
    W[5] = 0
    gauss = GaussianLikelihood()
    state = fit_factors(Y, W, 3, gauss, TO_REST).state
    one, two = (make(Y, W, state.A, state.G, gauss) for make in (coefficient_errors, basis_errors))
    dof = overall_dof(one, two)
    assert dof == pytest.approx(np.sum(W > 0) - 79 * 3 - 40 * 3 + 9)
    chi = gauss.objective(W, Y - state.A @ state.G.T)
    assert abs(chi - dof) < 3 * np.sqrt(2 * dof)


def test_a_mean_counts_its_own_numbers():
    Y, W, A, G = some_data(50, 40, 3)
    A[:, -1] = 1
    held = {"regulariser": Regulariser(mean=True)}
    gauss = GaussianLikelihood()
    one, two = (make(Y, W, A, G, gauss, **held) for make in (coefficient_errors, basis_errors))
    assert overall_dof(one, two) == np.sum(W > 0) - 50 * 2 - 40 * 3 + 2 * 3


def test_robust_weights_count_as_the_share_that_they_are():
    Y, W, A, G = simulated(50, 40, 2, outliers=0.2)
    tight, wide = (
        overall_dof(*(make(Y, W, A, G, like) for make in (coefficient_errors, basis_errors)))
        for like in (StudentTLikelihood(1.0, 1.0), StudentTLikelihood(1.0, 1e6))
    )
    assert wide == pytest.approx(np.sum(W > 0) - 90 * 2 + 4, rel=1e-6)
    assert tight < 0.7 * wide


def test_errors_of_another_state_are_refused():
    Y, W, A, G = some_data(10, 12, 2)
    errors = coefficient_errors(Y, W, A, G, ROBUST)
    with pytest.raises(SettingsError, match="those of 10 rows in rank 2 and the factor is"):
        reconstruction_variance(A[:5], G, errors)
    with pytest.raises(SettingsError, match="those of 10 pixels"):
        reconstruction_variance(A, G, errors, errors)


def test_spectra_of_rows_that_were_not_fitted_are_covered_too():
    found = []
    for seed in range(12):
        Y, W, A, G = simulated(550, 100, 2, seed=seed)
        state = fit_factors(Y[:400], W[:400], 2, ROBUST, TO_REST).state
        basis = basis_errors(Y[:400], W[:400], state.A, state.G, ROBUST)
        a = infer_coefficients(Y[400:], W[400:], state.G, ROBUST, tol=1e-18, max_iter=2000).A
        errors = coefficient_errors(Y[400:], W[400:], a, state.G, ROBUST)
        variance = reconstruction_variance(a, state.G, errors, basis)
        # Few rows of each fit: all that a basis made share its errors.
        place = np.random.default_rng(seed).integers(100, size=150)
        z = (a @ state.G.T - A[400:] @ G.T) / np.sqrt(variance)
        found.append(z[np.arange(150), place])
    check_coverage(np.concatenate(found))
