"""Fits by gradients: they end where the others do, and handle missing pixels and types alike."""

import sys

import numpy as np
import pytest

from errorbar.core.errors import FitError, MissingExtraError, SettingsError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.als import AlsSettings, NotConvergedWarning, fit_als
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.fit.sgd import SgdSettings, fit_sgd
from errorbar.hmf.fit.starts import make_start
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import GaussianLikelihood, Regulariser, StudentTLikelihood
from errorbar.hmf.synth import make_toy
from tests.hmf.fit.plain import some_data, weights
from tests.hmf.fit.test_als import angle

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

ROBUST = StudentTLikelihood(1.0, 3.0)
SMALL = SgdSettings(batch_rows=64)


def fit(data, rank, likelihood=ROBUST, *, start="weighted", seed=0, sgd=SMALL, **settings):
    Y, W = data[:2]
    return fit_factors(
        Y, W, rank, likelihood, AlsSettings(**settings), method="sgd", start=start, seed=seed,
        sgd=sgd,
    )  # fmt: skip


def few(**more):
    """Settings of a fit that takes a few epochs, whatever they bring."""
    return {"max_iter": 3, "conv_strategy": "none"} | more


@pytest.mark.heavy
@pytest.mark.parametrize("start", ["weighted", "random"])
@pytest.mark.parametrize("likelihood", [ROBUST, GaussianLikelihood()], ids=["robust", "gaussian"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_end_where_least_squares_by_turns_does(start, likelihood, dtype):
    Y, W, _, G = some_data(600, 120, 4)
    data = Y.astype(dtype), W.astype(dtype)
    found = fit(data, 4, likelihood, start=start)
    best = fit_factors(*data, 4, likelihood, AlsSettings(conv_tol=1e-8), start=start)
    assert found.converged
    assert found.objective < 1.005 * best.objective
    assert angle(found.state.G, G) < angle(best.state.G, G) + 0.1


@pytest.mark.slow
def test_gradients_find_spectra_whose_weights_span_decades():
    toy = make_toy(0)
    data = toy.Y[:1000], toy.W[:1000]
    best = fit_factors(*data, 5, ROBUST, AlsSettings(conv_tol=1e-8, conv_check_cadence=1))
    assert fit(data, 5, sgd=SgdSettings()).objective < 1.01 * best.objective


def test_a_step_goes_down_the_gradient_of_the_objective():
    Y, W, A, G = some_data(30, 20, 2)
    settings = AlsSettings(max_iter=1, conv_strategy="none", ordered=False, refits=1)
    states = []
    for rate in (0.0, 0.01):
        chosen = SgdSettings(optimizer=optax.sgd(rate), batch_rows=30)
        states.append(fit_sgd(Y, W, RHMFState(A, G), ROBUST, settings, sgd=chosen).state)
    still, moved = states
    np.testing.assert_allclose(still.A @ still.G.T, A @ G.T, rtol=1e-9, atol=1e-9)
    R, w, _ = weights(Y, W, still.A, still.G, 9.0)
    share = 2 * 0.01 / np.sum(W > 0)
    np.testing.assert_allclose(moved.A - still.A, share * (w * R) @ still.G, rtol=1e-8)
    np.testing.assert_allclose(moved.G - still.G, share * (w * R).T @ still.A, rtol=1e-8)


def test_what_a_missing_pixel_holds_changes_nothing():
    Y, W, _, _ = some_data(50, 30, 2)
    assert np.isnan(Y).any()
    start = make_start(Y, W, 2, "random", ROBUST, seed=0)
    ends = [
        fit_sgd(np.where(W > 0, Y, held), W, start, ROBUST, AlsSettings(**few())).state.G
        for held in (np.nan, 0.0, np.inf, 1e300)
    ]
    for other in ends[1:]:
        assert np.array_equal(ends[0], other)
    assert np.isfinite(ends[0]).all()


def test_rows_that_fill_the_last_block_count_nothing():
    Y, W, _, _ = some_data(41, 30, 2)
    found = fit((Y, W), 2, sgd=SgdSettings(batch_rows=8), **few())
    assert found.state.A.shape == (41, 2)
    still = SgdSettings(optimizer=optax.sgd(0.0), batch_rows=8)
    start = make_start(Y, W, 2, "random", ROBUST, seed=0)
    end = fit_sgd(Y, W, start, ROBUST, AlsSettings(**few()), sgd=still)
    np.testing.assert_allclose(end.losses, end.objective, rtol=1e-12)
    assert end.objective == pytest.approx(weights(Y, W, start.A, start.G, 9.0)[2], rel=1e-12)


def test_one_seed_gives_one_fit():
    data = some_data(100, 30, 2)
    Y, W = data[:2]
    start = make_start(Y, W, 2, "weighted", ROBUST, seed=0)

    def end(seed):
        chosen = SgdSettings(batch_rows=16)
        return fit_sgd(Y, W, start, ROBUST, AlsSettings(**few()), seed=seed, sgd=chosen).state.G

    assert np.array_equal(end(1), end(1))
    assert not np.array_equal(end(1), end(2))


@pytest.mark.parametrize("wide", [False, True])
def test_the_type_is_that_of_the_data_whatever_jax_is_set_to(wide):
    Y, W, _, _ = some_data(100, 30, 2)
    with jax.enable_x64(wide):
        seen = []

        def init(values):
            seen.append(values.dtype)
            return optax.EmptyState()

        def update(gradients, state, values=None):
            assert values.dtype == gradients.dtype == seen[-1]
            return -0.1 * gradients, state

        own = SgdSettings(optimizer=optax.GradientTransformation(init, update))
        for dtype in (np.float32, np.float64):
            seen.clear()
            fit((Y.astype(dtype), W.astype(dtype)), 2, sgd=own, **few())
            assert set(seen) == {np.dtype(dtype)}
        assert jax.config.jax_enable_x64 is wide


@pytest.mark.heavy
@pytest.mark.parametrize("optimizer", ["adam", optax.adam(0.01), optax.chain(optax.sgd(0.3))])
def test_any_optimiser_of_optax_may_be_used(optimizer):
    data = some_data(300, 60, 2)
    best = fit_factors(*data[:2], 2, ROBUST, AlsSettings(conv_tol=1e-8))
    found = fit(data, 2, sgd=SgdSettings(0.01, 64, optimizer), refits=2, max_iter=2000)
    assert found.objective < 1.01 * best.objective


@pytest.mark.parametrize("strategy", ["max_frac_G", "max_frac_A", "rel_frac_loss"])
def test_every_rule_stops_a_fit_that_rests(strategy):
    found = fit(some_data(100, 60, 2), 2, conv_strategy=strategy, conv_tol=1e-4)
    assert found.converged
    assert len(found.losses) < 400


def test_a_fit_that_still_moves_says_so_but_comes_to_rest_as_far_as_it_can():
    data = some_data(400, 60, 2)
    with pytest.warns(NotConvergedWarning, match="max_iter=30 epochs"):
        found = fit(data, 2, max_iter=30)
    assert not found.converged
    assert found.state.it == 30
    best = fit_factors(*data[:2], 2, ROBUST, AlsSettings(conv_tol=1e-8))
    assert found.objective < 1.01 * best.objective
    assert len(fit(data, 2, **few()).losses) == 4


def test_a_callback_sees_every_epoch_and_can_end_the_fit():
    Y, W, _, _ = some_data(50, 40, 2)
    start = make_start(Y, W, 2, "weighted", ROBUST, seed=0)
    seen = []

    def watch(it, state, objective):
        assert objective > 0
        seen.append((it, state))
        return it == 3

    found = fit_sgd(Y, W, start, ROBUST, callback=watch)
    assert [it for it, _ in seen] == [state.it for _, state in seen] == [1, 2, 3]
    assert not np.array_equal(seen[0][1].A, seen[1][1].A)
    assert not np.array_equal(seen[0][1].G, seen[1][1].G)
    assert not found.converged
    assert found.state.it == 3


def test_the_result_is_ordered_if_that_is_asked_for():
    G = fit(some_data(60, 40, 3), 3, **few()).state.G
    np.testing.assert_allclose(G.T @ G, np.eye(3), atol=1e-10)


# What is preferred where the data leave a choice.


@pytest.mark.heavy
def test_a_mean_takes_what_all_rows_share():
    data = some_data(300, 50, 2, noise=0.05)
    level = np.linspace(5, 9, 50)
    shifted = data[0] + level, data[1]
    mean = Regulariser(mean=True)
    found = fit(shifted, 2, regulariser=mean)
    best = fit_factors(*shifted, 2, ROBUST, AlsSettings(regulariser=mean, conv_tol=1e-10))
    assert np.all(found.state.A[:, -1] == 1)
    assert found.objective < 1.01 * best.objective


@pytest.mark.heavy
def test_non_negative_factors_are_non_negative():
    rng = np.random.default_rng(0)
    Y = rng.gamma(1.0, 1.0, (200, 3)) @ rng.gamma(1.0, 1.0, (3, 40))
    data = Y + 0.1 * rng.normal(size=Y.shape), np.full(Y.shape, 100.0)
    found = fit(data, 3, regulariser=Regulariser(nonnegative=True))
    assert found.state.A.min() >= 0
    assert found.state.G.min() >= 0
    assert found.objective < 1.1 * Y.size


@pytest.mark.heavy
def test_smooth_bases_are_smoother_and_cost_a_little():
    x = np.linspace(0, 1, 60)
    rng = np.random.default_rng(0)
    truth = np.stack([np.sin(5 * x), np.cos(3 * x)], 1)
    Y = rng.normal(size=(40, 2)) @ truth.T + 0.5 * rng.normal(size=(40, 60))
    data = Y, np.full_like(Y, 4.0)
    rough, smooth = (fit(data, 2, regulariser=Regulariser(smooth=s)) for s in (0.0, 10.0))
    bend = [np.abs(np.diff(f.state.G, 2, axis=0)).max() for f in (rough, smooth)]
    assert bend[1] < 0.3 * bend[0]
    assert angle(smooth.state.G, truth) < angle(rough.state.G, truth)
    assert rough.objective < smooth.objective < 1.2 * rough.objective


@pytest.mark.heavy
def test_at_the_end_a_ridge_balances_the_gradient_as_it_does_by_turns():
    Y, W, _, _ = some_data(40, 30, 2)
    chosen = Regulariser(ridge=0.1)
    found = fit(
        (Y, W), 2, regulariser=chosen, ordered=False, max_iter=3000, conv_tol=1e-14,
        conv_check_cadence=1,
    )  # fmt: skip
    A, G = found.state.A, found.state.G
    R, w, _ = weights(Y, W, A, G, 9.0)
    for residual, weight, one, other in ((R, w, A, G), (R.T, w.T, G, A)):
        strength = 0.1 * weight @ np.mean(other**2, axis=1)
        pull = (weight * residual) @ other
        assert np.abs(pull - strength[:, None] * one).max() < 1e-3 * np.abs(pull).max()


# Refusals.


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"learning_rate": 0.0}, "learning_rate=0"),
        ({"learning_rate": np.nan}, "learning_rate=nan"),
        ({"batch_rows": 0}, "batch_rows=0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(given, told):
    with pytest.raises(SettingsError, match=told):
        SgdSettings(**given)
    with pytest.raises(SettingsError, match=told):
        Robusta(2, method="sgd", **given)


@pytest.mark.parametrize("name", ["newton", "_src", "apply_updates", "losses"])
def test_an_optimiser_that_optax_lacks_is_refused(name):
    with pytest.raises(SettingsError, match="pass a GradientTransformation"):
        fit(some_data(20, 12, 2), 2, sgd=SgdSettings(optimizer=name))


@pytest.mark.parametrize("package", ["jax", "optax"])
def test_without_its_libraries_the_extra_is_named(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is needed.*errorbar\[hmf\]"):
        fit(some_data(20, 12, 2), 2)


def test_numbers_too_large_for_single_precision_are_said():
    Y, W, _, _ = some_data(30, 20, 2, missing=0.0)
    Y, W = (Y * 1e20).astype(np.float32), W.astype(np.float32)
    with pytest.raises(FitError, match="pass them as float64"):
        fit((Y, W), 2, GaussianLikelihood())


def test_a_rate_at_which_a_fit_runs_away_is_said():
    chosen = SgdSettings(optimizer=optax.sgd(1e6))
    with pytest.raises(FitError):
        fit(some_data(60, 20, 2), 2, GaussianLikelihood(), sgd=chosen, **few(max_iter=200))


# The class.


def test_a_model_by_gradients_is_saved_with_its_settings(tmp_path):
    data = some_data(100, 40, 2)
    model = Robusta(2, robust_scale=3.0, method="sgd", learning_rate=0.1, batch_rows=32)
    state, _ = model.fit(*data[:2])
    best = fit_als(*data[:2], state, ROBUST)
    assert model.converged
    assert model.likelihood.objective(data[1], model.residuals(data[0])) < 1.01 * best.objective
    again = Robusta.load(model.save(tmp_path / "model.safetensors"))
    assert repr(again) == repr(model)
    assert again.sgd == model.sgd
    named = Robusta(2, method="sgd", optimizer=optax.adam(0.01))
    named.fit(*data[:2])
    again = Robusta.load(named.save(tmp_path / "named.safetensors"))
    assert again.sgd.optimizer == "adafactor"
    assert np.array_equal(again.state.G, named.state.G)
