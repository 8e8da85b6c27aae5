"""`Robusta`: the field's names, and what happens to input that is not as it should be."""

import warnings

import numpy as np
import pytest

from errorbar.core.errors import ArtifactError, FitError, MeasurementError, SettingsError
from errorbar.hmf.estimator import Robusta, UnknownRowsWarning
from errorbar.hmf.model import FastAffine, Ordered, SlowAffine
from tests.hmf.fit.plain import some_data, weights


@pytest.fixture(scope="module")
def data():
    return some_data(120, 60, 3, noise=0.05)


@pytest.fixture(scope="module")
def model(data):
    held = Robusta(3, robust_scale=3.0, conv_tol=1e-12)
    held.fit(*data[:2])
    return held


def test_a_fit_gives_state_and_losses_and_keeps_the_state(data, model):
    state, losses = Robusta(3, robust_scale=3.0, conv_tol=1e-12).fit(*data[:2])
    assert np.array_equal(state.G, model.state.G)
    assert losses[-1] <= losses[0]
    assert model.converged
    assert model.basis_vectors().shape == (60, 3)
    assert model.coefficients().shape == (120, 3)
    np.testing.assert_allclose(state.G.T @ state.G, np.eye(3), atol=1e-10)


def test_the_parts_of_a_fit_are_those_of_its_state(data, model):
    Y, W = data[:2]
    made = model.state.A @ model.state.G.T
    assert np.array_equal(model.synthesize(), made)
    R, w, objective = weights(Y, W, model.state.A, model.state.G, 9.0)
    np.testing.assert_allclose(np.where(W > 0, model.residuals(Y), 0), R)
    kept = model.robust_weights(Y, W)
    np.testing.assert_allclose(kept * W, w)
    assert np.all(kept[W == 0] == 1)
    assert model.likelihood.objective(W, np.where(W > 0, R, 0)) == pytest.approx(objective)


def test_rows_that_were_fitted_are_inferred_as_they_were(data, model):
    state, loss = model.infer(*data[:2], tol=1e-20, max_iter=1000)
    np.testing.assert_allclose(state.A, model.state.A, atol=1e-6)
    assert state.G is model.state.G
    assert loss.shape == (1,)


def test_one_spectrum_is_a_row_of_its_own(data, model):
    Y, W = data[:2]
    state, _ = model.infer(Y[4], W[4])
    assert np.array_equal(state.A, model.infer(Y[4:5], W[4:5])[0].A)


def test_a_model_is_saved_with_what_made_it(model, tmp_path):
    path = model.save(tmp_path / "model.safetensors")
    again = Robusta.load(path)
    assert repr(again) == repr(model) == "Robusta(rank=3, robust_scale=3.0, conv_tol=1e-12)"
    assert np.array_equal(again.state.A, model.state.A)
    assert np.array_equal(again.state.G, model.state.G)
    assert again.state.it == model.state.it
    assert again.converged


@pytest.mark.parametrize("rotation", ["slow", SlowAffine(), FastAffine(whiten=False), Ordered()])
def test_a_rotation_survives_being_saved(data, tmp_path, rotation):
    model = Robusta(2, rotation=rotation)
    model.fit(*data[:2])
    again = Robusta.load(model.save(tmp_path / "model.safetensors"))
    assert again.settings == model.settings.with_max_iter(1000)


def test_a_state_of_the_reference_code_is_read(data, model, tmp_path):
    np.savez(tmp_path / "state.npz", A=model.state.A, G=model.state.G, it=19)
    again = Robusta.load(tmp_path / "state.npz")
    assert again.rank == 3
    assert again.state.it == 19
    assert np.array_equal(again.synthesize(), model.synthesize())
    np.savez(tmp_path / "other.npz", A=model.state.A)
    with pytest.raises(ArtifactError, match="has no G; it has A"):
        Robusta.load(tmp_path / "other.npz")


