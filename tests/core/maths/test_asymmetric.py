import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from errorbar.core.maths.asymmetric import mean_bar, split_normal_mean, split_normal_sd

bars = arrays(np.float64, 7, elements=st.floats(1e-6, 1e6))
values = arrays(np.float64, 7, elements=st.floats(-1e6, 1e6))


def split_normal_density(x, mode, down, up):
    scale = np.where(x < mode, down, up)
    return np.sqrt(2 / np.pi) / (down + up) * np.exp(-0.5 * ((x - mode) / scale) ** 2)


@pytest.mark.parametrize(("down", "up"), [(0.2, 0.2), (0.1, 0.7), (3.0, 0.02), (1e-3, 5.0)])
def test_the_moments_are_those_of_the_integrated_density(down, up):
    mode = 1.3

    def integral(weight):
        pieces = ((mode - 40 * down, mode), (mode, mode + 40 * up))
        return sum(
            integrate.quad(
                lambda x: weight(x) * split_normal_density(x, mode, down, up),
                *piece,
                epsabs=0,
                epsrel=1e-12,
                limit=400,
            )[0]
            for piece in pieces
        )

    mean = integral(lambda x: x)
    sd = np.sqrt(integral(lambda x: (x - mean) ** 2))
    assert integral(np.ones_like) == pytest.approx(1.0, rel=1e-10)
    one = np.array([mode]), np.array([down]), np.array([up])
    assert split_normal_mean(*one)[0] == pytest.approx(mean, rel=1e-10)
    assert split_normal_sd(*one[1:])[0] == pytest.approx(sd, rel=1e-9)


def test_the_bars_hold_the_usual_68_percent_whatever_their_lengths():
    down, up = 0.3, 1.9
    inside = sum(
        integrate.quad(split_normal_density, lo, hi, args=(0.0, down, up))[0]
        for lo, hi in ((-down, 0.0), (0.0, up))
    )
    assert inside == pytest.approx(stats.chi2(1).cdf(1.0), rel=1e-10)


@given(mode=values, bar=bars)
def test_equal_bars_are_an_ordinary_normal(mode, bar):
    np.testing.assert_array_equal(mean_bar(bar, bar), bar)
    np.testing.assert_array_equal(split_normal_mean(mode, bar, bar), mode)
    np.testing.assert_allclose(split_normal_sd(bar, bar), bar, rtol=1e-14)


@given(mode=values, down=bars, up=bars)
def test_a_mirrored_measurement_has_the_mirrored_mean_and_the_same_sd(mode, down, up):
    np.testing.assert_array_equal(
        split_normal_mean(-mode, up, down), -split_normal_mean(mode, down, up)
    )
    np.testing.assert_allclose(split_normal_sd(up, down), split_normal_sd(down, up), rtol=1e-14)


@given(down=bars, up=bars, unit=st.floats(1e-3, 1e3))
def test_errors_change_units_with_their_values(down, up, unit):
    np.testing.assert_allclose(mean_bar(unit * down, unit * up), unit * mean_bar(down, up))
    np.testing.assert_allclose(
        split_normal_sd(unit * down, unit * up), unit * split_normal_sd(down, up), rtol=1e-12
    )


@given(down=bars, up=bars)
def test_an_effective_error_lies_between_the_two_bars(down, up):
    least, most = np.minimum(down, up), np.maximum(down, up)
    for sigma in (mean_bar(down, up), split_normal_sd(down, up)):
        assert np.all(sigma <= most * (1 + 1e-12))
        assert np.all(sigma >= least * (1 - 1e-12))


@given(mode=values, down=bars, up=bars)
def test_the_mean_lies_towards_the_longer_bar(mode, down, up):
    shift = split_normal_mean(mode, down, up) - mode
    assert np.all(shift * (up - down) >= 0)
    assert np.all(np.abs(shift) <= np.maximum(down, up) + 1e-9 * np.abs(mode))


def test_extreme_bars_neither_overflow_nor_vanish():
    unit = np.ones(1)
    for size in (1e-200, 1e200):
        bar = size * unit
        np.testing.assert_allclose(
            split_normal_sd(bar, 2 * bar) / size, split_normal_sd(unit, 2 * unit), rtol=1e-14
        )
        np.testing.assert_allclose(mean_bar(bar, bar), size, rtol=1e-15)
