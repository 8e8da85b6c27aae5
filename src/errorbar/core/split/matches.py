r"""Which rows of two catalogues are one star, by place and motion.

A pair is judged at one epoch: where both rows have a proper motion each is moved by its own to the
right row's epoch; where one has, both would be the same star and the left row moves by that one;
where none has, places are compared as they are. Candidates come from a tree, searched within the
radius and as far as a row's own motion may have carried it, so that fast stars are found and slow
ones cost nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import spatial  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.doors import read_numbers
from errorbar.core.split.sky import read_sky

__all__ = ["Positions", "match_positions"]

_tree = cast("Callable[..., Any]", spatial.KDTree)

ARCSEC = np.pi / 180 / 3600
# Nothing in the sky moves faster, arcseconds a year: Barnard's star does 10.4.
FASTEST = 12.0
# Rows for which neighbours are listed at a time.
BATCH = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Rows of a catalogue: places in degrees at `epoch_yr`, proper motions where they are known.

    Motions are in mas a year, that in right ascension with the cosine of the declination; NaN is
    not known. `sigma_arcsec` is each row's error of place, where it is known.
    """

    ra_deg: ndarray
    dec_deg: ndarray
    epoch_yr: ndarray
    pm_ra_mas_yr: ndarray
    pm_dec_mas_yr: ndarray
    sigma_arcsec: ndarray | None = None

    @classmethod
    def of(
        cls,
        ra_deg: ArrayLike | pl.Series,
        dec_deg: ArrayLike | pl.Series,
        *,
        epoch_yr: ArrayLike | pl.Series | float,
        pm_ra_mas_yr: ArrayLike | pl.Series | None = None,
        pm_dec_mas_yr: ArrayLike | pl.Series | None = None,
        sigma_arcsec: ArrayLike | pl.Series | float | None = None,
    ) -> Self:
        """Columns as they come, checked; a single epoch or error goes for all rows."""
        rows = len(np.asarray(ra_deg))
        ra, dec = read_sky(ra_deg, dec_deg, rows)
        one = np.ndim(cast(Any, epoch_yr)) == 0
        epoch = read_numbers(np.full(rows, epoch_yr) if one else epoch_yr, rows, "epoch_yr")
        wrong = np.flatnonzero((epoch < 1800) | (epoch > 2200))
        if wrong.size:
            raise SplitError(
                f"`epoch_yr` is no year in {wrong.size} of {rows} rows, first at row {wrong[0]} "
                f"({epoch[wrong[0]]:g}): Julian years such as 2016.0 are needed, no dates or MJD."
            )
        if (pm_ra_mas_yr is None) != (pm_dec_mas_yr is None):
            raise SettingsError("both components of the proper motion come together, or neither.")
        pm_ra, pm_dec = _motion(pm_ra_mas_yr, rows), _motion(pm_dec_mas_yr, rows)
        unknown = np.isnan(pm_ra) | np.isnan(pm_dec)
        pm_ra[unknown] = pm_dec[unknown] = np.nan
        sigma = None
        if sigma_arcsec is not None:
            alone = np.ndim(cast(Any, sigma_arcsec)) == 0
            column = np.full(rows, sigma_arcsec) if alone else sigma_arcsec
            sigma = read_numbers(column, rows, "sigma_arcsec")
            if (sigma < 0).any():
                raise SplitError("`sigma_arcsec` must not be negative.")
        return cls(ra, dec, epoch, pm_ra, pm_dec, sigma)

    def __len__(self) -> int:
        return len(self.ra_deg)

    def directions(self) -> tuple[ndarray, ndarray]:
        """Unit vectors at each row's epoch, and motions in radians a year (zero where unknown)."""
        ra, dec = np.deg2rad(self.ra_deg), np.deg2rad(self.dec_deg)
        away = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        east = np.column_stack([-np.sin(ra), np.cos(ra), np.zeros(len(self))])
        north = np.cross(away, east)
        eastward, northward = (
            np.nan_to_num(column)[:, None] * 1e-3 * ARCSEC
            for column in (self.pm_ra_mas_yr, self.pm_dec_mas_yr)
        )
        return away, eastward * east + northward * north


