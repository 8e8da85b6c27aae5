import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.summary import calibrate_objects, score_objects

C = 25.0


def noise(seed, rows, pixels, missing=0.0, bars=1.0):
    """Spectra of nothing but noise, and a factorisation that says so."""
    rng = np.random.default_rng(seed)
    W = 10 ** rng.normal(0, 2, size=(rows, pixels))
    Y = bars * rng.normal(size=W.shape) / np.sqrt(W)
    W[rng.random(W.shape) < missing] = 0
    return Y, W, np.zeros((rows, 1)), np.zeros((pixels, 1))


@given(seed=st.integers(0, 2**32 - 1), pixels=st.integers(1, 250))
def test_scores_are_order_statistics_of_the_weights_of_valid_pixels(seed, pixels):
    Y, W, A, G = noise(seed, 5, pixels, missing=0.5)
    scores = score_objects(np.where(W > 0, Y, np.nan), W, A, G, C)
    for row in range(5):
        u = (C / (C + W[row] * Y[row] ** 2))[W[row] > 0]
        assert scores.valid[row] == u.size
        if not u.size:
            assert np.isnan(scores.median[row])
            assert np.isnan(scores.low[row])
            continue
        for found, level in ((scores.median[row], 0.5), (scores.low[row], 0.01)):
            expected = np.quantile(u, level, method="inverted_cdf")
            assert found == pytest.approx(expected, rel=1e-12)


def test_an_object_does_not_look_cleaner_for_having_half_of_its_pixels_missing():
    Y, W, A, G = noise(0, 40, 400)
    Y[0] *= 6
    whole = score_objects(Y, W, A, G, C)
    W[:, 200:] = 0
    half = score_objects(Y, W, A, G, C)
    assert half.median[0] == pytest.approx(whole.median[0], abs=0.1)
    assert half.median[0] < half.median[1:].min() - 0.2


@pytest.mark.parametrize("statistic", ["median", "low"])
@pytest.mark.parametrize("bars", [1.0, 1.3])
def test_ordinary_objects_are_flagged_as_often_as_stated(statistic, bars):
    train, test = (
        score_objects(*noise(seed, 6000, 200, missing=0.2, bars=bars), C) for seed in (1, 2)
    )
    rule = calibrate_objects(train, statistic, 0.005, tail="normal")
    share = rule.flags(test).mean()
    # Thirty of six thousand; the quantile of two hundred pixels is skewed, and there are more.
    assert 0.5 * 0.005 < share < (1.6 if statistic == "median" else 2.5) * 0.005
    careful = calibrate_objects(train, statistic, 0.005)
    assert careful.critical >= rule.critical
    assert careful.flags(test).mean() < 1.6 * 0.005


def test_objects_of_few_pixels_are_flagged_no_more_often_than_those_of_many():
    Y, W, A, G = noise(3, 8000, 300)
    W[::2, 15:] = 0
    scores = score_objects(Y, W, A, G, C)
    rule = calibrate_objects(scores, "median", 0.01, tail="normal")
    few, many = rule.flags(scores)[::2].mean(), rule.flags(scores)[1::2].mean()
    assert few < 2 * max(many, 0.005)


def test_outliers_among_the_training_objects_do_not_hide_themselves():
    Y, W, A, G = noise(4, 2000, 300)
    odd = np.arange(2000) < 30
    clean = calibrate_objects(score_objects(Y, W, A, G, C))
    Y[odd] *= 3
    scores = score_objects(Y, W, A, G, C)
    rule = calibrate_objects(scores)
    assert rule.critical < 1.7 * clean.critical
    np.testing.assert_array_equal(rule.flags(scores), odd)


def test_an_object_without_data_is_not_flagged():
    Y, W, A, G = noise(5, 100, 50)
    W[7] = 0
    scores = score_objects(Y, W, A, G, C)
    rule = calibrate_objects(scores)
    assert rule.objects == 99
    assert np.isnan(rule.significance(scores)[7])
    assert not rule.flags(scores)[7]


@pytest.mark.parametrize("statistic", ["median", "low"])
def test_an_object_is_flagged_where_its_score_is_below_the_cut_for_its_pixels(statistic):
    Y, W, A, G = noise(6, 500, 200, missing=0.3)
    Y[:250] *= np.linspace(1, 3, 250)[:, None]
    scores = score_objects(Y, W, A, G, C)
    rule = calibrate_objects(score_objects(*noise(7, 500, 200), C), statistic)
    flags = rule.flags(scores)
    assert 20 < flags.sum() < 250
    np.testing.assert_array_equal(flags, scores.of(statistic) < rule.cut(scores.valid))


def test_a_rule_serves_one_constant_only():
    arrays = noise(8, 100, 50)
    rule = calibrate_objects(score_objects(*arrays, 25.0))
    with pytest.raises(SettingsError, match="calibrate a rule for each"):
        rule.flags(score_objects(*arrays, 9.0))


def test_the_same_objects_are_found_whatever_the_constant():
    Y, W, A, G = noise(9, 800, 300)
    Y[:10] *= 2
    for c in (1.0, 9.0, 100.0):
        scores = score_objects(Y, W, A, G, c)
        np.testing.assert_array_equal(
            np.flatnonzero(calibrate_objects(scores).flags(scores)), np.arange(10)
        )


@pytest.mark.parametrize(
    ("kwargs", "way_out"),
    [
        (dict(statistic="mean"), "choose one of median, low"),
        (dict(tail="fat"), "choose one of normal, exponential"),
        (dict(false_alarm=0.0), "one in ten thousand"),
        (dict(false_alarm=0.3), "one in ten thousand"),
    ],
)
def test_a_rule_that_is_not_one_is_refused(kwargs, way_out):
    with pytest.raises(SettingsError, match=way_out):
        calibrate_objects(score_objects(*noise(0, 50, 20), C), **kwargs)


def test_too_few_training_objects_are_refused():
    with pytest.raises(InputError, match="at least 20"):
        calibrate_objects(score_objects(*noise(0, 19, 20), C))


@pytest.mark.parametrize("c", [np.inf, 0.0])
def test_weights_that_are_all_one_score_no_objects(c):
    with pytest.raises(SettingsError, match="positive and finite"):
        score_objects(*noise(0, 50, 20), c)
