"""A recalibration that an audit has fitted, applied to another table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar.app.verbs.audit_columns import read_claim_table, take_numbers
from errorbar.app.verbs.output import put_table
from errorbar.core.audit import IntervalRecalibration, ProbabilityRecalibration, read_claims
from errorbar.core.errors import ArtifactError, SettingsError, TableError

__all__ = ["RecalibrateAnswer", "recalibrate"]

ENDING = "_recalibrated"


@dataclass(frozen=True, slots=True)
class RecalibrateAnswer:
    """What was done to how many rows, the columns that were added, and the table."""

    rows: int
    words: str
    columns: tuple[str, ...]
    table: Path


def recalibrate(
    table: Path | str, *, recalibration: Path | str, out: Path | str
) -> RecalibrateAnswer:
    """Add recalibrated claims to a table, as `recalibration.json` of an audit says.

    The table needs the columns of claims that were audited, and no truth. New columns have the
    names of the old with `_recalibrated` behind, and intervals are `lower_90_recalibrated` and the
    like; `out` is written as CSV, Parquet or JSON by the ending of its name.
    """
    made, columns = _read(Path(recalibration))
    frame = read_claim_table(table)
    used = [
        *columns["roles"].values(),
        *columns["quantiles"].values(),
        *columns["classes"].values(),
    ]
    missing = [name for name in used if name not in frame.columns]
    if missing:
        raise TableError(
            f"{table} has no column {missing[0]!r}, which the recalibration was fitted to; it has "
            f"{', '.join(frame.columns)}."
        )
    numbers = take_numbers(frame, used, str(table))
    for name in used:
        if count := int(numbers[name].null_count()):
            first = int(numbers[name].is_null().arg_max() or 0)
            raise TableError(
                f"column {name!r} of {table} misses {count} of {frame.height} values, first at row "
                f"{first}: fill them in, or leave such rows out."
            )
    added = _applied(made, columns, numbers)
    clash = [name for name in added.columns if name in frame.columns]
    if clash:
        raise SettingsError(
            f"{table} already has the column {clash[0]!r}: it was recalibrated before; take the "
            "table without these columns."
        )
    path = put_table(out, pl.concat([frame, added], how="horizontal"))
    return RecalibrateAnswer(frame.height, made.words(), tuple(added.columns), path)


def _applied(
    made: IntervalRecalibration | ProbabilityRecalibration,
    columns: dict[str, Any],
    frame: pl.DataFrame,
) -> pl.DataFrame:
    roles: dict[str, str] = columns["roles"]
    if isinstance(made, ProbabilityRecalibration):
        names = [columns["classes"][label] for label in made.classes]
        found = made.apply(frame.select(names).to_numpy())
        return pl.DataFrame({f"{name}{ENDING}": found[:, at] for at, name in enumerate(names)})
    parts: dict[str, Any] = {role: frame[name].to_numpy() for role, name in roles.items()}
    if columns["quantiles"]:
        parts["quantiles"] = {
            float(at): frame[name].to_numpy() for at, name in columns["quantiles"].items()
        }
    if "lower" in parts:
        parts["level"] = columns["level"]
    new = made.apply(read_claims(np.zeros(frame.height), **parts))
    return new.rename({name: f"{roles.get(name, name)}{ENDING}" for name in new.columns})


def _read(path: Path) -> tuple[IntervalRecalibration | ProbabilityRecalibration, dict[str, Any]]:
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
        kind, columns = payload["recalibration"]["type"], payload["columns"]
        if payload["type"] != "AuditRecalibration" or payload["format"] != 1:
            raise KeyError(payload["type"])
        columns = {name: columns[name] for name in ("roles", "quantiles", "classes", "level")}
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path} is not the recalibration of an audit ({error}): give recalibration.json of "
            "the folder that `errorbar audit` wrote."
        ) from error
    held = payload["recalibration"]
    if kind == "ProbabilityRecalibration":
        return ProbabilityRecalibration.from_dict(held), columns
    return IntervalRecalibration.from_dict(held), columns
