import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from errorbar.core.calibrate import least_rows
from errorbar.core.errors import InputError
from errorbar.rt.evaluate import (
    conformal_check,
    conformal_scale,
    conformalised,
    split_runs,
)
from errorbar.rt.model import Times
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

NORMAL_95 = 1.959963984540054


def plain_times(sd):
    zero = np.zeros(len(sd), dtype=np.int64)
    return Times(zero * 1.0, sd, zero, zero)


@given(st.integers(19, 200), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_factor_is_the_rank_that_finite_samples_need(count, level):
    scores = np.random.default_rng(count).normal(size=count)
    rank = int(np.ceil(round((count + 1) * level, 9)))
    wanted = np.sort(np.abs(scores))[rank - 1]
    assert_allclose(conformal_scale(scores, level, reach=1.0).factor, [wanted])


@pytest.mark.parametrize(("level", "least"), [(0.95, 19), (0.9, 9), (0.8, 4), (0.99, 99)])
def test_too_few_rows_are_refused_with_the_number_that_is_enough(level, least):
    assert least_rows(1 - level) == least
    conformal_scale(np.ones(least), level)
    with pytest.raises(InputError, match=f"at least {least} are needed"):
        conformal_scale(np.ones(least - 1), level)


def test_rows_of_new_data_are_held_as_often_as_promised():
    rng, held = np.random.default_rng(0), []
    for _ in range(400):
        scale = conformal_scale(2.0 * rng.standard_t(3, size=99), 0.9)
        times = conformalised(plain_times(np.ones(50)), scale)
        low, high = times.interval(0.9).T
        truth = 2.0 * rng.standard_t(3, size=50)
        held.append(((truth >= low) & (truth <= high)).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.01)


def test_by_runs_rows_of_a_new_run_are_held():
    rng, by_run, by_row = np.random.default_rng(1), [], []
    for _ in range(300):
        rows = rng.integers(1, 60, size=25)
        runs = np.repeat(np.arange(25), rows)
        scores = rng.normal(size=25)[runs] * rng.exponential(size=25)[runs] + 0.2 * rng.normal(
            size=len(runs)
        )
        truth = rng.normal() * rng.exponential() + 0.2 * rng.normal(size=20)
        for kept, name in ((by_run, runs), (by_row, None)):
            factor = conformal_scale(scores, 0.9, runs=name, reach=1.0).factor[0]
            kept.append((np.abs(truth) <= factor).mean())
    assert np.mean(by_run) > 0.88
    assert np.mean(by_row) < np.mean(by_run)


def test_one_row_in_each_run_is_split_conformal():
    scores = np.random.default_rng(2).normal(size=57)
    assert_array_equal(
        conformal_scale(scores, 0.9).factor, conformal_scale(scores, 0.9, runs=np.arange(57)).factor
    )


def test_each_group_has_its_factor_and_small_ones_are_joined():
    rng = np.random.default_rng(3)
    groups = np.repeat([0, 1, 2, 5, 8], [100, 4, 30, 200, 3])
    scores = rng.normal(size=len(groups)) * np.where(groups >= 5, 3.0, 1.0)
    scale = conformal_scale(scores, 0.95, groups)
    assert scale.upper.tolist() == [0, 2, 8]
    assert scale.count.tolist() == [100, 34, 203]
    assert scale.factor[2] > 2 * scale.factor[0]
    asked = np.array([0, 1, 2, 3, 8, 99])
    assert_array_equal(scale.of(asked, 6), scale.factor[[0, 1, 1, 2, 2, 2]])
    times = plain_times(np.ones(6))
    assert_array_equal(conformalised(times, scale, asked).sd, scale.of(asked, 6))
    with pytest.raises(InputError, match="which group"):
        conformalised(times, scale)


def test_a_true_interval_needs_no_widening():
    scores = np.random.default_rng(4).normal(size=200_000)
    assert conformal_scale(scores, 0.95).factor[0] == pytest.approx(1.0, abs=0.01)
    t = np.random.default_rng(4).standard_t(5, size=200_000)
    reach = plain_times(np.ones(1)).reach(0.95)
    assert reach == pytest.approx(NORMAL_95)
    student = Times(*(np.zeros(1), np.ones(1), np.zeros(1, int), np.zeros(1, int)), freedom=5.0)
    assert conformal_scale(t, 0.95, reach=student.reach(0.95)).factor[0] == pytest.approx(
        1, abs=0.02
    )


def test_runs_are_split_whole():
    runs = np.repeat(np.arange(10), 7)
    held = split_runs(runs, 0.3, seed=5)
    assert len(np.unique(runs[held])) == 3
    assert not set(runs[held]) & set(runs[~held])
    assert_array_equal(held, split_runs(runs, 0.3, seed=5))


def test_a_model_that_claims_too_little_is_widened():
    peaks = fake_peaks(runs=60)
    short = fake_times(peaks, believed=0.5)
    check = conformal_check(peaks.rt, short, peaks.run)
    assert check.unit == "runs"
    assert check.count == 30
    assert check.before < 0.75
    assert check.after > 0.92
    assert check.factor == pytest.approx(2.0, abs=0.4)
    few = peaks.run < 12
    assert conformal_check(peaks.rt[few], short.select(few), peaks.run[few]).unit == "rows"


def test_what_cannot_calibrate_is_refused():
    with pytest.raises(InputError, match="not finite"):
        conformal_scale(np.array([1.0, np.nan]))
    with pytest.raises(InputError, match="test on several"):
        conformal_check(np.zeros(30), plain_times(np.ones(30)), np.zeros(30))
