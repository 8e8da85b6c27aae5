"""Which rows of a catalogue can be used, and what is wrong with the others."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import TableError
from errorbar.survey.data.columns import (
    ABUNDANCE,
    ABUNDANCE_BARS,
    LIMIT,
    MASS,
    MASS_BARS,
    NAME,
    STAR,
    STAR_BARS,
    has_mass_errors,
    has_star,
)
from errorbar.survey.data.dropped import Dropped, DroppedRows
from errorbar.survey.data.table import duplicate_names, few, numbers
from errorbar.survey.data.units import Plausible, check_shape, outside

__all__ = ["Duplicates", "Sieve", "sift"]

Duplicates = Literal["refuse", "first"]
TRUTHS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False}
TRUTHS |= {"no": False, "0": False}


@dataclass(slots=True, eq=False)
class Sieve:
    """Rows still kept, and those each reason has taken."""

    names: tuple[str, ...]
    keep: NDArray[np.bool_]
    groups: list[DroppedRows] = field(default_factory=list)

    def drop(self, bad: NDArray[np.bool_], reason: str) -> None:
        rows = np.flatnonzero(bad & self.keep)
        if rows.size:
            names = tuple(self.names[row] for row in rows)
            self.groups.append(DroppedRows(reason, tuple(int(row) for row in rows), names))
            self.keep[rows] = False

    def drop_each(self, faults: list[tuple[NDArray[np.bool_], str]], needed: bool) -> None:
        if needed:
            for bad, reason in faults:
                self.drop(bad, reason)

    def drop_duplicates(self, rule: Duplicates, where: str) -> None:
        kept = np.flatnonzero(self.keep)
        repeat, again = duplicate_names(self.names[row] for row in kept)
        if again and rule == "refuse":
            raise TableError(
                f"{where} names {len(again)} planets more than once: {few(again)}; the first "
                f"repeat is row {kept[np.flatnonzero(repeat)[0]]}. A planet counted twice makes "
                "every error bar too small: remove the rows, or keep each first one with "
                "duplicates='first'."
            )
        bad = np.zeros(len(self.names), dtype=bool)
        bad[kept[repeat]] = True
        self.drop(bad, f"`{NAME}` repeats an earlier row")

    def report(self) -> Dropped:
        return Dropped(rows_read=len(self.names), groups=tuple(self.groups))


def sift(
    frame: pl.DataFrame, *, need_star: bool, need_mass_errors: bool, units: Plausible | None
) -> tuple[pl.DataFrame, Sieve]:
    """The table with clean columns, and the rows that every check leaves."""
    names = _names(frame)
    sieve = Sieve(names, np.ones(frame.height, dtype=bool))
    columns: list[pl.Series] = [pl.Series(NAME, names)]
    mass_bars = MASS_BARS if has_mass_errors(frame) else ()
    quantities = [
        (MASS, mass_bars, True, need_mass_errors),
        (ABUNDANCE, ABUNDANCE_BARS, True, True),
    ]
    quantities += [(STAR, STAR_BARS, need_star, need_star)] if has_star(frame) else []
    for column, bars, needed, bars_needed in quantities:
        values = numbers(frame, column)
        faults = [(~np.isfinite(values), f"`{column}` is missing or not a finite number")]
        if units is not None:
            faults.append((_implausible(values, column, units), f"`{column}` is implausible"))
        wrong = np.logical_or.reduce([bad for bad, _ in faults])
        columns.append(pl.Series(column, np.where(wrong, np.nan, values)))
        sieve.drop_each(faults, needed)
        for bar, side in zip(bars, ("lower", "upper")):
            distance, faults = _bar(numbers(frame, bar), bar, side, units)
            columns.append(pl.Series(bar, distance))
            sieve.drop_each(faults, bars_needed)
    if LIMIT in frame.columns:
        limit, unclear = _limits(frame)
        sieve.drop(unclear, f"`{LIMIT}` says neither true nor false")
        columns.append(pl.Series(LIMIT, limit))
    clean = [s.fill_nan(None) if s.dtype == pl.Float64 else s for s in columns]
    return frame.with_columns(clean), sieve


def _names(frame: pl.DataFrame) -> tuple[str, ...]:
    if NAME not in frame.columns:
        return tuple(f"row {row}" for row in range(frame.height))
    words = frame.get_column(NAME).cast(pl.String).to_list()
    return tuple(
        word.strip() if word and word.strip() else f"row {row}" for row, word in enumerate(words)
    )


def _implausible(values: NDArray[np.float64], column: str, units: Plausible) -> NDArray[np.bool_]:
    bounds, unit = {
        MASS: (units.log_mass, "log10 of a mass in Jupiter masses"),
        ABUNDANCE: (units.log_abundance, "log10 of a water abundance"),
        STAR: (units.star_metallicity, "[Fe/H] in dex (a percentage, or Z?)"),
    }[column]
    beyond = outside(values, bounds, units.share, column, unit)
    if units.linear:
        check_shape(values[~beyond], column, "mass" if column == MASS else "fraction")
    return beyond


def _bar(
    values: NDArray[np.float64], column: str, side: str, units: Plausible | None
) -> tuple[NDArray[np.float64], list[tuple[NDArray[np.bool_], str]]]:
    """Distances of one error bar, NaN where it is none, and what is wrong where."""
    distance = np.abs(values) if side == "lower" else values
    faults = [
        (~np.isfinite(distance), f"`{column}` is missing or not a finite number"),
        (distance == 0, f"`{column}` is zero: an error bar claims perfect knowledge"),
        (distance < 0, f"`{column}` is negative"),
    ]
    if units is not None:
        bounds = (0.0, units.largest_bar)
        wide = outside(np.abs(distance), bounds, units.share, column, "an error bar in dex")
        faults.append((wide, f"`{column}` is wider than {units.largest_bar:g} dex"))
    usable = np.isfinite(distance) & (distance > 0)
    return np.where(usable, distance, np.nan), faults


def _limits(frame: pl.DataFrame) -> tuple[list[bool], NDArray[np.bool_]]:
    series = frame.get_column(LIMIT)
    if series.dtype == pl.Boolean:
        words = series.to_list()
    elif series.dtype.is_numeric():
        known = {0.0: False, 1.0: True}
        words = [None if v is None else known.get(v) for v in series.cast(pl.Float64).to_list()]
    else:
        raw = series.cast(pl.String).to_list()
        words = [None if w is None else TRUTHS.get(w.strip().casefold()) for w in raw]
    unclear = np.array([word is None for word in words], dtype=bool)
    return [bool(word) for word in words], unclear
