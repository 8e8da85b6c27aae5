"""One survey's whole posterior: marginals, draws, latent abundances, evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.core.maths.lattice import LOGISTIC, SINH, TANH, evaluate, sum_nodes
from errorbar.core.predict import CurveMarginal, Marginal, MixtureMarginal, Posterior
from errorbar.survey.data import SurveyData
from errorbar.survey.fit.lattice import (
    STATUS,
    LatticeModel,
    Problem,
    check_limits,
    natural,
)

if TYPE_CHECKING:
    import arviz

__all__ = ["SurveyFit", "sum_one"]

# Rejection needs a bound on how far the density rises above its interpolation between nodes.
FIRST_BOUND = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The summed lattice of one posterior."""

    index: Int[ndarray, "nodes outer"]
    weight: Float[ndarray, " nodes"]
    origin: Float[ndarray, " outer"]
    basis: Float[ndarray, "outer outer"]
    folded: Bool[ndarray, " outer"]


@dataclass(frozen=True, slots=True, eq=False)
class SurveyFit:
    """The exact posterior of one survey under one model and prior."""

    model: str
    data: SurveyData
    prior: Any
    posterior: Posterior
    problem: Problem
    nodes: Nodes
    lattice: LatticeModel

    @property
    def names(self) -> tuple[str, ...]:
        return self.posterior.names

    @property
    def mean(self) -> Float[ndarray, " parameters"]:
        return self.posterior.mean

    @property
    def sd(self) -> Float[ndarray, " parameters"]:
        return self.posterior.sd

    @property
    def log_evidence(self) -> float:
        return self.posterior.log_evidence

    def hdi(self, level: float = 0.68) -> Float[ndarray, "parameters 2"]:
        """The shortest interval of every parameter that holds a share `level`."""
        return self.posterior.hdi(level)

    def quantile(self, level: Any) -> Float[ndarray, "parameters levels"]:
        """Quantiles of every parameter, one column per level."""
        return self.posterior.quantile(level)

    def cdf(self, name: str, value: float) -> float:
        """Probability that a parameter is at most `value`."""
        return self.posterior.cdf(name, value)

    def draws(self, n: int = 1000, *, seed: int) -> dict[str, Float[ndarray, " draws"]]:
        """Independent draws of all parameters, by rejection from the lattice."""
        if n < 1:
            raise SettingsError(f"{n} draws were asked for: at least one is needed.")
        rng = np.random.default_rng(seed)
        outer, inner = _draw(self, n, rng)
        columns = [*(inner + self.problem.shift[0, : self.lattice.inner]).T]
        for a in range(outer.shape[1]):
            value = natural(int(self.lattice.kinds[a]), self.problem.scales[0, a], outer[:, a])
            columns.append(value + self.problem.shift[0, self.lattice.inner + a])
        return dict(zip(self.names, columns))

    def latent(self, n: int = 1000, *, seed: int) -> dict[str, Float[ndarray, "draws planets"]]:
        """Draws of the planets' true values given each draw of the parameters."""
        if self.lattice.latent is None:
            raise SettingsError(f"the model {self.model!r} has no latent values to draw.")
        rng = np.random.default_rng([seed, 1])
        return self.lattice.latent(self.data, self.prior, self.draws(n, seed=seed), rng)

    def summary(self, level: float = 0.68) -> Mapping[str, Mapping[str, float]]:
        """Mean, sd and interval per parameter, for printing and JSON."""
        ends = self.hdi(level)
        return {
            name: {
                "mean": float(self.mean[i]),
                "sd": float(self.sd[i]),
                "hdi_low": float(ends[i, 0]),
                "hdi_high": float(ends[i, 1]),
            }
            for i, name in enumerate(self.names)
        }

    def to_inference_data(self, n: int = 4000, *, seed: int = 0) -> "arviz.InferenceData":
        """The posterior as ArviZ holds it, as one chain of independent draws."""
        from errorbar.survey.fit.inference import draws_to_inference_data

        return draws_to_inference_data(
            self.draws(n, seed=seed),
            self.data,
            attrs={"model": self.model, "method": "exact", "log_evidence": self.log_evidence},
        )


def sum_one(model: LatticeModel, data: SurveyData, prior: Any) -> SurveyFit:
    """Sum one survey's lattice and keep its nodes."""
    check_limits(model, [data])
    problem = model.build([data], prior)
    p = model.inner
    sums = sum_nodes(
        model.density(),
        problem.data[0],
        problem.hyper[0],
        problem.start[0],
        problem.scales[0],
        inner=p,
        kinds=model.kinds,
        folds=model.folds,
        odd=model.odd,
        accuracy=model.accuracy,
    )
    if sums.status != 0:
        raise FitError(
            f"the posterior of this survey of {data.n} planets could not be summed "
            f"({STATUS[sums.status]}): fit it with method='nuts' and look at its chains."
        )
    shift = problem.shift[0]
    marginals: list[Marginal] = []
    w = sums.weight / sums.weight.sum()
    at = p
    for k in range(p):
        at += k + 1
        # The face of a folded lattice keeps half weight; all else is a mixture over the nodes.
        marginals.append(
            MixtureMarginal(w, sums.inner[:, k] + shift[k], np.sqrt(sums.inner[:, at - 1]))
        )
    for a, u in enumerate(sums.places):
        place = natural(int(model.kinds[a]), problem.scales[0, a], u)
        density = sums.grids[a] / _slope(model, problem, a, u)
        marginals.append(CurveMarginal(place + shift[p + a], density))
    posterior = Posterior(
        model.names, sums.mean + shift, sums.sd, tuple(marginals), sums.log_integral
    )
    nodes = Nodes(sums.index, w, sums.origin, sums.basis, sums.folded)
    chosen = model.rule(prior, data) if hasattr(prior, "label") else prior
    return SurveyFit(model.name, data, chosen, posterior, problem, nodes, model)


