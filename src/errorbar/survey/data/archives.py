r"""Lists of real planets, as their archives publish them, in one set of columns with units.

Masses become logarithms. A mass $M$ with bars $d, u$ has the bars $\log_{10} M - \log_{10}(M - d)$
and $\log_{10}(M + u) - \log_{10} M$ in dex; where $d \ge M$ the lower one has no logarithm and
stays empty.

Telescope time is a rule of thumb: a visit lasts 2.5 times the transit, half of it outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import polars.selectors as selectors
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, TableError
from errorbar.survey.data.table import check_columns, duplicate_names, few, numbers, open_table

__all__ = ["PlanetList", "read_ariel", "read_kawai"]

VISIT_PER_TRANSIT = 2.5
TIERS = (1, 2, 3)
METHODS = ("Transit", "Eclipse", "Either")


@dataclass(frozen=True, slots=True, eq=False)
class PlanetList:
    """Planets with masses, hosts and what observing them takes; no abundances.

    `df` holds `name`, `host`; `log_mass` (log10 Jupiter masses) with the distances
    `log_mass_lower`, `log_mass_upper` in dex; `star_feh` in dex with `star_feh_lower`,
    `star_feh_upper`. Bars are positive, gaps are null. An Ariel list also has `mass_inferred`
    (from the radius, not measured), `t14_s`, `hours_per_visit`, `tier<k>_visits` and
    `tier<k>_hours` for the tiers 1, 2, 3, `transits_available`, `eclipses_available`,
    `visits_available` (by the preferred method), `method` (`Transit`, `Eclipse`, `Either`) and
    `max_tier`. `source` says where the list came from.
    """

    df: pl.DataFrame
    source: str

    def __len__(self) -> int:
        return self.df.height

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.df.get_column("name").to_list())

    @property
    def log_mass(self) -> NDArray[np.float64]:
        return self.column("log_mass")

    @property
    def mass_bars(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances below and above the log mass, dex.

        A planet with one bar only takes it on both sides: a mass known to within more than itself
        has no lower bar in dex.
        """
        lower, upper = self.column("log_mass_lower"), self.column("log_mass_upper")
        return np.where(np.isfinite(lower), lower, upper), np.where(
            np.isfinite(upper), upper, lower
        )

    @property
    def mass_sigma(self) -> NDArray[np.float64]:
        """The mean of the two mass bars, dex; NaN without any."""
        lower, upper = self.mass_bars
        return 0.5 * (lower + upper)

    @property
    def with_star(self) -> "PlanetList":
        """The planets whose host has a metallicity with both bars."""
        complete = [pl.col(f"star_feh{end}").is_not_null() for end in ("", "_lower", "_upper")]
        return PlanetList(self.df.filter(*complete), self.source)

    def column(self, name: str) -> NDArray[np.float64]:
        """A column as floats, NaN for gaps."""
        check_columns(self.df, [name], f"the list {self.source}")
        return numbers(self.df, name)

    def visits(self, tier: int) -> NDArray[np.float64]:
        """Visits each planet needs for a tier."""
        return self.column(f"tier{check_tier(tier)}_visits")

    def hours(self, tier: int) -> NDArray[np.float64]:
        """Telescope hours each planet needs for a tier."""
        return self.column(f"tier{check_tier(tier)}_hours")


def check_tier(tier: int) -> int:
    """Refuse a tier that the mission does not have."""
    if tier not in TIERS:
        raise SettingsError(f"tier={tier!r} is not an Ariel tier; choose 1, 2 or 3.")
    return tier


