"""Numbers someone reads or draws: curves, panels and answers computed from tables of fits."""

from errorbar.survey.summary.answers import (
    ClassAnswer,
    SlopeAnswer,
    Soundness,
    class_medians,
    slope_answer,
    soundness,
)
from errorbar.survey.summary.curves import (
    ExpectedCurve,
    PowerLaw,
    expected_sd,
    fit_power_law,
    power_law_band,
)
from errorbar.survey.summary.design import (
    DesignSpace,
    LeverageContour,
    design_space,
    leverage_contours,
)
from errorbar.survey.summary.panels import (
    ClosedFormCheck,
    Cloud,
    FixedSize,
    SlopePlane,
    TrendPanel,
    closed_form_check,
    error_panel,
    fixed_size_errors,
    fixed_size_means,
    mean_panel,
    slope_plane,
)
from errorbar.survey.summary.pivot import PivotIntercepts, pivot_intercepts
from errorbar.survey.summary.posterior import (
    FittedLine,
    Marginal,
    Pair,
    SurveyPosterior,
    survey_posterior,
)
from errorbar.survey.summary.quantity import Quantity, parameter_quantity, posterior_sd
from errorbar.survey.summary.results import FitTable, add_total_scatter, read_fits

__all__ = [
    "ClassAnswer",
    "ClosedFormCheck",
    "Cloud",
    "DesignSpace",
    "ExpectedCurve",
    "FitTable",
    "FittedLine",
    "FixedSize",
    "LeverageContour",
    "Marginal",
    "Pair",
    "PivotIntercepts",
    "PowerLaw",
    "Quantity",
    "SlopeAnswer",
    "SlopePlane",
    "Soundness",
    "SurveyPosterior",
    "TrendPanel",
    "add_total_scatter",
    "class_medians",
    "closed_form_check",
    "design_space",
    "error_panel",
    "expected_sd",
    "fit_power_law",
    "fixed_size_errors",
    "fixed_size_means",
    "leverage_contours",
    "mean_panel",
    "parameter_quantity",
    "pivot_intercepts",
    "posterior_sd",
    "power_law_band",
    "read_fits",
    "slope_answer",
    "slope_plane",
    "soundness",
    "survey_posterior",
]
