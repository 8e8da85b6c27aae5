"""What an audit found, how bad it is, and the report of all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import LeakageError
from errorbar.core.split.doors import first_rows
from errorbar.core.split.roles import GUARD, ROLES
from errorbar.core.split.value import Split

__all__ = ["Finding", "LeakageReport", "Severity"]

Severity = Literal["failure", "warning", "note"]


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One thing that `check` found: what was `said` of it, in which rows, and the way out.

    A failure makes scores untrue; a warning is for the reader of the report; a note is for the
    record. `numbers` are plain JSON.
    """

    check: str
    severity: Severity
    said: str
    way_out: str
    rows: ndarray
    numbers: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", MappingProxyType(dict(self.numbers)))
        self.rows.flags.writeable = False

    def told(self) -> str:
        """What was found, in which rows, and the way out."""
        rows = self.rows
        where = f" ({rows.size} rows, first {first_rows(rows)})" if rows.size else ""
        return f"{self.check}: {self.said}{where}. {self.way_out}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, with the first five rows."""
        return {
            "check": self.check,
            "severity": self.severity,
            "said": self.said,
            "way_out": self.way_out,
            "rows": int(self.rows.size),
            "first_rows": self.rows[:5].tolist(),
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, slots=True, eq=False)
class LeakageReport:
    """Everything an audit found, which checks it made, and why it did not make the others."""

    findings: tuple[Finding, ...]
    done: tuple[str, ...]
    skipped: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "skipped", MappingProxyType(dict(self.skipped)))

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What must be mended before any score is believed."""
        return tuple(finding for finding in self.findings if finding.severity == "failure")

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def check(self) -> None:
        """Raises `LeakageError` if anything failed."""
        if self.failures:
            lines = "\n".join(f"- {finding.told()}" for finding in self.failures)
            raise LeakageError(
                f"the split leaks in {len(self.failures)} ways:\n{lines}", self.failures
            )

    def of(self, check: str) -> tuple[Finding, ...]:
        """What one check found."""
        return tuple(finding for finding in self.findings if finding.check == check)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, to be kept with the model."""
        return {
            "passed": self.passed,
            "findings": [finding.to_dict() for finding in self.findings],
            "done": list(self.done),
            "skipped": dict(self.skipped),
        }


def crossing(split: Split, keys: pl.Series) -> ndarray:
    """Rows whose key stands in two roles; guards and rows without a key do not count."""
    table = (
        pl.DataFrame({"key": keys, "role": split.role})
        .with_row_index("row")
        .filter(pl.col("key").is_not_null() & (pl.col("role") != GUARD))
    )
    several = table.group_by("key").agg(pl.col("role").n_unique().alias("roles"))
    found = table.join(several.filter(pl.col("roles") > 1), on="key", how="semi")
    return np.sort(found["row"].to_numpy().astype(np.int64))


def role_names(split: Split, rows: ndarray) -> str:
    """The roles that rows have, in words."""
    present: list[int] = np.unique(split.role[rows]).tolist()
    return " and ".join(ROLES[at] for at in present)
