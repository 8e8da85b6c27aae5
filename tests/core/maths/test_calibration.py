import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.errors import InputError
from errorbar.core.maths.calibration import (
    coverage_curve,
    ecdf_difference,
    pit_histogram,
    predicted_truth,
)

LEVELS = np.linspace(0.05, 0.95, 19)


def normal_pit(claimed, true=1.0, count=4000, seed=5):
    """PIT of truths drawn with spread `true` in normal predictions with spread `claimed`."""
    return stats.norm.cdf(np.random.default_rng(seed).normal(0, true, count) / claimed)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 200))
def test_coverage_grows_with_the_level_and_ignores_the_order_of_rows(seed, count):
    rng = np.random.default_rng(seed)
    pit = rng.uniform(size=count)
    curve = coverage_curve(pit, LEVELS)
    assert np.all(np.diff(curve.found) >= 0)
    np.testing.assert_array_equal(curve.found, coverage_curve(rng.permutation(pit), LEVELS).found)
    np.testing.assert_array_equal(curve.found, coverage_curve(1.0 - pit, LEVELS).found)


def test_coverage_of_normal_predictions_is_the_normal_law():
    curve = coverage_curve(normal_pit(claimed=0.5, count=200_000), np.array([0.68]))
    exact = 2 * stats.norm.cdf(0.5 * stats.norm.ppf(0.84)) - 1
    assert curve.found[0] == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 200_000))


def test_true_errors_cover_as_often_as_they_claim():
    curve = coverage_curve(normal_pit(claimed=1.0), LEVELS)
    assert np.all(np.abs(curve.found - curve.claimed) < 4 * curve.error)


def test_a_histogram_keeps_every_value():
    histogram = pit_histogram(np.array([0.0, 0.2, 0.999, 1.0]), bins=4)
    assert histogram.counts.tolist() == [2, 0, 0, 2]
    assert histogram.expected == 1.0


def test_the_range_of_a_histogram_is_the_binomial_one():
    histogram = pit_histogram(normal_pit(1.0, count=1000), bins=20, level=0.99)
    assert (histogram.low, histogram.high) == stats.binom.interval(0.99, 1000, 0.05)


def test_the_band_for_the_whole_curve_holds_uniform_curves_as_often_as_it_claims():
    rng = np.random.default_rng(11)
    band = ecdf_difference(rng.uniform(size=150), places=40)
    below = np.cumsum(rng.multinomial(150, np.full(40, 1 / 40), size=20_000), axis=1)[:, :-1]
    curves = below / 150 - band.at
    held = np.mean(np.all((curves >= band.low) & (curves <= band.high), axis=1))
    # Counts are whole, so a band holds at least its level, and hardly more.
    assert 0.94 < held < 0.965


@pytest.mark.parametrize("claimed", [0.7, 1.4])
def test_wrong_errors_leave_the_band(claimed):
    assert ecdf_difference(normal_pit(1.0)).inside
    assert not ecdf_difference(normal_pit(claimed)).inside


def test_the_band_is_wider_than_its_pointwise_part():
    value = ecdf_difference(normal_pit(1.0, count=500), places=50)
    assert np.all(value.high >= stats.binom.ppf(0.975, 500, value.at) / 500 - value.at)


def test_the_same_seed_gives_the_same_band():
    pit = normal_pit(1.0, count=300)
    one, two = ecdf_difference(pit, seed=4), ecdf_difference(pit, seed=4)
    np.testing.assert_array_equal(one.high, two.high)


def test_scores_of_true_errors_are_standard_normal():
    rng = np.random.default_rng(2)
    sd = rng.uniform(0.1, 2.0, 3000)
    truth = rng.normal(size=3000)
    value = predicted_truth(truth, truth + sd * rng.normal(size=3000), sd)
    assert stats.kstest(value.score, "norm").pvalue > 0.001
    assert value.rms == pytest.approx(np.sqrt(np.mean(sd**2)), rel=0.1)


@pytest.mark.parametrize("bad", [1.2, -0.1, np.nan])
def test_a_pit_that_is_no_probability_is_refused_with_its_row(bad):
    with pytest.raises(InputError, match="first at row 1"):
        coverage_curve(np.array([0.5, bad]), LEVELS)


def test_no_pit_at_all_is_refused():
    with pytest.raises(InputError, match="no PIT values"):
        pit_histogram(np.array([]))


def test_predictions_of_another_length_or_without_errors_are_refused():
    with pytest.raises(InputError, match="one length"):
        predicted_truth(np.zeros(3), np.zeros(2), np.ones(3))
    with pytest.raises(InputError, match="first at row 2"):
        predicted_truth(np.zeros(3), np.zeros(3), np.array([1.0, 1.0, 0.0]))
