r"""Templates: a star is compared with stars, by chi-square, with dust and distance left free.

A template is an energy distribution with parameters, and how much real stars scatter about it.
Given a template $t$, magnitudes are normal about $\ell + c_t + s \delta$ with a free level $\ell$,
reddening off by $\delta \sim N(0, \sigma_E^2)$, and variance $\sigma^2 + \tau_t^2$ a band; both
$\ell$ and $\delta$ are integrated out in closed form. Where a template knows its luminosity the
parallax counts too, linearly. Weights of templates are prior times likelihood; parameters are means
under them, and the spread is theirs together with the width of a cell.

Learned templates are means of training stars in cells of their parameters: empirical, with the
labels' errors and the survey's selection in them. They are no model atmospheres. Planck templates
need no training, know the temperature alone, and are off by what lines and molecules do (0.05 to
0.3 mag in the blue): a sanity check, not a measurement.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special

from errorbar.core.errors import FitError
from errorbar.stellar.sed.model.curves import passband_rule
from errorbar.stellar.sed.model.extinction import planck
from errorbar.stellar.sed.model.prepare import Prepared

__all__ = ["TemplateAnswer", "TemplateSet", "ask_templates", "learn_templates", "planck_templates"]

LEVEL_VARIANCE = 1e4
LEAST_STARS = 5


@dataclass(frozen=True, slots=True, eq=False)
class TemplateSet:
    """Colours, their scatter, luminosities (NaN where not known) and parameters of templates."""

    colour: Float[ndarray, "templates bands"]
    scatter: Float[ndarray, "templates bands"]
    luminosity: Float[ndarray, " templates"]
    luminosity_sd: Float[ndarray, " templates"]
    value: Float[ndarray, "templates targets"]
    width: Float[ndarray, "templates targets"]
    prior: Float[ndarray, " templates"]


@dataclass(frozen=True, slots=True, eq=False)
class TemplateAnswer:
    """Means and spreads of parameters, the least chi-square with its degrees of freedom, and
    the reddening under the best template."""

    centre: Float[ndarray, "rows targets"]
    spread: Float[ndarray, "rows targets"]
    chi2: Float[ndarray, " rows"]
    free: Float[ndarray, " rows"]
    ebv: Float[ndarray, " rows"]
    best: ndarray


def learn_templates(
    prepared: Prepared, values: Float[ndarray, "rows targets"], *, cells: int = 200, seed: int = 0
) -> TemplateSet:
    """Templates from stars with labels: cells by k-means of standardised labels."""
    width = values.std(axis=0)
    z = (values - values.mean(axis=0)) / np.where(width > 0, width, 1.0)
    cell = _cells(z, cells, np.random.default_rng(seed))
    level = prepared.mag - np.nanmedian(prepared.mag, axis=0)
    level = np.nanmean(level, axis=1, keepdims=True)
    colour = prepared.mag - level
    middle = np.nanmedian(colour, axis=0)
    parts = []
    for at in np.unique(cell):
        own = cell == at
        if own.sum() < LEAST_STARS:
            continue
        parts.append(_template(colour[own], middle, prepared, own, values[own]))
    if len(parts) < 2:
        raise FitError(
            f"{len(values)} stars fill {len(parts)} cells with {LEAST_STARS} or more: ask for "
            "fewer cells or pass more stars."
        )
    columns = [np.array(each) for each in zip(*parts)]
    columns[-1] = columns[-1] / columns[-1].sum()
    return TemplateSet(*columns)


def planck_templates(
    bands: tuple[str, ...],
    teff: Float[ndarray, " templates"],
    *,
    scatter: float = 0.1,
) -> TemplateSet:
    """Planck's curves of temperatures through the bands; they know the temperature alone."""
    colour = np.empty((len(teff), len(bands)))
    for at, name in enumerate(bands):
        wave, weight = passband_rule(name)
        flat = float(weight @ wave**-2.0)
        colour[:, at] = [-2.5 * np.log10(float(weight @ planck(wave, t)) / flat) for t in teff]
    colour -= colour.mean(axis=1, keepdims=True)
    none = np.full(len(teff), np.nan)
    gap = np.gradient(teff) if len(teff) > 1 else np.ones(1)
    return TemplateSet(
        colour,
        np.full(colour.shape, scatter),
        none,
        none,
        np.asarray(teff, dtype=np.float64)[:, None],
        np.abs(gap)[:, None] / np.sqrt(12.0),
        np.full(len(teff), 1.0 / len(teff)),
    )


