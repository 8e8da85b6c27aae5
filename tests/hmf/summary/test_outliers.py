import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.summary import calibrate_objects, detect, find_outliers, score_objects
from errorbar.hmf.synth import make_toy

C = 25.0


@pytest.fixture(scope="module")
def toy():
    return make_toy(1, rows=1600, pixels=300)


@pytest.fixture(scope="module")
def found(toy):
    """Outliers of the test half against the true model, by a rule from the training half."""
    train = score_objects(*half(toy, toy.train), C)
    return find_outliers(*half(toy, toy.test), calibrate_objects(train))


def half(toy, rows):
    return toy.Y[rows], toy.W[rows], toy.A[rows], toy.G


def test_pixels_that_kept_less_than_half_of_their_weight_are_outliers(toy, found):
    Y, W, A, G = half(toy, toy.test)
    np.testing.assert_array_equal(found.mask(W, with_objects=False), W * (Y - A @ G.T) ** 2 > C)


def test_every_valid_pixel_of_an_outlying_object_is_an_outlier(toy, found):
    W = toy.W[toy.test]
    mask = found.mask(W)
    np.testing.assert_array_equal(mask[found.objects], W[found.objects] > 0)
    np.testing.assert_array_equal(mask[~found.objects], found.mask(W, False)[~found.objects])


def test_planted_outliers_are_found_without_looking_at_a_label(toy, found):
    true, W = toy.outliers[toy.test], toy.W[toy.test]
    objects = detect(found.objects, toy.outlier_objects[toy.test])
    assert objects.f1 > 0.81
    alone, together = (detect(found.mask(W, flag), true) for flag in (False, True))
    assert alone.f1 > 0.7
    assert together.f1 > max(0.83, alone.f1)
    np.testing.assert_array_equal(found.columns, toy.columns.any(axis=0))


def test_columns_are_counted_over_ordinary_objects_with_data(toy, found):
    Y, W, A, G = half(toy, toy.test)
    ordinary = ~found.objects
    low = (W * (Y - A @ G.T) ** 2 > C)[ordinary]
    np.testing.assert_array_equal(found.column_scores.flagged, low.sum(axis=0))
    np.testing.assert_array_equal(found.column_scores.valid, (W[ordinary] > 0).sum(axis=0))
    np.testing.assert_allclose(
        found.column_scores.share, low.sum(axis=0) / (W[ordinary] > 0).sum(axis=0)
    )


def test_clean_data_have_next_to_no_outliers(toy):
    rng = np.random.default_rng(0)
    Y = toy.A @ toy.G.T + rng.normal(size=toy.Y.shape) / np.sqrt(np.where(toy.W > 0, toy.W, 1.0))
    arrays = np.where(toy.W > 0, Y, np.nan), toy.W, toy.A, toy.G
    found = find_outliers(*arrays, calibrate_objects(score_objects(*arrays, C)))
    assert found.objects.sum() <= 1
    assert not found.columns.any()
    # One in 1.7 million normal numbers is beyond five standard deviations.
    assert len(found.features) < 5


def test_a_column_without_data_is_no_outlier(toy):
    Y, W, A, G = half(toy, toy.test)
    W = W.copy()
    W[:, 17] = 0
    found = find_outliers(Y, W, A, G, calibrate_objects(score_objects(Y, W, A, G, C)))
    assert np.isnan(found.column_scores.significance[17])
    assert np.isnan(found.column_scores.share[17])
    assert not found.columns[17]


@pytest.mark.parametrize("kwargs", [dict(cut=0.0), dict(cut=1.0), dict(column_false_alarm=0.7)])
def test_thresholds_out_of_range_are_refused(toy, kwargs):
    arrays = half(toy, toy.train)
    rule = calibrate_objects(score_objects(*arrays, C))
    with pytest.raises(SettingsError, match="between 0 and"):
        find_outliers(*arrays, rule, **kwargs)
