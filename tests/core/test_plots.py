import threading

import numpy as np
import pytest

from errorbar.core.maths.calibration import (
    coverage_curve,
    ecdf_difference,
    pit_histogram,
    predicted_truth,
)
from errorbar.core.plots import (
    new_figure,
    plot_coverage,
    plot_ecdf_difference,
    plot_pit_histogram,
    plot_predicted_truth,
    png_bytes,
    write_figure,
)

PIT = np.random.default_rng(1).uniform(size=400)


def calibration_figure():
    figure = new_figure(9, 3)
    left, middle, right = figure.subplots(1, 3)
    plot_coverage(coverage_curve(PIT, np.linspace(0.05, 0.95, 10)), left)
    plot_pit_histogram(pit_histogram(PIT), middle)
    plot_ecdf_difference(ecdf_difference(PIT, trials=300), right)
    return figure


def test_the_coverage_line_is_the_value_it_was_given():
    curve = coverage_curve(PIT, np.array([0.25, 0.5, 0.75]))
    ax = plot_coverage(curve, new_figure(3, 3).subplots(), label="slope")
    drawn = next(line for line in ax.lines if line.get_label() == "slope")
    np.testing.assert_array_equal(drawn.get_xydata(), np.c_[curve.claimed, curve.found])


def test_the_histogram_draws_its_counts_and_its_range():
    histogram = pit_histogram(PIT, bins=10)
    ax = plot_pit_histogram(histogram, new_figure(3, 3).subplots())
    values = [patch.get_data().values for patch in ax.patches if hasattr(patch, "get_data")]
    np.testing.assert_array_equal(values[0], histogram.counts)
    assert "400" in ax.get_ylabel()


def test_the_difference_stays_on_its_axes():
    value = ecdf_difference(PIT**2, trials=300)
    ax = plot_ecdf_difference(value, new_figure(3, 3).subplots())
    low, high = ax.get_ylim()
    assert low < value.difference.min()
    assert value.difference.max() < high


def test_predictions_are_named_and_their_scores_told():
    value = predicted_truth(np.arange(5.0), np.arange(5.0) + 0.1, np.full(5, 0.1))
    ax = plot_predicted_truth(value, new_figure(3, 3).subplots(), quantity="slope (dex)")
    assert ax.get_xlabel() == "true slope (dex)"
    assert "+1.00 ± 0.00" in ax.texts[0].get_text()


def test_a_figure_saved_twice_has_the_same_bytes(tmp_path):
    paths = [write_figure(calibration_figure(), tmp_path / name) for name in ("one", "two")]
    for one, two in zip(*paths, strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert [path.name for path in paths[0]] == ["one.pdf", "one.png"]


def test_a_stem_with_a_dot_keeps_its_whole_name(tmp_path):
    pdf, png = write_figure(calibration_figure(), tmp_path / "new" / "n0.5")
    assert (pdf.name, png.name) == ("n0.5.pdf", "n0.5.png")
    assert b"CreationDate" not in pdf.read_bytes()


def test_saving_leaves_a_figure_as_it_was(tmp_path):
    figure = calibration_figure()
    before = (figure.get_layout_engine(), figure.dpi, figure.canvas)
    write_figure(figure, tmp_path / "one")
    assert (figure.get_layout_engine(), figure.dpi, figure.canvas) == before


@pytest.mark.parametrize("count", [4])
def test_figures_drawn_in_threads_are_those_drawn_alone(count):
    drawn: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: drawn.append(png_bytes(calibration_figure())))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [png_bytes(calibration_figure())] * count
