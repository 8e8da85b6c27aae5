r"""Weighted points of a density known up to its size: adaptive importance sampling.

Proposals come in two: one is independent along axes near the coordinates' own in which the mode is
round, the other along the coordinates themselves, where the far tails lie. Along each axis each
side has its own probability and is a sum of two halves of a t, narrow and wide: logarithms of badly
known scales have a long tail towards zero, and a penalty that the data bound on one side only
has a plateau that reaches many of Laplace's sds. Widths come from the density's fall along the axes
first, and from the weighted points of earlier rounds then. In the end every point is weighted by
the average of all rounds' proposals (Cornuet et al. 2012, Scand. J. Stat. 39, 798), and the largest
weights are smoothed by a Pareto tail (Vehtari et al. 2024, JMLR 25, 72); its index $\hat k$ above
0.7 says that the points cannot be trusted. Above 0.4 the standard error of the evidence is too
short: more draws tell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator
from scipy import special

from errorbar.core.errors import FitError, SettingsError

__all__ = ["Proposal", "Weighted", "explore", "smooth_tail"]

FREEDOM = 5.0
# Where along an axis the fall is measured, in Laplace's sds.
NEAR, FAR = 1.5, 6.0
LEAST, MOST = 0.4, 8.0
# The wide half's share at first, and its least.
BROAD, LEAST_BROAD = 0.3, 0.1
STEPS = 20

_special = cast(Any, special)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Independent along `axes` (columns) about `centre`.

    Of each side (above, below) of each axis: `side` is its probability, `broad` the wide half's
    share of it, `narrow` and `wide` are the halves' scales.
    """

    centre: Float[ndarray, " coordinates"]
    axes: Float[ndarray, "coordinates coordinates"]
    side: Float[ndarray, "2 coordinates"]
    broad: Float[ndarray, "2 coordinates"]
    narrow: Float[ndarray, "2 coordinates"]
    wide: Float[ndarray, "2 coordinates"]

    def draw(self, count: int, rng: Generator) -> Float[ndarray, "points coordinates"]:
        """So many points."""
        shape = (count, len(self.centre))
        below = (rng.random(shape) > self.side[0]).astype(np.int64)
        broad = rng.random(shape) < np.take_along_axis(self.broad, below, axis=0)
        narrow = np.take_along_axis(self.narrow, below, axis=0)
        size = np.where(broad, np.take_along_axis(self.wide, below, axis=0), narrow)
        own = np.abs(rng.standard_t(FREEDOM, size=shape)) * size * (1 - 2 * below)
        return self.centre + own @ self.axes.T

    def coordinates(self, at: Float[ndarray, "points coordinates"]) -> ndarray:
        """Points along the axes."""
        return np.linalg.solve(self.axes, (at - self.centre).T).T

    def log_density(self, at: Float[ndarray, "points coordinates"]) -> Float[ndarray, " points"]:
        """The log density at points."""
        own = self.coordinates(at)
        below = (own <= 0).astype(np.int64)
        side, broad, narrow, wide = (
            np.take_along_axis(part, below, axis=0)
            for part in (self.side, self.broad, self.narrow, self.wide)
        )
        density = (1 - broad) * _half(own, narrow) + broad * _half(own, wide)
        return np.log(side * density).sum(axis=1) - np.linalg.slogdet(self.axes)[1]

    def adapted(self, at: ndarray, weights: ndarray) -> Self:
        """The same with probabilities and scales that weighted points have.

        Some steps of expectation and maximisation from this proposal, which counts as a few more
        points, so that a side with hardly a point stays as it is.
        """
        own = self.coordinates(at)
        few = 5.0 * float((weights**2).sum())
        side, broad, narrow, wide = (np.empty_like(self.side) for _ in range(4))
        for i, inside in enumerate((own > 0, own <= 0)):
            share = weights[:, None] * inside
            total = share.sum(axis=0)
            side[i] = (total + 0.5 * few) / (1 + few)
            p, thin, thick = self.broad[i], self.narrow[i], self.wide[i]
            for _ in range(STEPS):
                in_wide = p * _half(own, thick)
                in_wide = share * in_wide / (in_wide + (1 - p) * _half(own, thin))
                in_thin, count = share - in_wide, in_wide.sum(axis=0)
                p = np.clip((count + few * BROAD) / (total + few), LEAST_BROAD, 0.5)
                thin = _scale(own, in_thin, thin, self.narrow[i], few)
                thick = np.maximum(_scale(own, in_wide, thick, self.wide[i], few), thin)
            broad[i], narrow[i], wide[i] = p, thin, thick
        return replace(self, side=side, broad=broad, narrow=narrow, wide=wide)


def _half(own: ndarray, scale: ndarray) -> ndarray:
    """The density of half a t at distances of either sign."""
    norm = _special.gammaln((FREEDOM + 1) / 2) - _special.gammaln(FREEDOM / 2)
    norm = 2 * np.exp(norm) / np.sqrt(FREEDOM * np.pi)
    return norm / scale * (1 + (own / scale) ** 2 / FREEDOM) ** (-(FREEDOM + 1) / 2)


