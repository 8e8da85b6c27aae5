"""Everything that may tell the answer across roles, looked for at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.circular import find_circular_labels
from errorbar.core.split.derived import find_derived_features
from errorbar.core.split.doors import as_series, check_rows, check_seed
from errorbar.core.split.findings import Finding, LeakageReport
from errorbar.core.split.neighbours import Sky, find_neighbours
from errorbar.core.split.probe import judge_probes, probe_classes
from errorbar.core.split.shared import find_shared_stars
from errorbar.core.split.statistics import FittedStatistics, find_outside_statistics
from errorbar.core.split.twins import find_copies, find_twins
from errorbar.core.split.value import Split

__all__ = ["AuditSettings", "audit_leakage"]

Column = ArrayLike | pl.Series

Table = Mapping[str, Column] | pl.DataFrame

# The column that stands for the order in which rows came.
FILE_ORDER = "file order"

MISSING = "missing values"


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Thresholds of an audit.

    `alpha` is the probability that the probes of a clean table blame any column of it, and
    `least_effect` the balanced accuracy above chance from which a proven one counts.
    """

    radius_arcsec: float = 1.0
    twin_correlation: float = 0.95
    common_components: int = 30
    rank_correlation: float = 0.99
    alpha: float = 0.01
    least_effect: float = 0.0

    def __post_init__(self) -> None:
        for name in ("twin_correlation", "rank_correlation", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"{name}={getattr(self, name):g} must lie between 0 and 1.")
        if not self.least_effect >= 0 or self.common_components < 0:
            raise SettingsError("least_effect and common_components must not be negative.")


def audit_leakage(
    split: Split,
    *,
    ids: Table | None = None,
    arrays: ndarray | Sequence[ndarray] | None = None,
    sky: Sky | None = None,
    features: Table | None = None,
    target: Column | None = None,
    target_name: str | None = None,
    fitted: Sequence[FittedStatistics] = (),
    label_source: Column | None = None,
    feature_sources: Collection[str] = (),
    metadata: Table | None = None,
    file_order: bool = True,
    declared: Collection[str] = (),
    settings: AuditSettings | None = None,
    seed: int = 0,
) -> LeakageReport:
    """Every check that the columns given allow; the report says which could not be made.

    `features` are what a model is to see, `target` what it is to predict (text or whole numbers are
    classes), `metadata` what should say nothing of it. The order of rows counts as metadata unless
    `file_order` is false, and so does the pattern of missing values of features. `declared` names
    features and metadata that may tell the target. `report.check()` raises if anything failed.
    """
    check_seed(seed)
    seen = {name: _numbers(column, len(split), name) for name, column in _columns(features).items()}
    audit = _Audit(split, settings or AuditSettings(), seed)
    if audit.can("shared stars", ids is not None, "no other ids were given"):
        audit.found += find_shared_stars(split, _columns(ids))
    audit.arrays(arrays)
    if audit.can("neighbours", sky is not None, "no positions were given") and sky is not None:
        audit.found += find_neighbours(split, sky, audit.settings.radius_arcsec)
    if audit.can("fitted statistics", len(fitted) > 0, "no fitted statistics were given"):
        for each in fitted:
            audit.found += find_outside_statistics(split, each, seen)
    audit.labels(label_source, feature_sources)
    if target is None:
        audit.can("derived features", False, "no target was given")
        audit.can("class-only metadata", False, "no target was given")
        return audit.report()
    wanted = _target(target, len(split))
    audit.derived(seen, wanted, target_name, declared)
    beside = {name: _column(each, len(split), name) for name, each in _columns(metadata).items()}
    if file_order:
        beside[FILE_ORDER] = np.arange(len(split))
    if any(np.isnan(column).any() for column in seen.values()):
        beside[MISSING] = _missing(seen)
    audit.metadata(beside, wanted, declared)
    return audit.report()


