r"""How much dust dims a star in a band, and how that changes with the reddening.

$A_b(E) = -2.5 \log_{10} \frac{\int S_\lambda R \lambda \, 10^{-0.4 k(\lambda) R_V E} d\lambda}
{\int S_\lambda R \lambda \, d\lambda}$ for a star of spectrum $S_\lambda$ (Planck's of a
temperature), reddening $E = E(B-V)$ and a law $k = A(\lambda) / A(V)$ of `dust_extinction`. In wide
bands it is not linear in $E$. Its slope $dA_b / dE$ is what an error of $E$ does to each band: one
error that all bands of a star share.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.core.extras import load
from errorbar.stellar.sed.model.curves import NODES, passband_rule

__all__ = ["LAWS", "ExtinctionTable", "extinction_table", "law_curve", "planck"]

LAWS = ("CCM89", "F99", "F19", "G23", "O94")

HC_OVER_K = 1.438776877e8  # angstrom kelvin


@dataclass(frozen=True, slots=True, eq=False)
class ExtinctionTable:
    """Nodes of each band with the weight of the source's light in them and $A(\\lambda)/E(B-V)$."""

    weight: Float[ndarray, "bands nodes"]
    curve: Float[ndarray, "bands nodes"]

    def at(
        self, ebv: Float[ndarray, " rows"]
    ) -> tuple[Float[ndarray, "rows bands"], Float[ndarray, "rows bands"]]:
        """Extinction of each band in magnitudes, and its slope, at each star's reddening."""
        ends = []
        for weight, curve in zip(self.weight, self.curve):
            left = weight * np.exp(-0.4 * np.log(10.0) * ebv[:, None] * curve)
            total = left.sum(axis=1)
            ends.append((-2.5 * np.log10(total), (left * curve).sum(axis=1) / total))
        dimming, slope = (np.column_stack(each) for each in zip(*ends))
        return dimming, slope


def extinction_table(
    bands: tuple[str, ...], *, law: str = "G23", rv: float = 3.1, teff: float = 5500.0
) -> ExtinctionTable:
    """What `at` needs for these bands, from passbands and the law."""
    rules = [passband_rule(name) for name in bands]
    wave = np.array([place for place, _ in rules])
    light = np.array([share for _, share in rules]) * planck(wave, teff)
    return ExtinctionTable(
        weight=light / light.sum(axis=1, keepdims=True),
        curve=law_curve(wave.ravel(), law=law, rv=rv).reshape(len(bands), NODES) * rv,
    )


def law_curve(
    wave: Float[ndarray, " points"], *, law: str = "G23", rv: float = 3.1
) -> Float[ndarray, " points"]:
    """$A(\\lambda) / A(V)$ at wavelengths in angstrom."""
    if law not in LAWS:
        raise SettingsError(f"there is no law {law!r} here; choose one of {', '.join(LAWS)}.")
    rooms = load("dust_extinction.parameter_averages", "stellar")
    units = load("astropy.units", "stellar")
    model = getattr(rooms, law)(Rv=rv)
    low, high = model.x_range
    inverse = 1e4 / wave
    outside = np.flatnonzero((inverse < low) | (inverse > high))
    if outside.size:
        raise SettingsError(
            f"{law} is known from {1 / high:.3g} to {1 / low:.3g} micrometres, and "
            f"{outside.size} nodes of the bands lie outside, first at "
            f"{wave[outside[0]] / 1e4:.3g}: take law='G23', which reaches from 0.09 to 32."
        )
    return np.asarray(model(inverse / units.micron), dtype=np.float64)


def planck(wave: Float[ndarray, "*shape"], teff: float) -> Float[ndarray, "*shape"]:
    """Planck's curve per wavelength (angstrom), up to a factor."""
    # About one wavelength, so that neither power nor exponential is out of range.
    return (5e3 / wave) ** 5 / np.expm1(HC_OVER_K / (wave * teff))
