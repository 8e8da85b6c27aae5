"""Error bars of coefficients and bases: they hold the truth as often as they claim."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from errorbar.core.errors import SettingsError
from errorbar.hmf.fit import equations
from errorbar.hmf.fit.covariance import (
    FORMS,
    basis_errors,
    coefficient_errors,
    efficiency,
)
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.model import GaussianLikelihood, Regulariser, StudentTLikelihood
from tests.hmf.fit.plain import some_data

ROBUST = StudentTLikelihood(1.0, 3.0)
LEVELS = (0.68, 0.95)


def simulated(rows, pixels, rank, *, seed=0, outliers=0.0, factor=1.0):
    """Data as `some_data` has them; with errors `factor` times what `W` says, and outliers."""
    Y, W, A, G = some_data(rows, pixels, rank, seed=seed)
    rng = np.random.default_rng([seed, 1])
    sd = 1 / np.sqrt(np.where(W > 0, W, 1))
    truth = A @ G.T
    Y = truth + factor * (Y - truth)
    bad = rng.random(Y.shape) < outliers
    return np.where(bad, Y + 50 * sd * rng.normal(size=Y.shape), Y), W, A, G


def fitted(data, likelihood=ROBUST, **rest):
    Y, W, _, G = data
    return infer_coefficients(Y, W, G, likelihood, tol=1e-18, max_iter=2000, **rest).A


def coverage(z):
    """How often each level holds the truth, and the tolerance: three binomial errors."""
    held = [np.mean(np.abs(z) < norm.ppf(0.5 + level / 2)) for level in LEVELS]
    return [
        (level, found, 3 * (level * (1 - level) / z.size) ** 0.5)
        for level, found in zip(LEVELS, held)
    ]


def check_coverage(z):
    for level, found, tolerance in coverage(z):
        assert abs(found - level) < tolerance, (level, found, tolerance)


def pulls(data, form, likelihood=ROBUST):
    """Errors of all coefficients over their error bars; the basis is known."""
    Y, W, A, G = data
    found = fitted(data, likelihood)
    errors = coefficient_errors(Y, W, found, G, likelihood, form=form)
    assert not errors.open.any()
    return ((found - A) / errors.sd).ravel()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("outliers", [0.0, 0.01])
def test_intervals_of_coefficients_hold_the_truth_as_often_as_they_claim(form, outliers):
    check_coverage(pulls(simulated(1000, 150, 3, outliers=outliers), form))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("outliers", [0.0, 0.01])
def test_intervals_of_coefficients_hold_the_truth_in_many_rows(form, outliers, factor):
    data = simulated(4000, 500, 4, seed=3, outliers=outliers, factor=factor)
    z = pulls(data, form)
    if form == "believed" and factor != 1:
        assert all(abs(found - level) > 10 * far for level, found, far in coverage(z)[:1])
    else:
        check_coverage(z)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_error_bars_wrong_by_a_factor_are_seen_in_the_residuals_unless_they_are_believed(factor):
    data = simulated(1000, 300, 3, seed=1, factor=factor)
    check_coverage(pulls(data, "sandwich"))
    check_coverage(pulls(data, "scaled"))
    (_, found, far), _ = coverage(pulls(data, "believed"))
    assert (found - 0.68) * np.sign(1 - factor) > 5 * far


def test_error_bars_wrong_where_the_basis_is_large_need_the_sandwich():
    Y, W, A, G = some_data(1000, 300, 2, seed=2)
    size = np.abs(G).max(1)
    truth = A @ G.T
    data = truth + (Y - truth) * np.where(size > np.median(size), 2.0, 0.5), W, A, G
    check_coverage(pulls(data, "sandwich"))
    (_, found, far), _ = coverage(pulls(data, "scaled"))
    assert found < 0.68 - 5 * far


def test_a_few_pixels_are_enough_for_the_scaled_form():
    data = simulated(3000, 25, 3, factor=1.5)
    check_coverage(0.97 * pulls(data, "scaled"))
    narrow = coverage(pulls(data, "sandwich"))[1][1]
    assert narrow < 0.93


# The same numbers by other roads.


@pytest.mark.parametrize("c", [1e-8, 0.01, 0.3, 1.0, 9.0, 1e4])
def test_the_constants_of_believed_errors_are_their_integrals(c):
    def mean(f):
        ends = [0, *np.sqrt(c) * np.array([1, 3, 10]), 40]
        return 2 * sum(
            quad(lambda z: f(z * z) * norm.pdf(z), low, min(high, 40), epsabs=0, limit=500)[0]
            for low, high in zip(ends, ends[1:])
            if low < 40
        )

    first, second = efficiency(StudentTLikelihood(1.0, np.sqrt(c)))
    assert first == pytest.approx(mean(lambda t: c * (c - t) / (c + t) ** 2), rel=1e-7)
    assert second == pytest.approx(mean(lambda t: t * c * c / (c + t) ** 2), rel=1e-7)
    assert efficiency(GaussianLikelihood()) == (1.0, 1.0)


def test_gaussian_errors_are_those_of_weighted_least_squares():
    Y, W, A, G = some_data(20, 30, 3)
    for form in ("believed", "scaled"):
        found = coefficient_errors(Y, W, A, G, GaussianLikelihood(), form=form)
        for i in range(20):
            expected = np.linalg.inv((G * W[i][:, None]).T @ G)
            seen = W[i] > 0
            chi = np.sum(W[i, seen] * (Y[i, seen] - G[seen] @ A[i]) ** 2)
            ratio = 1 if form == "believed" else chi / (seen.sum() - 3)
            np.testing.assert_allclose(found.covariance[i], ratio * expected, rtol=1e-9)
            np.testing.assert_allclose(found.root[i] @ found.root[i].T, found.covariance[i])
        np.testing.assert_allclose(found.dof, (W > 0).sum(1) - 3)


def test_the_sandwich_is_that_of_the_estimating_equations_differentiated_by_steps():
    data = simulated(1, 60, 3, outliers=0.05)
    Y, W, _, G = data
    a = fitted(data)[0]
    seen = W[0] > 0
    y, w, g = Y[0, seen], W[0, seen], G[seen]

    def pieces(a):
        r = y - g @ a
        return (w * r * 9 / (9 + w * r * r))[:, None] * g

    h = 1e-6 * np.abs(a).max()
    slope = np.stack(
        [(pieces(a + h * e) - pieces(a - h * e)).sum(0) / (2 * h) for e in np.eye(3)], axis=1
    )
    leverage = w * np.einsum("jk,kl,jl->j", g, np.linalg.inv((g * w[:, None]).T @ g), g)
    scaled = pieces(a) / np.sqrt(1 - leverage)[:, None]
    expected = np.linalg.inv(slope) @ (scaled.T @ scaled) @ np.linalg.inv(slope)
    found = coefficient_errors(Y, W, a[None], G, ROBUST, form="sandwich")
    np.testing.assert_allclose(found.covariance[0], expected, rtol=1e-6)
    assert not found.replaced[0]


def test_the_sandwich_is_near_the_jackknife():
    data = simulated(1, 400, 2, outliers=0.02, factor=1.5)
    Y, W, _, G = data
    places = np.flatnonzero(W[0] > 0)
    without = np.repeat(W, len(places), axis=0)
    without[np.arange(len(places)), places] = 0
    a = fitted(data)
    left = infer_coefficients(
        np.repeat(Y, len(places), axis=0), without, G, ROBUST, tol=1e-18, max_iter=2000
    ).A
    moved = left - left.mean(0)
    jackknife = (len(places) - 1) / len(places) * moved.T @ moved
    found = coefficient_errors(Y, W, a, G, ROBUST, form="sandwich").covariance[0]
    np.testing.assert_allclose(np.diag(found), np.diag(jackknife), rtol=0.05)


@pytest.mark.parametrize("form", FORMS)
def test_the_basis_is_to_the_columns_what_coefficients_are_to_the_rows(form):
    Y, W, A, G = simulated(70, 40, 3, outliers=0.02)
    one = basis_errors(Y, W, A, G, ROBUST, form=form)
    other = coefficient_errors(Y.T.copy(), W.T.copy(), G, A, ROBUST, form=form)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-10)
    np.testing.assert_allclose(one.kept, other.kept)


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_the_rows_one_after_another_change_nothing(monkeypatch, form):
    Y, W, A, G = simulated(50, 40, 3)
    whole = [make(Y, W, A, G, ROBUST, form=form) for make in (coefficient_errors, basis_errors)]
    monkeypatch.setattr(equations, "CHUNK", 300)
    parts = [make(Y, W, A, G, ROBUST, form=form) for make in (coefficient_errors, basis_errors)]
    for one, other in zip(whole, parts):
        np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_units_of_the_data_and_of_the_basis_pass_through(form):
    Y, W, A, G = simulated(30, 40, 3)
    usual = coefficient_errors(Y, W, A, G, ROBUST, form=form).covariance
    data = coefficient_errors(1e5 * Y, 1e-10 * W, 1e5 * A, G, ROBUST, form=form).covariance
    np.testing.assert_allclose(data, 1e10 * usual, rtol=1e-9)
    size = np.array([1e-6, 1.0, 1e6])
    basis = coefficient_errors(Y, W, A / size, G * size, ROBUST, form=form).covariance
    np.testing.assert_allclose(basis, usual / (size[:, None] * size), rtol=1e-7)


def test_a_ridge_shrinks_the_errors_as_it_shrinks_the_coefficients():
    Y, W, A, G = some_data(5, 30, 3)
    ridge = Regulariser(ridge=0.3)
    found = coefficient_errors(Y, W, A, G, GaussianLikelihood(), form="believed", regulariser=ridge)
    for i in range(5):
        X = (G * W[i][:, None]).T @ G
        inverse = np.linalg.inv(X + 0.3 * np.trace(X) / 3 * np.eye(3))
        np.testing.assert_allclose(found.covariance[i], inverse @ X @ inverse, rtol=1e-9)


def test_only_the_free_part_varies_beside_a_mean():
    Y, W, A, G = simulated(20, 40, 3)
    A[:, -1] = 1
    for form in FORMS:
        found = coefficient_errors(
            Y, W, A, G, ROBUST, form=form, regulariser=Regulariser(mean=True)
        )
        assert found.free == 2
        assert np.all(found.covariance[:, 2] == 0)
        assert np.all(found.covariance[:, :, 2] == 0)
        assert np.all(found.sd[:, :2] > 0)
        assert np.isfinite(found.root).all()


# What the data leave open.


@pytest.mark.parametrize("form", FORMS)
def test_rows_that_the_data_leave_open_have_infinite_variance_and_say_so(form):
    Y, W, A, G = simulated(12, 40, 3)
    W[1] = 0
    W[2, 2:] = 0
    W[3, :], W[3, :3] = 0, 5.0
    Y[2:4, :3] = 1.0
    G[7:9] = 0
    W[4, :], W[4, [7, 8, 9]] = 0, 5.0
    Y[4, [7, 8, 9]] = 1.0
    found = coefficient_errors(Y, W, A, G, ROBUST, form=form)
    expected = [1, 2, 4] if form == "believed" else [1, 2, 3, 4]
    assert np.flatnonzero(found.open).tolist() == expected
    assert not np.isnan(found.covariance).any()
    assert np.isinf(found.sd[expected]).all()
    assert np.isfinite(np.delete(found.sd, expected, axis=0)).all()
    assert np.all(found.sd > 0)
    assert np.all(found.root[expected] == 0)
    assert found.dof[1] == 0


@pytest.mark.parametrize("form", FORMS)
def test_thirteen_decades_of_weight_and_outliers_everywhere_give_finite_errors(form):
    rng = np.random.default_rng(0)
    Y, W, A, G = some_data(60, 40, 3)
    W *= 10.0 ** rng.uniform(-3, 10, W.shape)
    found = coefficient_errors(Y, W, A, G, ROBUST, form=form)
    wild = coefficient_errors(1e6 * rng.normal(size=Y.shape), W, A, G, ROBUST, form=form)
    for errors in (found, wild):
        closed = errors.covariance[~errors.open]
        assert np.isfinite(closed).all()
        assert np.all(np.linalg.eigvalsh(closed) > -1e-9 * closed.max(initial=0.0))
    assert not found.open.any()


def test_rows_of_outliers_are_marked():
    Y, W, A, G = some_data(10, 60, 2)
    Y[3] += (
        5 / np.sqrt(np.where(W[3] > 0, W[3], 1)) * np.sign(np.random.default_rng(0).normal(size=60))
    )
    for form in ("scaled", "sandwich"):
        found = coefficient_errors(Y, W, A, G, ROBUST, form=form)
        assert np.flatnonzero(found.replaced).tolist() == [3]
    assert not coefficient_errors(Y, W, A, G, ROBUST, form="believed").replaced.any()


def test_single_precision_data_give_the_same_errors():
    Y, W, A, G = simulated(20, 40, 3)
    double = coefficient_errors(Y, W, A, G, ROBUST)
    single = coefficient_errors(Y.astype(np.float32), W.astype(np.float32), A, G, ROBUST)
    np.testing.assert_allclose(single.sd, double.sd, rtol=1e-4)


def test_no_rows_have_no_errors():
    Y, W, A, G = simulated(4, 20, 3)
    for form in FORMS:
        found = coefficient_errors(Y[:0], W[:0], A[:0], G, ROBUST, form=form)
        assert found.sd.shape == (0, 3)
        assert basis_errors(Y[:0], W[:0], A[:0], G, ROBUST, form=form).open.all()


def test_a_form_that_is_not_known_is_refused():
    Y, W, A, G = some_data(5, 8, 2)
    for make in (coefficient_errors, basis_errors):
        with pytest.raises(SettingsError, match="choose one of believed, scaled, sandwich"):
            make(Y, W, A, G, ROBUST, form="true")
