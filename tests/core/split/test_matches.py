"""Pairs of two catalogues are those that brute force finds, wherever stars have moved to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split import Positions, components, match_positions

MAS = np.pi / 180 / 3.6e6


def sphere(rows, seed=0, patch=None):
    random = np.random.default_rng(seed)
    if patch:
        ra0, dec0, size = patch
        dec = np.clip(dec0 + random.normal(0, size, rows), -89.995, 89.995)
        ra = (ra0 + random.normal(0, size, rows) / np.maximum(np.cos(np.deg2rad(dec)), 1e-3)) % 360
        return ra, dec
    return random.uniform(0, 360, rows), np.rad2deg(np.arcsin(random.uniform(-1, 1, rows)))


def moved(ra, dec, pm_ra, pm_dec, years):
    """Along the great circle, by angles: another way than the room's."""
    size = np.hypot(pm_ra, pm_dec) * MAS * years
    angle = np.arctan2(pm_ra, pm_dec)
    d = np.deg2rad(dec)
    there = np.arcsin(np.sin(d) * np.cos(size) + np.cos(d) * np.sin(size) * np.cos(angle))
    turn = np.arctan2(
        np.sin(angle) * np.sin(size) * np.cos(d), np.cos(size) - np.sin(d) * np.sin(there)
    )
    return (ra + np.rad2deg(turn)) % 360, np.rad2deg(there)


def test_pairs_are_those_of_astropy():
    from astropy import units
    from astropy.coordinates import SkyCoord, search_around_sky

    ra, dec = sphere(3000, 1, (0.0, 89.9, 0.05))
    near = sphere(3000, 2, (0.0, 89.9, 0.05))
    found = match_positions(Positions.of(ra, dec, epoch_yr=2016.0),
                            Positions.of(*near, epoch_yr=2016.0), 30.0)  # fmt: skip
    one, other, apart, _ = search_around_sky(
        SkyCoord(ra * units.deg, dec * units.deg), SkyCoord(*(x * units.deg for x in near)),
        30 * units.arcsec,
    )  # fmt: skip
    assert found.height == len(one) > 1000
    pairs = set(zip(one.tolist(), other.tolist()))
    assert set(found.select("left", "right").rows()) == pairs
    order = np.lexsort((other, apart.arcsec, one))
    np.testing.assert_allclose(found["separation_arcsec"], apart.arcsec[order], atol=1e-5)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000), dec0=st.sampled_from([-89.99, -30.0, 0.0, 60.0, 89.99]),
    ra0=st.sampled_from([0.0, 359.9999, 120.0]), known=st.sampled_from(["left", "right", "half"]),
)  # fmt: skip
def test_moving_stars_are_found_at_one_epoch(seed, dec0, ra0, known):
    random = np.random.default_rng(seed)
    ra, dec = sphere(60, seed, (ra0, dec0, 0.02))
    pm_ra, pm_dec = random.normal(0, 1500, 60), random.normal(0, 1500, 60)
    early, late = random.uniform(1980, 2000, 60), random.uniform(2010, 2020, 60)
    # A motion is that at its own catalogue's epoch, from where the other's place follows.
    here = {"left": True, "right": False, "half": np.arange(60) % 2 == 0}[known]
    there = moved(ra, dec, pm_ra, pm_dec, np.where(here, late - early, early - late))
    place = [np.where(here, a, b) for a, b in zip((ra, dec), there)]
    other = [np.where(here, b, a) for a, b in zip((ra, dec), there)]
    left, right = (
        Positions.of(
            *where, epoch_yr=epoch, pm_ra_mas_yr=np.where(own, pm_ra, np.nan),
            pm_dec_mas_yr=np.where(own, pm_dec, np.nan),
        )
        for where, epoch, own in ((place, early, here), (other, late, np.logical_not(here)))
    )  # fmt: skip
    found = match_positions(left, right, 1.0)
    own = found.filter(found["left"] == found["right"])
    # A straight line and a great circle part by its cube.
    assert own.height == 60
    assert own["separation_arcsec"].max() < 0.01


