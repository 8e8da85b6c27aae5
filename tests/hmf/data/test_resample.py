from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.hmf.data import (
    Spectrum,
    divide_by_continuum,
    divide_by_median,
    divide_by_size,
    linear_grid,
    log_grid,
    resample_to,
    stack_spectra,
    to_vacuum,
)

RULES = ("ivar", "mean", "linear")
seeds = st.integers(0, 2**32 - 1)


def some_spectrum(seed=0, pixels=60, lost=0.2, **changes):
    rng = np.random.default_rng(seed)
    wavelength = 4000 + np.cumsum(rng.uniform(0.8, 1.2, pixels))
    ivar = rng.uniform(0.5, 2, pixels) * 10.0 ** rng.uniform(-3, 3) * (rng.random(pixels) >= lost)
    flux = np.where(ivar > 0, rng.normal(5, 1, pixels), np.nan)
    return replace(Spectrum(wavelength, flux, ivar, f"star {seed}", "vacuum"), **changes)


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds)
def test_a_spectrum_on_its_own_grid_is_itself(rule, seed):
    spectrum = some_spectrum(seed)
    found = resample_to(spectrum, spectrum.wavelength, rule=rule)
    np.testing.assert_allclose(found.ivar, spectrum.ivar, rtol=1e-9)
    np.testing.assert_allclose(found.flux, spectrum.flux, rtol=1e-9)


@pytest.mark.parametrize("rule", RULES)
@given(
    seed=seeds, scale=st.floats(1e-20, 1e20), start=st.floats(3990, 4040), step=st.floats(0.3, 5)
)
def test_units_of_flux_do_not_matter(rule, seed, scale, start, step):
    spectrum = some_spectrum(seed)
    scaled = replace(spectrum, flux=spectrum.flux * scale, ivar=spectrum.ivar / scale**2)
    grid = linear_grid(start, 4070, step)
    first, second = (resample_to(each, grid, rule=rule) for each in (spectrum, scaled))
    np.testing.assert_allclose(second.flux, first.flux * scale, rtol=1e-9)
    np.testing.assert_allclose(second.ivar * scale**2, first.ivar, rtol=1e-9)


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds, step=st.floats(0.3, 5))
def test_a_flat_spectrum_stays_flat_and_no_pixel_outside_is_invented(rule, seed, step):
    spectrum = some_spectrum(seed)
    spectrum = replace(spectrum, flux=np.where(spectrum.valid, 7.0, np.nan))
    found = resample_to(spectrum, linear_grid(3980, 4090, step), rule=rule)
    np.testing.assert_allclose(found.flux[found.valid], 7.0, rtol=1e-12)
    assert np.isnan(found.flux[~found.valid]).all()
    inside = spectrum.wavelength[spectrum.valid]
    seen = found.wavelength[found.valid]
    assert seen.size == 0 or (seen.min() > inside[0] - 3.2 and seen.max() < inside[-1] + 3.2)


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds, step=st.floats(0.3, 8), start=st.floats(3995, 4020))
def test_the_variance_is_that_of_the_linear_map(rule, seed, step, start):
    """Against the dense route: the map's matrix, column by column, and its variance."""
    spectrum = some_spectrum(seed, pixels=25)
    grid = linear_grid(start, 4030, step)
    found = resample_to(spectrum, grid, rule=rule)
    columns = []
    for pixel in range(len(spectrum)):
        unit = np.where(np.arange(len(spectrum)) == pixel, 1.0, 0.0)
        columns.append(resample_to(replace(spectrum, flux=unit), grid, rule=rule).flux)
    columns = np.array(columns).T[found.valid]
    good = spectrum.valid
    np.testing.assert_allclose(columns[:, good].sum(axis=1), 1.0)
    np.testing.assert_allclose(columns[:, ~good], 0.0, atol=1e-12)
    variance = (columns[:, good] ** 2 / spectrum.ivar[good]).sum(axis=1)
    np.testing.assert_allclose(found.ivar[found.valid], 1 / variance, rtol=1e-9)