def _scale(own: ndarray, share: ndarray, before: ndarray, first: ndarray, few: float) -> ndarray:
    """A step towards the scale of a t that points have by their shares."""
    pull = (FREEDOM + 1) / (FREEDOM + (own / before) ** 2)
    square = (share * pull * own**2).sum(axis=0) + few * first**2
    return np.clip(np.sqrt(square / (share.sum(axis=0) + few)), LEAST, MOST)


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Points and their weights, which sum to one.

    `log_evidence` is the log of the density's integral, `effective_size` how many unweighted
    draws the points are worth, `tail` the Pareto index of the largest weights.
    """

    at: Float[ndarray, "points coordinates"]
    weights: Float[ndarray, " points"]
    log_evidence: float
    evidence_error: float
    effective_size: float
    tail: float


def explore(
    log_density: Callable[[ndarray], float],
    centre: Float[ndarray, " coordinates"],
    covariance: Float[ndarray, "coordinates coordinates"],
    *,
    draws: int,
    rounds: int,
    seed: int,
) -> Weighted:
    """Weighted points of a density, from its mode and Laplace's covariance.

    The density may be -inf. `draws` are all points together, shared by the rounds.
    """
    if rounds < 1 or draws < 20 * rounds:
        raise SettingsError(
            f"draws={draws} in rounds={rounds}: at least one round, of at least 20 draws."
        )
    bases = (_axes(covariance), np.diag(np.sqrt(np.diag(covariance))))
    first = [_probed(log_density, centre, axes) for axes in bases]
    rng = np.random.default_rng(seed)
    proposals: list[Proposal] = []
    points: list[ndarray] = []
    heights: list[ndarray] = []
    for size in np.diff(np.linspace(0, draws, rounds + 1).astype(np.int64)):
        fresh = first
        if proposals:
            at, weights, _ = _weigh(proposals, points, heights)
            fresh = [each.adapted(at, weights) for each in first]
        for place, proposal in enumerate(fresh):
            points.append(proposal.draw((int(size) + place) // len(fresh), rng))
            heights.append(np.array([log_density(each) for each in points[-1]]))
        proposals += fresh
    at, raw, level = _weigh(proposals, points, heights)
    weights, tail = smooth_tail(raw)
    relative = raw * len(raw)
    return Weighted(
        at=at,
        weights=weights,
        log_evidence=level,
        evidence_error=float(relative.std() / np.sqrt(len(raw))),
        effective_size=float(1 / (weights**2).sum()),
        tail=tail,
    )


def smooth_tail(weights: Float[ndarray, " points"]) -> tuple[Float[ndarray, " points"], float]:
    """Weights with the largest put on a Pareto tail, and its index."""
    count = len(weights)
    size = int(np.ceil(min(0.2 * count, 3 * np.sqrt(count))))
    if size < 5:
        return weights, np.inf
    order = np.argsort(weights, kind="stable")
    cut = weights[order[-size - 1]]
    over = weights[order[-size:]] - cut
    if not over[-1] > 1e-12 * weights[order[-1]]:
        return weights, -np.inf
    index, scale = _pareto(over)
    index = (index * size + 5.0) / (size + 10.0)
    rank = (np.arange(size) + 0.5) / size
    shape = np.expm1(-index * np.log1p(-rank)) / index if index else -np.log1p(-rank)
    smoothed = weights.copy()
    smoothed[order[-size:]] = np.minimum(cut + scale * shape, weights[order[-1]])
    return smoothed / smoothed.sum(), float(index)


def _pareto(over: ndarray) -> tuple[float, float]:
    """Index and scale of a generalised Pareto (Zhang & Stephens 2009, Technometrics 51, 316)."""
    count = len(over)
    grid = 30 + int(np.sqrt(count))
    quarter = over[max(int(count / 4 + 0.5) - 1, 0)]
    b = 1 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3 * max(quarter, 1e-300)) + 1 / over[-1]
    k = np.log1p(-b[:, None] * over).mean(axis=1)
    profile = count * (np.log(-b / k) - k - 1)
    weight = np.exp(profile - _special.logsumexp(profile))
    best = float(weight @ b)
    index = float(np.log1p(-best * over).mean())
    return index, -index / best


def _axes(covariance: ndarray) -> ndarray:
    """The root of a covariance whose axes are nearest to the coordinates' own."""
    sd = np.sqrt(np.diag(covariance))
    size, vectors = np.linalg.eigh(covariance / np.outer(sd, sd))
    return sd[:, None] * ((vectors * np.sqrt(np.maximum(size, 1e-12))) @ vectors.T)


def _probed(log_density: Callable[[ndarray], float], centre: ndarray, axes: ndarray) -> Proposal:
    """The first proposal: a normal that falls as fast near the mode, and one as fast far off."""
    top = log_density(centre)
    if not np.isfinite(top):
        raise FitError("the density is not finite where it should be largest: fit again.")

    def fall(distance: float) -> ndarray:
        moves = distance * np.array([axes.T, -axes.T])
        drop = np.array([[top - log_density(centre + move) for move in side] for side in moves])
        return distance / np.sqrt(2 * np.maximum(drop, 1e-3))

    narrow = np.clip(fall(NEAR), 0.5, 2.5)
    wide = np.clip(fall(FAR), narrow, MOST)
    even = np.full_like(narrow, 0.5)
    return Proposal(centre, axes, even, np.full_like(narrow, BROAD), narrow, wide)


def _weigh(
    proposals: list[Proposal], points: list[ndarray], heights: list[ndarray]
) -> tuple[ndarray, ndarray, float]:
    """All points, their weights under all proposals together, and the log evidence."""
    at, height = np.concatenate(points), np.concatenate(heights)
    share = np.log([len(part) / len(at) for part in points])
    claimed = np.stack([each.log_density(at) for each in proposals])
    log_weight = height - _special.logsumexp(claimed + share[:, None], axis=0)
    total = float(_special.logsumexp(log_weight))
    if not np.isfinite(total):
        raise FitError("no point of the proposals has a finite density.")
    return at, np.exp(log_weight - total), total - float(np.log(len(at)))
