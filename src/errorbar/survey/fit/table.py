"""Fits as rows: the reference's columns first, ours after them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.survey.data.columns import has_mass_errors
from errorbar.survey.fit.lattice import STATUS, FitBatch
from errorbar.survey.sample import Survey

__all__ = ["FILE_NAMES", "fit_table"]

# The reference's file per model, `mass-star` being its later one; the others are ours.
FILE_NAMES = {
    "single": "hermes_massclass_fits.csv",
    "joint": "hermes_met_fits.csv",
    "mass-star": "hermes_mass_star_fits.csv",
    "mass-errors": "mass_errors_fits.csv",
    "limits": "limits_fits.csv",
    "robust": "robust_fits.csv",
    "classes": "classes_fits.csv",
}

# Intercepts at a survey's mean log mass, with their slopes.
LINES = (("alpha", "beta"), ("alpha", "beta_p"), ("alpha_p", "beta_p"), ("alpha_s", "beta_s"))


def fit_table(
    surveys: Sequence[Survey],
    fits: FitBatch | Any,
    *,
    prior: str,
    method: str = "exact",
    centres: Sequence[float],
    pivot: float = 0.0,
) -> pl.DataFrame:
    """One row per survey, in their order; the scatter epsilon is written `sigma`.

    An intercept stands at its own survey's mean log mass, given in `centres`; intercepts of
    different surveys compare only at a common log mass. `*_pivot_mean` and `*_pivot_sd` give them
    at `pivot`, where the fit knows the covariance of intercept and slope.
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
    columns["centre_logM"] = np.asarray(centres, dtype=np.float64)
    columns["pivot_logM"] = float(pivot)
    columns |= _moved(fits, pivot - np.asarray(centres, dtype=np.float64))
    columns["mass_errors"] = [_mass_errors(s, fits.names) for s in surveys]
    columns["prior"] = prior
    columns["method"] = method
    columns["level"] = float(fits.level)
    columns["log_evidence"] = _optional(fits, "log_evidence", len(surveys))
    columns["nodes"] = _optional(fits, "nodes", len(surveys))
    for name in ("rhat_max", "ess_min", "divergences"):
        columns[name] = _optional(fits, name, len(surveys))
    columns["status"] = [_status(value) for value in fits.status]
    return pl.DataFrame(columns)


def _moved(fits: Any, distance: ndarray) -> dict[str, ndarray]:
    """Intercepts moved by a distance along their own slopes."""
    covariance = getattr(fits, "line_covariance", None)
    if covariance is None:
        return {}
    columns = {}
    for line in range(covariance.shape[1]):
        a, b = 2 * line, 2 * line + 1
        name = fits.names[a]
        # Not every pair is a line at the survey's mean: a population, a class at its own centre.
        if (name, fits.names[b]) not in LINES:
            continue
        variance = (
            fits.sd[:, a] ** 2
            + (distance * fits.sd[:, b]) ** 2
            + 2 * distance * covariance[:, line]
        )
        columns[f"{name}_pivot_mean"] = fits.mean[:, a] + distance * fits.mean[:, b]
        columns[f"{name}_pivot_sd"] = np.sqrt(variance)
    return columns


def _mass_errors(survey: Survey, names: Sequence[str]) -> str:
    if not has_mass_errors(survey.df):
        return "none"
    return "modelled" if "tau_x" in names else "ignored"


def _optional(fits: Any, name: str, rows: int) -> Sequence[float | None] | ndarray:
    values = getattr(fits, name, None)
    return [None] * rows if values is None else values


def _status(value: Any) -> str:
    return value if isinstance(value, str) else STATUS[int(value)]