@pytest.mark.parametrize("rule", RULES)
def test_errors_are_as_large_as_they_say(rule):
    rng = np.random.default_rng(11)
    wavelength = np.arange(4000.0, 4400.0)
    sigma = rng.uniform(0.5, 2, 400)
    grid = linear_grid(4010, 4390, 2.7)
    pulls = []
    for _ in range(300):
        flux = 3 + 0.01 * (wavelength - 4200) + rng.normal(0, sigma)
        found = resample_to(Spectrum(wavelength, flux, sigma**-2, "a"), grid, rule=rule)
        pulls.append((found.flux - 3 - 0.01 * (grid - 4200)) * np.sqrt(found.ivar))
    pulls = np.array(pulls)
    assert np.abs(pulls.mean()) < 0.02
    np.testing.assert_allclose(pulls.std(axis=0), 1, atol=0.2)
    np.testing.assert_allclose(pulls.std(), 1, atol=0.02)


@pytest.mark.parametrize("rule", ["mean", "linear"])
@given(seed=seeds)
def test_no_rule_has_less_noise_than_inverse_variance_over_whole_pixels(rule, seed):
    spectrum = some_spectrum(seed, lost=0)
    spectrum = replace(spectrum, wavelength=np.arange(4000.0, 4060.0))
    grid = np.arange(4001.0, 4058.0, 3)
    best, other = (resample_to(spectrum, grid, rule=each).ivar for each in ("ivar", rule))
    assert (best >= other * (1 - 1e-9)).all()


@given(seed=seeds)
def test_the_mean_keeps_the_integral_of_the_flux(seed):
    spectrum = some_spectrum(seed, lost=0)
    spectrum = replace(spectrum, wavelength=np.arange(4000.0, 4060.0))
    grid = np.arange(4001.0, 4058.0, 3)
    found = resample_to(spectrum, grid, rule="mean")
    np.testing.assert_allclose(3 * found.flux.sum(), spectrum.flux[:57].sum())
    np.testing.assert_allclose(found.ivar[4], 9 / (1 / spectrum.ivar[12:15]).sum())
    best = resample_to(spectrum, grid)
    np.testing.assert_allclose(best.ivar[4], spectrum.ivar[12:15].sum())


@given(seed=seeds)
def test_a_missing_pixel_reaches_nothing(seed):
    spectrum = some_spectrum(seed)
    other = replace(spectrum, flux=np.where(spectrum.valid, spectrum.flux, 1e30))
    for rule in RULES:
        found = [resample_to(each, log_grid(4002, 4050), rule=rule) for each in (spectrum, other)]
        np.testing.assert_array_equal(found[0].flux, found[1].flux)
        np.testing.assert_array_equal(found[0].ivar, found[1].ivar)


@pytest.mark.parametrize("rule", RULES)
def test_no_pixel_reaches_across_a_gap(rule):
    wavelength = np.concatenate([np.arange(4000.0, 4010), np.arange(4050.0, 4060)])
    spectrum = Spectrum(wavelength, np.ones(20), np.ones(20), "a")
    found = resample_to(spectrum, np.arange(4000.0, 4060), rule=rule)
    np.testing.assert_array_equal(found.valid, np.isin(found.wavelength, wavelength))


def test_a_pixel_covered_too_little_is_missing():
    spectrum = Spectrum(np.arange(4000.0, 4010), np.ones(10), np.arange(10) < 5, "a")
    grid = np.array([4000.5, 4002.5, 4004.5, 4006.5])
    assert resample_to(spectrum, grid).valid.tolist() == [True, True, True, False]
    assert resample_to(spectrum, grid, coverage=0.6).valid.tolist() == [True, True, False, False]


def test_a_finer_grid_repeats_a_pixel_and_not_its_information():
    spectrum = Spectrum(np.arange(4000.0, 4010), np.ones(10), np.full(10, 4.0), "a")
    np.testing.assert_allclose(resample_to(spectrum, linear_grid(4001, 4008, 0.1)).ivar.max(), 8)
    middle = resample_to(spectrum, np.array([4001.9, 4002.0, 4002.1]))
    np.testing.assert_allclose(middle.ivar, 4)


