"""What the reference's routes leave: one value of everything above the pairs, taken as known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import FitError
from errorbar.rt.data import Peaks
from errorbar.rt.fit.marginal import follows, solve
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.reference.graph import Graph
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.model import Times

__all__ = [
    "ReferenceFit",
    "in_natural_units",
    "is_scale",
    "levelled",
    "plug_in",
    "split_values",
]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFit:
    """Point values by one of the reference's routes: `advi`, `map` or `nuts`.

    `latents` are the means of t0, mu_sup, mu, theta, delta, b, w0, m_sup and m, times less the
    overall mean (`pool.statistics.centre_rt`). `pool` is the same as a fit of the exact model: its
    scales are those found, its levels have these values and no variance, and each pair's
    coefficients follow from its own rows about them. `loss` is minus the evidence bound at each
    step. `diagnostics` are the route's own; seconds are the processor's.
    """

    method: str
    pool: PoolFit
    latents: dict[str, ndarray]
    steps: int
    converged: bool
    loss: Float[ndarray, " steps"]
    diagnostics: dict[str, float]
    seconds: float
    compile_seconds: float

    @property
    def scales(self) -> dict[str, float]:
        """Each scale by its name, as `PoolFit.scales` has them."""
        return self.pool.scales

    @property
    def coefficients(self) -> Float[ndarray, "groups coefficients"]:
        """Intercept (at the covariates' overall mean, in minutes) and slopes of each pair."""
        mean = self.pool.known.own.copy()
        mean[:, 0] += self.pool.statistics.centre_rt
        return mean

    @property
    def covariances(self) -> Float[ndarray, "groups coefficients coefficients"]:
        """Their covariances at the plug-in values."""
        root = np.sqrt(self.pool.known.prior)
        return self.pool.known.shrink * (root[:, :, None] * root[:, None, :])

    def predict(self, peaks: Peaks) -> Times:
        """Times with everything above the pairs taken as known.

        Where a pair, a compound or a species was not seen, the level above it speaks, with the
        scatter about that level and no more.
        """
        return Predictor(self.pool).times(peaks)


def plug_in(graph: Graph, latents: dict[str, ndarray], scales: dict[str, ndarray]) -> PoolFit:
    """The exact model's fit in which levels have these values and no variance.

    `latents` are levels as the graph uses them, see `levelled`.
    """
    bad = [name for name, value in (latents | scales).items() if not np.isfinite(value).all()]
    if bad:
        raise FitError(f"the route ended with numbers that are not finite in {', '.join(bad)}.")
    at = np.log(np.array([_scale(graph, name, scales) for name in graph.parameters.names]))
    known = solve(graph.statistics, graph.layout, graph.parameters.scales(at))
    species, core = _core(graph, latents)
    effect = _alpha(graph, latents)
    layout = graph.layout
    vectors = known.core[: layout.offsets[0]].reshape(-1, layout.columns)
    moved = _centres(graph, species, effect) - _centres(graph, vectors, known.effect)
    follow = follows(known.prior, known.shrink)
    known = replace(
        known,
        core=core,
        covariance=np.zeros_like(known.covariance),
        effect=effect,
        effect_covariance=np.zeros_like(known.effect_covariance),
        reach_rows=np.zeros_like(known.reach_rows),
        own=known.own + np.einsum("gpq,gq->gp", follow, moved),
        spread=np.zeros_like(known.spread),
    )
    return PoolFit(
        model=graph.pool,
        statistics=graph.statistics,
        layout=layout,
        chemistry=graph.chemistry,
        cells=None,
        parameters=graph.parameters,
        at=at,
        known=known,
        log_posterior=known.log_marginal + graph.parameters.log_prior(at)[0],
        evaluations=1,
        converged=True,
    )


def levelled(graph: Graph, latents: dict[str, ndarray]) -> dict[str, ndarray]:
    """The levels as the graph uses them: less their means, where it takes those."""
    if not graph.sum_to_zero:
        return latents
    names = ("mu_sup", "mu", "delta")
    return latents | {name: latents[name] - latents[name].mean() for name in names}


def split_values(
    graph: Graph, values: Mapping[str, ndarray]
) -> tuple[dict[str, ndarray], dict[str, ndarray]]:
    """Levels (less their means, where the graph takes those) and scales among a graph's values."""
    scales = {name: np.asarray(values[name]) for name in values if is_scale(name)}
    latents = {name: np.asarray(values[name]) for name in values if not is_scale(name)}
    return levelled(graph, latents), scales


def in_natural_units(values: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """PyMC's own values by name, its logarithms of scales as scales."""
    found: dict[str, ndarray] = {}
    for name, value in values.items():
        # PyMC keeps a positive variable as its logarithm, under this name.
        base = name.removesuffix("_log__")
        found[base] = np.exp(value) if base != name else np.asarray(value)
    return found


def is_scale(name: str) -> bool:
    """Whether a variable of the graph is a standard deviation."""
    return name == "sigma" or name.startswith("tau_")


def _scale(graph: Graph, name: str, scales: dict[str, ndarray]) -> float:
    """A scale by the name the exact model gives it, such as `tau_mu[3]`."""
    base, _, rest = name.partition("[")
    if not rest:
        return float(scales[base])
    ids = graph.statistics.supercategory_ids
    return float(scales[base][int(np.flatnonzero(ids == int(rest[:-1]))[0])])


def _core(graph: Graph, latents: dict[str, ndarray]) -> tuple[ndarray, ndarray]:
    """Species' vectors, and all of the core in its order."""
    t0 = latents["t0"]
    species = (latents["mu"] + t0)[:, None]
    supers, top = (latents["mu_sup"] + t0)[:, None], np.atleast_1d(t0)
    if "m" in latents:
        species = np.concatenate([species, latents["m"]], axis=1)
        supers = np.concatenate([supers, latents["m_sup"]], axis=1)
        top = np.r_[top, latents["w0"]]
    theta = latents.get("theta", np.zeros(0))
    return species, np.concatenate([species.ravel(), supers.ravel(), top, theta])


def _alpha(graph: Graph, latents: dict[str, ndarray]) -> ndarray:
    """The compounds' offsets."""
    alpha = latents["delta"]
    if "theta" in latents:
        alpha = alpha + graph.layout.z @ latents["theta"]
        if graph.sum_to_zero:
            alpha = alpha - alpha.mean()
    return alpha[:, None]


def _centres(graph: Graph, species: ndarray, effect: ndarray) -> ndarray:
    layout = graph.layout
    centre = np.zeros((graph.statistics.groups, layout.coefficients))
    centre[:, : layout.columns] = species[layout.species]
    centre[:, :1] += effect[layout.compound]
    return centre
