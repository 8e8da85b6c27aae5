r"""Spectra as their surveys publish them, each reader one file to one `Spectrum`.

Wavelengths become Angstrom and errors inverse variances; flux keeps the survey's units. Pixels
without an error, or that the survey's own mask calls lost, get the inverse variance 0. Facts are
called `class_name`, `subclass`, `redshift`, `ra_deg`, `dec_deg`, ... where the file has them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import MeasurementError, SettingsError, TableError
from errorbar.hmf.data.blocks.names import find_name, list_names
from errorbar.hmf.data.files import open_fits
from errorbar.hmf.data.matrix import inverse_variance
from errorbar.hmf.data.spectrum import Fact, Spectrum

__all__ = [
    "SDSS_LOST",
    "read_gaia_rvs",
    "read_lamost",
    "read_miles",
    "read_sdss",
    "read_spex",
]

# Bits of SDSS's pixel mask that say a pixel has no light to measure: every exposure rejected, no
# sky known, sky residuals, no data, rejected in combining.
SDSS_LOST = (18, 22, 23, 24, 25)
SKY_FIBRE = 1

SDSS_FACTS = {
    "CLASS": "class_name",
    "SUBCLASS": "subclass",
    "Z": "redshift",
    "Z_ERR": "redshift_error",
    "ZWARNING": "zwarning",
    "SN_MEDIAN_ALL": "snr",
    "PLUG_RA": "ra_deg",
    "PLUG_DEC": "dec_deg",
}
LAMOST_FACTS = {
    "DESIG": "designation",
    "CLASS": "class_name",
    "SUBCLASS": "subclass",
    "Z": "redshift",
    "Z_ERR": "redshift_error",
    "RA": "ra_deg",
    "DEC": "dec_deg",
    **{f"SN_{band.upper()}": f"snr_{band}" for band in "ugriz"},
}
SPEX_FACTS = {"OBJECT": "object", "DATE_OBS": "date", "YUNITS": "flux_unit", "RP": "resolution"}
RVS_FACTS = {"ra": "ra_deg", "dec": "dec_deg", "combined_transits": "transits"}

ANGSTROM_PER_UM, ANGSTROM_PER_NM = 1e4, 10.0


def read_sdss(path: str | Path, *, lost_bits: tuple[int, ...] = SDSS_LOST) -> Spectrum:
    """A `spec-PLATE-MJD-FIBER` file of SDSS or BOSS: its combined spectrum.

    A pixel is missing where all exposures agree on one of `lost_bits` of the pixel mask, which by
    default leaves out those that only warn: whole fibres carry a bit such as `BADFLAT` and are of
    use. Pass `range(32)` to heed every bit. Fibres that looked at the sky are told by the fact
    `sky`; their class and redshift are fits to noise.
    """
    path = Path(path)
    with open_fits(path) as file:
        table = _table(file, 1, path)
        for name in ("flux", "loglam", "ivar", "and_mask"):
            if find_name(table.names, name) is None:
                raise TableError(
                    f"{path} has no column `{name}` in its first table; it has "
                    f"{list_names(table.names)}. This reader takes SDSS's `spec` files."
                )
        header = file[0].header
        row = _table(file, 2, path)
        facts = _facts({name: row[name][0] for name in row.names if name in SDSS_FACTS}, SDSS_FACTS)
        loglam = np.asarray(table["loglam"], dtype=np.float64)
        lost = (np.asarray(table["and_mask"]).astype(np.int64) & _bits(lost_bits)) != 0
        flux, ivar = (np.asarray(table[name], dtype=np.float64) for name in ("flux", "ivar"))
    zwarning = facts.get("zwarning")
    if isinstance(zwarning, int):
        facts["sky"] = bool(zwarning & SKY_FIBRE)
    return Spectrum(
        wavelength=10 ** _exact_loglam(loglam, header),
        flux=flux,
        ivar=np.where(lost | ~np.isfinite(flux), 0, ivar),
        id=_stem(path),
        medium="vacuum" if header.get("VACUUM", False) else "unstated",
        facts=facts,
    )


def read_lamost(path: str | Path) -> Spectrum:
    """A low-resolution spectrum of LAMOST's first release: flux, inverse variance and masks.

    Its wavelengths follow from the header, $10^{c_0 + c_1 i}$; the image's third row, where later
    releases keep them, is a continuum here. A pixel is missing where the and-mask is set.
    """
    path = Path(path)
    with open_fits(path) as file:
        header, image = file[0].header, _image(file, path)
        if image.ndim != 2 or image.shape[0] != 5 or "COEFF0" not in header:
            raise TableError(
                f"{path} holds an image of shape {image.shape}, and this reader takes the five "
                "rows of LAMOST's first release (flux, inverse variance, continuum, two masks) "
                "with COEFF0 and COEFF1 in the header."
            )
        flux, ivar, mask = image[0], image[1], image[3]
        step = np.arange(flux.size)
        return Spectrum(
            wavelength=10 ** (header["COEFF0"] + header["COEFF1"] * step),
            flux=flux,
            ivar=np.where((mask != 0) | ~np.isfinite(flux), 0, ivar),
            id=_stem(path),
            medium="vacuum" if header.get("VACUUM", False) else "air",
            facts=_facts(header, LAMOST_FACTS),
        )


def read_spex(path: str | Path, *, sigma: ArrayLike | None = None, aperture: int = 0) -> Spectrum:
    """A spectrum of the SpeX Prism Library: wavelength (um), flux and error as rows or columns.

    Errors of 0, negative ones and NaN are the library's missing pixels. A few files have no errors
    at all: they are refused unless `sigma` says what the errors are, one for all pixels or one for
    each, in the file's flux units. A file with several apertures gives the one asked for.
    """
    path = Path(path)
    with open_fits(path) as file:
        header, image = file[0].header, _image(file, path)
    if image.ndim == 3:
        if not 0 <= aperture < len(image):
            raise SettingsError(f"{path} has apertures 0 to {len(image) - 1}, not {aperture}.")
        image = image[aperture]
    if image.ndim == 2 and image.shape[1] < image.shape[0]:
        image = image.T
    if image.ndim != 2 or not 2 <= image.shape[0] <= 4:
        raise TableError(
            f"{path} holds an image of shape {image.shape}: this reader takes wavelength, flux and "
            "error, as rows or as columns."
        )
    if sigma is None and image.shape[0] == 2:
        raise MeasurementError(
            f"{path} holds wavelength and flux and no errors: say what they are with sigma=..., "
            "or leave the spectrum out."
        )
    # Squares of errors in W m-2 um-1 are below what single precision holds.
    image = image.astype(np.float64)
    errors = image[2] if sigma is None else np.broadcast_to(np.asarray(sigma), image[1].shape)
    return Spectrum(
        wavelength=image[0] * ANGSTROM_PER_UM,
        flux=image[1],
        ivar=np.where(np.isfinite(image[1]), inverse_variance(errors, missing=True), 0),
        id=_stem(path),
        facts=_facts(header, SPEX_FACTS),
    )


def read_miles(path: str | Path, *, sigma: ArrayLike) -> Spectrum:
    """A star of the MILES library, whose files hold no errors: `sigma` says what they are.

    It is one error for all pixels or one for each, in the file's units, in which the flux is near
    1. The fit takes it at its word, so robust weights and outlier scores are relative to it. A flux
    of exactly 0 is how the library fills what it lacks, and is missing.
    """
    path = Path(path)
    with open_fits(path) as file:
        header, flux = file[0].header, _image(file, path)
        if flux.ndim != 1 or "CRVAL1" not in header or "CDELT1" not in header:
            raise TableError(
                f"{path} holds an image of shape {flux.shape}: this reader takes one row of flux "
                "with CRVAL1 and CDELT1 in the header."
            )
        pixel = np.arange(flux.size) + 1 - header.get("CRPIX1", 1)
        wavelength = header["CRVAL1"] + header["CDELT1"] * pixel
    ivar = inverse_variance(np.broadcast_to(np.asarray(sigma), flux.shape))
    return Spectrum(
        wavelength=wavelength,
        flux=flux,
        ivar=np.where((flux == 0) | ~np.isfinite(flux), 0, ivar),
        id=_stem(path).removeprefix("MILES_res2.50_star_"),
        medium="air",
        facts=_facts(header, {"FWHM": "fwhm_angstrom"}),
    )


def read_gaia_rvs(path: str | Path, *, wavelength: str | Path | None = None) -> Spectrum:
    """A mean RVS spectrum of Gaia DR3, as a table of wavelength (nm), flux and error.

    Where the table has no wavelengths they come from the FITS image `wavelength`, which all RVS
    spectra share. Pixels without a flux are missing.
    """
    import polars as pl

    path = Path(path)
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the spectrum.")
    try:
        frame = pl.read_csv(path, infer_schema_length=None, null_values=["", "null", "NaN", "nan"])
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path} cannot be read as CSV: {error}.") from error
    needed = ["source_id", "flux", "flux_error", *(["wavelength"] if wavelength is None else [])]
    lacking = [name for name in needed if name not in frame.columns]
    if lacking:
        raise TableError(
            f"{path} lacks {list_names(lacking)}; it has {list_names(frame.columns)}. Wavelengths "
            "may also come from the shared FITS grid, with wavelength=..."
        )
    sources = frame.get_column("source_id").unique(maintain_order=True).to_list()
    if len(sources) != 1:
        raise TableError(
            f"{path} holds {len(sources)} sources: this reader takes one spectrum a file; split "
            "the table by `source_id`."
        )
    if wavelength is None:
        axis = _column(frame, "wavelength")
    else:
        with open_fits(Path(wavelength)) as file:
            axis = np.asarray(_image(file, Path(wavelength)), dtype=np.float64)
    flux, errors = _column(frame, "flux"), _column(frame, "flux_error")
    known = np.isfinite(flux)
    return Spectrum(
        wavelength=axis * ANGSTROM_PER_NM,
        flux=flux,
        ivar=np.where(known, inverse_variance(errors, missing=True), 0),
        id=str(sources[0]),
        medium="vacuum",
        facts=_facts(frame.row(0, named=True), RVS_FACTS),
    )


def _image(file: Any, path: Path) -> NDArray[Any]:
    if file[0].data is None:
        raise TableError(f"{path} has no image in its first unit: it is not of this survey.")
    return np.asarray(file[0].data)


def _table(file: Any, unit: int, path: Path) -> Any:
    if len(file) <= unit or getattr(file[unit].data, "names", None) is None:
        raise TableError(
            f"{path} has no table in its unit {unit}: this reader takes SDSS's `spec` files."
        )
    return file[unit].data


def _column(frame: Any, name: str) -> NDArray[np.float64]:
    import polars as pl

    # A column without a single number is read as text.
    return frame.get_column(name).cast(pl.Float64).fill_null(np.nan).to_numpy()


def _facts(source: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Fact]:
    """Plain values of what the file says, under our names."""
    facts: dict[str, Fact] = {}
    for theirs, ours in names.items():
        value = source.get(theirs)
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, str):
            value = value.strip()
        if isinstance(value, (str, int, float, bool)):
            facts[ours] = value
    return facts


def _bits(bits: tuple[int, ...] | range) -> int:
    return sum(1 << bit for bit in set(bits))


def _exact_loglam(loglam: NDArray[np.float64], header: Any) -> NDArray[np.float64]:
    """The header's wavelengths, if they are those of the table up to its rounding.

    The table has them in single precision, which moves pixels by up to 0.2 % of their size.
    """
    if "COEFF0" not in header or "COEFF1" not in header:
        return loglam
    exact = header["COEFF0"] + header["COEFF1"] * np.arange(loglam.size)
    return exact if np.abs(exact - loglam).max() < 1e-6 else loglam


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".fits")
