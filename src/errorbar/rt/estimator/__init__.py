"""What a notebook holds: a model of retention times that is fitted, asked and saved."""

from errorbar.rt.estimator.far import FarRunWarning, RunRange
from errorbar.rt.estimator.retention import RetentionTimes
from errorbar.rt.fit.misfits import AnchorWarning

__all__ = ["AnchorWarning", "FarRunWarning", "RetentionTimes", "RunRange"]
