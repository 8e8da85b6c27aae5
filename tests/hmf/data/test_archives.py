from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from errorbar.core.errors import MeasurementError, SettingsError, TableError
from errorbar.hmf.data import (
    divide_by_continuum,
    divide_by_median,
    linear_grid,
    log_grid,
    read_gaia_rvs,
    read_lamost,
    read_miles,
    read_sdss,
    read_spex,
    stack_spectra,
    to_vacuum,
)


def sdss_file(path, *, and_mask=0, header=True, **columns):
    loglam = (3.58 + 1e-4 * np.arange(6)).astype(np.float32)
    table = {"flux": np.ones(6, np.float32), "loglam": loglam, "ivar": np.full(6, 2, np.float32)}
    table |= {"and_mask": np.full(6, and_mask, np.int32), **columns}
    about = Table({"CLASS": ["STAR  "], "Z": [0.1], "ZWARNING": [1], "PLUG_RA": [12.0]})
    first = fits.PrimaryHDU()
    if header:
        first.header["COEFF0"], first.header["COEFF1"], first.header["VACUUM"] = 3.58, 1e-4, True
    units = [first, fits.table_to_hdu(Table(table)), fits.table_to_hdu(about)]
    fits.HDUList(units).writeto(path)
    return path


def image_file(path, image, **header):
    unit = fits.PrimaryHDU(np.asarray(image))
    unit.header.update(header)
    unit.writeto(path)
    return path


def rvs_file(path, **columns):
    table = {"source_id": [7, 7, 7], "ra": [1.5] * 3, "wavelength": [846.0, 846.01, 846.02]}
    table |= {"flux": [1.0, None, 0.9], "flux_error": [0.1, None, 0.2], **columns}
    lines = [",".join(table)]
    lines += [
        ",".join("" if each is None else str(each) for each in row) for row in zip(*table.values())
    ]
    path.write_text("\n".join(lines))
    return path


# The formats, in files made here.


def test_an_sdss_spectrum_has_its_headers_wavelengths_and_its_facts(tmp_path):
    found = read_sdss(sdss_file(tmp_path / "spec-1-2-3.fits"))
    np.testing.assert_allclose(np.log10(found.wavelength), 3.58 + 1e-4 * np.arange(6), rtol=1e-14)
    assert (found.id, found.medium) == ("spec-1-2-3", "vacuum")
    assert dict(found.facts) == {
        "class_name": "STAR",
        "redshift": 0.1,
        "zwarning": 1,
        "ra_deg": 12.0,
        "sky": True,
    }
    assert (found.ivar == 2).all()
    plain = read_sdss(sdss_file(tmp_path / "b.fits", header=False))
    np.testing.assert_allclose(plain.wavelength, found.wavelength, rtol=1e-6)
    assert plain.medium == "unstated"


@pytest.mark.parametrize(("bit", "lost"), [(0, False), (2, False), (23, True), (24, True)])
def test_only_bits_that_say_lost_lose_a_pixel(bit, lost, tmp_path):
    path = sdss_file(tmp_path / "a.fits", and_mask=1 << bit)
    assert read_sdss(path).valid.any() != lost
    assert not read_sdss(path, lost_bits=range(32)).valid.any()
    assert read_sdss(path, lost_bits=()).valid.all()


def test_files_of_another_survey_are_refused_by_sdss(tmp_path):
    with pytest.raises(TableError, match="no table in its unit 1"):
        read_sdss(image_file(tmp_path / "a.fits", np.ones(5)))
    units = [fits.PrimaryHDU(), fits.table_to_hdu(Table({"wave": [1.0]}))]
    fits.HDUList(units).writeto(tmp_path / "b.fits")
    with pytest.raises(TableError, match="no column `flux` .* it has `wave`"):
        read_sdss(tmp_path / "b.fits")
    with pytest.raises(TableError, match="there is no file"):
        read_sdss(tmp_path / "c.fits")


def test_lamost_wavelengths_come_from_the_header_and_masks_from_the_fourth_row(tmp_path):
    image = np.ones((5, 4), np.float32)
    image[3] = [0, 1, 0, 0]
    path = image_file(tmp_path / "spec.fits", image, COEFF0=3.5, COEFF1=1e-4, VACUUM=True, Z=0.2)
    found = read_lamost(path)
    np.testing.assert_allclose(found.wavelength, 10 ** (3.5 + 1e-4 * np.arange(4)))
    assert found.valid.tolist() == [True, False, True, True]
    assert (found.id, found.medium, found.facts["redshift"]) == ("spec", "vacuum", 0.2)
    with pytest.raises(TableError, match="five rows"):
        read_lamost(image_file(tmp_path / "b.fits", image[:3], COEFF0=3.5))
    with pytest.raises(TableError, match="no image"):
        read_lamost(sdss_file(tmp_path / "c.fits"))


