"""Draws of the scales alone: the no-U-turn sampler on the exact marginal likelihood.

Everything but the scales is integrated exactly at each step, so no funnel is left, and a few
thousand draws are a long run. This is the reference for `fit.integrate`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.core.extras import load
from errorbar.rt.fit.integrate import PoolMixture, curvature, log_posterior
from errorbar.rt.fit.reference.door import hushed
from errorbar.rt.fit.run import PoolFit

__all__ = ["ScaleDraws", "sample_scales"]

# What stands for a point where the marginal likelihood cannot be computed: no draw goes there.
NOWHERE = -1e300


@dataclass(frozen=True, slots=True, eq=False)
class ScaleDraws:
    """Draws of the scales' coordinates (`fit.parameters.named` shows one) and how they mixed.

    `rhat` and `ess` (of the mean) are of each coordinate, seconds are the processor's.
    """

    fit: PoolFit
    at: Float[ndarray, "chains draws coordinates"]
    rhat: Float[ndarray, " coordinates"]
    ess: Float[ndarray, " coordinates"]
    divergences: int
    evaluations: int
    seconds: float

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates."""
        return self.fit.parameters.names

    def mixture(self, nodes: int = 200) -> PoolMixture:
        """The exact model averaged over draws, evenly thinned to about so many."""
        flat = self.at.reshape(-1, self.at.shape[2])
        if not 1 <= nodes <= len(flat):
            raise SettingsError(f"nodes={nodes} must lie between 1 and the {len(flat)} draws.")
        chosen = flat[np.linspace(0, len(flat) - 1, nodes).round().astype(np.int64)]
        return PoolMixture(
            fit=self.fit,
            at=chosen,
            weights=np.full(nodes, 1 / nodes),
            mean=flat.mean(axis=0),
            covariance=np.cov(flat, rowvar=False).reshape(flat.shape[1], -1),
            effective_size=float(self.ess.min()),
        )


def sample_scales(
    fit: PoolFit,
    *,
    draws: int = 1_000,
    tune: int = 500,
    chains: int = 4,
    target_accept: float = 0.9,
    seed: int,
) -> ScaleDraws:
    """Draws from the posterior of the scales of a fitted model, all else integrated.

    The sampler moves in coordinates in which the posterior is about round at the mode. One step of
    it costs some seven evaluations of the marginal likelihood.
    """
    pm, az = load("pymc"), load("arviz")
    began = time.process_time()
    root = np.linalg.cholesky(curvature(fit).covariance)
    calls = 0

    def value(whitened: ndarray) -> tuple[float, ndarray]:
        nonlocal calls
        calls += 1
        try:
            height, slope = log_posterior(fit, fit.at + root @ whitened)
        except FitError:
            return NOWHERE, np.zeros(len(whitened))
        return height - fit.log_posterior, root.T @ slope

    density = _density(value)
    with pm.Model(), hushed():
        whitened = pm.Flat("whitened", shape=len(fit.at), initval=np.zeros(len(fit.at)))
        pm.Potential("posterior", density(whitened))
        trace = pm.sample(
            draws=draws, tune=tune, chains=chains, cores=1, target_accept=target_accept,
            random_seed=seed, progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
    at = fit.at + trace.posterior["whitened"].values @ root.T
    data = az.convert_to_dataset({"at": at})
    return ScaleDraws(
        fit=fit,
        at=at,
        rhat=az.rhat(data)["at"].values if chains > 1 else np.full(len(fit.at), np.nan),
        ess=az.ess(data)["at"].values,
        divergences=int(trace.sample_stats["diverging"].sum()),
        evaluations=calls,
        seconds=time.process_time() - began,
    )


def _density(value: Callable[[ndarray], tuple[float, ndarray]]) -> Any:
    """A function of numpy as a node of a graph, its gradient computed along with it."""
    tensor, graph = load("pytensor.tensor"), load("pytensor.graph")

    class Density(graph.Op):
        itypes = [tensor.dvector]
        otypes = [tensor.dscalar, tensor.dvector]

        def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
            height, slope = value(inputs[0])
            outputs[0][0], outputs[1][0] = np.asarray(height), slope

        def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:  # noqa: N802
            return [output_grads[0] * outputs[1]]

    return lambda point: Density()(point)[0]
