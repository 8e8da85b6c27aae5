import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.calibrate import (
    brier_parts,
    brier_score,
    classwise_calibration_error,
    debiased_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    negative_log_likelihood,
    reliability_band,
    reliability_curve,
)
from errorbar.core.errors import InputError, SettingsError
from tests.core.calibrate.cases import classifier, draw_labels, softmax

seeds = st.integers(0, 2**32 - 1)
strategies = pytest.mark.parametrize("strategy", ["width", "mass"])

# Four rows: sure and right, sure and wrong, half, and nearly sure.
PROBS = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.9, 0.1]])
LABELS = np.array([0, 0, 1, 0])


def test_a_curve_by_hand():
    centers, acc, conf, counts = reliability_curve(PROBS, LABELS, n_bins=4)
    np.testing.assert_allclose(centers, [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_array_equal(counts, [0, 0, 1, 3])
    np.testing.assert_allclose(acc, [0.125, 0.375, 0, 2 / 3])
    np.testing.assert_allclose(conf, [0.125, 0.375, 0.5, 2.9 / 3])
    # 1/4 of 1/2 and 3/4 of 0.3.
    assert expected_calibration_error(PROBS, LABELS, n_bins=4) == pytest.approx(0.35)
    assert maximum_calibration_error(PROBS, LABELS, n_bins=4) == pytest.approx(0.5)


def test_one_column_is_a_claim_of_its_own_and_zero_and_one_count():
    p, y = [0.0, 0.0, 1.0, 1.0, 0.3], [0, 1, 1, 1, 0]
    _, acc, conf, counts = reliability_curve(p, y, n_bins=2)
    np.testing.assert_array_equal(counts, [3, 2])
    np.testing.assert_allclose(acc, [1 / 3, 1])
    np.testing.assert_allclose(conf, [0.1, 1])
    assert expected_calibration_error(np.array(p), y, 2) == pytest.approx(0.6 * 7 / 30)


def test_class_wise_errors_by_hand():
    found = classwise_calibration_error(PROBS, LABELS, n_bins=2)
    # Column 0 holds 0 (true) below a half, and 1, 0.5, 0.9 (two of three true) above.
    # Column 1 holds 0 and 0.1 (none true) below, and 1 and 0.5 (one true) above.
    np.testing.assert_allclose(found, [(1 + 0.4) / 4, (0.1 + 0.5) / 4])


@strategies
@given(seed=seeds, rows=st.integers(1, 200), bins=st.integers(1, 30))
def test_a_curve_is_finite_counts_every_row_and_ignores_their_order(strategy, seed, rows, bins):
    rng = np.random.default_rng(seed)
    probs = softmax(rng.normal(0, 4, (rows, 3)).round(1))
    probs[rng.random(rows) < 0.2] = [0, 1, 0]
    labels = rng.integers(3, size=rows)
    curve = reliability_curve(probs, labels, bins, strategy=strategy)
    centers, acc, conf, counts = curve
    assert all(np.isfinite(part).all() for part in curve)
    assert counts.sum() == rows
    assert len(centers) <= bins
    assert len(centers) == bins or strategy == "mass"
    assert np.all((acc >= 0) & (acc <= 1) & (conf >= 0) & (conf <= 1))
    error = expected_calibration_error(probs, labels, bins, strategy=strategy)
    assert 0 <= error <= maximum_calibration_error(probs, labels, bins, strategy=strategy) + 1e-12
    order = rng.permutation(rows)
    again = expected_calibration_error(probs[order], labels[order], bins, strategy=strategy)
    assert again == pytest.approx(error, abs=1e-12)


def test_bins_of_equal_mass_hold_equally_many_rows_and_keep_ties_together():
    logits, labels = classifier(1000, 3)
    assert set(reliability_curve(softmax(logits), labels, 10, strategy="mass")[3]) == {100}
    tied = np.tile([0.7, 0.3], (50, 1))
    assert reliability_curve(tied, np.zeros(50), 10, strategy="mass")[3].tolist() == [50]


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_debiasing_takes_chance_off(norm):
    plain, debiased = [], []
    for seed in range(40):
        logits, labels = classifier(500, 4, seed=seed)
        probs = softmax(logits)
        plain.append(expected_calibration_error(probs, labels, strategy="mass"))
        debiased.append(debiased_calibration_error(probs, labels, norm=norm))
    assert np.mean(plain) > 0.04
    assert np.mean(debiased) < 0.6 * np.mean(plain)


def test_debiased_squares_are_right_on_average():
    # A column that claims 0.7 of what happens with 0.6: the squared error is 0.01.
    rng = np.random.default_rng(0)
    squares = []
    for _ in range(4000):
        y = rng.random(40) < 0.6
        share = y.mean()
        squares.append((share - 0.7) ** 2 - share * (1 - share) / 39)
    assert np.mean(squares) == pytest.approx(0.01, abs=4 * np.std(squares) / np.sqrt(4000))
    y = rng.random(40) < 0.3
    expected = max(0, (y.mean() - 0.7) ** 2 - y.mean() * (1 - y.mean()) / 39)
    found = debiased_calibration_error(np.full(40, 0.7), y)
    assert found == pytest.approx(np.sqrt(expected))


def test_a_real_error_survives_debiasing():
    logits, labels = classifier(20_000, 4)
    probs = softmax(3 * logits)
    plain = expected_calibration_error(probs, labels, strategy="mass")
    assert debiased_calibration_error(probs, labels, norm="l1") == pytest.approx(plain, abs=0.005)


@pytest.mark.parametrize("bins", [1, 7, 15, None])
@given(seed=seeds, rows=st.integers(1, 80), classes=st.integers(2, 5))
def test_the_parts_of_the_brier_score_add_up(bins, seed, rows, classes):
    rng = np.random.default_rng(seed)
    probs = softmax(rng.normal(0, 2, (rows, classes)).round())
    labels = rng.integers(classes, size=rows)
    parts = brier_parts(probs, labels, bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(parts.score, abs=1e-12)
    assert parts.score == pytest.approx(brier_score(probs, labels), abs=1e-15)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    if bins is None:
        assert parts.within == pytest.approx(0, abs=1e-15)


def test_the_parts_of_the_brier_score_by_hand():
    # Two forecasts, 0.8 thrice (two true) and 0.2 once (not true), in both classes.
    p = np.array([0.8, 0.8, 0.8, 0.2])
    parts = brier_parts(np.column_stack([1 - p, p]), [1, 1, 0, 0], None)
    assert parts.reliability == pytest.approx(2 * (0.75 * (0.8 - 2 / 3) ** 2 + 0.25 * 0.04))
    assert parts.resolution == pytest.approx(2 * (0.75 * (1 / 6) ** 2 + 0.25 * 0.25))
    assert parts.uncertainty == pytest.approx(0.5)
    assert parts.score == pytest.approx(2 * (0.04 * 3 + 0.64) / 4)


def test_scores_by_hand_and_their_limits():
    assert brier_score(np.eye(2), [0, 1]) == 0
    assert brier_score(np.eye(2), [1, 0]) == 2
    assert negative_log_likelihood([[0.5, 0.5], [0.25, 0.75]], [0, 0]) == pytest.approx(
        1.5 * np.log(2)
    )
    assert negative_log_likelihood(np.eye(2), [1, 1]) == np.inf
    assert negative_log_likelihood(np.eye(2), [1, 1], floor=1e-3) == pytest.approx(np.log(1000) / 2)


def test_scores_are_least_for_true_probabilities():
    logits, labels = classifier(4000, 3)
    for score in (brier_score, negative_log_likelihood):
        found = [score(softmax(c * logits), labels) for c in (0.5, 0.8, 1, 1.25, 2)]
        assert np.argmin(found) == 2


@strategies
def test_a_band_holds_true_claims_as_often_as_it_says(strategy):
    held, bins = 0, 0
    for seed in range(40):
        probs = softmax(classifier(600, 3, seed=seed)[0])
        labels = draw_labels(probs, np.random.default_rng([7, seed]))
        band = reliability_band(probs, labels, 10, strategy=strategy, level=0.9, trials=300)
        acc, counts = reliability_curve(probs, labels, 10, strategy=strategy)[1::2]
        np.testing.assert_array_equal(counts, band.counts)
        seen = counts >= 20
        held += int(((acc >= band.low) & (acc <= band.high))[seen].sum())
        bins += int(seen.sum())
    assert held / bins == pytest.approx(0.91, abs=0.05)


def test_a_band_is_left_by_false_claims_and_says_nothing_of_empty_bins():
    logits, labels = classifier(3000, 3)
    probs = softmax(4 * logits)
    band = reliability_band(probs, labels, 15, trials=200)
    acc, counts = reliability_curve(probs, labels, 15)[1::2]
    assert np.mean((acc < band.low)[counts > 30]) > 0.7
    assert band.low[0] == 0
    assert band.high[0] == 1
    again = reliability_band(probs, labels, 15, trials=200)
    np.testing.assert_array_equal(again.low, band.low)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(SettingsError, match="'width' or 'mass'"):
        reliability_curve(PROBS, LABELS, strategy="depth")
    with pytest.raises(SettingsError, match="n_bins=0"):
        expected_calibration_error(PROBS, LABELS, 0)
    with pytest.raises(SettingsError, match="n_bins=0"):
        brier_parts(PROBS, LABELS, 0)
    with pytest.raises(SettingsError, match="'l1' or 'l2'"):
        debiased_calibration_error(PROBS, LABELS, norm="max")
    with pytest.raises(InputError, match="no bin holds two rows"):
        debiased_calibration_error(PROBS[1:], LABELS[1:], 15)
    with pytest.raises(InputError, match="sum to one"):
        reliability_curve(2 * PROBS, LABELS)
    with pytest.raises(InputError, match=r"1 of 2 rows do not, first at row 1"):
        expected_calibration_error([0.2, 1.4], [0, 1])
    with pytest.raises(SettingsError, match="level=2"):
        reliability_band(PROBS, LABELS, level=2)
