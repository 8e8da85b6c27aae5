r"""Photometry made ready by a recipe: the one function that training and serving call.

A magnitude loses its extinction at the star's reddening. Errors of a star's bands are then not
independent: their covariance is $\mathrm{diag}(\sigma^2) + \sigma_E^2 \, s s^\top$ with slopes
$s = dA/dE$, kept in its parts.

Luminosity is linear in parallax, $a = \varpi \, 10^{0.2 (m_0 - 10)}$ with $\varpi$ in
milliarcseconds (astrometry-based luminosity, Arenou & Luri 1999: $a = 10^{0.2 M_0}$ without
noise), so that a parallax that is small, zero or negative is as good a number as any other, and its
error is normal. $1 / \varpi$ is never taken.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.stellar.sed.data import Photometry, mag_from_flux
from errorbar.stellar.sed.model.extinction import ExtinctionTable, extinction_table
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["FLAGS", "Prepared", "prepare"]

FLAGS = ("few_bands", "blind_reddening", "no_parallax", "limits", "disagreeing_epochs")

LIMIT_SIGMA = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Stars as models see them.

    `mag` and `sigma` are dereddened AB magnitudes and each band's own error, NaN where a band was
    not detected; `faint` is the dereddened magnitude that an undetected band is fainter than.
    `slope` is what an error of one in E(B-V) does to each band; `luminosity` is linear in parallax.
    `flag` has a column for each of `FLAGS`.
    """

    rows: ndarray
    mag: Float[ndarray, "rows bands"]
    sigma: Float[ndarray, "rows bands"]
    faint: Float[ndarray, "rows bands"]
    slope: Float[ndarray, "rows bands"]
    ebv: Float[ndarray, " rows"]
    ebv_err: Float[ndarray, " rows"]
    luminosity: Float[ndarray, " rows"]
    luminosity_err: Float[ndarray, " rows"]
    flag: Bool[ndarray, "rows flags"]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def seen(self) -> Bool[ndarray, "rows bands"]:
        """Bands that were detected."""
        return np.isfinite(self.mag)

    def covariance(self) -> Float[ndarray, "rows bands bands"]:
        """The covariance of dereddened magnitudes; NaN where a band was not detected."""
        shared = np.square(self.ebv_err)[:, None, None]
        own = np.square(self.sigma)[:, :, None] * np.eye(self.mag.shape[1])
        found = own + shared * self.slope[:, :, None] * self.slope[:, None, :]
        pair = self.seen[:, :, None] & self.seen[:, None, :]
        return np.where(pair, found, np.nan)


def prepare(
    photometry: Photometry, recipe: SedRecipe, table: ExtinctionTable | None = None
) -> Prepared:
    """The stars as `recipe` says; `table` is its extinction table where that is at hand."""
    chosen = _places(photometry, recipe)
    flux, err = photometry.flux[:, chosen], photometry.flux_err[:, chosen]
    limit = photometry.limit[:, chosen]
    dim = np.isfinite(flux) & ~limit & (flux <= 0)
    ceiling = np.where(dim, LIMIT_SIGMA * err, np.where(limit, flux, np.nan))
    flux = np.where(limit | dim, np.nan, flux)
    mag, own = mag_from_flux(flux, err)
    faint, _ = mag_from_flux(ceiling, ceiling)
    blind = ~np.isfinite(photometry.ebv)
    ebv = np.where(blind, recipe.blind_ebv, photometry.ebv)
    ebv_err = np.where(blind, recipe.blind_ebv_err, photometry.ebv_err)
    slope = np.zeros(mag.shape)
    if recipe.deredden:
        dimming, slope = (table or table_of(recipe)).at(ebv)
        mag, faint = mag - dimming, faint - dimming
    at = recipe.bands.index(recipe.luminosity_band)
    reach = 10.0 ** (0.2 * (mag[:, at] - 10.0))
    parallax = photometry.parallax + recipe.parallax_offset_mas
    seen = np.isfinite(mag)
    flags = (
        seen.sum(axis=1) < recipe.least_bands,
        blind & recipe.deredden,
        ~np.isfinite(parallax),
        (limit | dim).any(axis=1),
        photometry.disagree[:, chosen].any(axis=1),
    )
    return Prepared(
        rows=photometry.rows,
        mag=mag,
        sigma=np.where(seen, np.sqrt(own**2 + recipe.error_floor**2), np.nan),
        faint=faint,
        slope=slope,
        ebv=ebv,
        ebv_err=ebv_err,
        luminosity=parallax * reach,
        luminosity_err=photometry.parallax_err * reach,
        flag=np.column_stack(flags),
    )


def table_of(recipe: SedRecipe) -> ExtinctionTable:
    """The extinction table of a recipe."""
    return extinction_table(recipe.bands, law=recipe.law, rv=recipe.rv, teff=recipe.source_teff)


def _places(photometry: Photometry, recipe: SedRecipe) -> list[int]:
    missing = [name for name in recipe.bands if name not in photometry.bands]
    if missing:
        raise TableError(
            f"the photometry has no column for {', '.join(missing)}, which the recipe names; it "
            f"has {', '.join(photometry.bands)}. A band that was never observed is a column of NaN."
        )
    return [photometry.bands.index(name) for name in recipe.bands]