def match_positions(
    left: Positions, right: Positions, radius_arcsec: float = 1.0, *, sigmas: float | None = None
) -> pl.DataFrame:
    """All pairs of rows that may be one star, nearest first for each left row.

    With `sigmas` a pair must lie within that many of its joint errors too. The answer has `left`
    and `right` rows, their `separation_arcsec` at one epoch, how many candidates each of them has,
    and whether they are each other's nearest. Rows without a partner are not in it.
    """
    if not 0 < radius_arcsec < 600:
        raise SettingsError(f"radius_arcsec={radius_arcsec:g} must lie between 0 and 600.")
    if sigmas is not None and (left.sigma_arcsec is None or right.sigma_arcsec is None):
        raise SettingsError("sigmas needs `sigma_arcsec` of both catalogues.")
    if not len(left) or not len(right):
        return _answer(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    one, other = _candidates(left, right, radius_arcsec)
    apart = _separation(left, right, one, other)
    near = apart <= radius_arcsec
    if sigmas is not None:
        assert left.sigma_arcsec is not None
        assert right.sigma_arcsec is not None
        near &= apart <= sigmas * np.hypot(left.sigma_arcsec[one], right.sigma_arcsec[other])
    return _answer(one[near], other[near], apart[near])


def _motion(column: ArrayLike | pl.Series | None, rows: int) -> ndarray:
    if column is None:
        return np.full(rows, np.nan)
    values = column.to_numpy() if isinstance(column, pl.Series) else np.asarray(column)
    found = np.array(values, dtype=np.float64)
    known = np.isfinite(found)
    read_numbers(np.where(known, found, 0.0), rows, "a proper motion")
    fast = np.flatnonzero(known & (np.abs(found) > 1000 * FASTEST))
    if fast.size:
        raise SplitError(
            f"{fast.size} proper motions are larger than that of any star, first at row {fast[0]} "
            f"({found[fast[0]]:g} mas a year): are they in another unit?"
        )
    return np.where(known, found, np.nan)


def _candidates(left: Positions, right: Positions, radius: float) -> tuple[ndarray, ndarray]:
    """Pairs within the radius and what either row's own motion may add to it."""
    found: list[tuple[ndarray, ndarray]] = []
    middle = float(np.median(right.epoch_yr))
    (places, moves), (others, drifts) = left.directions(), right.directions()
    moved = _moved(places, moves, middle - left.epoch_yr)
    drifted = _moved(others, drifts, middle - right.epoch_yr)
    trees = _tree(moved), _tree(drifted)
    # What the moving row of a pair may be off by: its partner stands still at its own epoch.
    for flip, away, motion, tree, epochs in (
        (False, moved, moves, trees[1], right.epoch_yr),
        (True, drifted, drifts, trees[0], left.epoch_yr),
    ):
        span = float(np.abs(epochs - middle).max())
        speed = np.linalg.norm(motion, axis=1) / ARCSEC
        reach = 2 * np.sin(np.minimum(radius + speed * span, 3600.0) * ARCSEC / 2) * (1 + 1e-9)
        # Pairs within the radius are found from the left; from the right what its motion adds.
        rows = np.flatnonzero(speed) if flip else np.arange(len(away))
        for begin in range(0, len(rows), BATCH):
            part = rows[begin : begin + BATCH]
            lists = tree.query_ball_point(away[part], reach[part])
            counts = np.fromiter((len(each) for each in lists), np.int64, len(lists))
            own = np.repeat(part, counts)
            near = np.fromiter((at for each in lists for at in each), np.int64, counts.sum())
            found.append((near, own) if flip else (own, near))
    pairs = np.unique(np.concatenate([np.stack(each, axis=1) for each in found]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _separation(left: Positions, right: Positions, one: ndarray, other: ndarray) -> ndarray:
    """How far apart the rows of each pair are at the right row's epoch, arcseconds."""
    (places, moves), (others, drifts) = left.directions(), right.directions()
    years = (right.epoch_yr[other] - left.epoch_yr[one])[:, None]
    motion = np.where(np.isnan(left.pm_ra_mas_yr)[one, None], drifts[other], moves[one])
    there = places[one] + years * motion
    there /= np.linalg.norm(there, axis=1, keepdims=True)
    chord = np.linalg.norm(there - others[other], axis=1)
    return 2 * np.arcsin(np.minimum(chord / 2, 1.0)) / ARCSEC


def _moved(away: ndarray, motion: ndarray, years: ndarray) -> ndarray:
    there = away + years[:, None] * motion
    return there / np.linalg.norm(there, axis=1, keepdims=True)


def _answer(one: ndarray, other: ndarray, apart: ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"left": one, "right": other, "separation_arcsec": apart})
    nearest = pl.col("separation_arcsec").min()
    own = pl.col("separation_arcsec")
    return frame.with_columns(
        left_candidates=pl.len().over("left").cast(pl.Int64),
        right_candidates=pl.len().over("right").cast(pl.Int64),
        mutual=(own == nearest.over("left")) & (own == nearest.over("right")),
    ).sort("left", "separation_arcsec", "right")
