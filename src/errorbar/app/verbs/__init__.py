"""Plain functions, one for each command: `errorbar survey synth` is `survey_synth`."""

from errorbar.app.verbs.report import ReportFiles, survey_report
from errorbar.app.verbs.run import RunFiles, survey_run
from errorbar.app.verbs.synth import SynthFiles, survey_synth

__all__ = [
    "ReportFiles",
    "RunFiles",
    "SynthFiles",
    "survey_report",
    "survey_run",
    "survey_synth",
]
