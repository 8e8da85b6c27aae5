"""How well times are predicted, by how much training knew: scores that add up, and tables."""

from errorbar.rt.evaluate.conformal import (
    ConformalCheck,
    ConformalScale,
    conformal_check,
    conformal_scale,
    conformalised,
    split_runs,
)
from errorbar.rt.evaluate.evaluation import FAR_SLICE, Evaluation, evaluate_models, run_farness
from errorbar.rt.evaluate.farness import (
    FAR_PERCENTILES,
    farness,
    farness_slice,
    replicate_means,
    run_covariates,
)
from errorbar.rt.evaluate.paired import (
    Loss,
    PairedDifference,
    common_rows,
    paired_difference,
    paired_table,
)
from errorbar.rt.evaluate.rows import Slice, merge_scores, score_rows, slice_by
from errorbar.rt.evaluate.scores import SUMS, BinScores, ScoreSettings, SupportScores
from errorbar.rt.evaluate.support import (
    SUPPORT_EDGES,
    UNSEEN,
    SupportMap,
    count_support,
    read_support_map,
    support_bins,
    support_labels,
)
from errorbar.rt.evaluate.tables import (
    ALL,
    clustered_error,
    compare,
    coverage_name,
    score_table,
    tails,
)
from errorbar.rt.evaluate.views import (
    CompoundTimes,
    RunDrift,
    compound_times,
    predicted_times,
    run_drift,
)
from errorbar.rt.evaluate.whole import PartialTimes, evaluate_times, subset_rows

__all__ = [
    "ALL",
    "FAR_PERCENTILES",
    "FAR_SLICE",
    "SUMS",
    "SUPPORT_EDGES",
    "UNSEEN",
    "BinScores",
    "CompoundTimes",
    "ConformalCheck",
    "ConformalScale",
    "Evaluation",
    "Loss",
    "PairedDifference",
    "PartialTimes",
    "RunDrift",
    "ScoreSettings",
    "Slice",
    "SupportMap",
    "SupportScores",
    "clustered_error",
    "common_rows",
    "compare",
    "compound_times",
    "conformal_check",
    "conformal_scale",
    "conformalised",
    "count_support",
    "coverage_name",
    "evaluate_models",
    "evaluate_times",
    "farness",
    "farness_slice",
    "merge_scores",
    "paired_difference",
    "paired_table",
    "predicted_times",
    "read_support_map",
    "replicate_means",
    "run_covariates",
    "run_drift",
    "run_farness",
    "score_rows",
    "score_table",
    "slice_by",
    "split_runs",
    "subset_rows",
    "support_bins",
    "support_labels",
    "tails",
]
