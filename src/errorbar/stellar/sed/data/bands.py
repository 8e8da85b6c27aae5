r"""Bands by the name of their passband, and what a magnitude of zero means in each.

Names are those of speclite's passbands. `ab_offset` is what turns a magnitude as its survey writes
it into an AB magnitude, $m_\mathrm{AB} = m + \mathrm{offset}$, and `source` says where it is from.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from errorbar.core.errors import SettingsError

__all__ = ["BANDS", "Band", "find_band"]

AB_ZERO_JY = 3630.7805

SYSTEMS = ("native", "AB", "Vega")


@dataclass(frozen=True, slots=True)
class Band:
    """A passband, the system in which its survey writes magnitudes, and its way to AB."""

    name: str
    system: str
    ab_offset: float
    source: str

    def offset(self, system: str = "native") -> float:
        """What is added to a magnitude of `system` ("native", "AB", "Vega") to make it AB."""
        if system not in SYSTEMS:
            raise SettingsError(f"system={system!r} is not one of {', '.join(SYSTEMS)}.")
        if system == "AB":
            return 0.0
        if system == "Vega" and self.system != "Vega":
            raise SettingsError(
                f"{self.name} has no Vega zero point here: its survey writes {self.system} "
                "magnitudes. Turn yours into AB first, and say system='AB'."
            )
        return self.ab_offset


def _from_flux(jansky: float) -> float:
    """The AB magnitude of Vega's zero, from its flux density."""
    return -2.5 * float(np.log10(jansky / AB_ZERO_JY))


GAIA = (
    "Gaia DR3 documentation, table 5.2 (Riello et al. 2021, arXiv:2012.01916): "
    "AB less Vega zero points"
)
TWOMASS = "Cohen, Wheaton & Megeath 2003, AJ 126, 1090: 1594, 1024 and 666.7 Jy at magnitude zero"
WISE = "Explanatory Supplement to the WISE All-Sky release, section IV.4.h: Vega to AB"
BESSELL = "Bessell, Castelli & Plez 1998, A&A 333, 231, table A2: flux density at magnitude zero"
SDSS = "SDSS photometric flux calibration: u_AB = u - 0.04, z_AB = z + 0.02, others as they are"
PANSTARRS = "Tonry et al. 2012, ApJ 750, 99: AB"

_VEGA = {
    "gaiadr3-G": (25.8010446445 - 25.6873668671, GAIA),
    "gaiadr3-BP": (25.3539555559 - 25.3385422158, GAIA),
    "gaiadr3-RP": (25.1039837393 - 24.7478955012, GAIA),
    "twomass-J": (_from_flux(1594.0), TWOMASS),
    "twomass-H": (_from_flux(1024.0), TWOMASS),
    "twomass-Ks": (_from_flux(666.7), TWOMASS),
    "wise2010-W1": (2.699, WISE),
    "wise2010-W2": (3.339, WISE),
    "wise2010-W3": (5.174, WISE),
    "wise2010-W4": (6.620, WISE),
    "bessell-U": (_from_flux(1790.0), BESSELL),
    "bessell-B": (_from_flux(4063.0), BESSELL),
    "bessell-V": (_from_flux(3636.0), BESSELL),
    "bessell-R": (_from_flux(3064.0), BESSELL),
    "bessell-I": (_from_flux(2416.0), BESSELL),
}

_AB = {
    **{f"panstarrs-{name}": (0.0, PANSTARRS) for name in "grizy"},
    **{f"sdss2010-{name}": (0.0, SDSS) for name in "gri"},
    "sdss2010-u": (-0.04, SDSS),
    "sdss2010-z": (0.02, SDSS),
    **{f"galex-{name}": (0.0, "Morrissey et al. 2007: AB") for name in ("fuv", "nuv")},
    **{f"lsst2023-{name}": (0.0, "Ivezic et al. 2019: AB") for name in "ugrizy"},
    **{f"decam2014-{name}": (0.0, "DES data releases: AB") for name in "ugrizY"},
    **{f"Euclid-{name}": (0.0, "Euclid data releases: AB") for name in ("VIS", "Y", "J", "H")},
}

BANDS = MappingProxyType(
    {
        **{name: Band(name, "Vega", *rest) for name, rest in _VEGA.items()},
        **{name: Band(name, "AB", *rest) for name, rest in _AB.items()},
    }
)


def find_band(name: str) -> Band:
    """The band of this name."""
    if name not in BANDS:
        raise SettingsError(
            f"there is no band {name!r}; those with a zero point are {', '.join(sorted(BANDS))}."
        )
    return BANDS[name]
