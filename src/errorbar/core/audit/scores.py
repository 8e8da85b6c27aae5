r"""Scores of one row each: normal scores, coverage, CRPS, log score, interval score.

All forms with a distribution are split normals of mode $m$ and scales $\delta$ below, $\nu$ above
it (equal for `"sd"`), with $w = \delta / (\delta + \nu)$ of the probability below $m$. The normal
score is $z = \Phi^{-1}(F(y))$, standard normal where claims are true. With
$A = \int_{-\infty}^0 \Phi^2 = (2 \pi)^{-1/2} - \pi^{-1/2} / 2$ and
$B(a) = \int_{-\infty}^a \Phi = a \Phi(a) + \varphi(a)$, a truth below the mode at
$t = (y - m) / \delta \le 0$ has

$$\mathrm{CRPS} = \delta \left[4 w^2 A - t - 4 w (B(0) - B(t))\right] + 4 (1 - w)^2 \nu A,$$

and one above it the mirror of that. The interval score of level $q$ is the width plus $2 / (1 - q)$
times the distance of a truth outside (Gneiting & Raftery 2007).
"""

from collections.abc import Callable
from typing import cast

import numpy as np
from numpy import ndarray
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.claims import Claims

__all__ = ["interval_score", "log_score", "normal_scores", "pit_values", "ranked_score"]

_ndtr = cast("Callable[..., ndarray]", special.ndtr)
_log_ndtr = cast("Callable[..., ndarray]", special.log_ndtr)
_ndtri_exp = cast("Callable[..., ndarray]", special.ndtri_exp)


def normal_scores(claims: Claims) -> ndarray:
    """Standard normal where claims are true; (truth - mean) / sd for plain error bars."""
    step = claims.truth - claims.centre
    if claims.form == "sd":
        return step / claims.down
    share = claims.down / (claims.down + claims.up)
    side = step <= 0
    tail = np.log(2 * np.where(side, share, 1 - share)) + _log_ndtr(
        -np.abs(step) / np.where(side, claims.down, claims.up)
    )
    # Beyond the median of a skewed claim the tail of the nearer side exceeds one half.
    return np.where(side, 1.0, -1.0) * _ndtri_exp(np.minimum(tail, -1e-300))


def pit_values(claims: Claims) -> ndarray:
    """The claimed probability of a value below the truth."""
    return _ndtr(normal_scores(claims))


def log_score(claims: Claims) -> ndarray:
    """Minus the logarithm of the claimed density at the truth."""
    step = claims.truth - claims.centre
    side = np.where(step <= 0, claims.down, claims.up)
    scale = np.log((claims.down + claims.up) / 2) + 0.5 * np.log(2 * np.pi)
    return scale + 0.5 * np.square(step / side)


def ranked_score(claims: Claims) -> ndarray:
    """The continuous ranked probability score; for quantiles twice their mean pinball loss."""
    if not claims.whole:
        miss = claims.truth[:, None] - claims.ends
        return 2 * np.maximum(claims.levels * miss, (claims.levels - 1) * miss).mean(axis=1)
    step = claims.truth - claims.centre
    below = step <= 0
    near = np.where(below, claims.down, claims.up)
    far = np.where(below, claims.up, claims.down)
    share = near / (near + far)
    t = -np.abs(step) / near
    phi = np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi)
    b = t * _ndtr(t) + phi
    a0, b0 = 1 / np.sqrt(2 * np.pi) - 0.5 / np.sqrt(np.pi), 1 / np.sqrt(2 * np.pi)
    own = 4 * share**2 * a0 - t - 4 * share * (b0 - b)
    return near * own + 4 * (1 - share) ** 2 * far * a0


def interval_score(truth: ndarray, low: ndarray, high: ndarray, level: float) -> ndarray:
    """Width, and a fine for missing; least on average for the true interval."""
    miss = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return high - low + 2 / (1 - level) * miss
