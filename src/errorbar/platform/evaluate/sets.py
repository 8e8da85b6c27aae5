"""Prediction sets: how often they hold the truth, for whom, and how large they are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool
from numpy import ndarray

from errorbar.core.audit.chances import exact_band
from errorbar.core.audit.units import Slice, Units
from errorbar.core.calibrate import coverage_band, least_alpha
from errorbar.core.errors import InputError

__all__ = ["ClassSets", "set_table"]

SCHEMA = {
    "sets": pl.String, "alpha": pl.Float64, "by": pl.String, "slice": pl.String,
    "rows": pl.Int64, "groups": pl.Int64, "coverage": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "band_low": pl.Float64, "band_high": pl.Float64, "size": pl.Float64,
    "empty": pl.Float64, "single": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class ClassSets:
    """Sets of one alpha: which classes are in that of each row.

    `calibrated` is how many rows (or groups) the threshold rests on, which says how far coverage
    may stray; by class, where each class has its own.
    """

    name: str
    alpha: float
    inside: Bool[ndarray, "rows classes"]
    calibrated: int | Sequence[int] | None = None


def set_table(
    sets: Sequence[ClassSets],
    labels: ndarray,
    names: tuple[str, ...],
    units: Units,
    slices: Sequence[Slice],
) -> pl.DataFrame:
    """Coverage with its exact 95 % interval, and the band that calibration allows, by all parts."""
    found: list[tuple[object, ...]] = []
    for one in sets:
        if one.inside.shape != (len(labels), len(names)):
            raise InputError(
                f"the sets {one.name!r} are {one.inside.shape}, not {len(labels)} rows of "
                f"{len(names)} classes."
            )
        size = one.inside.sum(axis=1)
        hit = one.inside[np.arange(len(labels)), labels].astype(np.float64)
        every = Slice("", ("",), np.zeros(len(labels), dtype=np.int64))
        own = Slice("class", names, labels)
        wide = Slice("size", *_sizes(size, len(names)))
        for part in (every, own, wide, *slices):
            for at, label in enumerate(part.labels):
                rows = part.rows(at)
                if len(rows):
                    head = (one.name, one.alpha, part.name, label, len(rows))
                    found.append((*head, *_row(one, part, at, rows, hit, size, units)))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _row(
    one: ClassSets, part: Slice, at: int, rows: ndarray, hit: ndarray, size: ndarray, units: Units
) -> tuple[object, ...]:
    own = units.of(rows)
    count = len(rows) / own.effect(hit[rows])
    coverage = float(hit[rows].mean())
    low, high = exact_band(coverage * count, count)
    band_low = band_high = None
    behind = one.calibrated
    if not isinstance(behind, int | None):
        behind = behind[at] if part.name == "class" else None
    elif part.name:
        # One threshold for all promises nothing of parts.
        behind = None
    if behind is not None and one.alpha > least_alpha(behind):
        band = coverage_band(behind, one.alpha, tests=max(1, round(count)))
        band_low, band_high = band.low, band.high
    shares = float((size[rows] == 0).mean()), float((size[rows] == 1).mean())
    return (own.count, coverage, low, high, band_low, band_high, float(size[rows].mean()), *shares)


def _sizes(size: ndarray, classes: int) -> tuple[tuple[str, ...], ndarray]:
    """Sets by how many classes are in them: 0, 1, 2, and more together."""
    labels = ("0", "1", "2", "3 and more")
    return labels[: min(classes, 3) + 1], np.minimum(size, min(classes, 3))
