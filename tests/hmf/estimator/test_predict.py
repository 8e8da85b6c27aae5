"""`Robusta.predict`: spectra and coefficients with error bars."""

import numpy as np
import pytest

from errorbar.core.errors import FitError, SettingsError
from errorbar.hmf.estimator import Robusta, UnknownRowsWarning
from tests.hmf.fit.test_covariance import check_coverage, simulated


@pytest.fixture(scope="module")
def data():
    return simulated(600, 100, 2, outliers=0.01)


@pytest.fixture(scope="module")
def model(data):
    held = Robusta(2, robust_scale=3.0, conv_tol=1e-14)
    held.fit(*data[:2])
    return held


def test_predicted_spectra_hold_the_truth_as_often_as_they_claim(data, model):
    Y, W, A, G = data
    made = model.predict(Y, W, basis=model.basis_errors(Y, W))
    place = np.random.default_rng(0).integers(100, size=600)
    z = ((made.centre - A @ G.T) / made.sd)[np.arange(600), place]
    check_coverage(z)
    inside = (made.interval(0.95)[..., 0] < A @ G.T) & (made.interval(0.95)[..., 1] > A @ G.T)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)


def test_draws_of_spectra_are_those_of_their_coefficients(data, model):
    Y, W = (each[:3] for each in data[:2])
    spectra = model.predict(Y, W, rows=["a", "b", "c"])
    numbers = model.predict(Y, W, of="coefficients")
    assert spectra.rows.tolist() == ["a", "b", "c"]
    assert numbers.rows.tolist() == [0, 1, 2]
    drawn = numbers.draws(50, seed=1) @ model.state.G.T
    np.testing.assert_allclose(spectra.draws(50, seed=1), drawn, atol=1e-10)
    np.testing.assert_allclose(
        np.square(spectra.sd), np.square(spectra.basis @ spectra.root).sum(-1)
    )


def test_the_basis_adds_its_part(data, model):
    Y, W = data[:2]
    known = model.predict(Y[:20], W[:20])
    fitted = model.predict(Y[:20], W[:20], basis=model.basis_errors(Y, W))
    assert np.all(fitted.sd > known.sd)
    np.testing.assert_array_equal(fitted.centre, known.centre)
    assert fitted.draws(4, seed=0).shape == (4, 20, 100)


def test_a_row_without_data_is_predicted_to_be_anything(data, model):
    Y, W = (each[:4].copy() for each in data[:2])
    W[2] = 0
    with pytest.warns(UnknownRowsWarning, match="1 row with no valid pixel"):
        made = model.predict(Y, W)
    assert made.known.tolist() == [True, True, False, True]
    assert np.isinf(made.sd[2]).all()
    assert np.isfinite(made.centre).all()


def test_one_spectrum_may_be_a_vector(data, model):
    made = model.predict(data[0][5], data[1][5])
    assert made.centre.shape == (1, 100)
    np.testing.assert_allclose(made.sd, model.predict(data[0][5:6], data[1][5:6]).sd)


def test_beside_a_mean_only_coefficients_are_uncertain(data):
    Y, W = data[:2]
    model = Robusta(2, robust_scale=3.0, mean=True)
    model.fit(Y + 5, W)
    made = model.predict(Y[:10] + 5, W[:10], of="coefficients", form="sandwich")
    assert np.all(made.sd[:, -1] == 0)
    assert np.all(made.draws(3, seed=0)[..., -1] == 1)
    assert np.all(model.predict(Y[:10] + 5, W[:10]).sd > 0)


def test_what_cannot_be_predicted_is_said(data, model):
    Y, W = data[:2]
    with pytest.raises(FitError, match="has not been fitted"):
        Robusta(2).predict(Y, W)
    with pytest.raises(SettingsError, match="choose 'pixels' or 'coefficients'"):
        model.predict(Y, W, of="flux")
    with pytest.raises(SettingsError, match="leave out `basis`"):
        model.predict(Y, W, of="coefficients", basis=model.basis_errors(Y, W))
    with pytest.raises(SettingsError, match="choose one of believed, scaled, sandwich"):
        model.predict(Y, W, form="guess")
    with pytest.raises(SettingsError, match=r"\(600, 100\) were fitted"):
        model.basis_errors(Y[:50], W[:50])
