"""When are probabilities, sets and intervals to be trusted? Fitted on one split, used on another.

Calibrators make probabilities true, measures say whether they are, and conformal prediction makes
sets of classes and intervals of numbers that hold the truth as often as they claim.
"""

from errorbar.core.calibrate.base import BaseProbCalibrator, IdentityCalibrator
from errorbar.core.calibrate.choice import CalibratorScores, choose_calibrator
from errorbar.core.calibrate.class_scores import ScoreName, class_scores
from errorbar.core.calibrate.class_sets import (
    ClassConformal,
    ClassThresholds,
    EmptyPolicy,
    fit_class_conformal,
)
from errorbar.core.calibrate.doors import Inputs
from errorbar.core.calibrate.intervals import (
    IntervalConformal,
    IntervalMargins,
    IntervalScore,
    fit_interval_conformal,
    fit_quantile_conformal,
)
from errorbar.core.calibrate.isotonic import IsotonicCalibrator
from errorbar.core.calibrate.ranks import (
    CoverageBand,
    conformal_quantile,
    conformal_rank,
    coverage_band,
    least_alpha,
    least_rows,
)
from errorbar.core.calibrate.reliability import (
    BinStrategy,
    ReliabilityBand,
    classwise_calibration_error,
    debiased_calibration_error,
    expected_calibration_error,
    maximum_calibration_error,
    reliability_band,
    reliability_curve,
)
from errorbar.core.calibrate.scaling import DirichletCalibrator, TemperatureScaler, VectorScaler
from errorbar.core.calibrate.scores import (
    BrierParts,
    brier_parts,
    brier_score,
    negative_log_likelihood,
)
from errorbar.core.calibrate.shift import WeightedConformal, fit_weighted_conformal
from errorbar.core.calibrate.taxonomy import join_classes

__all__ = [
    "BaseProbCalibrator",
    "BinStrategy",
    "BrierParts",
    "CalibratorScores",
    "ClassConformal",
    "ClassThresholds",
    "CoverageBand",
    "DirichletCalibrator",
    "EmptyPolicy",
    "IdentityCalibrator",
    "Inputs",
    "IntervalConformal",
    "IntervalMargins",
    "IntervalScore",
    "IsotonicCalibrator",
    "ReliabilityBand",
    "ScoreName",
    "TemperatureScaler",
    "VectorScaler",
    "WeightedConformal",
    "brier_parts",
    "brier_score",
    "choose_calibrator",
    "class_scores",
    "classwise_calibration_error",
    "conformal_quantile",
    "conformal_rank",
    "coverage_band",
    "debiased_calibration_error",
    "expected_calibration_error",
    "fit_class_conformal",
    "fit_interval_conformal",
    "fit_quantile_conformal",
    "fit_weighted_conformal",
    "join_classes",
    "least_alpha",
    "least_rows",
    "maximum_calibration_error",
    "negative_log_likelihood",
    "reliability_band",
    "reliability_curve",
]
