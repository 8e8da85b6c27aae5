"""Predictions averaged over the scales, and how the scales are averaged over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.rt.data import Peaks
from errorbar.rt.fit.integrate.curvature import curvature, log_posterior
from errorbar.rt.fit.integrate.importance import Weighted, explore
from errorbar.rt.fit.marginal import solve
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.model.times import Times, blend

__all__ = ["MixturePredictor", "PoolMixture", "integrate_scales"]


@dataclass(frozen=True, slots=True, eq=False)
class PoolMixture:
    """A fit averaged over its scales: `at` are nodes of their coordinates, `weights` sum to one.

    `mean` and `covariance` of the coordinates are of all points the nodes were chosen from, and
    `effective_size` is how many independent draws those are worth. `log_evidence` is the log of
    the probability of the times under the model, scales and all, with the standard error
    `evidence_error`; `tail` is the Pareto index of the weights, to be below 0.5. A mixture of
    draws has neither.
    """

    fit: PoolFit
    at: Float[ndarray, "nodes coordinates"]
    weights: Float[ndarray, " nodes"]
    mean: Float[ndarray, " coordinates"]
    covariance: Float[ndarray, "coordinates coordinates"]
    effective_size: float
    log_evidence: float = np.nan
    evidence_error: float = np.nan
    tail: float = np.nan

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def sd(self) -> dict[str, float]:
        """The standard deviation of each scale's logarithm (of half a penalty's) by its name."""
        spread = np.sqrt(np.diag(self.covariance))
        return dict(zip(self.fit.parameters.names, spread.tolist()))

    @property
    def scales(self) -> dict[str, float]:
        """Each scale at the mean of its logarithm, by its name."""
        return self.fit.parameters.named(self.mean)

    def fits(self) -> Iterator[PoolFit]:
        """The fit at each node; one evaluation of the marginal likelihood each."""
        fit = self.fit
        for at in self.at:
            known = solve(fit.statistics, fit.layout, fit.parameters.scales(at), fit.cells)
            value = known.log_marginal + fit.parameters.log_prior(at)[0]
            yield replace(fit, at=at, known=known, log_posterior=value)

    def each(self, peaks: Peaks) -> Iterator[Times]:
        """The times at each node."""
        for fit in self.fits():
            yield Predictor(fit).times(peaks)

    def predict(self, peaks: Peaks) -> Times:
        """Times of rows, mean and variance over all nodes.

        One call costs as many evaluations of the marginal likelihood as there are nodes, however
        many rows it has: pass them together, or keep a `MixturePredictor`.
        """
        return _mixed(self.weights, (Predictor(fit) for fit in self.fits()), peaks)


class MixturePredictor:
    """Predicts rows part by part; holds what is known at each node, in memory."""

    def __init__(self, mixture: PoolMixture) -> None:
        self.mixture = mixture
        self._predictors = [Predictor(fit) for fit in mixture.fits()]

    def times(self, peaks: Peaks) -> Times:
        """The times of rows whose runs are new."""
        return _mixed(self.mixture.weights, self._predictors, peaks)


def integrate_scales(
    fit: PoolFit, *, draws: int = 600, rounds: int = 3, nodes: int | None = 30, seed: int = 0
) -> PoolMixture:
    """A fit averaged over what the data leave open of its scales.

    Laplace's approximation at the mode, made exact by importance sampling (`importance`): about
    `draws` evaluations of the marginal likelihood, and ten for each scale. `nodes` of the points
    are chosen by stratified resampling, so that predictions are cheap; None keeps all points.

    What a robust fit has settled beside its scales (the weights of rows, the degrees of freedom,
    replicates merged) stays as it is: the evidence is that of the weighted table then.
    """
    covariance = curvature(fit).covariance
    found = explore(
        lambda at: _height(fit, at),
        _nearer(fit, covariance),
        covariance,
        draws=draws,
        rounds=rounds,
        seed=seed,
    )
    mean = found.weights @ found.at
    off = found.at - mean
    if nodes is None:
        # Where the marginal likelihood could not be computed the weight is zero.
        at, weights = found.at[found.weights > 0], found.weights[found.weights > 0]
    else:
        at, weights = resampled(found, nodes, seed)
    return PoolMixture(
        fit=fit,
        at=at,
        weights=weights,
        mean=mean,
        covariance=(off * found.weights[:, None]).T @ off,
        effective_size=found.effective_size,
        log_evidence=found.log_evidence,
        evidence_error=found.evidence_error,
        tail=found.tail,
    )


def resampled(found: Weighted, nodes: int, seed: int) -> tuple[ndarray, ndarray]:
    """Some of the points, one from each stratum of equal weight along their widest direction."""
    if nodes < 1:
        raise SettingsError(f"nodes={nodes} must be at least one, or None for all points.")
    off = found.at - found.weights @ found.at
    _, vectors = np.linalg.eigh((off * found.weights[:, None]).T @ off)
    order = np.argsort(off @ vectors[:, -1], kind="stable")
    # Of the points' own generator nothing is left to depend on.
    places = (np.arange(nodes) + np.random.default_rng([seed, nodes]).random(nodes)) / nodes
    ends = np.cumsum(found.weights[order])
    chosen = order[np.minimum(np.searchsorted(ends, places * ends[-1]), len(order) - 1)]
    distinct, counts = np.unique(chosen, return_counts=True)
    return found.at[distinct], counts / nodes


def _nearer(fit: PoolFit, covariance: ndarray) -> ndarray:
    """The mode by one step of Newton's: fits end where another step is not worth its while."""
    height, slope = log_posterior(fit, fit.at)
    step = fit.at + covariance @ slope
    return step if _height(fit, step) > height else fit.at


def _height(fit: PoolFit, at: ndarray) -> float:
    try:
        return log_posterior(fit, at)[0]
    except FitError:
        return -np.inf


def _mixed(weights: ndarray, predictors: Iterable[Predictor], peaks: Peaks) -> Times:
    """The mixture's mean and, by the law of total variance, its spread."""
    count = len(peaks)
    start, shift = np.zeros(count), np.zeros(count)
    square, noise = np.zeros(count), np.zeros(count)
    known = support = np.zeros(count, dtype=np.int64)
    freedom = np.inf
    for node, (weight, predictor) in enumerate(zip(weights, predictors)):
        pairs, which = predictor.pairs(peaks)
        mean, variance, own = predictor.rows(peaks, pairs, which)
        if not node:
            # Shifts are from the first node's means, so that nothing large cancels.
            start, known, support = mean, pairs.known[which], pairs.support[which]
            freedom = predictor.fit.freedom
        off = mean - start
        shift += weight * off
        square += weight * (variance + predictor.run_variance() + off**2)
        noise += weight * own
    sd, degrees = blend(square - shift**2, noise, freedom)
    return Times(start + shift, sd, known, support, degrees)
