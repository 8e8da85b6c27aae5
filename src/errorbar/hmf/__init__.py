"""What is the low-rank signal of spectra with an error bar on every pixel, and what is odd?"""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.hmf.data import (
        Spectra,
        check_matrix,
        describe_matrix,
        from_errors,
        open_blocks,
        read_spectra,
        stack_spectra,
        write_blocks,
        write_spectra,
    )
    from errorbar.hmf.estimator import Robusta, UnknownRowsWarning
    from errorbar.hmf.estimator.scikit import RobustHMF
    from errorbar.hmf.fit.als import NotConvergedWarning
    from errorbar.hmf.fit.checkpoint import Checkpoint
    from errorbar.hmf.fit.state import RHMFState
    from errorbar.hmf.model import (
        CauchyLikelihood,
        FastAffine,
        GaussianLikelihood,
        Identity,
        Likelihood,
        Ordered,
        Regulariser,
        Rotation,
        SlowAffine,
        StudentTLikelihood,
    )
    from errorbar.hmf.summary import (
        calibrate_coefficients,
        calibrate_objects,
        find_outliers,
        merge_catalogues,
        outlier_catalogue,
        score_coefficients,
        score_fit,
        score_objects,
    )
    from errorbar.hmf.synth import make_toy

# Names and the room each lives in; a room is loaded when one of its names is first used.
_ROOMS = {
    "CauchyLikelihood": "model",
    "Checkpoint": "fit.checkpoint",
    "FastAffine": "model",
    "GaussianLikelihood": "model",
    "Identity": "model",
    "Likelihood": "model",
    "NotConvergedWarning": "fit.als",
    "Ordered": "model",
    "RHMFState": "fit.state",
    "Regulariser": "model",
    "RobustHMF": "estimator.scikit",
    "Robusta": "estimator",
    "Rotation": "model",
    "SlowAffine": "model",
    "Spectra": "data",
    "StudentTLikelihood": "model",
    "UnknownRowsWarning": "estimator",
    "calibrate_coefficients": "summary",
    "calibrate_objects": "summary",
    "check_matrix": "data",
    "describe_matrix": "data",
    "find_outliers": "summary",
    "from_errors": "data",
    "make_toy": "synth",
    "merge_catalogues": "summary",
    "open_blocks": "data",
    "outlier_catalogue": "summary",
    "read_spectra": "data",
    "score_coefficients": "summary",
    "score_fit": "summary",
    "score_objects": "summary",
    "stack_spectra": "data",
    "write_blocks": "data",
    "write_spectra": "data",
}

__all__ = [
    "CauchyLikelihood",
    "Checkpoint",
    "FastAffine",
    "GaussianLikelihood",
    "Identity",
    "Likelihood",
    "NotConvergedWarning",
    "Ordered",
    "RHMFState",
    "Regulariser",
    "RobustHMF",
    "Robusta",
    "Rotation",
    "SlowAffine",
    "Spectra",
    "StudentTLikelihood",
    "UnknownRowsWarning",
    "calibrate_coefficients",
    "calibrate_objects",
    "check_matrix",
    "describe_matrix",
    "find_outliers",
    "from_errors",
    "make_toy",
    "merge_catalogues",
    "open_blocks",
    "outlier_catalogue",
    "read_spectra",
    "score_coefficients",
    "score_fit",
    "score_objects",
    "stack_spectra",
    "write_blocks",
    "write_spectra",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
