"""Pictures of a plan show the numbers of its tables."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from errorbar.survey.plan import (
    CurvatureGuard,
    default_trend,
    plan_survey,
    read_targets,
    required_n,
)
from errorbar.survey.plots.plan import (
    plot_budgets,
    plot_further,
    plot_reach,
    plot_targets,
    write_plan,
    write_reach,
)
from errorbar.survey.synth import draw_planets


@pytest.fixture(scope="module")
def offer():
    return read_targets(draw_planets(120, seed=1))


@pytest.fixture(scope="module")
def plan(offer):
    return plan_survey(offer, budget_hours=600, random_lists=20)


def test_the_list_ends_where_the_plan_says(plan):
    ax = plot_budgets(plan, Figure().subplots())
    (line,) = [line for line in ax.lines if "planet by planet" in str(line.get_label())]
    assert line.get_xdata()[-1] == pytest.approx(plan.hours)
    assert line.get_ydata()[-1] == pytest.approx(plan.sd)


def test_every_target_is_a_point(plan, offer):
    ax = plot_targets(plan, Figure().subplots())
    assert sum(len(points.get_offsets()) for points in ax.collections) == offer.rows


def test_bars_are_the_gains_of_the_best_that_are_left(plan):
    ax = plot_further(plan, Figure().subplots())
    gains = plan.others["gain_percent_per_100_hours"].drop_nulls().to_numpy()
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], gains[: len(ax.patches)])


def test_a_guarded_plan_is_drawn_for_a_line_that_may_be_bent(offer):
    guarded = plan_survey(offer, budget_hours=600, guard=CurvatureGuard(), random_lists=20)
    ax = plot_budgets(guarded, Figure().subplots())
    (line,) = [line for line in ax.lines if "planet by planet" in str(line.get_label())]
    assert line.get_ydata()[-1] == pytest.approx(guarded.sd)
    assert "bent" in ax.get_ylabel()


def test_a_wanted_precision_is_marked_where_it_is_reached(offer, tmp_path):
    required = required_n(offer, 0.15, default_trend("single"), draws=40)
    ax = plot_reach(required, Figure().subplots())
    assert any(line.get_xdata()[0] == required.effort for line in ax.lines)
    (png,) = write_reach(required, tmp_path)
    assert png.stat().st_size > 5_000


def test_a_plan_becomes_a_picture(plan, offer, tmp_path):
    (png,) = write_plan(plan, tmp_path)
    assert png.with_suffix(".pdf").stat().st_size > 5_000
    wanted = plan_survey(offer, wanted_sd=0.15, random_lists=20)
    (png,) = write_plan(wanted, tmp_path / "wanted")
    assert png.stat().st_size > 5_000