def _slope(model: LatticeModel, problem: Problem, a: int, u: ndarray) -> ndarray:
    scale = problem.scales[0, a]
    if model.kinds[a] == SINH:
        return scale * np.cosh(u)
    if model.kinds[a] == TANH:
        return 1.0 / np.cosh(u) ** 2
    if model.kinds[a] == LOGISTIC:
        return 1.0 / (2.0 + 2.0 * np.cosh(u))
    return np.ones_like(u)


def _draw(fit: SurveyFit, n: int, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    """Outer coordinates and inner coefficients, exactly from the posterior.

    A node drawn by weight and shifted by a triangular step has the density that interpolates the
    lattice linearly; a draw is kept with probability proportional to true over interpolated.
    """
    nodes, model, problem = fit.nodes, fit.lattice, fit.problem
    d, p = nodes.index.shape[1], model.inner
    table, base = _dense(nodes, model)
    odd_of = model.odd
    bound = FIRST_BOUND
    while True:
        kept_u: list[ndarray] = []
        kept_v: list[ndarray] = []
        found, raised = 0, False
        chance = np.cumsum(nodes.weight)
        while found < n and not raised:
            size = max(256, 2 * (n - found))
            pick = np.searchsorted(chance, rng.random(size) * chance[-1])
            place = nodes.index[np.minimum(pick, len(chance) - 1)] + (
                rng.random((size, d)) - rng.random((size, d))
            )
            for k in np.flatnonzero(nodes.folded):
                below = place[:, k] < 0
                for a in np.flatnonzero(odd_of[k]):
                    place[below, a] = -place[below, a]
            u = np.ascontiguousarray(nodes.origin + place @ nodes.basis.T)
            logf, values = evaluate(model.density(), problem.data[0], problem.hyper[0], u, p)
            smooth = _interpolate(table, base, place, nodes.folded, odd_of)
            volume = np.log(np.abs(np.prod(np.diag(nodes.basis)))) if d else 0.0
            ratio = np.exp(logf + volume - fit.posterior.log_evidence) / smooth
            if ratio.max() > bound:
                bound, raised = 1.1 * float(ratio.max()), True
                break
            keep = rng.random(size) * bound < ratio
            kept_u.append(u[keep])
            kept_v.append(values[keep])
            found += int(keep.sum())
        if not raised:
            u, values = np.concatenate(kept_u)[:n], np.concatenate(kept_v)[:n]
            return u, _coefficients(values, p, rng)


def _dense(nodes: Nodes, model: LatticeModel) -> tuple[ndarray, ndarray]:
    """Full-lattice node densities in a box with a margin, folded halves mirrored into it."""
    weight = nodes.weight.copy()
    index = nodes.index
    for k in np.flatnonzero(nodes.folded):
        weight[index[:, k] == 0] *= 2.0
    copies, weights = [index], [weight]
    for k in np.flatnonzero(nodes.folded):
        for old, w in list(zip(copies, weights)):
            mirrored = old.copy()
            for a in np.flatnonzero(model.odd[k]):
                mirrored[:, a] = -mirrored[:, a]
            copies.append(mirrored)
            weights.append(w)
    everything, w = np.concatenate(copies), np.concatenate(weights)
    base = everything.min(axis=0) - 2
    shape = everything.max(axis=0) + 3 - base
    table = np.zeros(tuple(shape))
    table[tuple((everything - base).T)] = w
    return table, base


def _interpolate(
    table: ndarray, base: ndarray, place: ndarray, folded: ndarray, odd: ndarray
) -> ndarray:
    """Multilinear interpolation of the node densities at lattice coordinates."""
    floor = np.floor(place).astype(np.int64)
    part = place - floor
    total = np.zeros(len(place))
    d = place.shape[1]
    for corner in range(2**d):
        bits = np.array([(corner >> k) & 1 for k in range(d)])
        share = np.prod(np.where(bits == 1, part, 1.0 - part), axis=1)
        at = floor + bits - base
        inside = np.all((at >= 0) & (at < table.shape), axis=1)
        value = np.zeros(len(place))
        value[inside] = table[tuple(at[inside].T)]
        total += share * value
    return np.maximum(total, 1e-300)


def _coefficients(values: ndarray, p: int, rng: np.random.Generator) -> ndarray:
    if p == 0:
        return np.empty((len(values), 0))
    rows, cols = np.tril_indices(p)
    covariance = np.zeros((len(values), p, p))
    covariance[:, rows, cols] = values[:, p:]
    covariance[:, cols, rows] = values[:, p:]
    factor = np.linalg.cholesky(covariance)
    return values[:, :p] + np.einsum("nij,nj->ni", factor, rng.normal(size=(len(values), p)))
