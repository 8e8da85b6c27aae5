r"""One spectrum as its survey wrote it, and what may be done to one alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.hmf.data.spectra import check_wavelength

__all__ = ["Fact", "Medium", "Spectrum", "divide_by_continuum", "divide_by_median", "to_vacuum"]

Fact = str | int | float | bool | None
Medium = Literal["vacuum", "air", "unstated"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Flux densities per wavelength and their inverse variances; 0 says missing.

    `wavelength` is in Angstrom, increasing, in `medium`; `flux` in the survey's own units. `facts`
    are what the file says about the object (class, redshift, quality), names as the reader's
    docstring gives them.
    """

    wavelength: Floats
    flux: Floats
    ivar: Floats
    id: str
    medium: Medium = "unstated"
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("flux", "ivar"):
            column = np.array(getattr(self, name), dtype=np.float64)
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        axis = check_wavelength(self.wavelength, self.flux.size)
        object.__setattr__(self, "wavelength", axis)
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))
        if not self.flux.shape == self.ivar.shape == self.wavelength.shape:
            raise MeasurementError(
                f"spectrum {self.id}: flux {self.flux.shape}, ivar {self.ivar.shape} and "
                f"wavelength {self.wavelength.shape} must have one axis of one length."
            )
        self._refuse("ivar", ~((self.ivar >= 0) & (self.ivar < np.inf)), "finite and not negative")
        self._refuse(
            "flux", (self.ivar > 0) & ~np.isfinite(self.flux), "finite where ivar is not 0"
        )

    def __len__(self) -> int:
        return self.flux.size

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which pixels were measured."""
        return self.ivar > 0

    def at_rest(self, redshift: float) -> Self:
        """In the frame of an object that moves away with `redshift`; flux keeps its units."""
        if not redshift > -1:
            raise SettingsError(f"redshift={redshift} is none: it must be above -1.")
        return replace(self, wavelength=self.wavelength / (1 + redshift))

    def _refuse(self, name: str, wrong: NDArray[np.bool_], must: str) -> None:
        bad = np.flatnonzero(wrong)
        if bad.size:
            raise MeasurementError(
                f"spectrum {self.id}: `{name}` must be {must}; {bad.size} pixels are not, first "
                f"pixel {bad[0]} ({getattr(self, name)[bad[0]]}). Set ivar to 0 there to say that "
                "the pixel is missing."
            )


def to_vacuum(spectrum: Spectrum) -> Spectrum:
    r"""A spectrum with wavelengths in air, given at those in vacuum; it keeps its pixels.

    $\lambda_\mathrm{vac} = n \lambda_\mathrm{air}$ with the index of standard air from
    Ciddor (1996), Applied Optics 35, 1566, eq. 1; found by iteration, because the index is a
    function of the wavelength in vacuum. At 5000 Angstrom the difference is 1.4 Angstrom, which is
    84 km/s.
    """
    if spectrum.medium == "vacuum":
        return spectrum
    if spectrum.medium == "unstated":
        raise SettingsError(
            f"spectrum {spectrum.id} does not say whether its wavelengths are in air: set `medium` "
            "with dataclasses.replace, if you know."
        )
    vacuum = spectrum.wavelength
    for _ in range(4):
        wavenumber = (1e4 / vacuum) ** 2
        index = 1 + 0.05792105 / (238.0185 - wavenumber) + 0.00167917 / (57.362 - wavenumber)
        vacuum = spectrum.wavelength * index
    return replace(spectrum, wavelength=vacuum, medium="vacuum")


def divide_by_median(spectrum: Spectrum, *, window: tuple[float, float] | None = None) -> Spectrum:
    """In units of its median flux over the valid pixels, or over those in a window of wavelength.

    The inverse variances are scaled along; the median is taken as exact.
    """
    low, high = (-np.inf, np.inf) if window is None else window
    inside = spectrum.valid & (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    level = float(np.median(spectrum.flux[inside])) if inside.any() else np.nan
    if not level > 0:
        raise MeasurementError(
            f"spectrum {spectrum.id} has no positive median flux to divide by ({level}, of "
            f"{np.count_nonzero(inside)} valid pixels): leave it out, or choose another window."
        )
    return replace(spectrum, flux=spectrum.flux / level, ivar=spectrum.ivar * level**2)


def divide_by_size(spectrum: Spectrum) -> Spectrum:
    """In units of the median *size* of its flux, which is not near zero where the flux is.

    Divided by its median an empty fibre would become a bright spectrum of either sign.
    """
    size = float(np.median(np.abs(spectrum.flux[spectrum.valid]))) if spectrum.valid.any() else 0.0
    if not size > 0:
        raise MeasurementError(
            f"spectrum {spectrum.id} has no flux to divide by, in "
            f"{np.count_nonzero(spectrum.valid)} valid pixels: leave it out."
        )
    return replace(spectrum, flux=spectrum.flux / size, ivar=spectrum.ivar * size**2)


def divide_by_continuum(
    spectrum: Spectrum,
    *,
    degree: int = 5,
    clip: tuple[float, float] = (1.0, 3.0),
    rounds: int = 8,
    floor: float = 0.05,
) -> Spectrum:
    """Over a smooth continuum: a weighted polynomial in log wavelength through its upper part.

    Each round leaves out pixels more than `clip` robust standard deviations below and above the
    last one, more strictly below, because lines absorb. Where the continuum is under `floor` times
    its median, pixels become missing. The inverse variances are scaled along; the continuum is
    taken as exact, so its own error, which neighbouring pixels share, is not in them.
    """
    valid = spectrum.valid
    if np.count_nonzero(valid) <= degree:
        raise MeasurementError(
            f"spectrum {spectrum.id} has {np.count_nonzero(valid)} valid pixels, too few for a "
            f"continuum of degree {degree}: leave it out, or lower the degree."
        )
    axis = np.log(spectrum.wavelength)
    axis = 2 * (axis - axis[0]) / max(axis[-1] - axis[0], 1e-300) - 1
    flux = np.where(valid, spectrum.flux, 0)
    # No pixel weighs more than a few typical ones: the brightest part must not fix the rest.
    weight = np.minimum(spectrum.ivar, 3 * np.median(spectrum.ivar[valid]))
    used, curve = valid, np.zeros_like(flux)
    for _ in range(rounds):
        fit = np.polynomial.chebyshev.Chebyshev.fit(
            axis[used], flux[used], degree, w=np.sqrt(weight[used]), domain=(-1, 1)
        )
        curve = fit(axis)
        away = flux - curve
        spread = 1.4826 * float(np.median(np.abs(away[used])))
        kept = valid & (away >= -clip[0] * spread) & (away <= clip[1] * spread)
        if np.count_nonzero(kept) <= 2 * degree or np.array_equal(kept, used):
            break
        used = kept
    level = float(np.median(curve[valid]))
    if not level > 0:
        raise MeasurementError(
            f"spectrum {spectrum.id} has no positive continuum (median {level}): leave it out."
        )
    good = curve > floor * level
    curve = np.where(good, curve, 1)
    return replace(
        spectrum,
        flux=np.where(good, spectrum.flux / curve, np.nan),
        ivar=np.where(good, spectrum.ivar * curve**2, 0),
    )
