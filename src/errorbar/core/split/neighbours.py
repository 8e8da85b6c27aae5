"""Stars of two roles at one place of the sky: the same star twice, a blend, or a wide pair.

Positions are moved to one epoch first, along great circles: a star at 5 arcseconds a year is one
star, seen 20 years apart at two places.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import spatial  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import SettingsError
from errorbar.core.split.doors import read_numbers
from errorbar.core.split.findings import Finding, role_names
from errorbar.core.split.roles import GUARD
from errorbar.core.split.sky import read_sky
from errorbar.core.split.value import Split

__all__ = ["Sky", "find_neighbours"]

# Typed once: the library has no type stubs.
_tree = cast("Callable[..., Any]", spatial.KDTree)

ARCSEC = np.pi / 180 / 3600


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Positions in degrees at each row's epoch in years, with proper motions in mas a year.

    `pm_ra_mas_yr` includes the cosine of the declination, as in Gaia's catalogue. Without motions
    and epochs all positions are taken to be of one epoch.
    """

    ra_deg: ArrayLike | pl.Series
    dec_deg: ArrayLike | pl.Series
    pm_ra_mas_yr: ArrayLike | pl.Series | None = None
    pm_dec_mas_yr: ArrayLike | pl.Series | None = None
    epoch_yr: ArrayLike | pl.Series | None = None

    def unit_vectors(self, rows: int, epoch_yr: float = 2016.0) -> ndarray:
        """Directions at a common epoch."""
        ra, dec = (np.deg2rad(column) for column in read_sky(self.ra_deg, self.dec_deg, rows))
        away = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        moving = (self.pm_ra_mas_yr, self.pm_dec_mas_yr, self.epoch_yr)
        if all(column is None for column in moving):
            return away
        if self.pm_ra_mas_yr is None or self.pm_dec_mas_yr is None or self.epoch_yr is None:
            raise SettingsError(
                "proper motions and epochs come together: pass `pm_ra_mas_yr`, `pm_dec_mas_yr` "
                "(zero where unknown) and `epoch_yr`, or none of them."
            )
        years = epoch_yr - read_numbers(self.epoch_yr, rows, "epoch_yr")
        east = np.column_stack([-np.sin(ra), np.cos(ra), np.zeros(rows)])
        north = np.cross(away, east)
        motion = (
            1e-3
            * ARCSEC
            * np.column_stack(
                [
                    read_numbers(self.pm_ra_mas_yr, rows, "pm_ra_mas_yr"),
                    read_numbers(self.pm_dec_mas_yr, rows, "pm_dec_mas_yr"),
                ]
            )
        )
        moved = away + years[:, None] * (motion[:, :1] * east + motion[:, 1:] * north)
        return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def find_neighbours(split: Split, sky: Sky, radius_arcsec: float = 1.0) -> list[Finding]:
    """Rows with a row of another role within the radius."""
    if not 0 < radius_arcsec < 3600:
        raise SettingsError(f"radius_arcsec={radius_arcsec:g} must lie between 0 and 3600.")
    away = sky.unit_vectors(len(split))
    # A chord and not an angle: differences of cosines are lost below an arcsecond.
    chord = 2 * np.sin(radius_arcsec * ARCSEC / 2)
    roles = [code for code in np.unique(split.role).tolist() if code != GUARD]
    nearest = np.full(len(split), np.inf)
    for code in roles:
        own = split.role == code
        others = np.flatnonzero(~own & (split.role != GUARD))
        if not others.size:
            continue
        near, _ = _tree(away[own]).query(away[others], distance_upper_bound=chord * (1 + 1e-9))
        nearest[others] = np.minimum(nearest[others], near)
    rows = np.flatnonzero(np.isfinite(nearest))
    if not rows.size:
        return []
    least = float(nearest[rows].min()) / ARCSEC
    return [
        Finding(
            check="neighbours",
            severity="failure",
            said=f"{rows.size} rows have a row of another role within {radius_arcsec:g} arcsec "
            f"({role_names(split, rows)}), the nearest at {least:.3g} arcsec",
            way_out="Cross-match at one epoch and link the identifiers with `components`, or "
            "split by sky with a guard ring.",
            rows=rows,
            numbers={"nearest_arcsec": least, "radius_arcsec": float(radius_arcsec)},
        )
    ]