def test_fast_stars_cost_slow_ones_nothing_and_strangers_stay_apart():
    ra, dec = sphere(2000, 3, (50.0, 20.0, 0.3))
    still = Positions.of(ra, dec, epoch_yr=2016.0)
    pm = np.zeros(2000)
    pm[0] = 10_000.0
    there = moved(ra, dec, pm, 0 * pm, -20.0)
    found = match_positions(
        Positions.of(ra, dec, epoch_yr=2016.0, pm_ra_mas_yr=pm, pm_dec_mas_yr=0 * pm),
        Positions.of(*there, epoch_yr=1996.0), 1.0,
    )  # fmt: skip
    assert (found.filter("mutual")["left"] == found.filter("mutual")["right"]).all()
    assert found["left"].n_unique() == 2000
    assert found.height < 2010
    lost = match_positions(still, Positions.of(*there, epoch_yr=1996.0), 1.0)
    assert 0 not in lost["left"].to_list()


def test_many_candidates_are_counted_and_the_nearest_told():
    left = Positions.of([10.0, 10.0], [5.0, 5.001], epoch_yr=2000.0)
    right = Positions.of([10.0, 10.0, 10.0], [5.0001, 5.0003, 40.0], epoch_yr=2000.0)
    found = match_positions(left, right, 2.0)
    assert found.filter("mutual").select("left", "right").rows() == [(0, 0)]
    assert found["left_candidates"].to_list() == [2, 2]
    assert found["right_candidates"].to_list() == [1, 1]


def test_errors_of_places_part_what_a_radius_joins():
    sharp = Positions.of([10.0], [5.0], epoch_yr=2016.0, sigma_arcsec=0.05)
    other = Positions.of([10.0], [5.0 + 0.6 / 3600], epoch_yr=2016.0, sigma_arcsec=[0.1])
    assert match_positions(sharp, other, 1.0).height == 1
    assert match_positions(sharp, other, 1.0, sigmas=5).height == 0
    assert match_positions(sharp, other, 1.0, sigmas=6).height == 1
    with pytest.raises(SettingsError, match="of both catalogues"):
        match_positions(sharp, Positions.of([1.0], [1.0], epoch_yr=2000.0), sigmas=3)


def test_matches_become_stars():
    left = Positions.of([10.0, 20.0], [5.0, 6.0], epoch_yr=2016.0)
    right = Positions.of([20.0, 33.0], [6.0, 7.0], epoch_yr=2016.0)
    found = match_positions(left, right).filter("mutual")
    gaia, tic = np.array(["gaia:1", "gaia:2"]), np.array(["tic:8", "tic:9"])
    made = components(gaia[found["left"]], tic[found["right"]], alone=[*gaia, *tic])
    assert made.stars_of(["tic:8", "tic:9", "gaia:1"]).tolist() == ["gaia:2", "tic:9", "gaia:1"]


def test_empty_catalogues_have_no_pairs():
    none = Positions.of([], [], epoch_yr=2016.0)
    assert match_positions(none, Positions.of([1.0], [2.0], epoch_yr=2016.0)).is_empty()


def test_what_cannot_be_is_refused():
    with pytest.raises(SplitError, match="no year in 1 of 1 rows, first at row 0"):
        Positions.of([1.0], [2.0], epoch_yr=57388.0)
    with pytest.raises(SplitError, match="larger than that of any star, first at row 1"):
        Positions.of([1.0, 2.0], [2.0, 2.0], epoch_yr=2016.0, pm_ra_mas_yr=[1.0, 2e5],
                     pm_dec_mas_yr=[0.0, 0.0])  # fmt: skip
    with pytest.raises(SettingsError, match="come together"):
        Positions.of([1.0], [2.0], epoch_yr=2016.0, pm_ra_mas_yr=[1.0])
    with pytest.raises(SplitError, match="positions are in degrees"):
        Positions.of([400.0], [2.0], epoch_yr=2016.0)
    one = Positions.of([1.0], [2.0], epoch_yr=2016.0)
    with pytest.raises(SettingsError, match="radius_arcsec=0"):
        match_positions(one, one, 0)