def read_ariel(source: str | Path | pl.DataFrame | Any) -> PlanetList:
    """The Ariel Mission Candidate Sample: its list of known planets or of TESS candidates.

    The candidates' list has no bars on stellar metallicities and only inferred masses.
    """
    frame, where = open_table(source)
    masses = ["Planet Mass [Mjup]", "Planet Mass Error Lower [Mjup]"]
    masses.append("Planet Mass Error Upper [Mjup]")
    tiers = [f"Tier {tier} Observations" for tier in TIERS]
    rest = ["Transit Duration T14 [s]", "Available Transits", "Available Eclipses"]
    rest += ["Preferred Method", "Max Tier", "Mass Flag", "Star Name", "Star Metallicity"]
    check_columns(frame, ["Planet Name", *masses, *tiers, *rest], where)
    t14 = numbers(frame, "Transit Duration T14 [s]")
    hours = VISIT_PER_TRANSIT * t14 / 3600.0
    transits, eclipses = numbers(frame, rest[1]), numbers(frame, rest[2])
    method = frame.get_column("Preferred Method").cast(pl.String)
    _check_methods(method, where)
    star_bars = [f"Star Metallicity Error {side}" for side in ("Lower", "Upper")]
    columns: dict[str, Any] = {
        "name": _names(frame, "Planet Name", where),
        "host": frame.get_column("Star Name"),
        **_log_mass(frame, masses, where),
        "mass_inferred": frame.get_column("Mass Flag").cast(pl.Boolean),
        **_star(frame, "Star Metallicity", star_bars),
        "t14_s": t14,
        "hours_per_visit": hours,
    }
    for tier, name in zip(TIERS, tiers):
        visits = numbers(frame, name)
        columns |= {f"tier{tier}_visits": visits, f"tier{tier}_hours": visits * hours}
    way = method.to_numpy()
    columns |= {
        "transits_available": transits,
        "eclipses_available": eclipses,
        "visits_available": np.select(
            [way == "Transit", way == "Eclipse"],
            [transits, eclipses],
            np.maximum(transits, eclipses),
        ),
        "method": method,
        "max_tier": frame.get_column("Max Tier").cast(pl.Int64),
    }
    return PlanetList(_frame(columns), where)


def read_kawai(source: str | Path | pl.DataFrame | Any) -> PlanetList:
    """A table in the NASA Exoplanet Archive's style: `err1` above, `err2` below, signed or not."""
    frame, where = open_table(source)
    masses = ["pl_massj", "pl_massjerr2", "pl_massjerr1"]
    check_columns(frame, ["pl_name", "hostname", *masses, "st_met"], where)
    columns = {
        "name": _names(frame, "pl_name", where),
        "host": frame.get_column("hostname"),
        **_log_mass(frame, masses, where),
        **_star(frame, "st_met", ["st_meterr2", "st_meterr1"]),
    }
    return PlanetList(_frame(columns), where)


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(columns).with_columns(selectors.float().fill_nan(None))


def _names(frame: pl.DataFrame, column: str, where: str) -> list[str]:
    names = frame.get_column(column).cast(pl.String)
    if names.null_count():
        row = int(np.flatnonzero(names.is_null().to_numpy())[0])
        raise TableError(
            f"{where} has {names.null_count()} planets without a name, first at row {row}: give "
            f"`{column}` a value in each row."
        )
    repeat, again = duplicate_names(names.to_list())
    if again:
        raise TableError(
            f"{where} names {len(again)} planets more than once: {few(again)}; the first repeat is "
            f"row {np.flatnonzero(repeat)[0]}. Keep one row of each planet."
        )
    return names.to_list()


def _check_methods(method: pl.Series, where: str) -> None:
    bad = np.flatnonzero(~method.is_in(METHODS).fill_null(False).to_numpy())
    if bad.size:
        raise TableError(
            f"`Preferred Method` of {where} is {method[int(bad[0])]!r} at row {bad[0]} "
            f"({bad.size} such rows): it must be one of {', '.join(METHODS)}."
        )


def _log_mass(
    frame: pl.DataFrame, columns: Sequence[str], where: str
) -> dict[str, NDArray[np.float64]]:
    mass, lower, upper = (numbers(frame, name) for name in columns)
    bad = np.flatnonzero(~(mass > 0))
    if bad.size:
        raise TableError(
            f"{where} has {bad.size} masses that are missing or not positive, first at row "
            f"{bad[0]} ({mass[bad[0]]}): a planet without a mass has no place in a mass trend, "
            "drop it first."
        )
    down, up = np.abs(lower), np.abs(upper)
    # A bar of zero is a bar that nobody quoted.
    down, up = np.where(down > 0, down, np.nan), np.where(up > 0, up, np.nan)
    rest = np.where(down < mass, mass - down, np.nan)
    return {
        "log_mass": np.log10(mass),
        "log_mass_lower": np.log10(mass) - np.log10(rest),
        "log_mass_upper": np.log10(mass + up) - np.log10(mass),
    }


def _star(frame: pl.DataFrame, column: str, bars: list[str]) -> dict[str, NDArray[np.float64]]:
    """Metallicity and bars; a list without bars leaves them empty."""
    gap = np.full(frame.height, np.nan)
    lower, upper = (np.abs(numbers(frame, name)) if name in frame.columns else gap for name in bars)
    return {
        "star_feh": numbers(frame, column),
        "star_feh_lower": np.where(lower > 0, lower, np.nan),
        "star_feh_upper": np.where(upper > 0, upper, np.nan),
    }
