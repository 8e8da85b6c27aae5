import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.errors import InputError
from errorbar.core.maths.linear import fit_line, line_band


def points(seed, n):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 5, n)
    return x, 1.3 - 0.7 * x + rng.normal(0, 0.4, n)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 60))
def test_a_line_is_the_one_scipy_finds(seed, n):
    x, y = points(seed, n)
    line, scipy = fit_line(x, y), stats.linregress(x, y)
    np.testing.assert_allclose(
        [line.slope, line.intercept, line.slope_error],
        [scipy.slope, scipy.intercept, scipy.stderr],
        rtol=1e-8,
        atol=1e-10,
    )


@pytest.mark.parametrize("kind", ["mean", "prediction"])
def test_the_band_is_the_covariance_of_polyfit_carried_to_each_place(kind):
    x, y = points(3, 25)
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    at = np.linspace(-4, 6, 11)
    design = np.column_stack([at, np.ones_like(at)])
    variance = np.einsum("ij,jk,ik->i", design, covariance, design)
    if kind == "prediction":
        variance = variance + np.sum((y - np.polyval(coefficients, x)) ** 2) / 23
    band = line_band(fit_line(x, y), at, kind)
    np.testing.assert_allclose(band.middle, np.polyval(coefficients, at), rtol=1e-10)
    np.testing.assert_allclose(band.high - band.middle, np.sqrt(variance), rtol=1e-9)
    np.testing.assert_allclose(band.middle - band.low, np.sqrt(variance), rtol=1e-9)


@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-100, 100), scale=st.floats(0.01, 100.0))
def test_a_line_follows_a_change_of_units(seed, shift, scale):
    x, y = points(seed, 12)
    plain, moved = fit_line(x, y), fit_line(scale * x + shift, y)
    assert moved.slope * scale == pytest.approx(plain.slope, rel=1e-6, abs=1e-9)
    assert moved.variance == pytest.approx(plain.variance, rel=1e-6)


def test_two_points_give_a_line_without_residual():
    line = fit_line(np.array([0.0, 2.0]), np.array([1.0, 5.0]))
    assert (line.slope, line.intercept, line.variance) == (2.0, 1.0, 0.0)


def test_points_above_each_other_are_refused():
    with pytest.raises(InputError, match="two different abscissae"):
        fit_line(np.ones(4), np.arange(4.0))


def test_a_point_that_is_not_finite_is_refused_with_its_row():
    with pytest.raises(InputError, match="first at row 2"):
        fit_line(np.arange(4.0), np.array([0.0, 1.0, np.nan, 3.0]))
