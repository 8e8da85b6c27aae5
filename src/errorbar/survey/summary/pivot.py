r"""Intercepts at one common pivot, where surveys can be compared.

A fit's intercept belongs to its own mean log mass $\bar x$; surveys of heavier planets have lower
ones by construction. At a common $x_0$ it is $\alpha_0 = \alpha + \beta\,(x_0 - \bar x)$, with
variance $\sigma_\alpha^2 + (x_0 - \bar x)^2 \sigma_\beta^2$ where intercept and slope are
uncorrelated, which they are about the mean of a survey of equal errors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from errorbar.core.errors import TableError
from errorbar.survey.summary.panels import Cloud
from errorbar.survey.summary.quantity import Quantity, parameter_quantity
from errorbar.survey.summary.results import FitTable

__all__ = ["PivotIntercepts", "pivot_intercepts"]


@dataclass(frozen=True, slots=True, eq=False)
class PivotIntercepts:
    """Intercepts of all surveys where each was fitted, and at the common `pivot` (log mass)."""

    at_mean: tuple[Cloud, ...]
    at_pivot: tuple[Cloud, ...]
    classes: tuple[str, ...]
    pivot: float
    quantity: Quantity


def pivot_intercepts(
    table: FitTable,
    surveys: Iterable[Any] = (),
    *,
    pivot: float | None = None,
    response: str = "planet",
) -> PivotIntercepts:
    """Every survey's intercept at its own mean log mass and at `pivot`.

    Without a pivot the table's own is taken, with its exact errors; a table without one gets the
    median of the surveys' means. `surveys` are needed where the table does not know those means.
    """
    suffix = {"planet": "_p", "star": "_s"}[response] if table.model == "joint" else ""
    alpha, beta = f"alpha{suffix}", "beta_p" if table.model == "mass-star" else f"beta{suffix}"
    mean, sd = table.values(f"{alpha}_mean"), table.values(f"{alpha}_sd")
    centre = _centres(table, surveys)
    own = _own_pivot(table, f"{alpha}_pivot")
    if pivot is None and own is not None:
        pivot = own
        moved, moved_sd = table.values(f"{alpha}_pivot_mean"), table.values(f"{alpha}_pivot_sd")
    else:
        pivot = float(np.median(centre)) if pivot is None else float(pivot)
        away = pivot - centre
        moved = mean + table.values(f"{beta}_mean") * away
        moved_sd = np.hypot(sd, away * table.values(f"{beta}_sd"))
    return PivotIntercepts(
        at_mean=_clouds(table, centre, mean, sd),
        at_pivot=_clouds(table, centre, moved, moved_sd),
        classes=table.classes,
        pivot=pivot,
        quantity=parameter_quantity(table.model, alpha),
    )


def _own_pivot(table: FitTable, name: str) -> float | None:
    """The pivot that all of the table's rows share, if they share one."""
    if not {"pivot_logM", f"{name}_mean", f"{name}_sd"} <= set(table.frame.columns):
        return None
    pivots = table.frame["pivot_logM"].unique().to_list()
    return float(pivots[0]) if len(pivots) == 1 and pivots[0] is not None else None


def _centres(table: FitTable, surveys: Iterable[Any]) -> np.ndarray:
    if "centre_logM" in table.frame.columns:
        return table.values("centre_logM")
    centre = {int(survey.survey_id): survey.data().centre for survey in surveys}
    unknown = [i for i in table.frame["survey_id"].to_list() if i not in centre]
    if unknown:
        raise TableError(
            "the table does not say at which log masses its intercepts stand (it has no column "
            f"centre_logM), and {len(unknown)} of its {len(table.frame)} fits belong to no survey "
            f"given, first survey_id {unknown[0]}: pass the surveys that were fitted."
        )
    return np.array([centre[i] for i in table.frame["survey_id"].to_list()])


def _clouds(table: FitTable, x: np.ndarray, y: np.ndarray, sd: np.ndarray) -> tuple[Cloud, ...]:
    label, planets = table.frame["class_label"].to_numpy(), table.frame["N"].to_numpy()
    return tuple(
        Cloud(name, x[rows], y[rows], planets[rows], (y - sd)[rows], (y + sd)[rows])
        for name in table.classes
        if (rows := np.flatnonzero(label == name)).size
    )
