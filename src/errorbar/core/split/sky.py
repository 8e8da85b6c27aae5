"""Whole cells of the sky held out as the test, with a ring around them that nobody uses.

Neighbours on the sky share dust, crowding, calibration and sometimes light. HEALPix cells (Górski
et al. 2005, in the nested order) are chosen by a hash of their number, so they are the same in
every table.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.extras import load
from errorbar.core.split.doors import check_seed, read_ids, read_numbers
from errorbar.core.split.held import Straddling, hold_out
from errorbar.core.split.roles import REST, Fractions
from errorbar.core.split.rolls import digests, uniform
from errorbar.core.split.value import Split

__all__ = ["read_sky", "split_by_sky"]


def split_by_sky(
    groups: ArrayLike | pl.Series,
    ra_deg: ArrayLike | pl.Series,
    dec_deg: ArrayLike | pl.Series,
    fractions: Fractions = REST,
    *,
    nside: int = 8,
    share: float = 0.1,
    cells: Collection[int] | None = None,
    rings: int = 1,
    ring_nside: int | None = None,
    seed: int = 0,
    straddling: Straddling = "guard",
) -> Split:
    """Test on whole HEALPix cells: those in `cells`, or a `share` of those with rows.

    The guard is of smaller cells, of `ring_nside` (eight times `nside` unless it is given): those
    within `rings` steps of a test cell, across sides and corners. A cell is 58.6 / `nside` degrees
    wide, so the ring of the default is 0.9 degrees. `ring_nside=nside` guards whole neighbouring
    cells, which for scattered cells may be half of the sky. A star with rows both in test cells and
    beyond the ring is guarded unless `straddling` says otherwise.
    """
    check_seed(seed)
    ids, member = read_ids(groups)
    ra, dec = read_sky(ra_deg, dec_deg, len(member))
    fine = 8 * nside if ring_nside is None else ring_nside
    for name, number in (("nside", nside), ("ring_nside", fine)):
        _check_nside(name, number)
    if fine < nside:
        raise SettingsError(f"ring_nside={fine} must be nside={nside} or a larger power of two.")
    if rings < 0:
        raise SettingsError(f"rings={rings} must be 0 (no guard) or more.")
    place = np.asarray(_healpix("healpy").ang2pix(fine, ra, dec, nest=True, lonlat=True))
    # In the nested order a cell's parts have consecutive numbers.
    parts = (fine // nside) ** 2
    where: ndarray = place // parts
    occupied = np.unique(where)
    chosen = _chosen(nside, share, cells, seed, occupied)
    # An empty cell has nothing to be guarded.
    inside = np.intersect1d(chosen, occupied)[:, None] * parts + np.arange(parts)
    ring = _ring(inside.ravel(), fine, rings)
    guarded = np.isin(place, ring) & ~np.isin(where, chosen)
    return hold_out(
        (ids, member),
        np.isin(where, chosen),
        barred=guarded,
        family="sky",
        fractions=fractions,
        seed=seed,
        straddling=straddling,
        parameters={
            "cells": None if cells is None else chosen.tolist(),
            "nside": int(nside),
            "order": "nested",
            "ring_nside": int(fine),
            "rings": int(rings),
            "share": None if cells is not None else float(share),
        },
        facts={
            "guard_rows": int(guarded.sum()),
            "occupied_cells": len(occupied),
            "test_cells": int(np.isin(occupied, chosen).sum()),
        },
    )


def read_sky(
    ra_deg: ArrayLike | pl.Series, dec_deg: ArrayLike | pl.Series, rows: int
) -> tuple[ndarray, ndarray]:
    """Right ascensions and declinations in degrees."""
    ra, dec = read_numbers(ra_deg, rows, "ra_deg"), read_numbers(dec_deg, rows, "dec_deg")
    for name, column, low, high in (("ra_deg", ra, -180, 360), ("dec_deg", dec, -90, 90)):
        bad = np.flatnonzero((column < low) | (column > high))
        if bad.size:
            raise SplitError(
                f"`{name}` lies outside of {low} to {high} in {bad.size} of {rows} rows, first at "
                f"row {bad[0]} ({column[bad[0]]:g}): positions are in degrees."
            )
    return ra, dec


def _check_nside(name: str, nside: int) -> None:
    if not 1 <= nside <= 2**23 or nside & (nside - 1):
        raise SettingsError(f"{name}={nside} must be a power of two: 16 has cells of 3.7 degrees.")


def _healpix(part: str = "") -> Any:
    whole = load("astropy_healpix", "stellar")
    return load(f"astropy_healpix.{part}") if part else whole


def _chosen(
    nside: int, share: float, cells: Collection[int] | None, seed: int, occupied: ndarray
) -> ndarray:
    every = 12 * nside**2
    if cells is not None:
        found = np.array(sorted(set(cells)), dtype=np.int64)
        bad = found[(found < 0) | (found >= every)]
        if bad.size or not found.size:
            raise SplitError(
                f"{bad.size} of {found.size} cells are not among the {every} of nside={nside}, "
                f"first {bad[0] if bad.size else '(none was named)'}."
            )
        return found
    if not 0 < share < 1:
        raise SettingsError(f"share={share:g} must lie between 0 and 1.")
    return occupied[uniform(digests(occupied, seed, f"cell {nside}")) < share]


def _ring(chosen: ndarray, nside: int, rings: int) -> ndarray:
    """Cells within `rings` steps of chosen ones that are not chosen."""
    inside, edge = chosen, chosen
    for _ in range(rings):
        if not edge.size:
            break
        # Eight corners of the sky have no eighth neighbour, over which the library divides by zero.
        with np.errstate(invalid="ignore"):
            near = np.unique(np.asarray(_healpix().neighbours(edge, nside, order="nested")))
        edge = np.setdiff1d(near[near >= 0], inside)
        inside = np.union1d(inside, edge)
    return np.setdiff1d(inside, chosen)
