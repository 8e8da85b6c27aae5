"""Odd spectra among those of Gaia's radial velocity spectrometer, bin by bin of the HR diagram."""

from errorbar.hmf.studies.rvs.analysis import METRICS, BinAnalysis
from errorbar.hmf.studies.rvs.archive import Collected, collect_archive
from errorbar.hmf.studies.rvs.bins import (
    Ellipse,
    count_stars,
    read_bins,
    usual_bins,
    write_bins,
)
from errorbar.hmf.studies.rvs.collect import MatchedData, MatchReport, match_spectra
from errorbar.hmf.studies.rvs.compute import BinSample, compute_bin_analysis, draw_sample
from errorbar.hmf.studies.rvs.draw import (
    plot_bin_analysis,
    plot_bins,
    plot_metric_comparison,
    plot_oddest,
    plot_residuals_map,
)
from errorbar.hmf.studies.rvs.files import DatasetNames, SpectraFile, archive_grid, open_spectra
from errorbar.hmf.studies.rvs.generate import ExampleFiles, write_bulk, write_example
from errorbar.hmf.studies.rvs.lines import (
    RVS_LINES,
    Line,
    air_to_vacuum,
    lines_between,
    vacuum_to_air,
)
from errorbar.hmf.studies.rvs.metrics import MetricComparison, compare_metrics
from errorbar.hmf.studies.rvs.residual_map import ResidualMap, map_residuals, odd_residuals
from errorbar.hmf.studies.rvs.settings import RvsSettings, read_settings, settings_of
from errorbar.hmf.studies.rvs.stars import StarReport, Stars, absolute_magnitude, place_stars
from errorbar.hmf.studies.rvs.study import RvsStudy, analyse_bin, run_study

__all__ = [
    "METRICS",
    "RVS_LINES",
    "BinAnalysis",
    "BinSample",
    "Collected",
    "DatasetNames",
    "Ellipse",
    "ExampleFiles",
    "Line",
    "MatchReport",
    "MatchedData",
    "MetricComparison",
    "ResidualMap",
    "RvsSettings",
    "RvsStudy",
    "SpectraFile",
    "StarReport",
    "Stars",
    "absolute_magnitude",
    "air_to_vacuum",
    "analyse_bin",
    "archive_grid",
    "collect_archive",
    "compare_metrics",
    "compute_bin_analysis",
    "count_stars",
    "draw_sample",
    "lines_between",
    "map_residuals",
    "match_spectra",
    "odd_residuals",
    "open_spectra",
    "place_stars",
    "plot_bin_analysis",
    "plot_bins",
    "plot_metric_comparison",
    "plot_oddest",
    "plot_residuals_map",
    "read_bins",
    "read_settings",
    "run_study",
    "settings_of",
    "usual_bins",
    "vacuum_to_air",
    "write_bins",
    "write_bulk",
    "write_example",
]
