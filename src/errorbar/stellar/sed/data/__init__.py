"""Photometry as it comes: bands, fluxes with errors, limits, gaps, repeats."""

from errorbar.stellar.sed.data.bands import BANDS, Band, find_band
from errorbar.stellar.sed.data.fluxes import flux_from_asinh, flux_from_mag, mag_from_flux
from errorbar.stellar.sed.data.merge import merge_epochs
from errorbar.stellar.sed.data.photometry import Photometry
from errorbar.stellar.sed.data.tables import BandColumns, SedColumns, as_frame, read_photometry

__all__ = [
    "BANDS",
    "Band",
    "BandColumns",
    "Photometry",
    "SedColumns",
    "as_frame",
    "find_band",
    "flux_from_asinh",
    "flux_from_mag",
    "mag_from_flux",
    "merge_epochs",
    "read_photometry",
]
