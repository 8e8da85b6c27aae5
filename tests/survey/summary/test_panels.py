import numpy as np
import pytest

from errorbar.core.errors import SettingsError, TableError
from errorbar.survey.summary import (
    add_total_scatter,
    closed_form_check,
    error_panel,
    fixed_size_errors,
    fixed_size_means,
    mean_panel,
    read_fits,
    slope_plane,
)
from tests.survey.fake_grid import fake_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(10, 50), repeats=20)
SINGLE = add_total_scatter(read_fits(fake_fits(SURVEYS)), SURVEYS)
JOINT = add_total_scatter(read_fits(fake_fits(SURVEYS, "joint")), SURVEYS)


def test_a_panel_holds_every_survey_of_its_size_once():
    value = fixed_size_errors(SINGLE, 50)
    assert [panel.count for panel in value.panels] == [80, 80, 80]
    assert [cloud.label for cloud in value.panels[0].clouds] == ["S1", "S2", "S3", "S4"]
    assert all((cloud.planets == 50).all() for cloud in value.panels[0].clouds)


def test_the_errors_of_a_slope_fall_as_one_over_leverage():
    slope = fixed_size_errors(SINGLE, 50).panels[1]
    assert slope.power.exponent == pytest.approx(-1.0, abs=4 * slope.power.exponent_error)
    assert slope.power.coefficient == pytest.approx(0.529, rel=0.1)


def test_the_closed_form_needs_no_fit_and_passes_through_the_fits():
    slope = fixed_size_errors(SINGLE, 50).panels[1]
    y = np.interp(4.0, slope.expected.x, slope.expected.y)
    assert y * 4.0 == pytest.approx(np.median(SINGLE.at_size(50).values("total")), rel=2e-3)
    check = closed_form_check(SINGLE, "beta")
    assert check.median == pytest.approx(1.0, abs=0.03)
    assert check.middle[0] < 1 < check.middle[1]


def test_only_the_slope_has_one_closed_form_for_all_sizes():
    assert error_panel(SINGLE, "alpha").expected is None
    assert error_panel(SINGLE, "beta").expected is not None
    assert error_panel(SINGLE.at_size(10), "beta", column="N").expected is None


def test_a_table_alone_has_no_closed_form():
    assert error_panel(read_fits(fake_fits(SURVEYS)).at_size(10), "beta").expected is None


def test_one_size_against_size_defines_no_trend():
    panel = error_panel(SINGLE.at_size(10), "beta", column="N")
    assert panel.power is None
    assert panel.linear_band is None
    assert panel.count == 80


def test_one_survey_is_a_panel_without_trends():
    table = read_fits(fake_fits(SURVEYS[:1]))
    panel = fixed_size_errors(table, 10).panels[0]
    assert (panel.count, panel.power, panel.linear) == (1, None, None)


def test_bars_of_means_are_the_intervals_of_the_table():
    panel = mean_panel(JOINT, "rho")
    np.testing.assert_array_equal(
        np.concatenate([cloud.low for cloud in panel.clouds]), JOINT.values("rho_hdi16")
    )
    assert panel.up.unit == ""


def test_the_joint_panels_are_planet_then_star():
    words = [panel.up.words for panel in fixed_size_errors(JOINT, 10).panels]
    assert words == [
        f"sd of {who} {what}"
        for who in ("planet", "star")
        for what in ("intercept", "slope", "scatter")
    ]
    assert len(fixed_size_means(JOINT, 10, ("sigma_p", "sigma_s", "rho")).panels) == 3


def test_the_slope_plane_has_both_slopes_of_each_survey():
    plane = slope_plane(JOINT)
    np.testing.assert_array_equal(plane.second, JOINT.values("beta_s_mean"))
    assert len(plane.label) == len(SURVEYS)


def test_one_slope_spans_no_plane():
    with pytest.raises(TableError, match="model single have one"):
        slope_plane(SINGLE)


def test_a_size_that_is_not_in_the_table_is_refused():
    with pytest.raises(TableError, match="no survey has N=30; the table has N=10, 50"):
        fixed_size_errors(SINGLE, 30)


def test_a_correlation_has_no_closed_form_in_leverage():
    with pytest.raises(SettingsError, match="those with one: beta_p, beta_s"):
        closed_form_check(JOINT, "rho")
