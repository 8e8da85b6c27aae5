"""Dust through bands: against direct integration and against published coefficients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError
from errorbar.stellar.sed.model import (
    extinction_table,
    gauss_rule,
    law_curve,
    passband,
    passband_rule,
    planck,
)

SDSS = tuple(f"sdss2010-{n}" for n in "ugriz")
PS1 = tuple(f"panstarrs-{n}" for n in "grizy")
TWOMASS = ("twomass-J", "twomass-H", "twomass-Ks")
GAIA = ("gaiadr3-G", "gaiadr3-BP", "gaiadr3-RP")


@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(2, 8))
def test_a_gauss_rule_is_exact_for_polynomials_up_to_twice_its_nodes(seed, nodes):
    rng = np.random.default_rng(seed)
    place = np.sort(rng.uniform(1.0, 3.0, 60))
    weight = rng.uniform(0.1, 1.0, 60)
    root, share = gauss_rule(place, weight, nodes)
    assert np.all(share > 0)
    for power in range(2 * nodes):
        direct = weight @ ((place - 2) ** power) / weight.sum()
        np.testing.assert_allclose(share @ (root - 2) ** power, direct, atol=1e-9)


@pytest.mark.parametrize("band", [*GAIA, *SDSS, *TWOMASS, "wise2010-W1", "wise2010-W2"])
@pytest.mark.parametrize("ebv", [0.05, 1.0])
def test_a_few_nodes_give_what_direct_integration_gives(band, ebv):
    wave, response = passband(band)
    fine = np.linspace(wave[0], wave[-1], 20_001)
    share = np.interp(fine, wave, response) * fine * planck(fine, 5500.0)
    dust = 10 ** (-0.4 * 3.1 * ebv * law_curve(fine))
    direct = -2.5 * np.log10(np.trapezoid(share * dust, fine) / np.trapezoid(share, fine))
    found, slope = extinction_table((band,)).at(np.array([ebv]))
    assert found[0, 0] == pytest.approx(direct, rel=2e-4)
    more, _ = extinction_table((band,)).at(np.array([ebv + 1e-5]))
    assert slope[0, 0] == pytest.approx((more[0, 0] - found[0, 0]) / 1e-5, rel=1e-4)


def test_coefficients_are_those_of_schlafly_and_finkbeiner():
    # ApJ 737, 103, table 6, R_V = 3.1 (F99), as ratios to r of PS1: their unit cancels.
    published = dict(
        zip(
            (*SDSS, *PS1, *TWOMASS),
            (4.239, 3.303, 2.285, 1.698, 1.263, 3.172, 2.271, 1.682, 1.322, 1.087, 0.723, 0.460,
             0.310),
        )
    )  # fmt: skip
    found, _ = extinction_table(tuple(published), law="F99", teff=7000.0).at(np.array([0.4]))
    ratio = dict(zip(published, found[0] / found[0][list(published).index("panstarrs-r")]))
    for band, value in published.items():
        # z and y reach to where their passband and ours differ.
        loose = 0.04 if band[-1] in "zy" else 0.025
        assert ratio[band] == pytest.approx(value / 2.271, rel=loose), band


def test_coefficients_are_those_of_cardelli_in_the_infrared_and_of_gaia():
    # CCM89 table 3, A/A(V) at J, H, K: 0.282, 0.190, 0.114 (Johnson's bands, so to a few percent).
    found, _ = extinction_table(TWOMASS, law="CCM89").at(np.array([0.1]))
    np.testing.assert_allclose(found[0] / 0.31, [0.282, 0.190, 0.114], rtol=0.05)
    # Casagrande & VandenBerg 2018, MNRAS 479, L102: 2.740, 3.374, 2.035 per E(B-V).
    gaia, _ = extinction_table(GAIA, law="CCM89", teff=6000.0).at(np.array([0.1]))
    np.testing.assert_allclose(gaia[0] / 0.1, [2.740, 3.374, 2.035], rtol=0.05)


def test_wide_bands_redden_less_than_in_proportion_and_cool_stars_lose_less_in_blue_ones():
    found, slope = extinction_table(("gaiadr3-G",)).at(np.array([0.1, 1.0]))
    assert found[1, 0] < 10 * found[0, 0]
    assert slope[1, 0] < slope[0, 0]
    cool, hot = (extinction_table(("gaiadr3-BP",), teff=t).at(np.array([0.1])) for t in (3500, 2e4))
    assert cool[0][0, 0] < hot[0][0, 0]


def test_nodes_lie_in_their_band_and_share_out_one():
    for band in (*GAIA, *PS1):
        place, share = passband_rule(band)
        wave, _ = passband(band)
        assert wave[0] < place[0] < place[-1] < wave[-1]
        assert share.sum() == pytest.approx(1.0)


def test_laws_are_refused_where_they_are_not_known():
    with pytest.raises(SettingsError, match="choose one of"):
        law_curve(np.array([5000.0]), law="Calzetti")
    with pytest.raises(SettingsError, match="G23"):
        extinction_table(("wise2010-W1",), law="F99")
