r"""Tables of planets on offer, as `Targets`.

Three kinds of table are understood: the Ariel Mission Candidate Sample as published, a
`PlanetList` read from it, and a plain table with one row per planet:

| column | meaning |
|---|---|
| `name` (or `Planet Name`) | the planet |
| `log_mass` (or `logM`) | log10 of its mass in Jupiter masses |
| `hours` | telescope hours that observing it costs |
| `abundance_sigma` | optional: the error its log abundance will have, dex |
| `log_mass_lower`, `log_mass_upper` | optional: distances of the mass bars, dex |
| `star_feh`, `star_feh_lower`, `star_feh_upper` | optional: the host's [Fe/H] and its bars, dex |
| `visible` | optional: false where the planet cannot be seen in the time planned |
| `visits`, `visits_allowed` | optional: visits needed, and the most its windows allow |

A planet that may not be observed stays on the list with the reason, so that a plan can say why.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.data.archives import PlanetList, read_ariel
from errorbar.survey.data.table import check_columns, numbers, open_table
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.windows import bar_by_columns, bar_by_windows

__all__ = ["ariel_targets", "read_targets"]

ALIASES = {
    "Planet Name": "name",
    "logM": "log_mass",
    "logM_err_lower": "log_mass_lower",
    "logM_err_upper": "log_mass_upper",
    "Star Metallicity": "star_feh",
    "Star Metallicity Error Lower": "star_feh_lower",
    "Star Metallicity Error Upper": "star_feh_upper",
    "Star Metallicity Lower": "star_feh_lower",
    "Star Metallicity Upper": "star_feh_upper",
}
TYPICAL_SIGMA = 0.2


def read_targets(
    source: str | Path | pl.DataFrame | PlanetList | Any,
    *,
    tier: int = 2,
    sigma: float = TYPICAL_SIGMA,
    mass_errors: bool = False,
    measured_masses: bool = False,
    limits: bool = True,
    windows: str | Path | pl.DataFrame | Any | None = None,
) -> Targets:
    """Planets on offer from an Ariel list or a plain table (see the columns above).

    `sigma` is the error of a log abundance wherever the table has none. `mass_errors` lets the
    errors of the masses blur the trend. `measured_masses` bars planets whose mass is inferred.
    `limits=False` ignores the tiers a planet can reach and the visits that are available.
    `windows` is a table with `name` and `visible`, or `visits_allowed`, for the time planned;
    a planet that it does not name is not limited by it.
    """
    if isinstance(source, PlanetList):
        targets = ariel_targets(
            source,
            tier=tier,
            sigma=sigma,
            mass_errors=mass_errors,
            measured_masses=measured_masses,
            limits=limits,
        )
        visits = source.visits(tier)
    else:
        frame, where = open_table(source)
        if "Tier 1 Observations" in frame.columns:
            return read_targets(
                read_ariel(frame),
                tier=tier,
                sigma=sigma,
                mass_errors=mass_errors,
                measured_masses=measured_masses,
                limits=limits,
                windows=windows,
            )
        frame = _renamed(frame)
        targets = _plain(frame, where, sigma, mass_errors=mass_errors)
        visits = _optional(frame, "visits")
        if limits:
            targets = bar_by_columns(targets, frame, visits)
    return targets if windows is None else bar_by_windows(targets, windows, visits)


def ariel_targets(
    planets: PlanetList,
    *,
    tier: int = 2,
    sigma: float = TYPICAL_SIGMA,
    mass_errors: bool = False,
    measured_masses: bool = False,
    limits: bool = True,
) -> Targets:
    """The Ariel list at one tier: a planet costs its visits times 2.5 transit durations.

    With `limits`, a planet that cannot reach the tier, or needs more visits than the mission
    offers, is barred.
    """
    targets = _assembled(
        planets.names,
        planets.df,
        planets.hours(tier),
        np.full(len(planets), float(sigma)),
        mass_errors=mass_errors,
    )
    if limits:
        top, visits = planets.column("max_tier"), planets.visits(tier)
        targets = targets.bar(top < tier, f"cannot reach tier {tier}")
        few = visits > planets.column("visits_available")
        targets = targets.bar(few, "needs more visits than are available")
    if measured_masses:
        inferred = planets.df.get_column("mass_inferred").fill_null(True).to_numpy()
        targets = targets.bar(inferred, "mass is inferred, not measured")
    return targets


def _plain(frame: pl.DataFrame, where: str, sigma: float, *, mass_errors: bool) -> Targets:
    check_columns(frame, ["name", "log_mass", "hours"], where)
    errors = _optional(frame, "abundance_sigma")
    errors = np.full(frame.height, float(sigma)) if errors is None else errors
    hours = numbers(frame, "hours")
    names = tuple(str(name) for name in frame.get_column("name").to_list())
    return _assembled(names, frame, hours, errors, mass_errors=mass_errors)


def _assembled(
    names: tuple[str, ...],
    frame: pl.DataFrame,
    hours: Float[ndarray, " rows"],
    sigma: Float[ndarray, " rows"],
    *,
    mass_errors: bool,
) -> Targets:
    """Targets from the columns that every kind of table shares."""
    star, star_sigma, starless = _stars(frame)
    mass_sigma = _bars(frame, "log_mass") if mass_errors else None
    if mass_errors and mass_sigma is None:
        raise DesignError(
            "the table has no mass errors: add `log_mass_lower` and `log_mass_upper`, or plan "
            "without mass_errors."
        )
    design = Design(
        numbers(frame, "log_mass"),
        sigma,
        star=star,
        star_sigma=star_sigma,
        x_sigma=None if mass_sigma is None else np.nan_to_num(mass_sigma),
    )
    unpriced = ~(np.isfinite(hours) & (hours > 0))
    targets = Targets(
        names,
        design,
        hours,
        tuple("its telescope time is unknown" if u else "" for u in unpriced),
        starless=starless,
    )
    if mass_sigma is not None:
        targets = targets.bar(~np.isfinite(mass_sigma), "its mass has no error bar")
    return targets


def _stars(
    frame: pl.DataFrame,
) -> tuple[
    Float[ndarray, " rows"] | None, Float[ndarray, " rows"] | None, Bool[ndarray, " rows"] | None
]:
    """Hosts' metallicities, their errors, and where they are unknown and only fill a gap."""
    star, sigma = _optional(frame, "star_feh"), _bars(frame, "star_feh")
    if star is None or sigma is None:
        return None, None, None
    unknown = ~(np.isfinite(star) & np.isfinite(sigma))
    if unknown.all():
        return None, None, None
    star = np.where(unknown, np.median(star[~unknown]), star)
    return star, np.where(unknown, np.median(sigma[~unknown]), sigma), unknown


def _renamed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rename(
        {a: n for a, n in ALIASES.items() if a in frame.columns and n not in frame.columns}
    )


def _optional(frame: pl.DataFrame, column: str) -> Float[ndarray, " rows"] | None:
    return numbers(frame, column) if column in frame.columns else None


def _bars(frame: pl.DataFrame, column: str) -> Float[ndarray, " rows"] | None:
    """The mean of two bars; a planet with one bar only takes it on both sides."""
    lower, upper = _optional(frame, f"{column}_lower"), _optional(frame, f"{column}_upper")
    if lower is None or upper is None:
        return None
    lower, upper = np.abs(lower), np.abs(upper)
    lower, upper = (
        np.where(np.isfinite(lower), lower, upper),
        np.where(np.isfinite(upper), upper, lower),
    )
    return 0.5 * (lower + upper)
