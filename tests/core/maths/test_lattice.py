"""Lattice sums of densities whose integrals are known."""

import math
from dataclasses import dataclass

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import halfnorm, norm

from errorbar.core.maths.lattice import (
    CONVERGED,
    IDENTITY,
    LOGISTIC,
    NO_MODE,
    SINH,
    TANH,
    TOO_MANY_NODES,
    Accuracy,
    evaluate,
    sum_batch,
)
from errorbar.core.maths.lattice.basics import DENSITY

LEVEL = 0.68
SIDE = 61


@nb.njit(DENSITY)
def normal(u, data, hyper, out):
    """Normalised normal: `data` is the precision, `hyper` the mean and then its log constant."""
    total = 0.0
    for i in range(u.size):
        for j in range(u.size):
            total += data[i, j] * (u[i] - hyper[i]) * (u[j] - hyper[j])
    return hyper[u.size] - 0.5 * total


@nb.njit(DENSITY)
def half_normal(u, data, hyper, out):
    """A half-normal scale s = c sinh u; `hyper` is c and its scale. s^2 is the inner variance."""
    s = hyper[0] * math.sinh(u[0])
    out[0] = 2.0
    out[1] = 1.0 + s * s
    z = s / hyper[1]
    return (
        0.5 * math.log(2.0 / math.pi)
        - math.log(hyper[1])
        - 0.5 * z * z
        + math.log(hyper[0] * math.cosh(u[0]))
    )


@nb.njit(DENSITY)
def banana(u, data, hyper, out):
    """u1 standard normal, u2 normal around `hyper[0]` u1^2 with sd `hyper[1]`."""
    z = (u[1] - hyper[0] * u[0] * u[0]) / hyper[1]
    return -math.log(2.0 * math.pi * hyper[1]) - 0.5 * (u[0] * u[0] + z * z)


@nb.njit(DENSITY)
def correlation(u, data, hyper, out):
    """3/4 (1 - rho^2), rho = tanh u."""
    return math.log(0.75) - 4.0 * math.log(math.cosh(u[0]))


@nb.njit(DENSITY)
def share(u, data, hyper, out):
    """Beta(a, b) of a share p = 1 / (1 + exp(-u)), unnormalised."""
    return -hyper[0] * math.log1p(math.exp(-u[0])) - hyper[1] * math.log1p(math.exp(u[0]))


@nb.njit(DENSITY)
def endless(u, data, hyper, out):
    """Falls too slowly to have an integral."""
    return -0.5 * math.log1p(u[0] * u[0])


@nb.njit(DENSITY)
def undefined(u, data, hyper, out):
    return math.nan


@dataclass(frozen=True)
class Sum:
    """What a lattice says of one density; inner parameters first."""

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    log_z: float
    status: int
    nodes: int


def lay(density, start, hyper=(), *, data=None, kinds=None, scales=None, folds=None, odd=None,
        inner=0, step=0.7, cut=20.0, tolerance=1e-5, folded=1e-5, cells=401, side=SIDE,
        capacity=60_000) -> Sum:  # fmt: skip
    d = len(start)
    data = np.zeros((1, 1)) if data is None else np.asarray(data)
    sums = sum_batch(
        density,
        np.ascontiguousarray(data[None], dtype=np.float64),
        np.array([hyper], dtype=np.float64).reshape(1, -1),
        np.array([start], dtype=np.float64),
        np.array([scales or [1.0] * d]),
        inner=inner,
        kinds=np.array(kinds or [IDENTITY] * d),
        folds=np.array(folds or [0] * d),
        odd=np.array(odd or np.zeros((d, d)), dtype=np.int64),
        accuracy=Accuracy(step, cut, tolerance, folded, cells, side, capacity),
        level=LEVEL,
    )
    rows = (sums.mean, sums.sd, sums.low, sums.high)
    return Sum(
        *(row[0] for row in rows),
        float(sums.log_integral[0]),
        int(sums.status[0]),
        int(sums.nodes[0]),
    )


def covariance(rng, d: int, tilt: float) -> NDArray[np.float64]:
    """A random covariance with correlations up to about `tilt` and sds over four decades."""
    low = np.tril(rng.normal(size=(d, d)), -1) * tilt + np.eye(d)
    cov = low @ low.T
    sd = np.exp(rng.uniform(-4, 4, d)) / np.sqrt(np.diag(cov))
    return cov * np.outer(sd, sd)


def lay_normal(mean, cov, start, **more) -> Sum:
    d = len(mean)
    constant = -0.5 * (d * np.log(2 * np.pi) + np.linalg.slogdet(cov)[1])
    return lay(normal, start, (*mean, constant), data=np.linalg.inv(cov), **more)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), d=st.integers(1, 4), away=st.floats(-3, 3))
def test_a_normal_in_one_to_four_dimensions_is_integrated(seed, d, away):
    rng = np.random.default_rng(seed)
    cov, mean = covariance(rng, d, 1.0), rng.normal(size=d)
    sd = np.sqrt(np.diag(cov))
    found = lay_normal(mean, cov, mean + away * sd)
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose((found.mean - mean) / sd, 0, atol=1e-6)
    np.testing.assert_allclose(found.sd / sd, 1, atol=1e-6)
    reach = norm.ppf(0.5 + 0.5 * LEVEL)
    np.testing.assert_allclose((found.low - mean) / sd, -reach, atol=1e-4 if d < 4 else 1e-3)
    np.testing.assert_allclose((found.high - mean) / sd, reach, atol=1e-4 if d < 4 else 1e-3)


