"""Whole studies of retention times: how models hold up far from training, in tails, on rare pairs.

Each has settings, a `run_` that gives its tables as one value and goes on where it was killed, and
a `write_` that puts tables, figures and a page into a folder.
"""

from typing import TYPE_CHECKING

from errorbar.core.late import late

if TYPE_CHECKING:
    from errorbar.rt.studies.clusters import infer_clusters
    from errorbar.rt.studies.oracle import OracleCheck, check_oracle, fit_oracle
    from errorbar.rt.studies.rare import RareStudy, run_rare
    from errorbar.rt.studies.settings import RareSettings, ShiftSettings, TailSettings
    from errorbar.rt.studies.shift import ShiftStudy, run_shift
    from errorbar.rt.studies.tails import TailStudy, run_tails
    from errorbar.rt.studies.write import write_rare, write_shift, write_tails

_ROOMS = {
    "OracleCheck": "oracle",
    "RareSettings": "settings",
    "RareStudy": "rare",
    "ShiftSettings": "settings",
    "ShiftStudy": "shift",
    "TailSettings": "settings",
    "TailStudy": "tails",
    "check_oracle": "oracle",
    "fit_oracle": "oracle",
    "infer_clusters": "clusters",
    "run_rare": "rare",
    "run_shift": "shift",
    "run_tails": "tails",
    "write_rare": "write",
    "write_shift": "write",
    "write_tails": "write",
}

__all__ = [
    "OracleCheck",
    "RareSettings",
    "RareStudy",
    "ShiftSettings",
    "ShiftStudy",
    "TailSettings",
    "TailStudy",
    "check_oracle",
    "fit_oracle",
    "infer_clusters",
    "run_rare",
    "run_shift",
    "run_tails",
    "write_rare",
    "write_shift",
    "write_tails",
]

__getattr__, __dir__ = late(__name__, _ROOMS)