def test_a_model_fits_again_data_of_another_shape(data):
    model = Robusta(2)
    model.fit(*data[:2])
    Y, W, _, _ = some_data(50, 30, 2)
    model.fit(Y, W)
    assert model.state.A.shape == (50, 2)


def test_masks_and_masked_arrays_are_weights_of_zero(data):
    Y, W = data[:2]
    hidden = np.zeros(Y.shape, dtype=bool)
    hidden[3, 10:20] = True
    zero = np.where(hidden, 0, W)
    expected, _ = Robusta(3).fit(Y, zero)
    for found, _ in (
        Robusta(3).fit(Y, W, mask=hidden),
        Robusta(3).fit(np.ma.masked_array(Y, hidden), W),
        Robusta(3).fit(Y.tolist(), zero.tolist()),
    ):
        assert np.array_equal(found.G, expected.G)


def test_rows_and_pixels_that_the_data_leave_open_are_named(data):
    Y, W = data[0], data[1].copy()
    W[7], W[:, 5], W[9, 2:] = 0, 0, 0
    with pytest.warns(UnknownRowsWarning, match="row 7.*pixel 5"):
        state, _ = Robusta(3).fit(Y, W)
    assert np.isfinite(state.A @ state.G.T).all()
    model = Robusta(3)
    model.state = state
    with pytest.warns(UnknownRowsWarning, match="1 row with no valid pixel") as told:
        model.infer(Y[5:9], W[5:9])
    assert not any("no spectrum can be predicted" in str(one.message) for one in told)


def test_bad_numbers_are_refused_with_their_place(data, model):
    Y, W = data[0].copy(), data[1].copy()
    i, j = np.argwhere(W > 0)[5]
    Y[i, j] = np.nan
    with pytest.raises(MeasurementError, match=f"row {i}, pixel {j}"):
        model.fit(Y, W)
    with pytest.raises(MeasurementError, match="negative"):
        model.fit(data[0], -W)


def test_what_a_model_cannot_answer_is_said(data, model):
    with pytest.raises(FitError, match="has not been fitted"):
        Robusta(3).synthesize()
    with pytest.raises(SettingsError, match="have 59 pixels and the basis has 60"):
        model.infer(data[0][:, 1:], data[1][:, 1:])
    with pytest.raises(SettingsError, match="pass the state that `infer` gives"):
        model.residuals(data[0][:5])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rank": 0}, "rank=0"),
        ({"rank": "5"}, "rank='5' must be a whole number"),
        ({"rank": 2, "method": "guess"}, "choose 'als' or 'sgd'"),
        ({"rank": 2, "rotation": "round"}, "choose one of fast, slow, identity"),
        ({"rank": 2, "robust_scale": -1.0}, "scale=-1"),
        ({"rank": 2, "conv_strategy": "soon"}, "choose one of max_frac_G"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given, told):
    with pytest.raises(SettingsError, match=told):
        Robusta(**given)


def test_archives_that_are_no_state_are_refused(model, tmp_path):
    with pytest.raises(SettingsError, match=r"call it .safetensors"):
        model.save(tmp_path / "model.npz")
    path = tmp_path / "state.npz"
    path.write_bytes(b"not an archive")
    with pytest.raises(ArtifactError, match="no .npz archive of arrays"):
        Robusta.load(path)
    np.savez(path, A=model.state.A, G=model.state.G[:, :2])
    with pytest.raises(ArtifactError, match=r"coefficients \(120, 3\) and a basis \(60, 2\)"):
        Robusta.load(path)


def test_nothing_at_all_is_at_rest():
    model = Robusta(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state, losses = model.fit(np.zeros((30, 20)), np.ones((30, 20)), max_iter=50)
    assert model.converged
    assert losses[-1] == 0
    assert np.isfinite(state.A).all()


def test_slow_rows_are_named(data, model):
    with pytest.warns(UnknownRowsWarning, match="still moving after max_iter=2"):
        model.infer(*data[:2], max_iter=2, tol=1e-25)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.infer(*data[:2])
