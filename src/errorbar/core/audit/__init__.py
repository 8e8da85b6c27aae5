"""Are these error bars, or probabilities, true? Asked of predictions that any code has made.

An audit tells coverage, PIT values, scores and calibration errors, overall and by slice, names what
is wrong (or that nothing is, wrongly in at most `alpha` of all audits of true claims), and fits a
recalibration that can be kept and applied. `errorbar.core.audit.pages` makes a page of one.
"""

from errorbar.core.audit.claims import Claims, Form, read_claims
from errorbar.core.audit.class_mend import ChosenCalibrator, ProbabilityRecalibration
from errorbar.core.audit.faults import Fault
from errorbar.core.audit.mend import IntervalRecalibration, MendKind
from errorbar.core.audit.mend_choice import ChosenMend
from errorbar.core.audit.numbers import LEVELS, IntervalAudit, audit_intervals
from errorbar.core.audit.probabilities import ProbabilityAudit, audit_probabilities
from errorbar.core.audit.verdict import Verdict

__all__ = [
    "LEVELS",
    "ChosenCalibrator",
    "ChosenMend",
    "Claims",
    "Fault",
    "Form",
    "IntervalAudit",
    "IntervalRecalibration",
    "MendKind",
    "ProbabilityAudit",
    "ProbabilityRecalibration",
    "Verdict",
    "audit_intervals",
    "audit_probabilities",
    "read_claims",
]
