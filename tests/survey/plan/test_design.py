"""The planets of a plan: lists, summaries and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import DesignError
from errorbar.survey.data import SurveyData
from errorbar.survey.plan import Design, summary_design, survey_design


@given(
    n=st.floats(2, 1000),
    leverage=st.floats(0, 50),
    star_leverage=st.floats(0, 20),
    correlation=st.floats(-0.99, 0.99),
)
def test_a_summary_has_the_moments_it_was_made_of(n, leverage, star_leverage, correlation):
    design = summary_design(
        n,
        leverage,
        0.2,
        star_sigma=0.1,
        star_leverage=star_leverage,
        star_correlation=correlation,
    )
    assert design.n == pytest.approx(n)
    assert design.leverage == pytest.approx(leverage, abs=1e-12)
    assert design.centre == pytest.approx(0.0, abs=1e-12)
    cross = np.sum(design.weight * design.x * design.need_star())
    assert cross == pytest.approx(correlation * leverage * star_leverage, abs=1e-9)


def test_a_design_of_a_survey_keeps_its_masses_and_forgets_its_abundances():
    data = SurveyData(x=[0.0, 1.0, 2.0], y=[1.0, 5.0, 2.0], sigma=[0.1, 0.2, 0.3])
    design = survey_design(data)
    np.testing.assert_array_equal(design.x, data.x)
    np.testing.assert_array_equal(design.sigma, data.sigma)
    assert not hasattr(design, "y")


def test_taking_rows_takes_every_column():
    x = np.arange(4.0)
    design = Design(x, x + 1, star=x + 2, star_sigma=x + 3, x_sigma=x + 4).take(np.array([3, 1]))
    np.testing.assert_array_equal(design.x, [3, 1])
    np.testing.assert_array_equal(design.sigma, [4, 2])
    np.testing.assert_array_equal(design.star, [5, 3])
    np.testing.assert_array_equal(design.star_sigma, [6, 4])
    np.testing.assert_array_equal(design.x_sigma, [7, 5])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [], "sigma": []}, "give at least one"),
        ({"x": [0.0, 1.0], "sigma": [0.1]}, r"shape \(1,\), but there are 2 targets"),
        ({"x": [0.0, np.nan], "sigma": [0.1, 0.1]}, "1 rows are not, first at row 1"),
        ({"x": [0.0, 1.0], "sigma": [0.1, 0.0]}, "positive; 1 rows are not"),
        ({"x": [0.0, 1.0], "sigma": [1, 1], "x_sigma": [0.0, -1.0]}, "first at row 1"),
        ({"x": [0.0, 1.0], "sigma": [1, 1], "star": [0.0, 1.0]}, "give the hosts' errors too"),
    ],
)
def test_a_design_with_unusable_rows_is_refused(columns, message):
    with pytest.raises(DesignError, match=message):
        Design(**columns)


def test_a_design_without_stars_names_the_way_out():
    design = Design([0.0, 1.0], [0.1, 0.1])
    with pytest.raises(DesignError, match="plan for the model `single`"):
        design.need_star()
    with pytest.raises(DesignError, match="plan for the model `single`"):
        design.need_star_sigma()


@pytest.mark.parametrize("bad", [{"n": 1}, {"leverage": -1.0}, {"star_correlation": 1.0}])
def test_a_summary_of_no_survey_is_refused(bad):
    with pytest.raises(DesignError, match="describe no survey"):
        summary_design(**({"n": 10, "leverage": 1.0, "sigma": 0.2} | bad))
