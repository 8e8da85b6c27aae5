"""Means and scales of features that were learnt from rows other than those of train."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.doors import read_ids
from errorbar.core.split.findings import Finding, Severity
from errorbar.core.split.roles import ROLES, Role
from errorbar.core.split.rolls import texts
from errorbar.core.split.signing import hash_ids
from errorbar.core.split.value import Split

__all__ = ["FittedStatistics", "find_outside_statistics"]

CHECK = "fitted statistics"

# In units of the scale: what float32 and another order of summation leave of equality.
EQUAL = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class FittedStatistics:
    """What a normaliser recorded of its fit: its stars, their hash, or what it learnt.

    `ids` are the stars it was fitted on and `ids_sha256` is their `hash_ids`. `centre` and `scale`
    are by feature: means with standard deviations, or medians with median absolute deviations.
    """

    name: str
    ids: ArrayLike | pl.Series | None = None
    ids_sha256: str | None = None
    centre: Mapping[str, float] | None = None
    scale: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.ids is None and self.ids_sha256 is None and self.centre is None:
            raise SettingsError(
                f"{self.name} recorded nothing of its fit: pass its `ids`, their `ids_sha256`, or "
                "its `centre` (and `scale`)."
            )


def find_outside_statistics(
    split: Split, fitted: FittedStatistics, features: Mapping[str, ndarray]
) -> list[Finding]:
    """Whether a normaliser saw stars outside of train, by its ids, their hash or its numbers."""
    found: list[Finding] = []
    if fitted.ids is not None:
        found += _by_ids(split, fitted.name, fitted.ids)
    if fitted.ids_sha256 is not None:
        found += _by_hash(split, fitted.name, fitted.ids_sha256)
    if fitted.centre is not None:
        found += _by_numbers(split, fitted, features)
    return found


def _by_ids(split: Split, name: str, ids: ArrayLike | pl.Series) -> list[Finding]:
    asked = texts(read_ids(ids, f"ids of {name}")[0])
    trained = set(texts(split.groups_in("train")))
    outside = [star for star in asked if star not in trained]
    if not outside:
        return []
    rows = np.flatnonzero(np.isin(texts(split.groups), outside)[split.member])
    return [_failure(name, f"{len(outside)} of its {len(asked)} stars, first {outside[0]}", rows)]


def _by_hash(split: Split, name: str, recorded: str) -> list[Finding]:
    if recorded == hash_ids(texts(split.groups_in("train"))):
        return []
    for roles in _wider():
        if recorded == hash_ids(texts(split.groups_in(*roles))):
            rows = split.rows(*_beyond(roles))
            return [_failure(name, f"the stars of {', '.join(roles)}, by their hash", rows)]
    return [_failure(name, "stars that are not those of train, by their hash", np.arange(0))]


def _by_numbers(
    split: Split, fitted: FittedStatistics, features: Mapping[str, ndarray]
) -> list[Finding]:
    centre = fitted.centre or {}
    strange = [name for name in centre if name not in features]
    if strange:
        raise SplitError(
            f"{fitted.name} has statistics of {len(strange)} features that are not given, first "
            f"{strange[0]!r}: pass their columns in `features`, as they were before."
        )
    if _distance(split.mask("train"), fitted, features) <= EQUAL:
        return []
    for roles in _wider():
        mask = split.mask(*roles)
        if mask.any() and _distance(mask, fitted, features) <= EQUAL:
            rows = split.rows(*_beyond(roles))
            return [_failure(fitted.name, f"the rows of {', '.join(roles)}, by its numbers", rows)]
    far = _distance(split.mask("train"), fitted, features)
    return [
        _finding(
            fitted.name,
            "warning",
            f"{fitted.name} has learnt numbers that are those of no set of roles; they are "
            f"{far:.3g} scales away from those of train",
            "Record the ids it was fitted on, so that this can be checked.",
            np.arange(0),
        )
    ]


def _distance(mask: ndarray, fitted: FittedStatistics, features: Mapping[str, ndarray]) -> float:
    """The worst difference over features, in scales, for the better of two kinds of statistics."""
    return min(_worst(mask, fitted, features, robust) for robust in (False, True))


def _worst(
    mask: ndarray, fitted: FittedStatistics, features: Mapping[str, ndarray], robust: bool
) -> float:
    worst = 0.0
    for name, centre in (fitted.centre or {}).items():
        column = features[name][mask]
        column = column[np.isfinite(column)]
        if not column.size:
            return np.inf
        middle = float(np.median(column) if robust else column.mean())
        if robust:
            scales = float(np.median(np.abs(column - middle))) * np.array([1.0, 1.482602218505602])
        else:
            # With and without the correction for the mean, as libraries differ.
            scales = np.array([column.std(), column.std(ddof=min(1, column.size - 1))])
        unit = max(float(scales.max()), 1e-300)
        worst = max(worst, abs(middle - centre) / unit)
        scale = (fitted.scale or {}).get(name)
        if scale is not None:
            worst = max(worst, float(np.abs(scales - scale).min()) / unit)
    return worst


def _wider() -> list[tuple[Role, ...]]:
    """Sets of roles on which one fits by mistake, everything first."""
    every: list[tuple[Role, ...]] = [ROLES, ROLES[:-1], ROLES[:4]]
    train: Role = "train"
    pairs: list[tuple[Role, ...]] = [(train, role) for role in ROLES[1:]]
    alone: list[tuple[Role, ...]] = [(role,) for role in ROLES[1:]]
    return [*every, *pairs, *alone]


def _beyond(roles: tuple[Role, ...]) -> list[Role]:
    return [role for role in roles if role != "train"]


def _failure(name: str, seen: str, rows: ndarray) -> Finding:
    return _finding(
        name,
        "failure",
        f"{name} was fitted outside of train, on {seen}",
        "Fit it on rows of train alone and apply it to the others.",
        rows,
    )


def _finding(name: str, severity: Severity, said: str, way_out: str, rows: ndarray) -> Finding:
    numbers: dict[str, Any] = {"fitted": name}
    return Finding(CHECK, severity, said, way_out, rows, numbers)
