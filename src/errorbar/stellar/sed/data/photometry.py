"""Photometry of many stars: fluxes with errors, limits, gaps, reddening and parallax."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy import ndarray

from errorbar.core.errors import MeasurementError, TableError
from errorbar.stellar.sed.data.bands import find_band
from errorbar.stellar.sed.data.fluxes import mag_from_flux

__all__ = ["Photometry"]

PER_STAR = ("ebv", "ebv_err", "parallax", "parallax_err")


@dataclass(frozen=True, slots=True, eq=False)
class Photometry:
    """AB fluxes in microjansky, a row for each star and a column for each band.

    A band that was not observed is NaN in `flux` and `flux_err`. Where `limit` is true the star was
    not detected: `flux` is what it is fainter than, and `flux_err` is NaN. `ebv` is a reddening
    E(B-V) in magnitudes with its error, `parallax` is in milliarcseconds; NaN where not known, and
    never an invented value. `disagree` marks a band of a star whose repeated measurements differ
    by more than their errors allow.
    """

    rows: ndarray
    bands: tuple[str, ...]
    flux: ndarray
    flux_err: ndarray
    limit: ndarray
    ebv: ndarray
    ebv_err: ndarray
    parallax: ndarray
    parallax_err: ndarray
    disagree: ndarray

    def __post_init__(self) -> None:
        for name in self.bands:
            find_band(name)
        if len(set(self.bands)) < len(self.bands) or not self.bands:
            raise TableError(
                f"bands {self.bands} must be different and at least one; repeated measurements of "
                "a band are merged by `merge_epochs`."
            )
        size = len(self.rows), len(self.bands)
        for name in ("flux", "flux_err", "limit", "disagree"):
            kind = np.bool_ if name in ("limit", "disagree") else np.float64
            self._freeze(name, kind, size)
        for name in PER_STAR:
            self._freeze(name, np.float64, size[:1])
        self._check()

    def _freeze(self, name: str, kind: type, size: tuple[int, ...]) -> None:
        column = np.array(getattr(self, name), dtype=kind)
        if column.shape != size:
            raise TableError(f"`{name}` has shape {column.shape}, and {size} is needed.")
        column.setflags(write=False)
        object.__setattr__(self, name, column)

    def _check(self) -> None:
        bare = np.isfinite(self.flux) & ~self.limit & ~(self.flux_err > 0)
        bare |= np.isfinite(self.flux) & ~self.limit & ~np.isfinite(self.flux_err)
        _refuse(self, bare, "a flux without a positive, finite error", "A measurement has an error")
        _refuse(
            self,
            self.limit & ~(np.isfinite(self.flux) & (self.flux > 0)),
            "a limit that is not a positive flux",
            "A limit is the flux that the star is fainter than",
        )
        _refuse(self, np.isinf(self.flux), "an infinite flux", "Leave what was not observed as NaN")
        for value, error in (("ebv", "ebv_err"), ("parallax", "parallax_err")):
            known = np.isfinite(getattr(self, value))
            bad = np.flatnonzero(known & ~(getattr(self, error) > 0))
            if bad.size:
                raise MeasurementError(
                    f"`{error}` must be positive where `{value}` is known; {bad.size} of "
                    f"{len(self)} stars are not, first row {bad[0]} "
                    f"({getattr(self, error)[bad[0]]}). Say what the error is, or leave "
                    f"`{value}` as NaN."
                )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def seen(self) -> ndarray:
        """Bands that were detected."""
        return np.isfinite(self.flux) & ~self.limit

    def magnitudes(self) -> tuple[ndarray, ndarray]:
        """AB magnitudes and errors of detected bands with a positive flux; NaN elsewhere."""
        flux = np.where(self.seen, self.flux, np.nan)
        return mag_from_flux(flux, self.flux_err)

    def select(self, chosen: ndarray) -> Self:
        """Some of the stars, by a mask or by their places."""
        names = ("rows", "flux", "flux_err", "limit", "disagree", *PER_STAR)
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})


def _refuse(photometry: Photometry, bad: ndarray, what: str, way_out: str) -> None:
    places = np.argwhere(bad)
    if len(places):
        row, band = places[0]
        raise MeasurementError(
            f"{len(places)} values are {what}, first row {row}, band {photometry.bands[band]} "
            f"(flux {photometry.flux[row, band]}, error {photometry.flux_err[row, band]}). "
            f"{way_out}."
        )
