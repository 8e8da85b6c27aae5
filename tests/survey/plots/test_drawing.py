import numpy as np
import pytest

from errorbar.core.plots import new_figure
from errorbar.survey.plots import (
    interactive_design_space,
    interactive_slope_plane,
    plot_closed_form,
    plot_design_space,
    plot_errors,
    plot_line,
    plot_marginal,
    plot_means,
    plot_pair,
    plot_pivot,
    plot_slope_plane,
)
from errorbar.survey.summary import (
    add_total_scatter,
    closed_form_check,
    design_space,
    error_panel,
    leverage_contours,
    mean_panel,
    pivot_intercepts,
    read_fits,
    slope_plane,
    survey_posterior,
)
from tests.survey.fake_grid import fake_fits, fake_full_fits, fake_surveys
from tests.survey.summary.test_posterior import DATA, NormalFit

SURVEYS = fake_surveys(sizes=(10, 50), repeats=4)
TABLE = add_total_scatter(read_fits(fake_full_fits(SURVEYS)), SURVEYS)
JOINT = read_fits(fake_fits(SURVEYS, "joint"))
POSTERIOR = survey_posterior(NormalFit("single"), DATA, draws=500)


def axes():
    return new_figure(4, 3).subplots()


def offsets(ax):
    return np.concatenate(
        [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_sizes())]
    )


def colors(ax):
    return [tuple(c.get_facecolor()[0][:3]) for c in ax.collections if len(c.get_sizes())]


def test_the_points_of_errors_are_the_numbers_of_the_table():
    panel = error_panel(TABLE.at_size(50), "beta")
    ax = plot_errors(panel, axes())
    drawn = offsets(ax)
    assert sorted(drawn[:, 1]) == sorted(TABLE.at_size(50).values("beta_sd"))
    assert sorted(drawn[:, 0]) == sorted(TABLE.at_size(50).values("L_logM"))


def test_axes_carry_units():
    ax = plot_errors(error_panel(TABLE, "beta"), axes())
    assert ax.get_xlabel() == "leverage $L$ (dex)"
    assert ax.get_ylabel().endswith("(dex per dex)")


def test_the_legend_tells_law_line_and_closed_form():
    ax = plot_errors(error_panel(TABLE.at_size(50), "alpha"), axes())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("no fit, flat prior" in word for word in words)
    assert any("L^{" in word for word in words)
    assert "straight line" in words


def test_errors_start_at_zero_so_that_a_flat_one_looks_flat():
    ax = plot_errors(error_panel(TABLE.at_size(50), "sigma"), axes())
    assert ax.get_ylim()[0] == 0


def test_logarithmic_axes_leave_the_straight_line_out():
    ax = plot_errors(error_panel(TABLE, "beta"), axes(), logarithmic=True)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "straight line" not in [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_class_has_its_colour_even_when_others_are_missing():
    only = read_fits(fake_fits([s for s in SURVEYS if s.class_label == "S3"]))
    one = plot_errors(error_panel(only, "beta"), axes())
    every = plot_errors(error_panel(TABLE, "beta"), axes())
    assert colors(one)[0] == colors(every)[2]


def test_classes_of_one_size_stand_side_by_side():
    ax = plot_errors(error_panel(TABLE, "beta", column="N"), axes())
    assert len(set(offsets(ax)[:, 0])) == 8


def test_bars_of_means_end_where_the_intervals_do():
    ax = plot_means(mean_panel(JOINT, "rho"), axes())
    ends = np.concatenate([np.asarray(c.get_segments())[:, :, 1] for c in bars(ax)])
    assert sorted(ends[:, 0]) == sorted(JOINT.values("rho_hdi16"))


def bars(ax):
    return [c for c in ax.collections if hasattr(c, "get_segments")]


def test_contours_are_named_with_their_leverage():
    space = design_space(SURVEYS)
    ax = plot_design_space(space, axes(), leverage_contours(space, [2.0, 4.0]))
    assert [text.get_text() for text in ax.texts] == ["$L=2.0$ dex", "$L=4.0$ dex"]
    assert len(offsets(ax)) == len(SURVEYS)


def test_the_closed_form_is_compared_on_equal_axes():
    ax = plot_closed_form(closed_form_check(TABLE, "beta"), axes())
    assert ax.get_xlim() == ax.get_ylim()
    assert "median" in ax.texts[0].get_text()


@pytest.mark.parametrize("common", [True, False])
def test_intercepts_say_where_they_stand(common):
    ax = plot_pivot(pivot_intercepts(TABLE), axes(), common=common)
    assert ("-0.60" in ax.texts[0].get_text()) == common


def test_strays_are_counted_rather_than_hidden_silently():
    table = read_fits(fake_full_fits(fake_surveys(sizes=(50,), repeats=40)))
    value = pivot_intercepts(table)
    value.at_mean[0].y[0] = 40.0
    ax = plot_pivot(value, axes(), common=False)
    assert ax.texts[-1].get_text() == "1 of 160 outside"
    assert ax.get_ylim()[1] < 40.0


def test_a_marginal_fills_its_interval_and_tells_it():
    value = POSTERIOR.marginals[1]
    ax = plot_marginal(value, axes())
    assert f"{value.mean:.3g}" in ax.get_title()
    assert ax.get_ylim()[0] == 0


def test_a_pair_draws_both_regions():
    ax = plot_pair(POSTERIOR.pairs[0][2], axes())
    assert ax.get_xlabel().startswith("intercept")
    assert len(ax.collections) == 3


def test_the_line_shows_every_planet_and_marks_limits():
    value = POSTERIOR.lines[0]
    value.limit[:3] = True
    ax = plot_line(value, axes())
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "37 planets" in words
    assert "3 upper limits" in words


def test_the_slope_plane_has_a_point_and_a_shadow_for_each_survey():
    figure = new_figure(5, 4)
    ax = plot_slope_plane(slope_plane(JOINT), figure.add_subplot(projection="3d"), figure)
    assert [len(c.get_offsets()) for c in ax.collections] == [len(SURVEYS)] * 2


def test_interactive_points_are_the_surveys():
    space = design_space(SURVEYS)
    block = interactive_design_space(space, leverage_contours(space))
    points = [trace for trace in block.data if trace["mode"] == "markers"]
    assert [trace["name"] for trace in points] == ["S1", "S2", "S3", "S4"]
    assert sum(len(trace["y"]) for trace in points) == len(SURVEYS)
    plane = interactive_slope_plane(slope_plane(JOINT))
    assert plane.data[0]["text"][0].startswith("survey 1, S1, N = 10")


def test_classes_have_the_same_colours_on_pages_and_in_figures():
    from matplotlib.colors import to_hex

    from errorbar.survey.plots.interactive import COLORS

    assert [to_hex(f"C{i}") for i in range(10)] == list(COLORS)