@pytest.mark.parametrize("rho", [-0.9999, -0.99, 0.999])
def test_a_narrow_ridge_costs_no_accuracy(rho):
    cov = np.array([[1.0, rho], [rho, 1.0]])
    found = lay_normal([0.3, -0.2], cov, [0.0, 0.0])
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.mean, [0.3, -0.2], atol=1e-6)
    np.testing.assert_allclose(found.sd, 1, atol=1e-6)
    reach = norm.ppf(0.5 + 0.5 * LEVEL)
    np.testing.assert_allclose(found.high - found.mean, reach, atol=1e-4)


@settings(max_examples=20)
@given(scale=st.floats(1e-3, 1e3), turn=st.floats(0.05, 2.0))
def test_a_half_normal_keeps_its_face_at_zero(scale, turn):
    found = lay(
        half_normal,
        [0.5],
        (turn * scale, scale),
        kinds=[SINH],
        scales=[turn * scale],
        folds=[1],
        odd=[[1]],
        inner=1,
        side=401,
    )
    mean, sd = halfnorm.stats(scale=scale, moments="mv")[0], halfnorm.std(scale=scale)
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(0, abs=1e-6)
    # The inner parameter is normal around 2 with variance 1 + s^2.
    assert found.mean[0] == pytest.approx(2, abs=1e-9)
    assert found.sd[0] == pytest.approx(np.sqrt(1 + scale**2), rel=1e-6)
    assert (found.mean[1] - mean) / sd == pytest.approx(0, abs=1e-6)
    assert found.sd[1] == pytest.approx(sd, rel=1e-6)
    assert found.low[1] == 0.0
    assert found.high[1] / scale == pytest.approx(halfnorm.ppf(LEVEL), abs=1e-5)


@pytest.mark.parametrize(("bend", "width"), [(0.2, 1.0), (0.3, 1.0), (0.5, 1.5)])
def test_a_gently_bent_banana_is_integrated(bend, width):
    found = lay(banana, [0.1, 0.1], (bend, width), side=401)
    sd = np.sqrt(2 * bend**2 + width**2)
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found.mean, [0, bend], atol=1e-5)
    np.testing.assert_allclose(found.sd, [1, sd], rtol=1e-5)

    def height(t):
        return quad(lambda z: norm.pdf(z) * norm.pdf(t, bend * z * z, width), -8, 8, limit=200)[0]

    def below(t):
        def share_below(z):
            return norm.pdf(z) * norm.cdf(t, bend * z * z, width)

        return quad(share_below, -8, 8, limit=200)[0]

    assert below(found.high[1]) - below(found.low[1]) == pytest.approx(LEVEL, abs=1e-4)
    assert height(found.high[1]) == pytest.approx(height(found.low[1]), rel=2e-3)


def test_the_lkj_prior_of_a_correlation_is_integrated():
    found = lay(correlation, [0.4], kinds=[TANH], side=401)
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(0, abs=1e-6)
    assert found.mean[0] == pytest.approx(0, abs=1e-6)
    assert found.sd[0] == pytest.approx(np.sqrt(0.2), rel=1e-6)
    end = brentq(lambda r: 1.5 * (r - r**3 / 3) - LEVEL, 0, 1)
    assert found.high[0] == pytest.approx(end, abs=1e-5)
    assert found.low[0] == pytest.approx(-end, abs=1e-5)


@settings(max_examples=15)
@given(a=st.floats(1.5, 50), b=st.floats(1.5, 50))
def test_the_posterior_of_a_share_is_integrated(a, b):
    found = lay(share, [0.0], (a, b), kinds=[LOGISTIC], side=401)
    assert found.status == CONVERGED
    assert found.log_z == pytest.approx(
        math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b), abs=1e-6
    )
    sd = np.sqrt(a * b / (a + b + 1)) / (a + b)
    assert (found.mean[0] - a / (a + b)) / sd == pytest.approx(0, abs=1e-6)
    assert found.sd[0] == pytest.approx(sd, rel=1e-6)


def test_a_density_without_an_integral_is_reported_and_holds_nan():
    found = lay(endless, [0.2], side=401, capacity=400)
    assert found.status == TOO_MANY_NODES
    assert np.all(np.isnan([found.mean, found.sd, found.low, found.high]))


def test_a_density_that_is_nowhere_defined_has_no_mode():
    found = lay(undefined, [0.2])
    assert found.status == NO_MODE
    assert np.isnan(found.mean[0])


def test_evaluating_rows_gives_each_row_its_log_density():
    u = np.random.default_rng(3).normal(size=(5, 1))
    logf, values = evaluate(half_normal, np.zeros((1, 1)), np.array([0.5, 2.0]), u, 1)
    s = 0.5 * np.sinh(u[:, 0])
    np.testing.assert_allclose(
        logf, halfnorm.logpdf(np.abs(s), scale=2) + np.log(0.5 * np.cosh(u[:, 0]))
    )
    np.testing.assert_allclose(values, np.stack([np.full(5, 2.0), 1 + s**2], axis=1))
