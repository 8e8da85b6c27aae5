"""Do the intervals hold the truth as often as they claim? Calibration by simulation."""

from errorbar.survey.check.calibrate import calibrate_survey
from errorbar.survey.check.prior import DEFAULT_PRIORS
from errorbar.survey.check.result import CalibrationResult

__all__ = ["DEFAULT_PRIORS", "CalibrationResult", "calibrate_survey"]
