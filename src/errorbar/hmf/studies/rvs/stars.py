r"""Where stars stand in the Hertzsprung-Russell diagram.

With a parallax $\varpi$ in mas, $M_G = G + 5 \log_{10} \varpi - 10$, and to first order

$$\sigma^2_{M_G} = \sigma_G^2 + \left(\frac{5}{\ln 10} \frac{\sigma_\varpi}{\varpi}\right)^2 .$$

That holds for good parallaxes only: at $\varpi / \sigma_\varpi = 10$ the second term is 0.22 mag
and the bias some hundredths, below 5 neither is to be trusted. So stars with poorer ones are left
out, and counted. Magnitudes are those observed: extinction is not corrected.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError

__all__ = ["StarReport", "Stars", "absolute_magnitude", "place_stars"]

PER_PARALLAX = 5.0 / math.log(10.0)
PER_FLUX = 2.5 / math.log(10.0)
REASONS = {
    "no_photometry": "have no G or BP-RP",
    "no_parallax": "have no parallax or no error of it",
    "not_positive": "have a parallax that is not positive",
    "poor_parallax": "have a parallax below {cut:g} times its error",
}


@dataclass(frozen=True, slots=True)
class StarReport:
    """How many stars have a place, and how many have none for which first reason."""

    stars: int
    placed: int
    no_photometry: int
    no_parallax: int
    not_positive: int
    poor_parallax: int
    parallax_over_error: float

    def __str__(self) -> str:
        told = [f"{self.placed} of {self.stars} stars have a place."]
        for name, words in REASONS.items():
            if count := getattr(self, name):
                told.append(f"{count} {words.format(cut=self.parallax_over_error)}: left out.")
        return " ".join(told)


@dataclass(frozen=True, slots=True, eq=False)
class Stars:
    """A `table` of stars with a place, in the order of `source_id`, and what was left out.

    Its columns are `source_id`, `colour` (BP-RP), `magnitude` (absolute, G) and `magnitude_error`.
    """

    table: pl.DataFrame
    report: StarReport

    def __len__(self) -> int:
        return self.table.height


def absolute_magnitude(
    magnitude: ArrayLike,
    magnitude_error: ArrayLike,
    parallax_mas: ArrayLike,
    parallax_error_mas: ArrayLike,
) -> tuple[ndarray, ndarray]:
    """Absolute magnitudes and their errors; NaN for a parallax that is not positive."""
    g, dg, p, dp = (
        np.asarray(each, dtype=np.float64)
        for each in (magnitude, magnitude_error, parallax_mas, parallax_error_mas)
    )
    good = np.where(p > 0, p, np.nan)
    return g + 5.0 * np.log10(good) - 10.0, np.hypot(dg, PER_PARALLAX * dp / good)


def place_stars(
    table: pl.DataFrame, *, parallax_over_error: float = 10.0, zero_point_mas: float = 0.0
) -> Stars:
    """Place the stars of `MatchedData.table`, those with a good parallax.

    `zero_point_mas` is subtracted from every parallax; Gaia DR3's is about -0.04 for faint stars.
    An unknown error of G counts as zero, which it nearly is beside the parallax's.
    """
    if not parallax_over_error > 0:
        raise SettingsError(
            f"parallax_over_error={parallax_over_error:g} must be positive: an absolute magnitude "
            "needs a parallax that is known to be so."
        )
    known = table.with_columns(
        parallax=pl.col("parallax") - zero_point_mas,
        error_g=pl.coalesce(
            "phot_g_mean_mag_error", PER_FLUX / pl.col("phot_g_mean_flux_over_error"), 0.0
        ),
    ).with_columns(pl.selectors.float().fill_nan(None))
    ratio = pl.col("parallax") / pl.col("parallax_error")
    why = (
        pl.when(pl.any_horizontal(pl.col("phot_g_mean_mag", "bp_rp").is_null()))
        .then(pl.lit("no_photometry"))
        .when(
            pl.any_horizontal(pl.col("parallax", "parallax_error").is_null())
            | ~(pl.col("parallax_error") > 0)
        )
        .then(pl.lit("no_parallax"))
        .when(~(pl.col("parallax") > 0))
        .then(pl.lit("not_positive"))
        .when(~(ratio >= parallax_over_error))
        .then(pl.lit("poor_parallax"))
        .otherwise(pl.lit("placed"))
    )
    judged = known.with_columns(why=why)
    counts = dict(judged.group_by("why").len().iter_rows())
    good = judged.filter(pl.col("why") == "placed").sort("source_id")
    magnitude, error = absolute_magnitude(
        *(good[name] for name in ("phot_g_mean_mag", "error_g", "parallax", "parallax_error"))
    )
    placed = good.select("source_id", colour=pl.col("bp_rp")).with_columns(
        magnitude=magnitude, magnitude_error=error
    )
    report = StarReport(
        stars=table.height,
        placed=placed.height,
        parallax_over_error=parallax_over_error,
        **{name: counts.get(name, 0) for name in REASONS},
    )
    return Stars(placed, report)
