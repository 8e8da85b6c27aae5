"""Pictures of pooled slopes."""

import numpy as np
import pytest

from errorbar.core.plots import new_figure
from errorbar.survey import SurveyData, fit_pooled, mass_bins
from errorbar.survey.plots.pooled import make_shrinkage, plot_shrinkage, write_shrinkage


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(2)
    x = rng.normal(-0.5, 0.8, 45)
    y = -0.95 - 1.09 * x + 0.4 * rng.normal(size=45)
    return fit_pooled(mass_bins(SurveyData(x, y, np.full(45, 0.2)), 3))


def test_every_class_is_drawn_alone_and_pooled(fit):
    ax = plot_shrinkage(fit, new_figure(5, 3).subplots())
    assert [label.get_text().split("\n")[0] for label in ax.get_xticklabels()] == ["M1", "M2", "M3"]
    drawn = {round(float(line.get_ydata()[0]), 9) for line in ax.lines if len(line.get_ydata())}
    means = [fit.mean[fit.names.index(f"beta[{label}]")] for label in fit.labels]
    assert {round(float(value), 9) for value in [*means, *fit.alone.mean]} <= drawn
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "one slope for all",
        "class alone",
        "pooled",
    ]


def test_the_figure_states_how_much_slopes_differ(fit):
    assert f"{fit.mean[1]:.2f}" in make_shrinkage(fit).get_suptitle()


def test_the_figure_is_written(fit, tmp_path):
    pdf, png = write_shrinkage(fit, tmp_path / "out")
    assert png.stat().st_size > 10_000
    assert pdf.exists()
