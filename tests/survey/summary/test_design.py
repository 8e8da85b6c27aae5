import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import TableError
from errorbar.survey.summary import design_space, leverage_contours, read_fits
from tests.survey.fake_grid import FakeSurvey, fake_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(10, 50), repeats=3)


def test_a_contour_passes_through_the_survey_that_has_its_leverage():
    space = design_space(SURVEYS)
    for i in (0, 7, 20):
        (contour,) = leverage_contours(space, [SURVEYS[i].leverage])
        at = np.interp(SURVEYS[i].n, contour.planets, contour.spread)
        assert at == pytest.approx(np.std(SURVEYS[i].df["logM"].to_numpy()), rel=1e-3)
        assert space.leverage[i] == pytest.approx(SURVEYS[i].leverage, rel=1e-12)


def test_surveys_and_their_table_of_fits_span_the_same_space():
    one, two = design_space(SURVEYS), design_space(read_fits(fake_fits(SURVEYS)))
    np.testing.assert_allclose(one.spread, two.spread, rtol=1e-12)
    assert (one.label, one.survey_id) == (two.label, two.survey_id)


def test_contours_stand_at_quantiles_unless_told_otherwise():
    space = design_space(SURVEYS)
    levels = [contour.leverage for contour in leverage_contours(space)]
    np.testing.assert_allclose(levels, np.quantile(space.leverage, [0.25, 0.5, 0.75, 0.9]))
    assert [c.leverage for c in leverage_contours(space, [3.0, 2.0, 3.0])] == [2.0, 3.0]


def test_values_that_are_not_finite_do_not_count_as_planets():
    survey = FakeSurvey(1, "S1", pl.DataFrame({"logM": [0.0, 1.0, float("nan"), 2.0]}))
    space = design_space([survey])
    assert space.planets.tolist() == [3]
    assert space.leverage[0] == pytest.approx(np.sqrt(2.0))


def test_a_survey_of_one_planet_has_no_leverage():
    space = design_space([FakeSurvey(1, "S1", pl.DataFrame({"logM": [0.3]}))])
    assert space.leverage.tolist() == [0.0]
    assert leverage_contours(space) == ()


def test_no_surveys_and_unknown_columns_are_refused():
    with pytest.raises(TableError, match="no surveys"):
        design_space([])
    with pytest.raises(TableError, match="survey 1 has no column 'radius'"):
        design_space(SURVEYS, "radius")