def test_a_spex_spectrum_may_lie_or_stand(tmp_path):
    image = np.array([[0.8, 0.9, 1.0, 1.1], [1.0, 2.0, np.nan, 4.0], [0.5, 0.0, 0.1, np.nan]])
    lying = read_spex(image_file(tmp_path / "a.fits", image))
    np.testing.assert_allclose(lying.wavelength, [8000, 9000, 10000, 11000])
    assert lying.ivar.tolist() == [4, 0, 0, 0]
    standing = read_spex(image_file(tmp_path / "b.fits", image.T))
    np.testing.assert_array_equal(standing.ivar, lying.ivar)
    both = image_file(tmp_path / "c.fits", np.array([image, 2 * image]))
    assert read_spex(both, aperture=1).ivar.tolist() == [1, 0, 0, 0]
    with pytest.raises(SettingsError, match="apertures 0 to 1"):
        read_spex(both, aperture=2)
    with pytest.raises(TableError, match="as rows or as columns"):
        read_spex(image_file(tmp_path / "d.fits", np.ones((7, 9))))


def test_spex_without_errors_needs_to_be_told_them(tmp_path):
    path = image_file(tmp_path / "a.fits", [[0.8, 0.9, 1.0], [1.0, 2.0, 3.0]])
    with pytest.raises(MeasurementError, match="sigma="):
        read_spex(path)
    assert read_spex(path, sigma=0.5).ivar.tolist() == [4, 4, 4]


def test_errors_of_spex_are_squared_in_double_precision(tmp_path):
    image = np.array([[0.8, 0.9, 1.0, 1.1], [1e-20] * 4, [1e-22] * 4], dtype=np.float32)
    np.testing.assert_allclose(read_spex(image_file(tmp_path / "a.fits", image)).ivar, 1e44, 1e-6)


def test_miles_weights_are_what_the_caller_says(tmp_path):
    path = tmp_path / "MILES_res2.50_star_m0001V.fits"
    image_file(path, [1.0, 2.0, 0.0], CRVAL1=3540.5, CDELT1=0.9, CRPIX1=1)
    found = read_miles(path, sigma=[0.5, 1.0, 1.0])
    np.testing.assert_allclose(found.wavelength, [3540.5, 3541.4, 3542.3])
    assert found.ivar.tolist() == [4, 1, 0]
    assert (found.id, found.medium) == ("m0001V", "air")
    with pytest.raises(MeasurementError, match="must be positive"):
        read_miles(path, sigma=0.0)
    with pytest.raises(TableError, match="CRVAL1"):
        read_miles(image_file(tmp_path / "b.fits", [1.0]), sigma=1.0)


def test_gaia_pixels_without_a_flux_are_missing(tmp_path):
    found = read_gaia_rvs(rvs_file(tmp_path / "a.csv"))
    np.testing.assert_allclose(found.ivar, [100, 0, 25])
    np.testing.assert_allclose(found.wavelength, [8460, 8460.1, 8460.2])
    assert (found.id, found.facts["ra_deg"]) == ("7", 1.5)


def test_gaia_wavelengths_may_come_from_the_shared_grid(tmp_path):
    grid = image_file(tmp_path / "grid.fits", [846.0, 847.0, 848.0])
    path = rvs_file(tmp_path / "a.csv")
    np.testing.assert_allclose(read_gaia_rvs(path, wavelength=grid).wavelength[2], 8480)


def test_gaia_tables_that_are_no_spectrum_are_refused(tmp_path):
    with pytest.raises(TableError, match="2 sources"):
        read_gaia_rvs(rvs_file(tmp_path / "a.csv", source_id=[7, 7, 8]))
    (tmp_path / "b.csv").write_text("source_id,flux\n1,2\n")
    with pytest.raises(TableError, match="lacks `flux_error`, `wavelength`"):
        read_gaia_rvs(tmp_path / "b.csv")
    with pytest.raises(TableError, match="there is no file"):
        read_gaia_rvs(tmp_path / "c.csv")


