"""Posteriors by brute force: Gauss-Legendre products over a box, in the natural parameters."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Brute:
    mean: np.ndarray
    sd: np.ndarray
    log_evidence: float


def nodes(low, high, n):
    at, weight = np.polynomial.legendre.leggauss(n)
    return 0.5 * (high + low) + 0.5 * (high - low) * at, 0.5 * (high - low) * weight


def box_posterior(log_density, box, n, inner=None):
    """Moments of a density over a box of (low, high) per parameter.

    `n` points along each axis, or one number per axis. `log_density` takes (points, parameters);
    `inner` likewise, to means and covariance diagonals of parameters integrated out, which then
    come first.
    """
    counts = np.broadcast_to(n, len(box))
    axes, weights = zip(*(nodes(low, high, k) for (low, high), k in zip(box, counts)))
    points = np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=1)
    weight = np.prod([m.ravel() for m in np.meshgrid(*weights, indexing="ij")], axis=0)
    logf = log_density(points)
    top = logf.max()
    share = weight * np.exp(logf - top)
    total = share.sum()
    share /= total
    means, variances = points, np.zeros_like(points)
    if inner is not None:
        inner_mean, inner_variance = inner(points)
        means = np.column_stack([inner_mean, points])
        variances = np.column_stack([inner_variance, variances])
    mean = share @ means
    sd = np.sqrt(share @ (variances + means**2) - mean**2)
    return Brute(mean, sd, top + np.log(total))


def edges(fit, width=9.0):
    """A box of `width` sds around a fit's outer parameters; scales start at zero."""
    p = fit.lattice.inner
    box = []
    for name, mean, sd in zip(fit.names[p:], fit.mean[p:], fit.sd[p:]):
        low = mean - width * sd
        box.append(
            (max(low, 0.0) if name.startswith(("epsilon", "tau")) else low, mean + width * sd)
        )
    return box
