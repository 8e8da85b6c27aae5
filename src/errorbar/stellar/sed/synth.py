r"""Stars whose truth is known: drawn, seen through dust and distance, measured with noise and gaps.

Not a model of the Galaxy and not an atmosphere: a star is Planck's curve of its temperature through
the real passbands, reddened in blue bands by its metals and by its gravity in the infrared, on a
main sequence or a giant branch whose radius gives its luminosity. What matters is that every number
of the truth is there, and that errors are exactly what they say.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.stellar.sed.data import Photometry, flux_from_mag
from errorbar.stellar.sed.model.curves import passband_rule
from errorbar.stellar.sed.model.extinction import extinction_table, planck

__all__ = ["StarSettings", "SyntheticStars", "make_stars"]

GAIA_2MASS = (
    "gaiadr3-G", "gaiadr3-BP", "gaiadr3-RP", "panstarrs-g", "panstarrs-i", "panstarrs-z",
    "twomass-J", "twomass-H", "twomass-Ks", "wise2010-W1",
)  # fmt: skip
SUN_TEFF, SUN_LOGG, SUN_ABSOLUTE_AB = 5772.0, 4.438, 4.65


@dataclass(frozen=True, slots=True)
class StarSettings:
    """How stars are drawn and measured; errors are one sigma."""

    count: int = 2000
    bands: tuple[str, ...] = GAIA_2MASS
    giants: float = 0.25
    band_error: float = 0.02
    faint_limit: float = 18.5
    gaps: float = 0.08
    dust: float = 0.15
    dust_error: float = 0.03
    parallax_error_mas: float = 0.05
    teff_error_k: float = 60.0
    logg_error_dex: float = 0.1
    feh_error_dex: float = 0.08

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.giants <= 1 or not 0 <= self.gaps < 1:
            raise SettingsError(
                f"count={self.count}, giants={self.giants} and gaps={self.gaps}: at least one "
                "star, and shares between 0 and 1."
            )


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticStars:
    """Photometry, labels with their errors, and the truth behind both."""

    photometry: Photometry
    labels: dict[str, ndarray]
    errors: dict[str, ndarray]
    truth: dict[str, ndarray]
    kind: ndarray


def make_stars(settings: StarSettings | None = None, *, seed: int = 0) -> SyntheticStars:
    """Stars by these settings; equal seeds give equal stars."""
    settings = settings or StarSettings()
    rng = np.random.default_rng(seed)
    teff, logg, feh, giant = _draw(settings, rng)
    absolute = _absolute(settings.bands, teff, logg, feh)
    distance = 10 * 10 ** (0.2 * rng.uniform(4.5, 10.5, settings.count) + 0.6 * giant)
    ebv = settings.dust * rng.gamma(1.5, 1 / 1.5, settings.count)
    dimming, _ = extinction_table(settings.bands).at(ebv)
    true = absolute + 5 * np.log10(distance / 10)[:, None] + dimming
    photometry = _measure(settings, rng, true, ebv, 1000.0 / distance)
    truth = {"teff_k": teff, "logg_dex": logg, "feh_dex": feh, "ebv": ebv, "distance_pc": distance}
    noise = {
        "teff_k": settings.teff_error_k,
        "logg_dex": settings.logg_error_dex,
        "feh_dex": settings.feh_error_dex,
    }
    errors = {name: one * rng.uniform(0.5, 1.5, settings.count) for name, one in noise.items()}
    labels = {name: truth[name] + rng.normal(size=settings.count) * errors[name] for name in noise}
    return SyntheticStars(photometry, labels, errors, truth, np.where(giant > 0, "giant", "dwarf"))


def _draw(
    settings: StarSettings, rng: np.random.Generator
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    giant = (rng.random(settings.count) < settings.giants).astype(np.float64)
    dwarf_teff = 5500.0 + 900.0 * np.clip(rng.normal(size=settings.count), -2, 2.5)
    climb = rng.uniform(0, 1, settings.count)
    teff = np.where(giant > 0, 5100.0 - 1100.0 * climb, dwarf_teff)
    teff = teff + 60.0 * rng.normal(size=settings.count)
    on_branch = np.where(giant > 0, 3.3 - 2.2 * climb, 4.45 - 0.4 * (teff - 5500) / 1500)
    logg = on_branch + 0.12 * rng.normal(size=settings.count)
    feh = -0.2 + 0.35 * np.clip(rng.normal(size=settings.count), -3, 1.8)
    return teff, logg, feh, giant


def _absolute(bands: tuple[str, ...], teff: ndarray, logg: ndarray, feh: ndarray) -> ndarray:
    """Absolute AB magnitudes; a solar mass everywhere, so that gravity gives the radius."""
    columns = []
    for name in bands:
        middle = float(np.dot(*passband_rule(name)))
        blue = np.exp(-(middle - 4000.0) / 1500.0)
        infrared = np.exp(-((middle / 16000.0 - 1.0) ** 2) / 0.1)
        lines = 0.25 * feh * blue + 0.05 * infrared * (logg - SUN_LOGG)
        columns.append(_surface(name, teff) + lines)
    surface = np.column_stack(columns) - _surface(bands[0], np.array([SUN_TEFF]))
    return SUN_ABSOLUTE_AB + surface - 2.5 * (SUN_LOGG - logg)[:, None]


def _surface(name: str, teff: ndarray) -> ndarray:
    """The AB magnitude of a unit of surface, up to a constant that all bands share."""
    wave, weight = passband_rule(name)
    light = np.stack([planck(wave, float(one)) for one in teff]) @ weight
    # AB compares with a spectrum that is flat in frequency.
    return -2.5 * np.log10(light / float(weight @ wave**-2.0))


def _measure(
    settings: StarSettings, rng: np.random.Generator, true: ndarray, ebv: ndarray, parallax: ndarray
) -> Photometry:
    size = true.shape
    err = np.hypot(settings.band_error, 0.03 * 10 ** (0.3 * (true - settings.faint_limit)))
    flux, spread = flux_from_mag(true, err)
    flux = flux + spread * rng.normal(size=size)
    ceiling, _ = flux_from_mag(np.full(size, settings.faint_limit), np.ones(size))
    gap = rng.random(size) < settings.gaps
    gap[:, 0] = False
    faint = (true > settings.faint_limit) | (flux <= 0)
    wide = settings.dust_error * rng.uniform(0.5, 1.5, len(true))
    noise = settings.parallax_error_mas * rng.uniform(0.5, 1.5, len(true))
    return Photometry(
        rows=np.arange(len(true)),
        bands=settings.bands,
        flux=np.where(gap, np.nan, np.where(faint, ceiling, flux)),
        flux_err=np.where(gap | faint, np.nan, spread),
        limit=faint & ~gap,
        ebv=ebv + wide * rng.normal(size=len(true)),
        ebv_err=wide,
        parallax=parallax + noise * rng.normal(size=len(true)),
        parallax_err=noise,
        disagree=np.zeros(size, dtype=bool),
    )
