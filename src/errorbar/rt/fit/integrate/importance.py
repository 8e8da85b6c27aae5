r"""Weighted points of a density known up to its size: adaptive importance sampling.

Proposals are a multivariate t in axes near the coordinates' own, stretched on each side of each
axis by its own factor: logarithms of badly known scales have a long tail towards zero. Factors come
from the density's fall at 1.5 sds first, and from the weighted points of earlier rounds then. In
the end every point is weighted by the average of all rounds' proposals (Cornuet et al. 2012, Scand.
J. Stat. 39, 798), and the largest weights are smoothed by a Pareto tail (Vehtari et al. 2024, JMLR
25, 72); its index $\hat k$ above 0.7 says that the points cannot be trusted.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator
from scipy import special

from errorbar.core.errors import FitError, SettingsError

__all__ = ["Proposal", "Weighted", "explore", "smooth_tail"]

FREEDOM = 6.0
PROBE = 1.5
# An axis is stretched by no less and no more than this.
LEAST, MOST = 0.4, 4.0

_special = cast(Any, special)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A t about `centre`, axis i (column i of `axes`) stretched by `up` and by `down`."""

    centre: Float[ndarray, " coordinates"]
    axes: Float[ndarray, "coordinates coordinates"]
    up: Float[ndarray, " coordinates"]
    down: Float[ndarray, " coordinates"]

    def draw(self, count: int, rng: Generator) -> Float[ndarray, "points coordinates"]:
        """So many points."""
        normal = rng.normal(size=(count, len(self.centre)))
        z = normal / np.sqrt(rng.chisquare(FREEDOM, count) / FREEDOM)[:, None]
        return self.centre + (z * np.where(z > 0, self.up, self.down)) @ self.axes.T

    def coordinates(self, at: Float[ndarray, "points coordinates"]) -> ndarray:
        """Points along the axes, before stretching."""
        return np.linalg.solve(self.axes, (at - self.centre).T).T

    def log_density(self, at: Float[ndarray, "points coordinates"]) -> Float[ndarray, " points"]:
        """The log density at points."""
        own, size = self.coordinates(at), len(self.centre)
        stretch = np.where(own > 0, self.up, self.down)
        square = ((own / stretch) ** 2).sum(axis=1)
        value = _special.gammaln((FREEDOM + size) / 2) - _special.gammaln(FREEDOM / 2)
        value = value - size / 2 * np.log(FREEDOM * np.pi)
        value = value - (FREEDOM + size) / 2 * np.log1p(square / FREEDOM)
        return value - np.log(stretch).sum(axis=1) - np.linalg.slogdet(self.axes)[1]

    def adapted(self, at: ndarray, weights: ndarray) -> "Proposal":
        """The same with stretches that weighted points have."""
        own = self.coordinates(at)
        stretches = []
        for side in (own > 0, own <= 0):
            share = weights[:, None] * side
            total = share.sum(axis=0)
            # A few points' worth of no stretch, against sides with hardly a point.
            few = 4.0 * (weights**2).sum()
            mean = ((share * own**2).sum(axis=0) + few) / (total + few)
            stretches.append(np.clip(np.sqrt(mean), LEAST, MOST))
        return replace(self, up=stretches[0], down=stretches[1])


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
    proposal = _probed(log_density, centre, _axes(covariance))
    rng = np.random.default_rng(seed)
    proposals, points, heights = [], [], []
    sizes = np.full(rounds, draws // rounds)
    sizes[-1] += draws - sizes.sum()
    for size in sizes:
        if proposals:
            at, weights, _ = _weigh(proposals, points, heights)
            proposal = proposals[0].adapted(at, weights)
        points.append(proposal.draw(int(size), rng))
        heights.append(np.array([log_density(each) for each in points[-1]]))
        proposals.append(proposal)
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
    top = log_density(centre)
    if not np.isfinite(top):
        raise FitError("the density is not finite where it should be largest: fit again.")
    stretches = []
    for sign in (1.0, -1.0):
        drop = top - np.array([log_density(centre + sign * PROBE * axis) for axis in axes.T])
        stretches.append(np.clip(PROBE / np.sqrt(2 * np.maximum(drop, 1e-3)), 0.5, 2.5))
    return Proposal(centre, axes, stretches[0], stretches[1])


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
