"""Fits as a whole: where they end, when they stop, what they say."""

import warnings

import numpy as np
import pytest

from errorbar.core.errors import FitError, SettingsError
from errorbar.hmf.fit.als import AlsSettings, NotConvergedWarning, fit_als
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.fit.starts import STARTS, check_start, make_start
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import (
    FastAffine,
    GaussianLikelihood,
    Identity,
    Regulariser,
    SlowAffine,
    StudentTLikelihood,
)
from errorbar.hmf.synth import make_toy
from tests.hmf.fit.plain import some_data, weights

ROBUST = StudentTLikelihood(1.0, 3.0)
TO_REST = AlsSettings(conv_tol=1e-22, conv_check_cadence=1, max_iter=3000)


def angle(G, H):
    """The largest angle between two subspaces, degrees."""
    cosines = np.linalg.svd(np.linalg.qr(G)[0].T @ np.linalg.qr(H)[0], compute_uv=False)
    return np.degrees(np.arccos(np.clip(cosines.min(), -1, 1)))


def fit(data, rank, likelihood=ROBUST, settings=TO_REST, **rest):
    Y, W = data[:2]
    return fit_factors(Y, W, rank, likelihood, settings, **rest)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("likelihood", [ROBUST, GaussianLikelihood()], ids=["robust", "gaussian"])
def test_the_true_subspace_is_found_from_every_start(start, likelihood):
    data = some_data(300, 80, 3, noise=0.05)
    found = fit(data, 3, likelihood, start=start)
    assert found.converged
    assert angle(found.state.G, data[3]) < 0.5


def test_without_missing_pixels_and_with_equal_errors_the_fit_is_a_pca():
    Y, _, _, _ = some_data(80, 30, 6, missing=0.0)
    found = fit((Y, np.ones_like(Y)), 3, GaussianLikelihood())
    values = np.linalg.svd(Y, compute_uv=False)
    assert found.objective == pytest.approx((values[3:] ** 2).sum(), rel=1e-10)


def test_outliers_hardly_move_a_robust_fit():
    data = some_data(300, 80, 3, noise=0.05)
    rng = np.random.default_rng(1)
    spoilt = data[0].copy()
    bad = rng.random(spoilt.shape) < 0.01
    spoilt[bad] += 100
    robust = fit((spoilt, data[1]), 3)
    plain = fit((spoilt, data[1]), 3, GaussianLikelihood(), AlsSettings(conv_tol=1e-6))
    assert angle(robust.state.G, data[3]) < 0.5
    assert angle(plain.state.G, data[3]) > 5


def test_the_last_loss_is_the_objective_of_the_state():
    data = some_data(60, 40, 2)
    found = fit(data, 2)
    Y, W = data[:2]
    assert found.objective == pytest.approx(
        weights(Y, W, found.state.A, found.state.G, 9.0)[2], rel=1e-12
    )
    assert np.all(np.diff(found.losses) <= 1e-12 * found.losses[0])


def test_single_precision_ends_where_double_does():
    data = some_data(400, 120, 4)
    data[1][:5] *= 1e7
    settings = AlsSettings(max_iter=150, conv_strategy="none")
    double = fit(data, 4, settings=settings, start="weighted")
    few = [x.astype(np.float32) for x in data[:2]]
    single = fit(few, 4, settings=settings, start="weighted")
    assert single.objective == pytest.approx(double.objective, rel=1e-4)


@pytest.mark.parametrize("rotation", [FastAffine(), SlowAffine(), Identity()], ids=repr)
def test_the_gauge_on_the_way_changes_nothing_but_the_factors(rotation):
    data = some_data(90, 50, 3)
    settings = AlsSettings(max_iter=7, conv_strategy="none", rotation=rotation)
    usual = AlsSettings(max_iter=7, conv_strategy="none")
    one, two = (fit(data, 3, settings=chosen) for chosen in (settings, usual))
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-9)
    np.testing.assert_allclose(one.state.G, two.state.G, atol=1e-6)


def test_solving_rows_twice_a_pass_takes_fewer_passes():
    data = some_data(300, 80, 4, noise=1.0)
    settings = [AlsSettings(refits=n, conv_tol=1e-12, conv_check_cadence=1) for n in (1, 2)]
    once, twice = (fit(data, 4, settings=each, start="weighted") for each in settings)
    assert twice.objective == pytest.approx(once.objective, rel=1e-6)
    assert len(twice.losses) < len(once.losses)


