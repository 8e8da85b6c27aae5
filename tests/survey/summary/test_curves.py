import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import InputError
from errorbar.survey.summary import expected_sd, fit_power_law, power_law_band


@given(seed=st.integers(0, 2**32 - 1), a=st.floats(0.01, 10), b=st.floats(-2, 2))
def test_an_exact_power_law_is_found_again(seed, a, b):
    x = np.random.default_rng(seed).uniform(0.5, 20.0, 8)
    law = fit_power_law(x, a * x**b)
    assert law.coefficient == pytest.approx(a, rel=1e-6)
    assert law.exponent == pytest.approx(b, abs=1e-6)


def test_the_law_and_its_bands_are_polyfit_on_logarithms():
    rng = np.random.default_rng(3)
    x = rng.uniform(1.5, 7.0, 80)
    y = 0.53 / x * np.exp(0.06 * rng.normal(size=80))
    (slope, intercept), covariance = np.polyfit(np.log(x), np.log(y), 1, cov=True)
    law, at = fit_power_law(x, y), np.linspace(1.0, 9.0, 7)
    assert (law.exponent, law.coefficient) == pytest.approx((slope, np.exp(intercept)))
    assert law.exponent_error == pytest.approx(np.sqrt(covariance[0, 0]))
    design = np.column_stack([np.log(at), np.ones_like(at)])
    mean = np.einsum("ij,jk,ik->i", design, covariance, design)
    residual = np.log(y) - intercept - slope * np.log(x)
    noise = np.sum(residual**2) / 78
    middle = np.exp(intercept) * at**slope
    for kind, variance in (("mean", mean), ("prediction", mean + noise)):
        band = power_law_band(law, at, kind)
        np.testing.assert_allclose(band.middle, middle)
        np.testing.assert_allclose(band.high, middle * np.exp(np.sqrt(variance)))
        np.testing.assert_allclose(band.low, middle * np.exp(-np.sqrt(variance)))


def test_the_band_of_new_values_holds_two_thirds_of_them():
    rng = np.random.default_rng(4)
    x = rng.uniform(1.0, 8.0, 20_000)
    y = 2.0 * x**-1.0 * np.exp(0.1 * rng.normal(size=x.size))
    band = power_law_band(fit_power_law(x[:200], y[:200]), x[200:], "prediction")
    held = np.mean((y[200:] > band.low) & (y[200:] < band.high))
    assert held == pytest.approx(0.683, abs=0.04)


def test_a_point_at_zero_has_no_logarithm():
    with pytest.raises(InputError, match="positive numbers; 1 of 3 points are not, first at row 1"):
        fit_power_law(np.array([1.0, 0.0, 2.0]), np.ones(3))


def test_closed_forms_are_least_squares_with_known_errors():
    rng = np.random.default_rng(5)
    x = rng.normal(size=60)
    total, leverage = 0.53, float(np.sqrt(np.sum((x - x.mean()) ** 2)))
    design = np.column_stack([np.ones(60), x - x.mean()])
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design / total**2)))
    at = np.array([leverage])
    assert expected_sd("intercept", at, 60, total, 0.49).y[0] == pytest.approx(errors[0])
    assert expected_sd("slope", at, 60, total, 0.49).y[0] == pytest.approx(errors[1])


def test_the_error_of_the_scatter_is_the_fisher_one():
    # d(log p)/d(eps) of n normals with variance v + eps^2 has information 2 n eps^2/(v + eps^2)^2.
    total, scatter = np.hypot(0.2, 0.49), 0.49
    expected = expected_sd("scatter", np.array([3.0]), 100, float(total), scatter).y[0]
    assert expected == pytest.approx(1 / np.sqrt(2 * 100 * scatter**2 / total**4))
    assert expected == pytest.approx(0.0403, abs=2e-4)  # design notes: 0.0403 at N=100