class _Audit:
    """What an audit has done and found so far."""

    def __init__(self, split: Split, settings: AuditSettings, seed: int) -> None:
        self.split, self.settings, self.seed = split, settings, seed
        self.found: list[Finding] = []
        self.done: list[str] = []
        self.skipped: dict[str, str] = {}

    def can(self, check: str, possible: bool, why_not: str) -> bool:
        """Notes that a check is made, or why it is not."""
        if possible:
            self.done.append(check)
        else:
            self.skipped[check] = why_not
        return possible

    def arrays(self, arrays: ndarray | Sequence[ndarray] | None) -> None:
        if arrays is None:
            for check in ("copied arrays", "near twins"):
                self.can(check, False, "no arrays were given")
            return
        check_rows(len(arrays), len(self.split), "arrays")
        self.can("copied arrays", True, "")
        self.found += find_copies(self.split, arrays)
        if self.can("near twins", len({np.shape(row) for row in arrays}) == 1, "lengths differ"):
            self.found += find_twins(
                self.split,
                np.asarray(arrays),
                limit=self.settings.twin_correlation,
                common=self.settings.common_components,
                seed=self.seed,
            )

    def labels(self, source: Column | None, feature_sources: Collection[str]) -> None:
        why_not = "no source of labels was given"
        if self.can("circular labels", source is not None, why_not) and source is not None:
            self.found += find_circular_labels(self.split, source, feature_sources)

    def derived(
        self,
        features: Mapping[str, ndarray],
        target: ndarray,
        target_name: str | None,
        declared: Collection[str],
    ) -> None:
        if self.can("derived features", bool(features), "no features were given"):
            self.found += find_derived_features(
                self.split,
                features,
                target,
                target_name=target_name,
                numeric=target.dtype.kind == "f",
                declared=declared,
                least_rank_correlation=self.settings.rank_correlation,
            )

    def metadata(
        self, columns: Mapping[str, ndarray], target: ndarray, declared: Collection[str]
    ) -> None:
        check = "class-only metadata"
        if not columns:
            self.can(check, False, "no metadata was given")
            return
        probes = probe_classes(
            self.split,
            columns,
            target,
            declared=declared,
            alpha=self.settings.alpha,
            seed=self.seed,
        )
        if self.can(check, bool(probes), "too few stars of two classes or more"):
            self.found += judge_probes(
                probes,
                declared=declared,
                alpha=self.settings.alpha,
                least_effect=self.settings.least_effect,
            )

    def report(self) -> LeakageReport:
        return LeakageReport(tuple(self.found), tuple(self.done), self.skipped)


def _columns(table: Table | None) -> dict[str, Any]:
    if table is None:
        return {}
    return table.to_dict() if isinstance(table, pl.DataFrame) else dict(table)


def _numbers(column: Column, rows: int, name: str) -> ndarray:
    """A feature: numbers, or names as their places; missing values are NaN."""
    series = as_series(column, name)
    check_rows(series.len(), rows, name)
    if series.dtype == pl.String:
        series = series.rank("dense")
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise SplitError(f"`{name}` holds {series.dtype}; features are numbers or text.")
    found = series.cast(pl.Float64).to_numpy().copy()
    found[~np.isfinite(found)] = np.nan
    return found


def _column(column: Column, rows: int, name: str) -> ndarray:
    """Metadata: numbers, or text, in which a missing value is the empty one."""
    series = as_series(column, name)
    if series.dtype == pl.String:
        check_rows(series.len(), rows, name)
        return np.array(series.fill_null("").to_list())
    return _numbers(series, rows, name)


def _target(target: Column, rows: int) -> ndarray:
    series = as_series(target, "target")
    check_rows(series.len(), rows, "target")
    if series.dtype.is_float():
        return series.to_numpy()
    if series.null_count():
        raise SplitError(
            f"`target` has no class in {series.null_count()} of {rows} rows, first at row "
            f"{int(np.flatnonzero(series.is_null().to_numpy())[0])}: leave these rows out."
        )
    return (series.rank("dense").cast(pl.Int64) - 1).to_numpy()


def _missing(features: Mapping[str, ndarray]) -> ndarray:
    """The pattern of missing values of each row, as a number."""
    holes = np.column_stack([np.isnan(column) for column in features.values()])
    return np.unique(holes, axis=0, return_inverse=True)[1].reshape(-1)
