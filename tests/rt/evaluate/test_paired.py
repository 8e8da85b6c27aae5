import numpy as np
import pytest
from numpy.testing import assert_allclose

from errorbar.core.errors import InputError, SettingsError
from errorbar.rt.evaluate import (
    PartialTimes,
    clustered_error,
    common_rows,
    paired_difference,
    paired_table,
)
from errorbar.rt.model import Times
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

PEAKS = fake_peaks()
GOOD, BAD = fake_times(PEAKS), fake_times(PEAKS, seed=2, skill=2.0)


def plain_times(mean):
    zero = np.zeros(len(mean), dtype=np.int64)
    return Times(mean, np.ones(len(mean)), zero, zero)


def test_the_difference_is_that_of_the_mean_errors():
    found = paired_difference(PEAKS.rt, GOOD, BAD, PEAKS.run)
    mae = [np.abs(PEAKS.rt - times.mean).mean() for times in (GOOD, BAD)]
    assert_allclose(found.difference, mae[0] - mae[1])
    assert found.low < found.difference < found.high < 0
    assert (found.rows, found.runs) == (len(PEAKS), len(np.unique(PEAKS.run)))


def test_swapping_models_turns_the_sign_only():
    one = paired_difference(PEAKS.rt, GOOD, BAD, PEAKS.run, loss="crps")
    two = paired_difference(PEAKS.rt, BAD, GOOD, PEAKS.run, loss="crps")
    assert_allclose([one.difference, one.se], [-two.difference, two.se])
    assert_allclose([one.low, one.high], [-two.high, -two.low])


def test_with_equal_runs_the_jackknife_is_the_error_of_run_means():
    rng = np.random.default_rng(1)
    rt, runs = rng.normal(size=60), np.repeat(np.arange(12), 5)
    a, b = plain_times(rng.normal(size=60)), plain_times(rng.normal(size=60))
    away = (np.abs(rt - a.mean) - np.abs(rt - b.mean)).reshape(12, 5).mean(axis=1)
    found = paired_difference(rt, a, b, runs)
    assert_allclose(found.se, away.std(ddof=1) / np.sqrt(12))
    sums = away * 5
    assert_allclose(clustered_error(sums, np.full(12, 5.0)), found.se)


def test_intervals_hold_no_difference_as_often_as_they_claim():
    rng, held = np.random.default_rng(3), 0
    runs = np.repeat(np.arange(15), 20)
    for _ in range(300):
        a = plain_times(rng.normal(size=15)[runs] + rng.normal(size=300))
        b = plain_times(rng.normal(size=15)[runs] + rng.normal(size=300))
        found = paired_difference(np.zeros(300), a, b, runs)
        held += found.low <= 0 <= found.high
    assert 0.91 <= held / 300 <= 0.985


def test_all_models_are_compared_with_the_first_on_common_rows():
    scored = PEAKS.compound % 2 == 0
    models = {"good": GOOD, "bad": BAD, "some": PartialTimes(GOOD.select(scored), scored)}
    assert np.array_equal(common_rows(models, len(PEAKS)), scored)
    table = paired_table(PEAKS.rt, models, PEAKS.run)
    assert table["model"].to_list() == ["bad", "some"]
    assert table["n_obs_test"].to_list() == [scored.sum()] * 2
    assert table["difference"][1] == 0
    size = [np.abs(PEAKS.rt - times.mean)[scored].mean() for times in (GOOD, BAD)]
    assert_allclose(table["difference_percent"][0], 100 * (size[1] / size[0] - 1))
    with pytest.raises(InputError, match="no model 'best'"):
        paired_table(PEAKS.rt, models, PEAKS.run, reference="best")


def test_squares_and_densities_are_losses_too():
    for loss in ("squared", "nll"):
        assert paired_difference(PEAKS.rt, GOOD, BAD, PEAKS.run, loss=loss).difference < 0
    with pytest.raises(SettingsError, match="must be one of"):
        paired_difference(PEAKS.rt, GOOD, BAD, PEAKS.run, loss="hinge")


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="at least two"):
        paired_difference(PEAKS.rt, GOOD, BAD, PEAKS.run * 0)
    with pytest.raises(InputError, match="common_rows"):
        paired_difference(PEAKS.rt[:5], GOOD, BAD, PEAKS.run)
    half = PEAKS.compound % 2 == 0
    apart = {
        "even": PartialTimes(GOOD.select(half), half),
        "odd": PartialTimes(GOOD.select(~half), ~half),
    }
    with pytest.raises(InputError, match="compare fewer"):
        paired_table(PEAKS.rt, apart, PEAKS.run)
    with pytest.raises(InputError, match="all of one table"):
        common_rows({"a": GOOD}, 3)
    with pytest.raises(InputError, match="have no time"):
        apart["even"].on(~half)
