"""What pictures of factorisations show, read back from the axes."""

import numpy as np
import pytest

from errorbar.core.plots import new_figure, png_bytes
from errorbar.hmf.grid import GridSurface
from errorbar.hmf.plots import (
    make_gallery,
    plot_bases,
    plot_basis,
    plot_convergence,
    plot_heat_map,
    plot_kept,
    plot_residuals,
    plot_row,
    plot_selection,
    plot_weights,
)
from errorbar.hmf.summary import WeightHistogram, match_basis, row_view

RNG = np.random.default_rng(6)
WAVELENGTH = np.linspace(500, 560, 60)


def some_row(name="row 3"):
    model = 1 + 0.1 * np.sin(WAVELENGTH)
    w = np.full(60, 2500.0)
    y = model + RNG.normal(size=60) / 50
    y[[10, 11]] += 0.4
    y[20] = 90.0
    w[30:40] = 0
    return row_view(name, WAVELENGTH, y, w, model, 25.0, true=np.arange(60) == 10)


@pytest.fixture
def ax():
    return new_figure(5, 3).subplots()


def line(ax, label):
    return next(each for each in ax.lines if each.get_label().startswith(label))


def test_a_row_shows_its_data_its_model_and_what_is_flagged(ax):
    view = some_row()
    plot_row(view, ax)
    np.testing.assert_array_equal(line(ax, "model").get_ydata(), view.model)
    np.testing.assert_array_equal(line(ax, "flagged").get_xdata(), WAVELENGTH[[10, 11, 20]])
    assert len(line(ax, "data").get_xdata()) == 47
    np.testing.assert_array_equal(line(ax, "true").get_xdata(), WAVELENGTH[[10]])
    assert len(ax.patches) == 1
    assert ax.get_title(loc="left") == "row 3"


def test_a_pixel_far_off_is_counted_and_does_not_squeeze_the_rest(ax):
    y = np.ones(400)
    y[7] = 1e6
    view = row_view("r", np.arange(400.0), y, np.ones(400), np.ones(400), 9.0)
    plot_row(view, ax)
    assert ax.get_ylim()[1] < 10
    assert [text.get_text() for text in ax.texts] == ["1 outside"]


def test_residuals_beyond_the_edge_are_triangles_at_it(ax):
    view = some_row()
    plot_residuals(view, ax, c=25.0, most=12)
    drawn = {each.get_marker(): each for each in ax.lines}
    assert drawn["^"].get_xdata().tolist() == WAVELENGTH[[10, 11, 20]].tolist()
    assert np.all(drawn["^"].get_ydata() < 12)
    assert {float(each.get_ydata()[0]) for each in ax.lines if each.get_linestyle() == ":"} == {
        -5.0,
        5.0,
    }


def test_kept_weights_are_missing_in_gaps(ax):
    view = some_row()
    plot_kept(view, ax)
    steps = next(each for each in ax.lines if len(each.get_xdata()) == 60)
    np.testing.assert_array_equal(np.isnan(steps.get_ydata()), ~view.valid)


def test_a_gallery_has_a_panel_for_each_row_and_one_legend():
    figure = make_gallery([some_row(f"row {k}") for k in range(5)], columns=2, title="Outliers")
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"row {k}" for k in range(5)]
    assert len(figure.legends) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "data",
        "flagged",
        "model",
        "true outliers",
    ]
    assert len(png_bytes(figure, 50)) > 2000


def test_basis_vectors_are_told_with_their_angle_to_the_truth():
    true = np.stack([np.ones(60), WAVELENGTH - 530], axis=1)
    axes = new_figure(5, 4).subplots(2, 1)
    plot_bases(WAVELENGTH, {"found": match_basis(true, true @ RNG.normal(size=(2, 2)))}, axes)
    np.testing.assert_allclose(line(axes[1], "found").get_ydata(), true[:, 1], atol=1e-8)
    assert axes[0].get_legend().get_texts()[1].get_text().startswith("found (")


def test_vectors_above_one_another_do_not_meet(ax):
    plot_basis(WAVELENGTH, RNG.normal(size=(60, 4)), ax)
    curves = [each.get_ydata() for each in ax.lines if len(each.get_xdata()) == 60]
    assert len(curves) == 4
    for k, curve in enumerate(curves):
        assert np.all(np.abs(curve + k) < 0.5)


def test_weights_are_drawn_by_group_with_their_numbers(ax):
    counts = np.array([[1, 0, 9], [4, 2, 0]])
    histogram = WeightHistogram(("good", "bad"), np.linspace(0, 1, 4), counts)
    plot_weights(histogram, ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["good (10)", "bad (6)"]
    np.testing.assert_array_equal(ax.patches[1].get_data().values, [4, 2, 0])
    plot_weights(histogram, ax, density=True)
    np.testing.assert_allclose(ax.patches[2].get_data().values, [0.1, 0, 0.9])


SURFACE = GridSurface(
    "kl", (4, 5), (1.0, 3.0, 10.0), np.array([[0.3, 0.2, np.nan], [0.1, 4e-3, 1]])
)


@pytest.mark.parametrize("better", ["high", "low"])
def test_a_heat_map_writes_every_number_in_its_cell(ax, better):
    plot_heat_map(SURFACE, ax, better=better, logarithmic=True, chosen=(5, 3.0), form=".1g")
    told = {text.get_position(): text.get_text() for text in ax.texts}
    assert told == {
        (0.5, 0.5): "0.3",
        (1.5, 0.5): "0.2",
        (0.5, 1.5): "0.1",
        (1.5, 1.5): "0.004",
        (2.5, 1.5): "1",
    }
    frame = line(ax, "chosen").get_xydata()
    assert frame.min(axis=0).tolist() == [1, 1]
    assert frame.max(axis=0).tolist() == [2, 2]


def test_the_numbers_of_a_heat_map_stand_out_from_their_cells(ax):
    plot_heat_map(SURFACE, ax, better="low", logarithmic=True)
    colours = {text.get_text(): text.get_color() for text in ax.texts}
    assert colours["0.00"] == "0.1"
    assert colours["1.00"] == "white"


def test_a_selection_has_a_line_for_each_rank_and_rings_the_chosen(ax):
    plot_selection(SURFACE, ax, chosen=(5, 3.0))
    np.testing.assert_array_equal(line(ax, "5").get_ydata(), SURFACE.values[1])
    ring = next(each for each in ax.lines if each.get_markersize() == 10)
    assert ring.get_xydata().tolist() == [[3.0, 4e-3]]


def test_a_score_that_should_be_one_is_drawn_over_the_one(ax):
    surface = GridSurface("std_z", (4,), (1.0, 3.0), np.array([[0.8, 1.1]]))
    plot_selection(surface, ax)
    assert [float(each.get_ydata()[0]) for each in ax.lines if each.get_linestyle() == ":"] == [1.0]


def test_convergence_is_told_from_the_lowest_end_of_all(ax):
    plot_convergence({"one": np.array([4.0, 3.0, 2.2]), "two": np.array([3.0, 2.0])}, ax)
    np.testing.assert_allclose(line(ax, "one").get_ydata(), [1.0, 0.5, 0.1])
    two = line(ax, "two").get_ydata()
    assert two[0] == 0.5
    assert np.isnan(two[1])