def ask_templates(prepared: Prepared, templates: TemplateSet) -> TemplateAnswer:
    """Parameters of stars by their likeness to templates."""
    rows, count = len(prepared), len(templates.prior)
    log_like, chi2, ebv = (np.empty((rows, count)) for _ in range(3))
    seen = prepared.seen
    slope = np.where(seen, prepared.slope, 0.0)
    wide = np.square(prepared.ebv_err)[:, None]
    for at in range(count):
        variance = np.square(prepared.sigma) + templates.scatter[at] ** 2
        weight = np.where(seen, 1.0 / variance, 0.0)
        off = np.where(seen, prepared.mag - templates.colour[at], 0.0)
        # Near the level first: far from it the flat prior's sums lose their digits.
        start = (weight * off).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
        off = np.where(seen, off - start[:, None], 0.0)
        log_like[:, at], chi2[:, at], shift = _closed_form(weight, off, slope, wide[:, 0], seen)
        ebv[:, at] = prepared.ebv + shift
        if np.isfinite(templates.luminosity[at]):
            sd = np.hypot(templates.luminosity_sd[at], prepared.luminosity_err)
            pull = (prepared.luminosity - templates.luminosity[at]) / sd
            known = np.isfinite(pull)
            log_like[:, at] += np.where(known, -0.5 * pull**2 - np.log(sd), 0.0)
            chi2[:, at] += np.where(known, pull**2, 0.0)
    log_post = log_like + np.log(templates.prior)
    share = special.softmax(log_post, axis=1)
    centre = share @ templates.value
    square = share @ (templates.value**2 + templates.width**2) - centre**2
    best = log_post.argmax(axis=1)
    at_best = np.arange(rows), best
    free = np.maximum(seen.sum(axis=1) - 1.0, 0.0)
    free = free + (np.isfinite(prepared.luminosity) & np.isfinite(templates.luminosity).any())
    spread = np.sqrt(np.maximum(square, 0.0))
    return TemplateAnswer(centre, spread, chi2[at_best], free, ebv[at_best], best)


def _closed_form(
    weight: ndarray, off: ndarray, slope: ndarray, wide: ndarray, seen: ndarray
) -> tuple[ndarray, ndarray, ndarray]:
    """Log-likelihood, chi-square and reddening's shift, level and reddening integrated out."""
    aa = weight.sum(axis=1) + 1.0 / LEVEL_VARIANCE
    ab = (weight * slope).sum(axis=1)
    # No error of the reddening is no freedom of it.
    bb = (weight * slope**2).sum(axis=1) + 1.0 / np.maximum(wide, 1e-12)
    ar, br = (weight * off).sum(axis=1), (weight * slope * off).sum(axis=1)
    determinant = aa * bb - ab**2
    level = (bb * ar - ab * br) / determinant
    shift = (aa * br - ab * ar) / determinant
    chi2 = np.maximum((weight * off**2).sum(axis=1) - level * ar - shift * br, 0.0)
    log_noise = np.where(seen, np.log(np.where(seen, weight, 1.0)), 0.0).sum(axis=1)
    return 0.5 * (log_noise - np.log(determinant)) - 0.5 * chi2, chi2, shift


def _template(
    colour: ndarray, middle: ndarray, prepared: Prepared, own: ndarray, values: ndarray
) -> tuple[ndarray | float, ...]:
    seen = np.isfinite(colour).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(seen > 0, np.nansum(colour, axis=0) / np.maximum(seen, 1), middle)
        off = np.where(np.isfinite(colour), colour - mean, 0.0)
    variance = (off**2).sum(axis=0) / np.maximum(seen - 1, 1)
    # A band that few of the cell have is not known to lie where the cell's few have it.
    scatter = np.sqrt(np.where(seen >= LEAST_STARS, variance + 1e-4, 0.25))
    luminosity = prepared.luminosity[own]
    known = np.isfinite(luminosity)
    light = wide = np.nan
    if known.sum() >= LEAST_STARS:
        light = float(np.median(luminosity[known]))
        low, high = np.percentile(luminosity[known], [16, 84])
        wide = float(max(0.5 * (high - low), 1e-3))
    return (
        mean, scatter, light, wide, values.mean(axis=0), values.std(axis=0), float(own.sum()),
    )  # fmt: skip


def _cells(z: ndarray, count: int, rng: np.random.Generator, steps: int = 20) -> ndarray:
    """k-means, from centres drawn of the rows."""
    centres = z[rng.choice(len(z), min(count, len(z)), replace=False)]
    cell = np.zeros(len(z), dtype=np.int64)
    for _ in range(steps):
        apart = (z**2).sum(1)[:, None] - 2 * z @ centres.T + (centres**2).sum(axis=1)
        cell = apart.argmin(axis=1)
        size = np.bincount(cell, minlength=len(centres))
        for column in range(z.shape[1]):
            total = np.bincount(cell, weights=z[:, column], minlength=len(centres))
            centres[:, column] = np.where(size > 0, total / np.maximum(size, 1), centres[:, column])
    return cell
