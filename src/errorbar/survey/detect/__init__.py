"""Is there a link between planets and their stars, and could a survey find it?"""

from errorbar.survey.detect.evidence import DEFAULT_PRIORS, log_bayes_factors
from errorbar.survey.detect.link import Detection, detect_link
from errorbar.survey.detect.power import DetectionPower, PowerCurve, detection_power

__all__ = [
    "DEFAULT_PRIORS",
    "Detection",
    "DetectionPower",
    "PowerCurve",
    "detect_link",
    "detection_power",
    "log_bayes_factors",
]
