r"""Spectral lines between 846 and 870 nm, in air and in vacuum.

Gaia's RVS wavelengths are in vacuum, and most lists of lines in air. Both follow from each other by
the index of refraction of standard air (Ciddor 1996, Applied Optics 35, 1566, eq. 1),

$$\lambda_\mathrm{vac} = n \lambda_\mathrm{air}, \qquad
n - 1 = \frac{0.05792105}{238.0185 - \sigma^2} + \frac{0.00167917}{57.362 - \sigma^2},$$

with $\sigma = 1 \mathrm{\mu m} / \lambda_\mathrm{vac}$. Near 860 nm the difference is 0.236 nm, 24
pixels of RVS, 82 km/s.

Wavelengths of atoms are those of the NIST Atomic Spectra Database in air; the diffuse interstellar
band is at rest where the Gaia DR3 study of it has it (Schultheis et al. 2023), 862.323 nm in
vacuum. Of hydrogen's Paschen lines P13 to P17 are inside; P12, at 875.0 nm, is not.
"""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

__all__ = ["RVS_LINES", "Line", "air_to_vacuum", "lines_between", "vacuum_to_air"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its species, such as `Ca II`, and its wavelength in nm at rest, in `air`."""

    species: str
    air: float

    @property
    def vacuum(self) -> float:
        """Wavelength in vacuum, as Gaia's spectra have it."""
        return float(air_to_vacuum(self.air))

    @property
    def name(self) -> str:
        """Species and wavelength in air, the usual way to speak of a line."""
        return f"{self.species} {self.air:.1f}"


def air_to_vacuum(air_nm: ArrayLike) -> ndarray:
    """Wavelengths in vacuum of wavelengths in air, both in nm."""
    air = np.asarray(air_nm, dtype=np.float64)
    vacuum = air
    # The index is a function of the wavelength in vacuum; each round gains four digits.
    for _ in range(4):
        vacuum = air * _index(vacuum)
    return vacuum


def vacuum_to_air(vacuum_nm: ArrayLike) -> ndarray:
    """Wavelengths in air of wavelengths in vacuum, both in nm."""
    vacuum = np.asarray(vacuum_nm, dtype=np.float64)
    return vacuum / _index(vacuum)


def lines_between(first_nm: float, last_nm: float) -> tuple[Line, ...]:
    """The lines whose wavelength in vacuum lies in this range."""
    return tuple(line for line in RVS_LINES if first_nm <= line.vacuum <= last_nm)


def _index(vacuum_nm: ndarray) -> ndarray:
    squared = (1e3 / vacuum_nm) ** 2
    return 1 + 0.05792105 / (238.0185 - squared) + 0.00167917 / (57.362 - squared)


AIR_NM = {
    "Ca II": (849.802, 854.209, 866.214),
    "Fe I": (846.841, 851.407, 858.226, 861.180, 862.160, 866.190, 867.475, 868.862),
    "Mg I": (847.369,),
    "Si I": (855.678, 864.847),
    "Ti I": (851.835, 867.537, 868.298, 869.233),
    "N I": (862.924, 868.028, 868.340, 868.615),
    "P13": (866.5019,),
    "P14": (859.8392,),
    "P15": (854.5383,),
    "P16": (850.2483,),
    "P17": (846.7254,),
}

RVS_LINES: tuple[Line, ...] = tuple(
    sorted(
        (
            *(Line(species, air) for species, each in AIR_NM.items() for air in each),
            Line("DIB", round(float(vacuum_to_air(862.323)), 4)),
        ),
        key=lambda line: line.air,
    )
)
