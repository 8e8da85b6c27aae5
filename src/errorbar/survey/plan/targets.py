"""Planets on offer: what each would bring, what it costs, and why some may not be had."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.data.table import duplicate_names, few, planet_key
from errorbar.survey.plan.design import Design

__all__ = ["Targets"]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Planets on offer with their cost in telescope `hours`.

    `barred` holds for each planet why it may not be observed, empty where it may. `starless`
    marks planets whose host's metallicity is not known: the number in the design only fills a gap.
    """

    names: tuple[str, ...]
    design: Design
    hours: Float[ndarray, " rows"]
    barred: tuple[str, ...] = ()
    starless: Bool[ndarray, " rows"] | None = None

    def __post_init__(self) -> None:
        rows = self.design.rows
        hours = np.array(self.hours, dtype=np.float64, ndmin=1)
        object.__setattr__(self, "hours", hours)
        if not self.barred:
            object.__setattr__(self, "barred", ("",) * rows)
        if hours.shape != (rows,) or len(self.names) != rows or len(self.barred) != rows:
            raise DesignError(
                f"{len(self.names)} names, {hours.size} costs and {len(self.barred)} reasons do "
                f"not belong to {rows} targets: give one of each for every planet."
            )
        bad = np.flatnonzero(~(np.isfinite(hours) & (hours > 0)) & self.allowed)
        if bad.size:
            raise DesignError(
                f"telescope hours must be positive; {bad.size} rows are not, first at row {bad[0]} "
                f"({self.names[bad[0]]}: {hours[bad[0]]}). A target without a known cost cannot be "
                "planned: leave it out or estimate its transit duration."
            )
        _, again = duplicate_names(self.names)
        if again:
            raise DesignError(
                f"{len(again)} targets are named more than once: {few(again)}. A planet is "
                "measured once: keep one row of each."
            )
        if self.design.count is not None:
            raise DesignError("every target is one planet: a design with counts is a summary.")
        hours.setflags(write=False)

    @property
    def rows(self) -> int:
        return len(self.names)

    @property
    def allowed(self) -> Bool[ndarray, " rows"]:
        """Which targets may be observed."""
        return np.array([not reason for reason in self.barred], dtype=bool)

    def need_star(self) -> "Targets":
        """The same list without the planets whose host's metallicity is unknown."""
        self.design.need_star_sigma()
        missing = np.zeros(self.rows, dtype=bool) if self.starless is None else self.starless
        return self.bar(missing, "its host's metallicity is unknown")

    def find(self, names: Iterable[str], what: str = "target") -> Int[ndarray, " found"]:
        """The rows of these planets; a name that is not on the list is refused."""
        rows = {planet_key(name): row for row, name in enumerate(self.names)}
        found = []
        for name in names:
            row = rows.get(planet_key(name))
            if row is None:
                near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.6)
                hint = f" (perhaps {near[0]}?)" if near else ""
                raise DesignError(f"the {what} {name!r} is not on the list of targets{hint}.")
            found.append(row)
        return np.array(found, dtype=np.int64)

    def bar(self, rows: ndarray, reason: str) -> "Targets":
        """The same list with these rows (indices or a mask) forbidden for a stated reason."""
        chosen = np.zeros(self.rows, dtype=bool)
        chosen[rows] = True
        reasons = tuple(
            old or (reason if now else "") for old, now in zip(self.barred, chosen, strict=True)
        )
        return replace(self, barred=reasons)

    def take(self, rows: ndarray) -> "Targets":
        """The list made of these rows (indices or a mask)."""
        picked = np.arange(self.rows)[rows]
        return Targets(
            tuple(self.names[row] for row in picked),
            self.design.take(picked),
            self.hours[picked],
            tuple(self.barred[row] for row in picked),
            None if self.starless is None else self.starless[picked],
        )
