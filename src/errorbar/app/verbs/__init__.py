"""Plain functions, one for each command: `errorbar survey synth` is `survey_synth`."""

from errorbar.app.verbs.calibrate import CalibrationVerdict, survey_calibrate
from errorbar.app.verbs.detect import LinkAnswer, survey_detect
from errorbar.app.verbs.fit import SurveySummary, survey_fit
from errorbar.app.verbs.hmf import (
    FactorAnswer,
    GridAnswer,
    OutlierAnswer,
    RowAnswer,
    RvsAnswer,
    ToyFiles,
    hmf_fit,
    hmf_grid,
    hmf_infer,
    hmf_outliers,
    hmf_rvs,
    hmf_toy,
)
from errorbar.app.verbs.plan import PlanAnswer, survey_plan
from errorbar.app.verbs.pool import PoolAnswer, survey_pool
from errorbar.app.verbs.report import ReportFiles, survey_report
from errorbar.app.verbs.run import RunFiles, survey_run
from errorbar.app.verbs.synth import SynthFiles, survey_synth

__all__ = [
    "CalibrationVerdict",
    "FactorAnswer",
    "GridAnswer",
    "LinkAnswer",
    "OutlierAnswer",
    "PlanAnswer",
    "PoolAnswer",
    "ReportFiles",
    "RowAnswer",
    "RunFiles",
    "RvsAnswer",
    "SurveySummary",
    "SynthFiles",
    "ToyFiles",
    "hmf_fit",
    "hmf_grid",
    "hmf_infer",
    "hmf_outliers",
    "hmf_rvs",
    "hmf_toy",
    "survey_calibrate",
    "survey_detect",
    "survey_fit",
    "survey_plan",
    "survey_pool",
    "survey_report",
    "survey_run",
    "survey_synth",
]
