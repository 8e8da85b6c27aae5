"""Recipes and what they make of photometry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import ArtifactError, FitError, SettingsError, TableError
from errorbar.stellar.sed import FLAGS, Photometry, SedRecipe, flux_from_mag, make_stars, prepare
from errorbar.stellar.sed.model import extinction_table, fit_colours, infer_colours
from errorbar.stellar.sed.synth import StarSettings

BANDS = ("gaiadr3-G", "gaiadr3-BP", "gaiadr3-RP", "twomass-J")
RECIPE = SedRecipe(BANDS, "gaiadr3-G", parallax_offset_mas=0.03)


def photometry(mag, ebv=0.2, ebv_err=0.03, parallax=1.0):
    mag = np.atleast_2d(np.asarray(mag, float))
    rows = len(mag)
    flux, err = flux_from_mag(mag, np.full(mag.shape, 0.02))
    return Photometry(
        rows=np.arange(rows), bands=BANDS, flux=flux, flux_err=err,
        limit=np.zeros(mag.shape, bool), disagree=np.zeros(mag.shape, bool),
        ebv=np.full(rows, ebv), ebv_err=np.full(rows, ebv_err),
        parallax=np.full(rows, parallax), parallax_err=np.full(rows, 0.05),
    )  # fmt: skip


def test_dust_that_was_put_on_is_taken_off_to_the_bit_of_rounding():
    true = np.array([[14.0, 14.4, 13.5, 13.0]])
    dust, slope = extinction_table(BANDS).at(np.array([0.7]))
    found = prepare(photometry(true + dust, ebv=0.7), RECIPE)
    np.testing.assert_allclose(found.mag, true, atol=1e-12)
    np.testing.assert_array_equal(found.slope, slope)


def test_errors_of_bands_move_together_with_the_reddening():
    rng = np.random.default_rng(5)
    one = prepare(photometry([14.0, 14.4, 13.5, 13.0]), RECIPE)
    count = 20_000
    noisy = np.array([14.0, 14.4, 13.5, 13.0]) + rng.normal(0, 0.02, (count, 4))
    drawn = replace(
        photometry(noisy), ebv=0.2 + rng.normal(0, 0.03, count), ebv_err=np.full(count, 0.03)
    )
    simulated = np.cov(prepare(drawn, RECIPE).mag.T)
    np.testing.assert_allclose(one.covariance()[0], simulated, rtol=0.05, atol=2e-5)
    assert simulated[0, 1] > 0.8 * np.sqrt(simulated[0, 0] * simulated[1, 1])


@given(parallax=st.floats(-1, 5))
def test_luminosity_is_linear_in_parallax_whatever_its_sign(parallax):
    found = prepare(photometry([14.0, 14.4, 13.5, 13.0], parallax=parallax), RECIPE)
    reach = 10 ** (0.2 * (found.mag[0, 0] - 10.0))
    np.testing.assert_allclose(found.luminosity, (parallax + 0.03) * reach)
    np.testing.assert_allclose(found.luminosity_err, 0.05 * reach)


def test_luminosity_is_ten_to_a_fifth_of_the_absolute_magnitude():
    # A star of absolute magnitude 5 at 100 pc: parallax 10 mas, magnitude 10.
    recipe = replace(RECIPE, deredden=False, parallax_offset_mas=0.0)
    found = prepare(photometry([10.0, 10.0, 10.0, 10.0], parallax=10.0), recipe)
    np.testing.assert_allclose(found.luminosity, 10 ** (0.2 * 5.0))


def test_gaps_limits_and_negative_fluxes_stay_what_they_are():
    start = photometry(np.full((3, 4), 14.0))
    flux, err = start.flux.copy(), start.flux_err.copy()
    limit = np.zeros((3, 4), bool)
    flux[0, 1] = err[0, 1] = np.nan
    limit[1, 2], err[1, 2] = True, np.nan
    flux[2, 3] = -err[2, 3]
    found = prepare(replace(start, flux=flux, flux_err=err, limit=limit), RECIPE)
    assert np.argwhere(~found.seen).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert np.argwhere(np.isfinite(found.faint)).tolist() == [[1, 2], [2, 3]]
    assert found.flag[:, FLAGS.index("limits")].tolist() == [False, True, True]
    assert np.isnan(found.covariance()[0, 1]).all()


def test_unknown_dust_is_wide_and_said():
    found = prepare(photometry([14.0, 14.4, 13.5, 13.0], ebv=np.nan), RECIPE)
    assert found.flag[0, FLAGS.index("blind_reddening")]
    assert (found.ebv[0], found.ebv_err[0]) == (0.0, 0.5)


def test_a_recipe_is_canonical_json_with_a_hash():
    again = SedRecipe.from_dict(RECIPE.to_dict())
    assert again == RECIPE
    assert again.hash == RECIPE.hash
    assert RECIPE.canonical().startswith('{"bands":["gaiadr3-G",')
    assert replace(RECIPE, rv=3.2).hash != RECIPE.hash
    with pytest.raises(ArtifactError, match="format 2"):
        SedRecipe.from_dict({**RECIPE.to_dict(), "format": 2})
    with pytest.raises(ArtifactError, match="other parts"):
        SedRecipe.from_dict({**RECIPE.to_dict(), "odd": 1})


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"luminosity_band": "twomass-H"}, "is not among"),
        ({"bands": (*BANDS, "gaiadr3-G")}, "different"),
        ({"law": "none"}, "is not one of"),
        ({"rv": 1.0}, "rv=1.0"),
        ({"blind_ebv_err": 0.0}, "must be positive"),
    ],
)
def test_recipes_that_cannot_be_are_refused(change, match):
    with pytest.raises(SettingsError, match=match):
        replace(RECIPE, **change)


def test_a_band_that_photometry_lacks_is_named():
    with pytest.raises(TableError, match="no column for wise2010-W1"):
        prepare(photometry([14.0] * 4), replace(RECIPE, bands=(*BANDS, "wise2010-W1")))


def test_inferred_colours_and_reddening_hold_the_truth_as_often_as_they_claim():
    settings = StarSettings(count=1200, dust_error=0.15, gaps=0.3)
    stars = make_stars(settings, seed=4)
    recipe = SedRecipe(settings.bands, "gaiadr3-G")
    prepared = prepare(stars.photometry, recipe)
    model = fit_colours(prepared)
    known = infer_colours(prepared, model)
    pull = (known.ebv - stars.truth["ebv"]) / known.ebv_sd
    assert 0.8 < pull.std() < 1.2
    # Colours know something of the dust that the map did not.
    assert np.all(known.ebv_sd < prepared.ebv_err)
    assert np.std(known.ebv - stars.truth["ebv"]) < 0.95 * np.std(prepared.ebv - stars.truth["ebv"])
    assert abs(np.median(known.oddness)) < 1.0


def test_a_star_that_no_population_has_is_odd_and_an_empty_band_is_refused():
    stars = make_stars(StarSettings(count=400), seed=1)
    recipe = SedRecipe(stars.photometry.bands, "gaiadr3-G")
    prepared = prepare(stars.photometry, recipe)
    model = fit_colours(prepared)
    mag = prepared.mag.copy()
    mag[0, 2] -= 3.0
    odd = infer_colours(replace(prepared, mag=mag), model).oddness
    assert odd[0] > 8 > np.max(odd[1:])
    mag[:, 3] = np.nan
    with pytest.raises(FitError, match="first band 3"):
        fit_colours(replace(prepared, mag=mag))
