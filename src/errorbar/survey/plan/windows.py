"""When a planet can be seen: visibility and visits that the time planned allows."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.data.table import check_columns, numbers, open_table, planet_key
from errorbar.survey.plan.targets import Targets

__all__ = ["bar_by_columns", "bar_by_windows"]


def bar_by_columns(
    targets: Targets, frame: pl.DataFrame, visits: Float[ndarray, " rows"] | None
) -> Targets:
    """The same list, row by row under `visible` and `visits_allowed` where the table has them."""
    if "visible" in frame.columns:
        targets = targets.bar(~_truths(frame, "visible"), "not visible in the time planned")
    if "visits_allowed" not in frame.columns:
        return targets
    if visits is None:
        raise DesignError(
            "`visits_allowed` limits visits, but the targets do not say how many they need: add "
            "a column `visits`, or use `visible` instead."
        )
    return targets.bar(
        visits > numbers(frame, "visits_allowed"), "needs more visits than its windows allow"
    )


def bar_by_windows(
    targets: Targets, windows: Any, visits: Float[ndarray, " rows"] | None
) -> Targets:
    """The same list under a table of windows, matched by the planets' names."""
    frame, where = open_table(windows)
    frame = frame.rename({"Planet Name": "name"} if "Planet Name" in frame.columns else {})
    check_columns(frame, ["name"], where)
    if not {"visible", "visits_allowed"} & set(frame.columns):
        raise DesignError(
            f"{where} limits nothing: it needs a column `visible` or `visits_allowed`."
        )
    rows = {planet_key(str(name)): row for row, name in enumerate(frame.get_column("name"))}
    match = [rows.get(planet_key(name), -1) for name in targets.names]
    unknown = set(rows) - {planet_key(name) for name in targets.names}
    if unknown:
        raise DesignError(
            f"{where} limits {len(unknown)} planets that are not on the list of targets, such as "
            f"{frame.get_column('name')[rows[min(unknown)]]}: check the names."
        )
    free = pl.DataFrame(
        {
            "visible": [True] * (frame.height + 1),
            "visits_allowed": [float("inf")] * (frame.height + 1),
        }
    )
    if "visible" in frame.columns:
        free = free.with_columns(visible=pl.Series([*_truths(frame, "visible").tolist(), True]))
    if "visits_allowed" in frame.columns:
        most = [*numbers(frame, "visits_allowed"), float("inf")]
        free = free.with_columns(visits_allowed=pl.Series(most))
    used = [c for c in ("visible", "visits_allowed") if c in frame.columns]
    return bar_by_columns(targets, free[match].select(used), visits)


def _truths(frame: pl.DataFrame, column: str) -> Bool[ndarray, " rows"]:
    series = frame.get_column(column)
    if series.dtype == pl.String:
        words = series.str.strip_chars().str.to_lowercase()
        series = words.replace_strict({"true": True, "false": False}, default=None)
    truth = series.cast(pl.Boolean, strict=False)
    if truth.null_count():
        raise DesignError(
            f"`{column}` says neither true nor false in {truth.null_count()} rows, first at row "
            f"{int(np.flatnonzero(truth.is_null().to_numpy())[0])}: write true or false."
        )
    return truth.to_numpy()
