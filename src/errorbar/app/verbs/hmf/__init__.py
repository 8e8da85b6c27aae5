"""What can be asked of `hmf`, one plain function for each command."""

from errorbar.app.verbs.hmf.fit import FactorAnswer, hmf_fit
from errorbar.app.verbs.hmf.infer import RowAnswer, hmf_infer
from errorbar.app.verbs.hmf.outliers import OutlierAnswer, hmf_outliers

__all__ = [
    "FactorAnswer",
    "OutlierAnswer",
    "RowAnswer",
    "hmf_fit",
    "hmf_infer",
    "hmf_outliers",
]