def test_grids_have_the_step_they_say():
    grid = log_grid(3800, 9200)
    np.testing.assert_allclose(np.diff(np.log10(grid)), 1e-4, rtol=1e-9)
    assert grid[0] == 3800
    assert grid[-1] <= 9200 < grid[-1] * 10**1.0001e-4
    assert linear_grid(1, 2, 0.1).size == 11


@pytest.mark.parametrize("grid", [linear_grid, log_grid])
def test_grids_that_are_none_are_refused(grid):
    for limits in ((5, 4, 0.1), (0, 4, 0.1), (4, 5, 0), (4, 5, np.nan)):
        with pytest.raises(SettingsError, match="make no grid"):
            grid(*limits)


def test_questions_without_an_answer_are_refused():
    spectrum = some_spectrum()
    with pytest.raises(SettingsError, match="one of ivar, mean, linear"):
        resample_to(spectrum, [4001, 4002], rule="spline")
    with pytest.raises(SettingsError, match="fraction"):
        resample_to(spectrum, [4001, 4002], coverage=0)
    with pytest.raises(SettingsError, match="no pixel size"):
        resample_to(spectrum, [4001])
    with pytest.raises(MeasurementError, match="sort the pixels"):
        resample_to(spectrum, [4002, 4001])


# Stacks.


def test_a_stack_keeps_the_order_and_the_names():
    spectra = [some_spectrum(seed, pixels=50 + seed) for seed in range(4)]
    stack = stack_spectra(iter(spectra), log_grid(4000, 4040), dtype=np.float32)
    assert stack.ids == ("star 0", "star 1", "star 2", "star 3")
    assert stack.dtype == np.float32
    single = resample_to(spectra[2], log_grid(4000, 4040))
    np.testing.assert_array_equal(stack.W[2], single.ivar.astype(np.float32))
    np.testing.assert_array_equal(stack.wavelength, log_grid(4000, 4040))


def test_a_stack_is_normalised_as_asked():
    spectra = [some_spectrum(seed) for seed in range(3)]
    window = partial(divide_by_median, window=(4010, 4030))
    stack = stack_spectra(spectra, log_grid(4000, 4040), normalise=window)
    inside = (stack.wavelength >= 4010) & (stack.wavelength <= 4030)
    for Y, W in zip(stack.Y, stack.W):
        np.testing.assert_allclose(np.median(Y[inside & (W > 0)]), 1)


def test_an_empty_fibre_is_in_units_of_the_size_of_its_flux():
    spectrum = some_spectrum(1)
    empty = replace(spectrum, flux=spectrum.flux - np.median(spectrum.flux[spectrum.valid]))
    found = divide_by_size(empty)
    np.testing.assert_allclose(np.median(np.abs(found.flux[found.valid])), 1)
    np.testing.assert_allclose(found.flux**2 * found.ivar, empty.flux**2 * empty.ivar)
    with pytest.raises(MeasurementError, match="no flux to divide by"):
        divide_by_size(replace(spectrum, flux=0 * spectrum.flux))


def test_air_and_vacuum_are_not_stacked_together():
    spectra = [some_spectrum(1), some_spectrum(2, medium="air")]
    with pytest.raises(MeasurementError, match="`to_vacuum`"):
        stack_spectra(spectra, log_grid(4000, 4040))
    assert len(stack_spectra(map(to_vacuum, spectra), log_grid(4000, 4040))) == 2


def test_stacks_of_nothing_and_weights_out_of_range_are_refused():
    with pytest.raises(MeasurementError, match="at least one"):
        stack_spectra([], [1.0, 2.0])
    faint = some_spectrum(1)
    faint = replace(faint, flux=faint.flux * 1e-25, ivar=faint.ivar * 1e50)
    with pytest.raises(MeasurementError, match=r"beyond float32, first star 1: normalise"):
        stack_spectra([faint], log_grid(4000, 4040), dtype=np.float32)


# One spectrum.


