"""What can be asked of `rt`, one plain function for each command."""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.app.verbs.rt.evaluate import EvaluationAnswer, rt_evaluate
    from errorbar.app.verbs.rt.predict import TimesAnswer, rt_predict
    from errorbar.app.verbs.rt.prepare import (
        PreparedTables,
        StepAnswer,
        rt_prepare_all,
        rt_prepare_attach,
        rt_prepare_cap,
        rt_prepare_check,
        rt_prepare_collisions,
        rt_prepare_map,
        rt_prepare_merge,
        rt_prepare_split,
    )
    from errorbar.app.verbs.rt.reproduce import ReproduceAnswer, rt_reproduce
    from errorbar.app.verbs.rt.runs import PeakFiles, rt_prepare_runs, rt_prepare_systems
    from errorbar.app.verbs.rt.saved import TrainAnswer
    from errorbar.app.verbs.rt.study import (
        StudyAnswer,
        rt_study_rare,
        rt_study_shift,
        rt_study_tails,
    )
    from errorbar.app.verbs.rt.synth import MadePeaks, rt_synth
    from errorbar.app.verbs.rt.train import rt_train

_ROOMS = {
    "EvaluationAnswer": "evaluate",
    "MadePeaks": "synth",
    "PeakFiles": "runs",
    "PreparedTables": "prepare",
    "ReproduceAnswer": "reproduce",
    "StepAnswer": "prepare",
    "StudyAnswer": "study",
    "TimesAnswer": "predict",
    "TrainAnswer": "saved",
    "rt_evaluate": "evaluate",
    "rt_predict": "predict",
    "rt_prepare_all": "prepare",
    "rt_prepare_attach": "prepare",
    "rt_prepare_cap": "prepare",
    "rt_prepare_check": "prepare",
    "rt_prepare_collisions": "prepare",
    "rt_prepare_map": "prepare",
    "rt_prepare_merge": "prepare",
    "rt_prepare_runs": "runs",
    "rt_prepare_split": "prepare",
    "rt_prepare_systems": "runs",
    "rt_reproduce": "reproduce",
    "rt_study_rare": "study",
    "rt_study_shift": "study",
    "rt_study_tails": "study",
    "rt_synth": "synth",
    "rt_train": "train",
}

__all__ = [
    "EvaluationAnswer",
    "MadePeaks",
    "PeakFiles",
    "PreparedTables",
    "ReproduceAnswer",
    "StepAnswer",
    "StudyAnswer",
    "TimesAnswer",
    "TrainAnswer",
    "rt_evaluate",
    "rt_predict",
    "rt_prepare_all",
    "rt_prepare_attach",
    "rt_prepare_cap",
    "rt_prepare_check",
    "rt_prepare_collisions",
    "rt_prepare_map",
    "rt_prepare_merge",
    "rt_prepare_runs",
    "rt_prepare_split",
    "rt_prepare_systems",
    "rt_reproduce",
    "rt_study_rare",
    "rt_study_shift",
    "rt_study_tails",
    "rt_synth",
    "rt_train",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
