"""Tables in, frozen arrays out: the only place that knows column names."""

from errorbar.survey.data.arrays import SurveyData

__all__ = ["SurveyData"]
