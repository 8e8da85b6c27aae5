"""Pictures of retention times: errors by support, calibration, drift, look-ups."""

from errorbar.rt.plots.axes import bin_words, logarithmic
from errorbar.rt.plots.bins import MEASURES, plot_bins, plot_coverage_by_bin, plot_tails
from errorbar.rt.plots.farness import plot_farness
from errorbar.rt.plots.gallery import NamedFigure, evaluation_figures, write_figures
from errorbar.rt.plots.pdf import PaperTable, make_table_pages, make_word_pages, write_pdf
from errorbar.rt.plots.rows import (
    plot_compound_times,
    plot_predicted_times,
    plot_run_drift,
    plot_time_errors,
    plot_z_scores,
)
from errorbar.rt.plots.sheets import (
    make_calibration,
    make_compounds,
    make_drift,
    make_farness,
    make_predicted,
    make_slices,
    make_support,
    make_tails,
)

__all__ = [
    "MEASURES",
    "NamedFigure",
    "PaperTable",
    "bin_words",
    "evaluation_figures",
    "logarithmic",
    "make_calibration",
    "make_compounds",
    "make_drift",
    "make_farness",
    "make_predicted",
    "make_slices",
    "make_support",
    "make_table_pages",
    "make_tails",
    "make_word_pages",
    "plot_bins",
    "plot_compound_times",
    "plot_coverage_by_bin",
    "plot_farness",
    "plot_predicted_times",
    "plot_run_drift",
    "plot_tails",
    "plot_time_errors",
    "plot_z_scores",
    "write_figures",
    "write_pdf",
]
