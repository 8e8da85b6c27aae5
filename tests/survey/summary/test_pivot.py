import numpy as np
import pytest

from errorbar.core.errors import TableError
from errorbar.survey.summary import pivot_intercepts, read_fits
from tests.survey.fake_grid import SLOPE, fake_fits, fake_full_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(50,), repeats=20)


def by_class(clouds):
    return np.array([cloud.y.mean() for cloud in clouds])


def test_intercepts_differ_between_classes_by_construction_and_agree_at_a_pivot():
    value = pivot_intercepts(read_fits(fake_fits(SURVEYS)), SURVEYS, pivot=-0.6)
    assert np.ptp(by_class(value.at_mean)) > 1.0
    assert np.ptp(by_class(value.at_pivot)) < 0.25
    truth = -0.95 + SLOPE * -0.6
    assert by_class(value.at_pivot) == pytest.approx(np.full(4, truth), abs=0.15)


def test_the_pivot_of_the_table_is_used_with_its_own_errors():
    table = read_fits(fake_full_fits(SURVEYS, "joint"))
    value = pivot_intercepts(table, SURVEYS, response="star")
    assert value.pivot == -0.6
    np.testing.assert_array_equal(
        np.concatenate([cloud.y for cloud in value.at_pivot]),
        table.values("alpha_s_pivot_mean"),
    )


def test_moving_an_intercept_nowhere_changes_nothing():
    survey = SURVEYS[:1]
    table = read_fits(fake_fits(survey))
    value = pivot_intercepts(table, survey, pivot=survey[0].data().centre)
    np.testing.assert_allclose(value.at_pivot[0].y, value.at_mean[0].y)
    np.testing.assert_allclose(value.at_pivot[0].low, value.at_mean[0].low)


def test_a_table_that_knows_its_means_needs_no_surveys():
    table = read_fits(fake_full_fits(SURVEYS))
    one, two = pivot_intercepts(table), pivot_intercepts(table, SURVEYS)
    np.testing.assert_array_equal(one.at_mean[2].x, two.at_mean[2].x)


def test_surveys_of_another_grid_are_refused():
    with pytest.raises(TableError, match="pass the surveys that were fitted"):
        pivot_intercepts(read_fits(fake_fits(SURVEYS)), SURVEYS[5:])
