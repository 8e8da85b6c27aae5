"""Planning a survey before it is observed: precision, numbers, hours and lists of targets."""

from errorbar.survey.plan.design import Design, summary_design, survey_design
from errorbar.survey.plan.expected import expected_precision
from errorbar.survey.plan.information import target_information
from errorbar.survey.plan.precision import (
    Precision,
    information_nats,
    leading_precision,
    second_order_precision,
)
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.trend import (
    JointTrend,
    MassStarTrend,
    SingleTrend,
    default_trend,
    parameters_of,
    spread_trend,
)

__all__ = [
    "Design",
    "JointTrend",
    "MassStarTrend",
    "Precision",
    "SingleTrend",
    "Targets",
    "default_trend",
    "expected_precision",
    "information_nats",
    "leading_precision",
    "parameters_of",
    "second_order_precision",
    "spread_trend",
    "summary_design",
    "survey_design",
    "target_information",
]
