"""Fits as rows: the reference's columns first, ours after them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.survey.fit.lattice import STATUS, FitBatch
from errorbar.survey.sample import Survey

__all__ = ["FILE_NAMES", "fit_table"]

# The reference's file per model; `mass-star` is its later model.
FILE_NAMES = {
    "single": "hermes_massclass_fits.csv",
    "joint": "hermes_met_fits.csv",
    "mass-star": "hermes_mass_star_fits.csv",
}


def fit_table(
    surveys: Sequence[Survey],
    fits: FitBatch | Any,
    *,
    prior: str,
    method: str = "exact",
    pivots: Sequence[float] | None = None,
) -> pl.DataFrame:
    """One row per survey, in their order; the scatter epsilon is written `sigma`.

    `pivots` are the log masses at which the intercept refers (each survey's mean mass): intercepts
    of different surveys compare only after moving them to a common one by the slope.
    """
    if len(surveys) != len(fits.mean):
        raise SettingsError(f"{len(surveys)} surveys and {len(fits.mean)} fits do not match.")
    columns: dict[str, Any] = {
        "survey_id": [s.survey_id for s in surveys],
        "class_label": [s.class_label for s in surveys],
        "N": [s.n for s in surveys],
        "L_met": [s.L_met for s in surveys],
        "L_logM": [s.L_logM for s in surveys],
    }
    for i, name in enumerate(fits.names):
        label = "sigma" if name == "epsilon" else name
        columns[f"{label}_mean"] = fits.mean[:, i]
        columns[f"{label}_sd"] = fits.sd[:, i]
        columns[f"{label}_hdi16"] = fits.hdi_low[:, i]
        columns[f"{label}_hdi84"] = fits.hdi_high[:, i]
    columns["std_logM"] = [s.std_logM for s in surveys]
    if pivots is not None:
        columns["pivot"] = np.asarray(pivots, dtype=np.float64)
    columns["prior"] = prior
    columns["method"] = method
    columns["level"] = float(fits.level)
    columns["log_evidence"] = _optional(fits, "log_evidence", len(surveys))
    columns["nodes"] = _optional(fits, "nodes", len(surveys))
    for name in ("rhat_max", "ess_min", "divergences"):
        columns[name] = _optional(fits, name, len(surveys))
    columns["status"] = [_status(value) for value in fits.status]
    return pl.DataFrame(columns)


def _optional(fits: Any, name: str, rows: int) -> list[float | None] | ndarray:
    values = getattr(fits, name, None)
    return [None] * rows if values is None else values


def _status(value: Any) -> str:
    return value if isinstance(value, str) else STATUS[int(value)]
