"""Plain functions, one for each command: `errorbar survey synth` is `survey_synth`."""

from errorbar.app.verbs.synth import SynthFiles, survey_synth

__all__ = ["SynthFiles", "survey_synth"]