@pytest.mark.parametrize("read", [read_lamost, read_sdss, read_spex])
def test_what_is_no_fits_file_is_refused(read, tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(TableError, match="cannot be read as FITS"):
        read(path)


# The real sets.


def read_all(folder, pattern, read, step=1):
    paths = sorted(folder.glob(pattern))[::step]
    assert paths
    return [read(path) for path in paths]


def test_real_sdss_spectra_are_read(shared_data):
    spectra = read_all(shared_data, "sdss-boss-spec/fits/*.fits", read_sdss)
    assert len(spectra) == 24
    kinds = [spectrum.facts["class_name"] for spectrum in spectra]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"STAR": 9, "QSO": 9, "GALAXY": 6}
    assert not any(spectrum.facts["sky"] for spectrum in spectra)
    assert {spectrum.medium for spectrum in spectra} == {"vacuum"}
    stack = stack_spectra(spectra, log_grid(3850, 9100), normalise=divide_by_median)
    assert 0.9 < (stack.W > 0).mean() < 1


def test_real_sky_fibres_say_that_they_are(shared_data):
    spectra = read_all(shared_data, "sdss-sky-fibres/fits/*.fits", read_sdss)
    assert len(spectra) == 44
    assert all(spectrum.facts["sky"] for spectrum in spectra)
    # Sky after the sky is taken off: noise about zero as large as it says.
    pulls = np.concatenate([(s.flux * np.sqrt(s.ivar))[s.valid] for s in spectra])
    assert abs(np.median(pulls)) < 0.2
    assert 0.6 < 1.4826 * np.median(np.abs(pulls)) < 1.4


def test_real_lamost_spectra_are_read(shared_data):
    spectra = read_all(shared_data, "lamost-dr1-lrs/fits/*.fits", read_lamost)
    assert len(spectra) == 126
    stack = stack_spectra(spectra, log_grid(3800, 9000), normalise=divide_by_continuum)
    report = stack.describe(5)
    assert (report.rows, report.empty_rows.size) == (126, 0)
    # Halpha is in absorption in the mean F star, at its place in vacuum.
    hot = [spectrum.facts["subclass"][:1] == "F" for spectrum in spectra]
    near = np.abs(stack.wavelength - 6564.6) < 15
    seen = stack.W[hot][:, near] > 0
    mean = np.mean(stack.Y[hot][:, near], axis=0, where=seen)
    deepest = stack.wavelength[near][np.argmin(mean)]
    assert abs(deepest - 6564.6) < 3


def test_real_miles_stars_are_read(shared_data):
    spectra = read_all(
        shared_data, "miles-v9.1/fits/*.fits", lambda path: read_miles(path, sigma=0.01)
    )
    assert len(spectra) == 709
    (short,) = (spectrum for spectrum in spectra if spectrum.id == "m0970V")
    assert (~short.valid).sum() == 270
    stack = stack_spectra(map(to_vacuum, spectra[::20]), log_grid(3600, 7400))
    assert stack.Y.shape[0] == 36


def test_real_rvs_spectra_are_read(shared_data):
    folder = shared_data / "gaia-xp-rvs-samples/rvs"
    spectra = read_all(folder, "*.csv", read_gaia_rvs)
    assert len(spectra) == 4
    again = read_gaia_rvs(folder / "KOI-001.csv", wavelength=folder / "gaia_rvs_wavelength.fits")
    assert any(np.array_equal(again.wavelength, spectrum.wavelength) for spectrum in spectra)
    assert again.id == "2131314401800665344"
    stack = stack_spectra(spectra, linear_grid(8480, 8680, 0.25))
    # The calcium triplet's strongest line, in vacuum.
    near = np.abs(stack.wavelength - 8544.4) < 8
    for flux in stack.Y:
        assert abs(stack.wavelength[near][np.argmin(flux[near])] - 8544.4) < 2.5


@pytest.mark.parametrize("divide", [divide_by_median, divide_by_continuum])
def test_real_spex_spectra_are_read(divide, shared_data):
    spectra, without = [], []
    for path in sorted((shared_data / "spex-prism-ucd/fits").glob("*.gz"))[::9]:
        try:
            spectra.append(read_spex(path))
        except MeasurementError as error:
            assert "holds wavelength and flux and no errors" in str(error)  # noqa: PT017
            without.append(path)
    assert len(spectra) + len(without) == 187
    for path in without:
        read_spex(path, sigma=0.01)
    stack = stack_spectra(spectra, linear_grid(8500, 24000, 25), normalise=divide)
    assert (stack.W > 0).mean() > 0.98


@pytest.mark.heavy
def test_every_real_spex_spectrum_is_read_or_has_no_errors(shared_data):
    refused = 0
    paths = sorted((shared_data / "spex-prism-ucd/fits").glob("*.gz"))
    for path in paths:
        try:
            spectrum = read_spex(path)
        except MeasurementError:
            refused += 1
            spectrum = replace(read_spex(path, sigma=1.0), facts={})
        assert 5000 < spectrum.wavelength[0] < spectrum.wavelength[-1] < 30000
    assert (len(paths), refused) == (1678, 13)
