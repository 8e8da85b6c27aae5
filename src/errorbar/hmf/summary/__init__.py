"""Numbers someone reads or draws: scores of a fit, its outliers, and what its pictures show."""

from errorbar.hmf.summary.catalogue import (
    CATALOGUE,
    merge_catalogues,
    outlier_catalogue,
    read_catalogue,
    write_catalogue,
)
from errorbar.hmf.summary.coefficients import (
    CoefficientRule,
    CoefficientScores,
    calibrate_coefficients,
    score_coefficients,
)
from errorbar.hmf.summary.detection import Detection, best_detection, detect
from errorbar.hmf.summary.features import Features
from errorbar.hmf.summary.objects import (
    ObjectRule,
    ObjectScores,
    calibrate_objects,
    score_objects,
)
from errorbar.hmf.summary.outliers import ColumnScores, Outliers, find_outliers
from errorbar.hmf.summary.residuals import Residuals, residual_chunks
from errorbar.hmf.summary.scores import Scores, expected_scores, kl_score, score_fit
from errorbar.hmf.summary.views import (
    BasisMatch,
    RowView,
    WeightHistogram,
    match_basis,
    row_view,
    weight_histogram,
)

__all__ = [
    "CATALOGUE",
    "BasisMatch",
    "CoefficientRule",
    "CoefficientScores",
    "ColumnScores",
    "Detection",
    "Features",
    "ObjectRule",
    "ObjectScores",
    "Outliers",
    "Residuals",
    "RowView",
    "Scores",
    "WeightHistogram",
    "best_detection",
    "calibrate_coefficients",
    "calibrate_objects",
    "detect",
    "expected_scores",
    "find_outliers",
    "kl_score",
    "match_basis",
    "merge_catalogues",
    "outlier_catalogue",
    "read_catalogue",
    "residual_chunks",
    "row_view",
    "score_coefficients",
    "score_fit",
    "score_objects",
    "weight_histogram",
    "write_catalogue",
]
