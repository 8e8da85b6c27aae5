import numpy as np
import pytest
from scipy.stats import t as student

from errorbar.core.errors import SettingsError
from errorbar.hmf.model import CauchyLikelihood, GaussianLikelihood, Likelihood, StudentTLikelihood


def numbers(seed=0):
    rng = np.random.default_rng(seed)
    W = rng.gamma(1.0, 10.0, (7, 9))
    W[2, 3] = 0
    return W, rng.normal(0, 1, W.shape)


@pytest.mark.parametrize("likelihood", [StudentTLikelihood(3.0, 2.0), CauchyLikelihood(1.5)])
def test_the_objective_is_the_log_likelihood_of_students_t(likelihood):
    W, r = numbers()
    seen = W > 0
    z = r[seen] * np.sqrt(W[seen])
    density = student.logpdf(z, likelihood.nu, scale=likelihood.scale)
    at_zero = student.logpdf(0 * z, likelihood.nu, scale=likelihood.scale)
    share = (likelihood.nu + 1) / (2 * likelihood.c)
    expected = -(density - at_zero).sum() / share
    assert likelihood.objective(W, r) == pytest.approx(expected, rel=1e-12)


def test_robust_weights_are_the_slope_of_the_cost():
    W, r = numbers()
    likelihood = StudentTLikelihood(1.0, 3.0)
    h = 1e-6
    rise = np.array(
        [
            likelihood.objective(W[i : i + 1, j : j + 1], r[i : i + 1, j : j + 1] + h)
            - likelihood.objective(W[i : i + 1, j : j + 1], r[i : i + 1, j : j + 1] - h)
            for i in range(7)
            for j in range(9)
        ]
    ).reshape(7, 9)
    slope = 2 * likelihood.total_weights(W, r) * r
    np.testing.assert_allclose(rise / (2 * h), slope, rtol=1e-6, atol=1e-8)


def test_only_nu_times_the_square_of_the_scale_matters():
    W, r = numbers()
    one, two = StudentTLikelihood(3.0, 1.0), StudentTLikelihood(1.0, np.sqrt(3.0))
    np.testing.assert_allclose(one.robust_weights(W, r), two.robust_weights(W, r), rtol=1e-12)


def test_a_large_scale_is_the_gaussian():
    W, r = numbers()
    near, gauss = StudentTLikelihood(1.0, 1e8), GaussianLikelihood()
    assert near.objective(W, r) == pytest.approx(gauss.objective(W, r), rel=1e-10)
    assert not gauss.robust
    assert np.all(gauss.robust_weights(W, r) == 1)


def test_a_missing_pixel_costs_nothing_and_may_hold_anything():
    W, r = numbers()
    other = r.copy()
    other[2, 3] = np.nan
    for likelihood in (GaussianLikelihood(), CauchyLikelihood(2.0)):
        assert likelihood.objective(W, r) == likelihood.objective(W, other)
        assert likelihood.robust_weights(W, other)[2, 3] == 1
        assert isinstance(likelihood, Likelihood)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_scale_must_be_a_positive_number(bad):
    with pytest.raises(SettingsError, match=r"scale=.*GaussianLikelihood\(\)"):
        CauchyLikelihood(bad)