@pytest.mark.parametrize("strategy", ["max_frac_G", "max_frac_A", "rel_frac_loss"])
def test_every_rule_stops_a_fit_that_rests(strategy):
    found = fit(
        some_data(100, 60, 2), 2, settings=AlsSettings(conv_strategy=strategy, conv_tol=1e-8)
    )
    assert found.converged
    assert len(found.losses) < 200


def test_a_fit_that_still_moves_says_so():
    settings = AlsSettings(max_iter=2, conv_tol=1e-12, conv_check_cadence=1)
    with pytest.warns(NotConvergedWarning, match="max_iter=2 iterations"):
        found = fit(some_data(100, 60, 2), 2, settings=settings)
    assert not found.converged
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(some_data(100, 60, 2), 2, settings=AlsSettings(max_iter=2, conv_strategy="none"))


def test_a_callback_sees_every_iteration_and_can_end_the_fit():
    seen = []

    def watch(it, state, objective):
        seen.append((it, state.G.shape, objective))
        return it == 3

    found = fit(some_data(50, 40, 2), 2, callback=watch)
    assert [it for it, _, _ in seen] == [1, 2, 3]
    assert not found.converged
    assert found.state.it == 3


def test_a_fit_goes_on_from_a_state():
    data = some_data(100, 60, 3)
    none = AlsSettings(max_iter=5, conv_strategy="none", ordered=False)
    ten = AlsSettings(max_iter=10, conv_strategy="none", ordered=False)
    first = fit(data, 3, settings=none)
    second = fit(data, 3, settings=none, start=first.state)
    whole = fit(data, 3, settings=ten)
    assert second.state.it == 10
    np.testing.assert_allclose(second.state.G, whole.state.G, atol=1e-10)


def test_of_several_starts_the_best_goes_on():
    data = some_data(200, 60, 6, noise=1.0)
    settings = AlsSettings(max_iter=8, conv_strategy="none", ordered=False)
    Y, W = data[:2]
    named = [name for name in STARTS if name != "auto"]
    alone = []
    for name in named:
        start = make_start(Y, W, 4, name, ROBUST, seed=3 + len(alone))
        alone.append(fit_als(Y, W, start, ROBUST, settings).objective)
    best = fit(data, 4, settings=settings, start=named[0], n_init=len(named), seed=3)
    assert best.losses[0] <= min(alone)


@pytest.mark.parametrize("seed", [102, 105])
def test_a_few_rows_are_enough_to_find_every_direction(seed):
    toy = make_toy(seed, rows=800, pixels=240)
    Y, W = (np.ascontiguousarray(x[toy.train]) for x in (toy.Y, toy.W))
    likelihood = StudentTLikelihood(1.0, 5.0)
    true = likelihood.objective(W, Y - toy.A[toy.train] @ toy.G.T)
    settings = AlsSettings(max_iter=60, conv_strategy="none")
    found = {
        start: fit((Y, W), 5, likelihood, settings, start=start).objective / true
        for start in ("auto", "weighted")
    }
    assert found["auto"] < 1.0
    assert found["weighted"] > 1.2


def test_a_mean_takes_what_all_rows_share():
    data = some_data(300, 50, 2, noise=0.05)
    level = np.linspace(5, 9, 50)
    settings = AlsSettings(regulariser=Regulariser(mean=True), conv_tol=1e-16, max_iter=3000)
    found = fit((data[0] + level, data[1]), 2, settings=settings)
    assert found.state.G.shape == (50, 3)
    assert np.all(found.state.A[:, -1] == 1)
    model = found.state.A @ found.state.G.T
    seen = data[1] > 0
    rms = np.sqrt(np.mean((model - data[0] - level)[seen] ** 2))
    assert rms < 0.07


def test_smooth_bases_are_smoother_and_cost_a_little():
    x = np.linspace(0, 1, 60)
    rng = np.random.default_rng(0)
    truth = np.stack([np.sin(5 * x), np.cos(3 * x)], 1)
    Y = rng.normal(size=(40, 2)) @ truth.T + 0.5 * rng.normal(size=(40, 60))
    W = np.full_like(Y, 4.0)
    rough, smooth = (
        fit((Y, W), 2, settings=AlsSettings(regulariser=Regulariser(smooth=s), conv_tol=1e-6))
        for s in (0.0, 10.0)
    )
    bend = [np.abs(np.diff(f.state.G, 2, axis=0)).max() for f in (rough, smooth)]
    assert bend[1] < 0.3 * bend[0]
    assert angle(smooth.state.G, truth) < angle(rough.state.G, truth)
    assert rough.objective < smooth.objective < 1.2 * rough.objective


