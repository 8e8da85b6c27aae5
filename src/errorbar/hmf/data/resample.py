r"""Spectra brought onto one grid of wavelengths, with their variances.

A pixel reaches half way to each neighbour, but not across a gap: where one neighbour is more than
twice as far as the other, as far as to the nearer. Grids are sets of such pixels too.

- `"ivar"`: each new pixel is the mean of the old pixels it covers, weighted by inverse variance
  times the covered fraction $o$ of each: $f = \sum o w f / \sum o w$, with variance
  $\sum o^2 w / (\sum o w)^2$. The least noise.
- `"mean"`: weighted by the covered length $l$ alone, which keeps the integral of the flux where
  no pixel is missing: $f = \sum l f / \sum l$, with variance $\sum l^2 / w / (\sum l)^2$.
- `"linear"`: between the two nearest pixels, $f = (1-t) f_0 + t f_1$, with variance
  $(1-t)^2 / w_0 + t^2 / w_1$. For grids about as fine as the spectrum: on a coarser one it throws
  light away.

Each variance is right for its own pixel. New pixels that share an old one are correlated, which a
diagonal $W$ cannot say: on a grid finer than the spectrum, sums of chi squared over pixels are too
large by about the ratio of the pixels' sizes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from errorbar.core.errors import MeasurementError, SettingsError
from errorbar.hmf.data.spectra import Spectra, check_wavelength
from errorbar.hmf.data.spectrum import Spectrum

__all__ = ["ResampleRule", "linear_grid", "log_grid", "resample_to", "stack_spectra"]

ResampleRule = Literal["ivar", "mean", "linear"]
Floats = NDArray[np.float64]

# A part of a pixel below this is round-off of its edges.
SLIVER = 1e-9


def linear_grid(start: float, stop: float, step: float) -> Floats:
    """Wavelengths from `start` to at most `stop`, `step` apart."""
    _check_grid(start, stop, step)
    steps = np.arange(_steps(stop - start, step), dtype=np.float64)
    return start + step * steps


def log_grid(start: float, stop: float, step: float = 1e-4) -> Floats:
    """Wavelengths from `start` to at most `stop`, `step` apart in log10: one velocity a pixel.

    The usual step of SDSS and LAMOST, 1e-4, is 69 km/s.
    """
    _check_grid(start, stop, step)
    steps = np.arange(_steps(float(np.log10(stop / start)), step), dtype=np.float64)
    return np.asarray(start * 10 ** (step * steps), dtype=np.float64)


def resample_to(
    spectrum: Spectrum,
    grid: ArrayLike,
    *,
    rule: ResampleRule = "ivar",
    coverage: float = 0.5,
) -> Spectrum:
    """The spectrum in the pixels of `grid`, wavelengths in Angstrom that increase.

    A new pixel is missing where valid old pixels cover less than the fraction `coverage` of it
    (rules `ivar` and `mean`), or where an old pixel that it needs is missing (`linear`).
    """
    if rule not in get_args(ResampleRule):
        raise SettingsError(f"rule={rule!r} is not one of {', '.join(get_args(ResampleRule))}.")
    if not 0 < coverage <= 1:
        raise SettingsError(f"coverage={coverage} is not a fraction above 0 and up to 1.")
    centres = check_wavelength(grid, np.size(grid))
    if centres is None or centres.size < 2 or len(spectrum) < 2:
        raise SettingsError("a grid and a spectrum of fewer than two pixels have no pixel size.")
    if rule == "linear":
        flux, ivar = _between(spectrum, centres)
    else:
        flux, ivar = _gather(spectrum, centres, rule, coverage)
    return replace(spectrum, wavelength=centres, flux=flux, ivar=ivar)


def stack_spectra(
    spectra: Iterable[Spectrum],
    grid: ArrayLike,
    *,
    rule: ResampleRule = "ivar",
    coverage: float = 0.5,
    normalise: Callable[[Spectrum], Spectrum] | None = None,
    dtype: DTypeLike = np.float64,
) -> Spectra:
    """Many spectra on one grid, as the matrices of a fit.

    `normalise` is applied after resampling: `divide_by_median`, `divide_by_continuum`, or your own
    that scales `ivar` along. All must be in one medium, because air shifts lines by 1.4 Angstrom at
    5000; `to_vacuum` brings them together. Rows keep the order and the ids of the spectra.
    """
    kind: Any = np.dtype(dtype)
    rows: list[Spectrum] = []
    for spectrum in spectra:
        if rows and spectrum.medium != rows[0].medium:
            raise MeasurementError(
                f"spectrum {spectrum.id} has wavelengths in {spectrum.medium}, and {rows[0].id} in "
                f"{rows[0].medium}: bring all of them into one with `to_vacuum`, or set `medium` "
                "with dataclasses.replace where you know it."
            )
        found = resample_to(spectrum, grid, rule=rule, coverage=coverage)
        rows.append(found if normalise is None else normalise(found))
    if not rows:
        raise MeasurementError("there are no spectra to stack: pass at least one.")
    with np.errstate(over="ignore"):
        Y, W = (
            np.array([getattr(row, name) for row in rows]).astype(kind, copy=False)
            for name in ("flux", "ivar")
        )
    lost = np.flatnonzero((~np.isfinite(W)).any(axis=1))
    if lost.size:
        raise MeasurementError(
            f"{lost.size} spectra have inverse variances beyond {kind}, first {rows[lost[0]].id}: "
            "normalise them, or use float64."
        )
    return Spectra(Y, W, tuple(row.id for row in rows), rows[0].wavelength)


def _between(spectrum: Spectrum, centres: Floats) -> tuple[Floats, Floats]:
    axis, ivar = spectrum.wavelength, spectrum.ivar
    left = np.clip(np.searchsorted(axis, centres, side="right") - 1, 0, axis.size - 2)
    part = (centres - axis[left]) / (axis[left + 1] - axis[left])
    part = np.where(np.abs(part) < SLIVER, 0.0, np.where(np.abs(part - 1) < SLIVER, 1.0, part))
    low, high = _edges(axis)
    joined = high[left] >= low[left + 1]
    good = (part >= 0) & (part <= 1)
    good &= (part == 1) | (ivar[left] > 0)
    good &= (part == 0) | (ivar[left + 1] > 0)
    good &= joined | (part == 0) | (part == 1)
    flux = np.where(spectrum.valid, spectrum.flux, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # A share of nothing must not meet the infinite variance of a missing pixel.
        first = np.where(part == 1, 0, (1 - part) ** 2 / ivar[left])
        second = np.where(part == 0, 0, part**2 / ivar[left + 1])
        weight = np.where(good, 1 / (first + second), 0)
    value = (1 - part) * flux[left] + part * flux[left + 1]
    return np.where(good, value, np.nan), weight


def _gather(
    spectrum: Spectrum, centres: Floats, rule: ResampleRule, coverage: float
) -> tuple[Floats, Floats]:
    """Sums over all pieces that the edges of old and new pixels cut the axis into."""
    low, high = _edges(spectrum.wavelength)
    bottom, top = _edges(centres)
    cuts = np.unique(np.concatenate([low, high, bottom, top]))
    middle, length = 0.5 * (cuts[1:] + cuts[:-1]), np.diff(cuts)
    old = np.searchsorted(low, middle, side="right") - 1
    new = np.searchsorted(bottom, middle, side="right") - 1
    inside = (old >= 0) & (new >= 0) & (middle < high[old]) & (middle < top[new])
    inside &= spectrum.valid[old] & (length > SLIVER * (high[old] - low[old]))
    old, new, length = old[inside], new[inside], length[inside]

    weight = spectrum.ivar[old]
    share = length / (high[old] - low[old]) * weight if rule == "ivar" else length

    def total(values: Floats) -> Floats:
        return np.asarray(np.bincount(new, values, centres.size), dtype=np.float64)

    shares = total(share)
    good = (total(length) >= (coverage - SLIVER) * (top - bottom)) & (shares > 0)
    shares = np.where(good, shares, 1)
    flux = total(share * spectrum.flux[old]) / shares
    # Divided first: squares of inverse variances can leave the range of a float.
    variance = total((share / shares[new]) ** 2 / weight)
    return np.where(good, flux, np.nan), np.where(good, 1 / np.where(good, variance, 1), 0)


def _edges(axis: Floats) -> tuple[Floats, Floats]:
    """The lower and the upper end of each pixel."""
    half = 0.5 * np.diff(axis)
    below, above = np.append(half[0], half), np.append(half, half[-1])
    limit = 2 * np.minimum(below, above)
    gap_below, gap_above = below > limit, above > limit
    low = axis - np.where(gap_below, above, below)
    high = axis + np.where(gap_above, below, above)
    # One edge for two pixels that touch, so that no sliver of round-off lies between them.
    touching = np.concatenate([[False], ~gap_above[:-1] & ~gap_below[1:]])
    low[1:] = np.where(touching[1:], high[:-1], low[1:])
    return low, high


def _check_grid(start: float, stop: float, step: float) -> None:
    if not 0 < start < stop < np.inf or not 0 < step < np.inf:
        raise SettingsError(
            f"start={start}, stop={stop}, step={step} make no grid: 0 < start < stop and step > 0."
        )


def _steps(length: float, step: float) -> int:
    # A last pixel that round-off puts just beyond the end still counts.
    return int(np.floor(length / step + 1e-6)) + 1
