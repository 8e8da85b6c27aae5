"""What can be asked of `hmf`, one plain function for each command."""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.app.verbs.hmf.fit import FactorAnswer, hmf_fit
    from errorbar.app.verbs.hmf.grid import GridAnswer, hmf_grid
    from errorbar.app.verbs.hmf.infer import RowAnswer, hmf_infer
    from errorbar.app.verbs.hmf.outliers import OutlierAnswer, hmf_outliers
    from errorbar.app.verbs.hmf.rvs import RvsAnswer, hmf_rvs
    from errorbar.app.verbs.hmf.toy import ToyFiles, hmf_toy

_ROOMS = {
    "FactorAnswer": "fit",
    "GridAnswer": "grid",
    "OutlierAnswer": "outliers",
    "RowAnswer": "infer",
    "RvsAnswer": "rvs",
    "ToyFiles": "toy",
    "hmf_fit": "fit",
    "hmf_grid": "grid",
    "hmf_infer": "infer",
    "hmf_outliers": "outliers",
    "hmf_rvs": "rvs",
    "hmf_toy": "toy",
}

__all__ = [
    "FactorAnswer",
    "GridAnswer",
    "OutlierAnswer",
    "RowAnswer",
    "RvsAnswer",
    "ToyFiles",
    "hmf_fit",
    "hmf_grid",
    "hmf_infer",
    "hmf_outliers",
    "hmf_rvs",
    "hmf_toy",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