def test_non_negative_factors_are_non_negative():
    rng = np.random.default_rng(0)
    Y = rng.gamma(1.0, 1.0, (60, 3)) @ rng.gamma(1.0, 1.0, (3, 40))
    Y = Y + 0.1 * rng.normal(size=Y.shape)
    settings = AlsSettings(regulariser=Regulariser(nonnegative=True), conv_tol=1e-10)
    found = fit((Y, np.full_like(Y, 100.0)), 3, settings=settings)
    assert found.state.A.min() >= 0
    assert found.state.G.min() >= 0
    assert found.objective < 1.1 * Y.size


# What the data leave open.


def degenerate(name):
    Y, W, _, _ = some_data(60, 40, 3)
    if name == "row without weight":
        W[7] = 0
    elif name == "pixel without weight":
        W[:, 9] = 0
    elif name == "row with one pixel":
        W[7, 1:] = 0
        W[7, 0], Y[7, 0] = 5.0, 1.0
    elif name == "all zero":
        Y[:] = 0
    elif name == "no weight at all":
        W[:] = 0
    elif name == "thirteen decades":
        W *= 10.0 ** np.random.default_rng(1).uniform(-3, 10, (60, 1))
    elif name == "one value everywhere":
        Y[:], W[:] = 3.0, 1.0
    return Y, W


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(
    "name",
    [
        "row without weight",
        "pixel without weight",
        "row with one pixel",
        "all zero",
        "no weight at all",
        "thirteen decades",
        "one value everywhere",
    ],
)
def test_what_the_data_leave_open_stays_finite(name, start, dtype):
    Y, W = (x.astype(dtype) for x in degenerate(name))
    settings = AlsSettings(max_iter=40, conv_strategy="none", refits=2)
    found = fit((Y, W), 3, settings=settings, start=start)
    assert np.isfinite(found.state.A).all()
    assert np.isfinite(found.state.G).all()
    assert np.isfinite(found.losses).all()


@pytest.mark.parametrize("start", STARTS)
def test_a_rank_above_that_of_the_data_stays_finite(start):
    Y, W, _, _ = some_data(20, 12, 2, noise=1e-3)
    found = fit((Y, W), 8, settings=AlsSettings(max_iter=30, conv_strategy="none"), start=start)
    assert np.isfinite(found.state.A @ found.state.G.T).all()
    full = fit((Y, W), 12, settings=AlsSettings(max_iter=5, conv_strategy="none"), start=start)
    assert np.isfinite(full.state.A @ full.state.G.T).all()


def test_numbers_too_large_for_single_precision_are_said():
    Y, W, _, _ = some_data(30, 20, 2, missing=0.0)
    Y, W = (Y * 1e20).astype(np.float32), W.astype(np.float32)
    with pytest.raises(FitError, match="pass them as float64"):
        fit((Y, W), 2, GaussianLikelihood())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"conv_strategy": "soon"}}, "choose one of max_frac_G"),
        ({"settings": {"max_iter": 0}}, "max_iter=0"),
        ({"settings": {"conv_tol": -1}}, "conv_tol=-1"),
        ({"settings": {"conv_check_cadence": 0}}, "conv_check_cadence=0"),
        ({"start": "somewhere"}, "init_strategy='somewhere'"),
        ({"rank": 0}, "rank=0"),
        ({"rank": 13}, "rank=13 cannot describe 20 rows of 12 pixels"),
        ({"n_init": 0}, "n_init=0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, told):
    Y, W, _, _ = some_data(20, 12, 2)
    rank = change.pop("rank", 2)
    given = change.pop("settings", {})
    with pytest.raises(SettingsError, match=told):
        fit_factors(Y, W, rank, ROBUST, AlsSettings(**given), **change)


def test_a_start_of_the_wrong_shape_or_without_numbers_is_refused():
    with pytest.raises(SettingsError, match=r"need \(4, 2\) and \(5, 2\)"):
        check_start(RHMFState(np.zeros((4, 3)), np.zeros((5, 2))), 4, 5, 2)
    A = np.zeros((4, 2))
    A[3] = np.nan
    with pytest.raises(SettingsError, match="not finite in 1 rows, the first is 3"):
        check_start(RHMFState(A, np.zeros((5, 2))), 4, 5, 2)
