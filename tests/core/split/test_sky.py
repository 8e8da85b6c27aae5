"""Cells of the sky, the ring around them, and neighbours across roles."""

import sys

import numpy as np
import pytest

from errorbar.core.errors import MissingExtraError, SettingsError, SplitError
from errorbar.core.split import Sky, find_neighbours, split_by_sky, split_groups

healpy = pytest.importorskip("astropy_healpix.healpy")


def positions(rows, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, rows), np.rad2deg(np.arcsin(rng.uniform(-1, 1, rows)))


def vectors(ra, dec):
    ra, dec = np.deg2rad(ra), np.deg2rad(dec)
    return np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


@pytest.mark.parametrize("straddling", ["guard", "train", "test"])
def test_no_star_near_the_test_is_used_for_anything_else(straddling):
    ra, dec = positions(20_000)
    star = np.arange(20_000) % 15_000  # a third of all stars have two places
    split = split_by_sky(star, ra, dec, nside=4, ring_nside=16, seed=1, straddling=straddling)
    held, used = split.mask("test"), split.mask("train", "val", "calib_a", "calib_b")
    where = healpy.ang2pix(4, ra, dec, nest=True, lonlat=True)
    assert not np.intersect1d(where[held], where[used]).size
    away = vectors(ra, dec)
    angle = np.rad2deg(np.arccos(np.clip(away[held] @ away[used].T, -1, 1).max()))
    # Half the width of a cell of the ring, for cells are no squares.
    assert angle > 58.6 / 16 / 2
    assert split.facts["guard_rows"] > 0
    assert split.parameters["nside"] == 4


def test_the_ring_is_that_of_the_library_s_neighbours():
    ra, dec = positions(50_000, seed=2)
    split = split_by_sky(np.arange(50_000), ra, dec, nside=8, ring_nside=8, cells=[5, 100])
    where = healpy.ang2pix(8, ra, dec, nest=True, lonlat=True)
    from astropy_healpix import neighbours

    with np.errstate(invalid="ignore"):
        near = np.unique(neighbours(np.array([5, 100]), 8, order="nested"))
    ring = np.setdiff1d(near, [-1, 5, 100])
    np.testing.assert_array_equal(split.mask("test"), np.isin(where, [5, 100]))
    np.testing.assert_array_equal(split.mask("guard"), np.isin(where, ring))
    assert split.facts["test_cells"] == 2


def test_two_rings_hold_one_and_none_guards_nothing():
    ra, dec = positions(20_000, seed=3)
    made = [
        split_by_sky(np.arange(20_000), ra, dec, nside=4, rings=rings).mask("guard")
        for rings in range(3)
    ]
    assert not made[0].any()
    assert made[1].any()
    assert (made[2] >= made[1]).all()
    assert made[2].sum() > made[1].sum()


def test_cells_are_chosen_by_their_numbers():
    ra, dec = positions(5000, seed=4)
    whole = split_by_sky(np.arange(5000), ra, dec, nside=4, rings=0)
    half = split_by_sky(np.arange(2500), ra[:2500], dec[:2500], nside=4, rings=0)
    np.testing.assert_array_equal(half.mask("test"), whole.mask("test")[:2500])


def test_what_is_no_place_is_refused():
    ra, dec = positions(100)
    star = np.arange(100)
    with pytest.raises(SplitError, match=r"`dec_deg` is not finite in 1 of 100 .* first at row 7"):
        split_by_sky(star, ra, np.where(star == 7, np.nan, dec))
    with pytest.raises(SplitError, match=r"`dec_deg` lies outside of -90 to 90 .*degrees"):
        split_by_sky(star, ra, dec + 200)
    with pytest.raises(SettingsError, match="nside=6 must be a power of two"):
        split_by_sky(star, ra, dec, nside=6)
    with pytest.raises(SettingsError, match="ring_nside=2 must be nside=4 or a larger"):
        split_by_sky(star, ra, dec, nside=4, ring_nside=2)
    with pytest.raises(SettingsError, match="rings=-1"):
        split_by_sky(star, ra, dec, rings=-1)
    with pytest.raises(SettingsError, match="share=0"):
        split_by_sky(star, ra, dec, share=0.0)
    with pytest.raises(SplitError, match="1 of 2 cells are not among the 12"):
        split_by_sky(star, ra, dec, nside=1, cells=[3, 12])
    with pytest.raises(SplitError, match="no star is left for .*test: 3 stars"):
        split_by_sky([1, 2, 3], [1, 2, 3], [80, 80, 80], nside=2, cells=[40])


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "astropy_healpix", None)
    monkeypatch.delitem(sys.modules, "astropy_healpix.healpy", raising=False)
    ra, dec = positions(10)
    with pytest.raises(MissingExtraError, match=r"errorbar\[stellar\]"):
        split_by_sky(np.arange(10), ra, dec)


def test_neighbours_of_another_role_are_found_and_no_others():
    ra, dec = positions(4000, seed=5)
    split = split_groups(np.arange(4000), seed=1)
    assert find_neighbours(split, Sky(ra, dec)) == []
    train, test = split.rows("train")[0], split.rows("test")[0]
    ra[test], dec[test] = ra[train], dec[train] + 0.9 / 3600
    (found,) = find_neighbours(split, Sky(ra, dec))
    assert set(found.rows.tolist()) == {train, test}
    assert found.severity == "failure"
    assert found.numbers["nearest_arcsec"] == pytest.approx(0.9, abs=1e-4)
    assert find_neighbours(split, Sky(ra, dec), radius_arcsec=0.8) == []
    with pytest.raises(SettingsError, match="radius_arcsec=0"):
        find_neighbours(split, Sky(ra, dec), radius_arcsec=0)


def test_two_rows_of_one_role_may_be_neighbours():
    split = split_groups(np.arange(400), seed=1)
    ra, dec = positions(400, seed=6)
    one, two = split.rows("train")[:2]
    ra[two], dec[two] = ra[one], dec[one]
    assert find_neighbours(split, Sky(ra, dec)) == []


@pytest.mark.parametrize("dec", [-60.0, 0.0, 89.0])
def test_a_moving_star_is_found_at_the_common_epoch(dec):
    split = split_groups(np.arange(100), seed=1)
    ra, decs = positions(100, seed=7)
    moving, years = np.zeros((2, 100)), np.full(100, 2016.0)
    train, test = split.rows("train")[0], split.rows("test")[0]
    # 10.3 and 3 arcseconds a year for 20 years.
    for row, year in ((train, 1996.0), (test, 2016.0)):
        moving[:, row], years[row] = (10_300.0, -3000.0), year
    ra[train], decs[train] = 120.0, dec
    ra[test] = 120.0 + 206 / 3600 / np.cos(np.deg2rad(dec))
    decs[test] = dec - 60 / 3600
    if abs(dec) > 80:
        # Near the pole a straight line on the sky is none in these coordinates.
        from astropy import units as u
        from astropy.coordinates import SkyCoord

        start = SkyCoord(120 * u.deg, dec * u.deg)
        away = start.directional_offset_by(
            np.arctan2(206.0, -60.0) * u.rad, np.hypot(206.0, 60.0) * u.arcsec
        )
        ra[test], decs[test] = away.ra.deg, away.dec.deg
    sky = Sky(ra, decs, *moving, years)
    (found,) = find_neighbours(split, sky)
    assert set(found.rows.tolist()) == {train, test}
    assert find_neighbours(split, Sky(ra, decs)) == []
    with pytest.raises(SettingsError, match="come together"):
        find_neighbours(split, Sky(ra, decs, epoch_yr=years))
