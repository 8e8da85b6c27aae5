"""Which targets, and how many, measure a mass-metallicity trend to a wanted precision?"""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.survey.check import CalibrationResult, calibrate_survey
    from errorbar.survey.data import HermesData, SurveyData, read_ariel, read_kawai
    from errorbar.survey.detect import Detection, DetectionPower, detect_link, detection_power
    from errorbar.survey.estimator import MassStarModel, MetModel, Model
    from errorbar.survey.fit import FitBatch, SurveyFit, fit_one, fit_surveys, to_inference_data
    from errorbar.survey.fit.pooled import PooledFit, fit_pooled, mass_bins
    from errorbar.survey.model import (
        JointPrior,
        MassErrorsPrior,
        MassStarPrior,
        PooledPrior,
        PriorRule,
        RobustPrior,
        SinglePrior,
    )
    from errorbar.survey.sample import Survey, SurveySampler
    from errorbar.survey.synth import MockDesign, make_catalogue

# Names and the room each lives in; a room is loaded when one of its names is first used.
_ROOMS = {
    "CalibrationResult": "check",
    "Detection": "detect",
    "DetectionPower": "detect",
    "FitBatch": "fit",
    "HermesData": "data",
    "JointPrior": "model",
    "MassErrorsPrior": "model",
    "MassStarModel": "estimator",
    "MassStarPrior": "model",
    "MetModel": "estimator",
    "MockDesign": "synth",
    "Model": "estimator",
    "PooledFit": "fit.pooled",
    "PooledPrior": "model",
    "PriorRule": "model",
    "RobustPrior": "model",
    "SinglePrior": "model",
    "Survey": "sample",
    "SurveyData": "data",
    "SurveyFit": "fit",
    "SurveySampler": "sample",
    "calibrate_survey": "check",
    "detect_link": "detect",
    "detection_power": "detect",
    "fit_one": "fit",
    "fit_pooled": "fit.pooled",
    "fit_surveys": "fit",
    "make_catalogue": "synth",
    "mass_bins": "fit.pooled",
    "read_ariel": "data",
    "read_kawai": "data",
    "to_inference_data": "fit",
}

__all__ = [
    "CalibrationResult",
    "Detection",
    "DetectionPower",
    "FitBatch",
    "HermesData",
    "JointPrior",
    "MassErrorsPrior",
    "MassStarModel",
    "MassStarPrior",
    "MetModel",
    "MockDesign",
    "Model",
    "PooledFit",
    "PooledPrior",
    "PriorRule",
    "RobustPrior",
    "SinglePrior",
    "Survey",
    "SurveyData",
    "SurveyFit",
    "SurveySampler",
    "calibrate_survey",
    "detect_link",
    "detection_power",
    "fit_one",
    "fit_pooled",
    "fit_surveys",
    "make_catalogue",
    "mass_bins",
    "read_ariel",
    "read_kawai",
    "to_inference_data",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
