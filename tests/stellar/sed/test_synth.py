"""Synthetic stars: their truth, their errors, their gaps."""

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.stellar.sed import StarSettings, make_stars


def test_equal_seeds_give_equal_stars():
    one, two, other = (make_stars(StarSettings(count=50), seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.photometry.flux, two.photometry.flux)
    assert not np.array_equal(one.truth["teff_k"], other.truth["teff_k"])


def test_errors_are_what_they_say(others):
    for name in ("teff_k", "logg_dex", "feh_dex"):
        pull = (others.labels[name] - others.truth[name]) / others.errors[name]
        assert pull.std() == pytest.approx(1.0, abs=0.06)
    parallax = others.photometry.parallax - 1000 / others.truth["distance_pc"]
    assert (parallax / others.photometry.parallax_err).std() == pytest.approx(1.0, abs=0.06)
    assert (others.photometry.parallax < 0).any() or parallax.min() < 0


def test_there_are_gaps_limits_and_two_kinds(others):
    photometry = others.photometry
    assert 0.05 < np.isnan(photometry.flux).mean() < 0.1
    assert photometry.limit.sum() > 0
    assert {*others.kind} == {"giant", "dwarf"}
    mag, _ = photometry.magnitudes()
    solar = np.abs(others.truth["teff_k"] - 5772) < 100
    colour = (mag[:, 1] - mag[:, 2])[solar & (others.truth["ebv"] < 0.05)]
    # Planck's Sun: G_BP - G_RP of 0.5 in AB (0.84 in Vega).
    assert np.nanmedian(colour) == pytest.approx(0.5, abs=0.12)


def test_a_share_above_one_is_refused():
    with pytest.raises(SettingsError, match="shares between 0 and 1"):
        StarSettings(giants=1.5)
