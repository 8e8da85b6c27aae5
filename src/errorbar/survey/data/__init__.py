"""Tables in, frozen arrays out: the only place that knows column names."""

from errorbar.survey.data.archives import PlanetList, read_ariel, read_kawai
from errorbar.survey.data.arrays import SurveyData
from errorbar.survey.data.catalogue import HermesData
from errorbar.survey.data.dropped import Dropped, DroppedRows
from errorbar.survey.data.units import Plausible

__all__ = [
    "Dropped",
    "DroppedRows",
    "HermesData",
    "PlanetList",
    "Plausible",
    "SurveyData",
    "read_ariel",
    "read_kawai",
]
