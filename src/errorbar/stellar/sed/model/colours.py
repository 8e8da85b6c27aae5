r"""What a star's colours are, given those that were seen and how well.

Dereddened magnitudes of a star are $m = \ell + \mu + x + s\,\delta + \varepsilon$: a level $\ell$
of which nothing is known, the mean colours $\mu$ of all stars, the star's own
$x \sim N(0, S)$, what its reddening is off by, $\delta \sim N(0, \sigma_E^2)$ with slopes $s$, and
noise. All is normal, so the posterior of $x$ and of $\delta$ is a solve per star: a band that was
not observed is not filled in but left open, as wide as the others leave it, and colours say what
they know about the reddening. $\mu$ and $S$ are found on training stars by
expectation-maximisation.

A normal is too simple for a curved locus. The models that use these posteriors are told their
widths, and see the raw colours as well.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import FitError
from errorbar.stellar.sed.model.prepare import Prepared

__all__ = ["ColourModel", "ColourPosterior", "fit_colours", "infer_colours"]

# Magnitudes squared: of the level nothing is known, and of an unobserved band nothing was seen.
LEVEL_VARIANCE = 100.0
UNSEEN_VARIANCE = 1e6
RIDGE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class ColourModel:
    """Mean and covariance of the dereddened colours of a population, the level left out."""

    mean: Float[ndarray, " bands"]
    spread: Float[ndarray, "bands bands"]


@dataclass(frozen=True, slots=True, eq=False)
class ColourPosterior:
    """What is known of each star: colours about their own level, and reddening, with sds.

    `oddness` is how far its seen colours lie from all of the population, in standard normal units
    (Fisher's root of the chi-square): above three or four it is unlike any star of training.
    """

    colour: Float[ndarray, "rows bands"]
    colour_sd: Float[ndarray, "rows bands"]
    ebv: Float[ndarray, " rows"]
    ebv_sd: Float[ndarray, " rows"]
    oddness: Float[ndarray, " rows"]


def infer_colours(prepared: Prepared, model: ColourModel) -> ColourPosterior:
    """Posterior colours and reddening of stars; one without any band has the population's."""
    mean, cov, ebv, variance, chi2 = _posterior(prepared, model)
    free = np.maximum(prepared.seen.sum(axis=1) - 1, 1)
    return ColourPosterior(
        colour=mean,
        colour_sd=np.sqrt(np.maximum(np.einsum("nii->ni", cov), 0.0)),
        ebv=ebv,
        ebv_sd=np.sqrt(np.maximum(variance, 0.0)),
        oddness=np.sqrt(2 * np.maximum(chi2, 0.0)) - np.sqrt(2 * free - 1),
    )


def fit_colours(prepared: Prepared, *, steps: int = 12) -> ColourModel:
    """Mean and covariance of a population's colours, whatever bands its stars lack."""
    bands = prepared.mag.shape[1]
    if not prepared.seen.any(axis=0).all():
        empty = np.flatnonzero(~prepared.seen.any(axis=0)).tolist()
        raise FitError(
            f"no training star was seen in {len(empty)} bands, first band {empty[0]} of the "
            "recipe: leave such bands out of it."
        )
    level = _level(prepared.mag - np.nanmedian(prepared.mag, axis=0))
    mean = np.nanmean(prepared.mag - level[:, None], axis=0)
    model = ColourModel(mean - mean.mean(), 0.3 * np.eye(bands))
    for _ in range(steps):
        found, cov, _, _, _ = _posterior(prepared, model)
        shift = found.mean(axis=0)
        about = found - shift
        spread = about.T @ about / len(found) + cov.mean(axis=0) + RIDGE * np.eye(bands)
        model = ColourModel(model.mean + shift, 0.5 * (spread + spread.T))
    return model


def _posterior(
    prepared: Prepared, model: ColourModel
) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]:
    seen, bands = prepared.seen, prepared.mag.shape[1]
    away = np.where(seen, prepared.mag - model.mean, np.nan)
    away = np.where(seen, away - _level(away)[:, None], 0.0)
    own = np.where(seen, np.square(prepared.sigma), UNSEEN_VARIANCE)
    slope, wide = prepared.slope, np.square(prepared.ebv_err)
    prior = model.spread + LEVEL_VARIANCE
    total = prior + own[:, :, None] * np.eye(bands)
    total = total + wide[:, None, None] * slope[:, :, None] * slope[:, None, :]
    right = np.concatenate(
        [np.broadcast_to(prior, total.shape), away[:, :, None], slope[:, :, None]], axis=2
    )
    solved = np.linalg.solve(total, right)
    gain, pulled, turned = solved[:, :, :bands], solved[:, :, bands], solved[:, :, bands + 1]
    mean = np.einsum("nij,ni->nj", gain, away)
    cov = prior - np.einsum("ij,njk->nik", prior, gain)
    # Colours are about the star's own level.
    mean = mean - mean.mean(axis=1, keepdims=True)
    cov = cov - cov.mean(axis=1, keepdims=True)
    cov = cov - cov.mean(axis=2, keepdims=True)
    ebv = prepared.ebv + wide * np.einsum("ni,ni->n", slope, pulled)
    variance = wide - np.square(wide) * np.einsum("ni,ni->n", slope, turned)
    return mean, cov, ebv, variance, np.einsum("ni,ni->n", away, pulled)


def _level(away: ndarray) -> ndarray:
    count = np.isfinite(away).sum(axis=1)
    return np.nansum(away, axis=1) / np.maximum(count, 1)
