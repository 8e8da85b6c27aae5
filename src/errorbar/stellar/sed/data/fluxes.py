r"""Magnitudes to fluxes and back, with their errors.

Fluxes are in microjansky: an AB magnitude of 23.9 is one. Errors go over to first order,
$\sigma_f = \tfrac{\ln 10}{2.5} f \sigma_m$, which is what a catalogue did when it wrote an error in
magnitudes. Where the signal is below three sigma a magnitude has no symmetric error: keep the flux.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

__all__ = ["flux_from_asinh", "flux_from_mag", "mag_from_flux"]

AB_MICROJANSKY = 23.9
POGSON = 2.5 / np.log(10.0)

# Softening of SDSS asinh magnitudes, in units of the flux of magnitude zero.
SOFTENING = {"u": 1.4e-10, "g": 0.9e-10, "r": 1.2e-10, "i": 1.8e-10, "z": 7.4e-10}


def flux_from_mag(
    mag: Float[ndarray, "*shape"], err: Float[ndarray, "*shape"]
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """Flux and its error from AB magnitudes; what is NaN stays NaN."""
    flux = 10.0 ** (-0.4 * (mag - AB_MICROJANSKY))
    return flux, flux * err / POGSON


def mag_from_flux(
    flux: Float[ndarray, "*shape"], err: Float[ndarray, "*shape"]
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """AB magnitude and its error; a flux that is not positive has none and gives NaN."""
    seen = flux > 0
    safe = np.where(seen, flux, 1.0)
    mag = AB_MICROJANSKY - 2.5 * np.log10(safe)
    return np.where(seen, mag, np.nan), np.where(seen, POGSON * err / safe, np.nan)


def flux_from_asinh(
    mag: Float[ndarray, "*shape"], err: Float[ndarray, "*shape"], softening: float
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    r"""Flux and its error from asinh magnitudes (Lupton, Gunn & Szalay 1999).

    $m = -\frac{2.5}{\ln 10} [\sinh^{-1}(x / 2b) + \ln b]$ with $x = f / f_0$ and softening $b$
    (SDSS: 1.4, 0.9, 1.2, 1.8 and 7.4 times $10^{-10}$ in ugriz). Negative fluxes come back as such.
    """
    angle = -mag / POGSON - np.log(softening)
    unit = 10.0 ** (0.4 * AB_MICROJANSKY)
    flux = 2.0 * softening * np.sinh(angle) * unit
    return flux, 2.0 * softening * np.cosh(angle) * err / POGSON * unit
