"""Magnitudes, fluxes, zero points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError
from errorbar.stellar.sed import BANDS, find_band, flux_from_asinh, flux_from_mag, mag_from_flux


@given(mag=st.floats(-5, 30), err=st.floats(1e-4, 0.3))
def test_a_magnitude_comes_back_from_its_flux(mag, err):
    again, error = mag_from_flux(*flux_from_mag(np.array([mag]), np.array([err])))
    np.testing.assert_allclose(again, mag, atol=1e-10)
    np.testing.assert_allclose(error, err, rtol=1e-10)


def test_five_magnitudes_are_a_factor_of_a_hundred_and_23_9_is_a_microjansky():
    flux, _ = flux_from_mag(np.array([23.9, 18.9]), np.array([0.1, 0.1]))
    np.testing.assert_allclose(flux, [1.0, 100.0])


def test_errors_of_fluxes_are_those_of_a_simulation():
    rng = np.random.default_rng(3)
    flux, err = flux_from_mag(np.array([20.0]), np.array([0.01]))
    drawn, _ = flux_from_mag(rng.normal(20.0, 0.01, 200_000), np.zeros(200_000))
    assert err[0] == pytest.approx(drawn.std(), rel=0.01)
    assert flux[0] == pytest.approx(drawn.mean(), rel=1e-3)


def test_a_flux_that_is_not_positive_has_no_magnitude():
    mag, err = mag_from_flux(np.array([-1.0, 0.0, np.nan]), np.ones(3))
    assert np.isnan(mag).all()
    assert np.isnan(err).all()


def test_asinh_magnitudes_are_pogsons_when_bright_and_go_through_zero():
    bright, err = flux_from_asinh(np.array([15.0]), np.array([0.02]), 0.9e-10)
    plain, plain_err = flux_from_mag(np.array([15.0]), np.array([0.02]))
    np.testing.assert_allclose([bright[0], err[0]], [plain[0], plain_err[0]], rtol=1e-6)
    # SDSS: a flux of zero is 25.11 in g (Stoughton et al. 2002, table 21).
    zero, _ = flux_from_asinh(np.array([25.11]), np.array([0.1]), 0.9e-10)
    assert abs(zero[0]) < 0.01


@pytest.mark.parametrize(
    ("band", "offset"),
    [
        # Vega through speclite's passbands (Kurucz model with V = 0.034, Bohlin's scale): what
        # direct integration gives, from which published zero points differ by up to 0.04.
        ("gaiadr3-G", 0.126), ("gaiadr3-BP", 0.026), ("gaiadr3-RP", 0.373),
        ("twomass-J", 0.889), ("twomass-H", 1.364), ("twomass-Ks", 1.834),
        ("wise2010-W1", 2.666), ("wise2010-W2", 3.305), ("wise2010-W3", 5.139),
        ("wise2010-W4", 6.615), ("bessell-U", 0.782), ("bessell-B", -0.114),
        ("bessell-V", 0.007), ("bessell-R", 0.198), ("bessell-I", 0.440),
    ],
)  # fmt: skip
def test_vega_zero_points_are_those_of_vega(band, offset):
    assert find_band(band).offset("Vega") == pytest.approx(offset, abs=0.04)


def test_every_zero_point_says_where_it_is_from_and_ab_is_ab():
    assert all(band.source for band in BANDS.values())
    assert all(band.offset("AB") == 0.0 for band in BANDS.values())
    assert find_band("sdss2010-u").offset() == -0.04
    assert find_band("panstarrs-r").offset() == 0.0


def test_unknown_bands_and_systems_are_refused():
    with pytest.raises(SettingsError, match="no band 'V'"):
        find_band("V")
    with pytest.raises(SettingsError, match="not one of native"):
        find_band("twomass-J").offset("ST")
    with pytest.raises(SettingsError, match="no Vega zero point"):
        find_band("panstarrs-r").offset("Vega")
