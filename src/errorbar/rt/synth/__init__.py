"""Made tables of peaks whose truth is known."""

from errorbar.rt.synth.production import LARGE, ProductionSettings, production_table
from errorbar.rt.synth.stream import STREAM, write_production
from errorbar.rt.synth.study import StudySettings, StudyTable, study_table
from errorbar.rt.synth.truth import Scales, Table, Truth, expected_rt

__all__ = [
    "LARGE",
    "STREAM",
    "ProductionSettings",
    "Scales",
    "StudySettings",
    "StudyTable",
    "Table",
    "Truth",
    "expected_rt",
    "production_table",
    "study_table",
    "write_production",
]