@pytest.mark.parametrize("divide", [divide_by_median, divide_by_continuum])
@given(seed=seeds, scale=st.floats(1e-18, 1e18))
def test_significance_survives_normalisation(divide, seed, scale):
    spectrum = some_spectrum(seed)
    spectrum = replace(spectrum, flux=spectrum.flux * scale, ivar=spectrum.ivar / scale**2)
    found = divide(spectrum)
    both = found.valid
    np.testing.assert_allclose(
        (found.flux * np.sqrt(found.ivar))[both],
        (spectrum.flux * np.sqrt(spectrum.ivar))[both],
        rtol=1e-9,
    )
    assert np.median(found.flux[both]) == pytest.approx(1, abs=0.5)


def test_the_continuum_runs_above_the_lines():
    rng = np.random.default_rng(5)
    wavelength = log_grid(4000, 7000)
    truth = 3 * (wavelength / 5000) ** -2
    lines = 1 - 0.6 * np.exp(
        -0.5 * ((wavelength[:, None] - rng.uniform(4000, 7000, 40)) / 4) ** 2
    ).sum(axis=1).clip(max=1)
    flux = truth * lines + rng.normal(0, 0.01, truth.size)
    found = divide_by_continuum(Spectrum(wavelength, flux, np.full(flux.size, 1e4), "a"))
    clear = lines > 0.999
    assert np.abs(np.median(found.flux[clear]) - 1) < 0.01
    assert np.abs(found.flux[clear] - 1).max() < 0.1


def test_a_sky_spectrum_has_no_level_to_divide_by():
    dark = some_spectrum(3)
    dark = replace(dark, flux=dark.flux - 20)
    with pytest.raises(MeasurementError, match="star 3 has no positive median .* leave it out"):
        divide_by_median(dark)
    with pytest.raises(MeasurementError, match="no positive continuum .* leave it out"):
        divide_by_continuum(dark)
    with pytest.raises(MeasurementError, match="another window"):
        divide_by_median(some_spectrum(3), window=(1, 2))
    with pytest.raises(MeasurementError, match="lower the degree"):
        divide_by_continuum(some_spectrum(3, lost=1.0))


def test_air_becomes_vacuum_as_the_tables_say():
    # Hydrogen lines in air and in vacuum, NIST Atomic Spectra Database (Balmer alpha to gamma).
    air, vacuum = [4340.472, 4861.35, 6562.79], [4341.692, 4862.71, 6564.60]
    found = to_vacuum(Spectrum(np.array(air), np.ones(3), np.ones(3), "a", "air"))
    np.testing.assert_allclose(found.wavelength, vacuum, atol=0.02)
    assert found.medium == "vacuum"
    assert to_vacuum(found) is found
    with pytest.raises(SettingsError, match="set `medium`"):
        to_vacuum(Spectrum(np.array(air), np.ones(3), np.ones(3), "a"))


def test_a_moving_object_is_brought_to_rest():
    spectrum = some_spectrum()
    np.testing.assert_allclose(spectrum.at_rest(0.1).wavelength * 1.1, spectrum.wavelength)
    with pytest.raises(SettingsError, match="above -1"):
        spectrum.at_rest(-1)


@pytest.mark.parametrize(
    ("changes", "way_out"),
    [
        ({"flux": np.ones(3)}, "one length|one for each pixel"),
        ({"ivar": np.ones(3)}, "one axis of one length"),
        ({"ivar": np.array([1.0, -1, 1, 1])}, r"star: `ivar` .* pixel 1 .* Set ivar to 0"),
        ({"flux": np.array([1.0, 1, np.nan, 1])}, r"star: `flux` .* pixel 2 .* Set ivar to 0"),
        ({"wavelength": np.array([1.0, 2, 2, 3])}, "must increase"),
    ],
)
def test_what_is_no_spectrum_is_refused(changes, way_out):
    good = Spectrum(np.arange(1.0, 5.0), np.ones(4), np.ones(4), "star")
    with pytest.raises(MeasurementError, match=way_out):
        replace(good, **changes)


def test_a_spectrum_does_not_change():
    spectrum = Spectrum(np.arange(1.0, 5.0), np.ones(4), np.ones(4), "star", facts={"snr": 3.0})
    for values in (spectrum.flux, spectrum.ivar, spectrum.wavelength):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 2
    with pytest.raises(TypeError):
        spectrum.facts["snr"] = 4
