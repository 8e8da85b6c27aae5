"""Planning a survey before it is observed: precision, numbers, hours and lists of targets."""

from errorbar.survey.plan.columns import ariel_targets, read_targets
from errorbar.survey.plan.design import Design, join_designs, summary_design, survey_design
from errorbar.survey.plan.expected import expected_precision
from errorbar.survey.plan.guard import CurvatureGuard
from errorbar.survey.plan.information import target_information
from errorbar.survey.plan.observed import Observed, fitted_trends, read_observed
from errorbar.survey.plan.plan import SurveyPlan, plan_survey
from errorbar.survey.plan.precision import (
    Precision,
    information_nats,
    leading_precision,
    second_order_precision,
)
from errorbar.survey.plan.reach import ReachCurve, Required
from errorbar.survey.plan.required import required_hours, required_n
from errorbar.survey.plan.strategy import STRATEGIES, Choice, choose_list, random_lists
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.task import Task, list_sd, make_task
from errorbar.survey.plan.trend import (
    JointTrend,
    MassStarTrend,
    SingleTrend,
    default_trend,
    parameters_of,
    spread_trend,
)

__all__ = [
    "STRATEGIES",
    "Choice",
    "CurvatureGuard",
    "Design",
    "JointTrend",
    "MassStarTrend",
    "Observed",
    "Precision",
    "ReachCurve",
    "Required",
    "SingleTrend",
    "SurveyPlan",
    "Targets",
    "Task",
    "ariel_targets",
    "choose_list",
    "default_trend",
    "expected_precision",
    "fitted_trends",
    "information_nats",
    "join_designs",
    "leading_precision",
    "list_sd",
    "make_task",
    "parameters_of",
    "plan_survey",
    "random_lists",
    "read_observed",
    "read_targets",
    "required_hours",
    "required_n",
    "second_order_precision",
    "spread_trend",
    "summary_design",
    "survey_design",
    "target_information",
]
