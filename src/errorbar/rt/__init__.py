"""When does a compound elute in this species and this run, and how sure are we?"""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.rt.artifacts import (
        BackoffSummaries,
        CoeffSummaries,
        read_coefficients,
        write_coefficients,
    )
    from errorbar.rt.data import (
        Chemistry,
        Peaks,
        describe_peaks,
        peaks_from_runs,
        peaks_from_systems,
        read_chemistry,
        read_peaks,
        scan_peaks,
    )
    from errorbar.rt.estimator import AnchorWarning, FarRunWarning, RetentionTimes
    from errorbar.rt.evaluate import compare, evaluate_times
    from errorbar.rt.model import KNOWN, Times
    from errorbar.rt.model.pool import PoolModel
    from errorbar.rt.synth import production_table, study_table

_ROOMS = {
    "AnchorWarning": "estimator",
    "BackoffSummaries": "artifacts",
    "Chemistry": "data",
    "CoeffSummaries": "artifacts",
    "FarRunWarning": "estimator",
    "KNOWN": "model",
    "Peaks": "data",
    "PoolModel": "model.pool",
    "RetentionTimes": "estimator",
    "Times": "model",
    "compare": "evaluate",
    "describe_peaks": "data",
    "evaluate_times": "evaluate",
    "peaks_from_runs": "data",
    "peaks_from_systems": "data",
    "production_table": "synth",
    "read_chemistry": "data",
    "read_coefficients": "artifacts",
    "read_peaks": "data",
    "scan_peaks": "data",
    "study_table": "synth",
    "write_coefficients": "artifacts",
}

__all__ = [
    "KNOWN",
    "AnchorWarning",
    "BackoffSummaries",
    "Chemistry",
    "CoeffSummaries",
    "FarRunWarning",
    "Peaks",
    "PoolModel",
    "RetentionTimes",
    "Times",
    "compare",
    "describe_peaks",
    "evaluate_times",
    "peaks_from_runs",
    "peaks_from_systems",
    "production_table",
    "read_chemistry",
    "read_coefficients",
    "read_peaks",
    "scan_peaks",
    "study_table",
    "write_coefficients",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
