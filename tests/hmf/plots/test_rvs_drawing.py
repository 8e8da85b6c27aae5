"""Pictures of the RVS study."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.plots import new_figure
from errorbar.hmf.plots.rvs import (
    mark_lines,
    plot_hr_diagram,
    plot_metric_counts,
    plot_metric_overlap,
    plot_residual_map,
    plot_significance,
)


def axes():
    return new_figure(5, 4).subplots()


def test_bright_stars_are_up_and_bins_are_named_with_their_counts():
    ax = axes()
    edge = np.array([[0.0, 1.0], [0.2, 3.0], [0.4, 5.0], [0.2, 2.0], [0.0, 1.0]])
    rng = np.random.default_rng(0)
    stars = rng.uniform(0, 1, 50), rng.uniform(0, 6, 50)
    plot_hr_diagram(*stars, {"07": edge}, ax, counts=[1234], odd=np.arange(50) < 3)
    assert ax.yaxis_inverted()
    assert [text.get_text() for text in ax.texts] == ["07: 1,234"]
    assert ax.get_legend().get_texts()[0].get_text() == "odd (3)"
    plot_hr_diagram(*stars, {}, ax)
    assert ax.yaxis_inverted()


@settings(max_examples=15)
@given(st.lists(st.floats(846.0, 870.0), min_size=1, max_size=30))
def test_names_of_lines_keep_apart_and_in_their_order(places):
    ax = axes()
    ax.set_xlim(846, 870)
    mark_lines(ax, [(f"{at:.3f}", at) for at in places])
    named = [float(text.get_text()) for text in ax.texts]
    at = np.array([text.xyann[0] for text in ax.texts])
    assert named == sorted(named)
    assert np.all(np.diff(at) > 0.012)
    assert at.min() >= -1e-9
    assert at.max() <= 1 + 1e-9
    assert ax.get_xlim() == (846, 870)


def test_lines_outside_of_the_panel_are_not_named():
    ax = axes()
    ax.set_xlim(850, 860)
    mark_lines(ax, [("a", 849.0), ("b", 855.0)])
    assert [text.get_text() for text in ax.texts] == ["b"]


def test_scores_are_drawn_with_counts_and_shares():
    shared = np.array([[10, 5], [5, 20]])
    ax = plot_metric_counts(("kl", "rmse"), np.diag(shared), np.array([5, 15]), axes())
    assert [text.get_text().strip() for text in ax.texts] == ["10", "20"]
    ax = plot_metric_overlap(("kl", "rmse"), shared, axes())
    assert [text.get_text().split("\n")[0] for text in ax.texts] == ["100%", "50%", "25%", "100%"]
    assert plot_metric_overlap(("kl", "rmse"), 0 * shared, axes()).texts


def test_a_map_names_its_groups_beside_it():
    ax = plot_residual_map(np.zeros((3, 2)), ["01", "00", "01"], axes())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["00 (1)", "01 (2)"]


def test_strengths_beyond_the_picture_are_in_its_last_bar():
    ax = plot_significance(np.array([0.0, 1.0, 900.0, np.nan]), 4.0, axes(), flagged=1)
    assert sum(bar.get_height() for bar in ax.patches if hasattr(bar, "get_height")) in (0, 3)
    assert "odd beyond 4.0 (1)" in ax.get_legend().get_texts()[0].get_text()
