import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.core.measure import Measurement

bars = arrays(np.float64, 5, elements=st.floats(1e-6, 1e6))
values = arrays(np.float64, 5, elements=st.floats(-1e6, 1e6))


@given(value=values, lower=bars, upper=bars)
def test_a_signed_lower_bar_means_the_same_as_an_unsigned_one(value, lower, upper):
    signed = Measurement.from_bars(value, -lower, upper)
    unsigned = Measurement.from_bars(value, lower, upper)
    for method in ("mean", "split-normal"):
        np.testing.assert_array_equal(signed.sigma(method), unsigned.sigma(method))
    np.testing.assert_array_equal(signed.down, lower)


@given(value=values, lower=bars, upper=bars)
def test_the_usual_sigma_is_the_mean_of_the_absolute_bars(value, lower, upper):
    made = Measurement.from_bars(value, -lower, upper)
    np.testing.assert_allclose(made.sigma(), (np.abs(-lower) + np.abs(upper)) / 2, rtol=1e-15)
    np.testing.assert_allclose(made.weight() * made.sigma() ** 2, 1.0, rtol=1e-12)
    mean, _ = made.moments("mean")
    np.testing.assert_array_equal(mean, value)


@given(value=values, lower=bars, upper=bars, order=st.permutations(range(5)))
def test_rows_do_not_know_one_another(value, lower, upper, order):
    straight = Measurement(value, lower, upper)
    shuffled = Measurement(value[order], lower[order], upper[order])
    for method in ("mean", "split-normal"):
        for a, b in zip(straight.moments(method), shuffled.moments(method)):
            np.testing.assert_array_equal(a[order], b)


def test_split_normal_moments_recover_the_mean_and_sd_of_simulated_errors():
    rng = np.random.default_rng(20)
    down, up, n = 0.3, 0.9, 400_000
    size = np.abs(rng.normal(size=n))
    above = rng.uniform(size=n) < up / (down + up)
    draws = 2.0 + np.where(above, up * size, -down * size)
    mean, sd = Measurement.from_bars(2.0, down, up).moments("split-normal")
    assert mean[0] == pytest.approx(draws.mean(), abs=5 * draws.std() / np.sqrt(n))
    assert sd[0] == pytest.approx(draws.std(), rel=0.005)


def test_a_constant_bar_serves_every_row():
    made = Measurement.from_bars([1.0, 2.0, 3.0], -0.1, 0.2)
    np.testing.assert_array_equal(made.up, [0.2, 0.2, 0.2])
    assert len(made) == 3
    assert len(Measurement.from_bars(4.0, 0.1)) == 1


def test_one_bar_alone_is_symmetric():
    made = Measurement.from_bars([1.0, 2.0], [-0.1, 0.4])
    np.testing.assert_array_equal(made.down, made.up)


@pytest.mark.parametrize("bad", [0.0, -0.3, np.nan, np.inf])
@pytest.mark.parametrize("side", ["down", "up"])
def test_a_bar_that_is_no_distance_is_refused_with_its_row(bad, side):
    columns = {"value": np.zeros(4), "down": np.ones(4), "up": np.ones(4)}
    columns[side][[1, 3]] = bad
    with pytest.raises(MeasurementError, match=rf"`{side}` .* 2 rows are not, first at row 1 .*"):
        Measurement(**columns)


def test_the_refusal_of_a_signed_bar_names_the_way_out():
    with pytest.raises(MeasurementError, match="from_bars` takes its absolute value"):
        Measurement(np.zeros(2), np.array([-0.1, -0.2]), np.ones(2))


def test_swapped_bar_columns_are_refused():
    with pytest.raises(MeasurementError, match=r"`up` must be positive.*first at row 0"):
        Measurement.from_bars([1.0, 2.0], [0.1, 0.1], [-0.2, -0.2])


def test_a_missing_bar_is_not_taken_for_a_small_one():
    with pytest.raises(MeasurementError, match=r"1 rows are not, first at row 2 \(value nan\)"):
        Measurement.from_bars([1.0, 2.0, 3.0], [0.1, 0.1, np.nan], 0.1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_refused(bad):
    with pytest.raises(MeasurementError, match=r"`value` must be finite.*first at row 1"):
        Measurement.from_bars([1.0, bad], 0.1)


def test_bars_of_another_length_are_refused():
    with pytest.raises(MeasurementError, match="from_bars` broadcasts"):
        Measurement(np.zeros(3), np.ones(2), np.ones(3))
    with pytest.raises(MeasurementError, match="one bar for each value"):
        Measurement.from_bars([1.0, 2.0, 3.0], [0.1, 0.1])


def test_a_row_of_a_table_is_named_by_both_its_indices():
    down = np.ones((2, 3))
    down[1, 2] = 0
    with pytest.raises(MeasurementError, match=r"first at row \(1, 2\)"):
        Measurement(np.zeros((2, 3)), down, np.ones((2, 3)))


def test_an_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="mean, split-normal"):
        Measurement.from_bars(1.0, 0.1).moments("median")


def test_a_measurement_cannot_be_changed_by_whoever_gave_its_columns():
    value = np.zeros(3)
    made = Measurement(value, np.ones(3), np.ones(3))
    value[0] = 9.0
    assert made.value[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        made.down[0] = 2.0
