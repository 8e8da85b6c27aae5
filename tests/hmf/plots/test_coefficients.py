import numpy as np

from errorbar.core.plots import new_figure, png_bytes
from errorbar.hmf.plots import plot_coefficients
from errorbar.hmf.summary import calibrate_coefficients, score_coefficients
from tests.hmf.summary.test_coefficients import errors_of, locus


def test_every_known_object_is_drawn_in_its_group():
    a, C = locus(0, 60, 100.0)
    a[0], C[1] = 0.01, np.where(np.eye(4) > 0, np.inf, 0.0)
    errors = errors_of(C)
    scores = score_coefficients(a, errors, calibrate_coefficients(a, errors))
    figure = new_figure(6, 4)
    ax = plot_coefficients(scores, figure.subplots(), groups=["sky"] * 10 + ["star"] * 50)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["sky (9)", "star (50)"]
    assert {text.get_text() for text in ax.texts} == {"no signal", "unlike the others"}
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_groups_are_not_needed():
    a, C = locus(0, 60, 100.0)
    errors = errors_of(C)
    scores = score_coefficients(a, errors, calibrate_coefficients(a, errors, least_signal=0.0))
    ax = plot_coefficients(scores, new_figure(6, 4).subplots())
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["unlike the others"]
