"""The reference's other routes: the joint mode, and the no-U-turn sampler on all unknowns."""

import time
import warnings
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import optimize

from errorbar.core.errors import SettingsError
from errorbar.core.extras import load
from errorbar.rt.data import Chemistry
from errorbar.rt.fit.reference.door import hushed
from errorbar.rt.fit.reference.graph import Graph, build_graph
from errorbar.rt.fit.reference.plug_in import (
    ReferenceFit,
    in_natural_units,
    is_scale,
    plug_in,
    split_values,
)
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import REFERENCE_PENALTY, SlopeHead

__all__ = ["FunnelWarning", "fit_map", "fit_nuts_joint"]

# A scale this small relative to its prior's width has fallen into the funnel.
COLLAPSED = 1e-2
LEAST = 1e-12
FLOOR = 1e300


class FunnelWarning(UserWarning):
    """The joint mode is not an answer: scales went to zero."""


def fit_map(
    statistics: GroupStatistics,
    chemistry: Chemistry | None = None,
    *,
    penalty: float = REFERENCE_PENALTY,
    slope_head: SlopeHead = "cluster_supercat",
    most: int = 5_000,
    sum_to_zero: bool = True,
    start_at_data: bool = False,
) -> ReferenceFit:
    """The mode of levels and scales together, as the reference's `map` finds it.

    This is a trap. The joint density has no largest value: as a level's scale goes to zero and its
    members to their centre it grows without bound, whatever the data say. Where the search stops
    is a matter of its tolerance. Scales that have collapsed are told in a `FunnelWarning`, and
    `converged` is false then. `fit_statistics` maximises over scales with all else integrated.
    """
    graph = _graph(statistics, chemistry, penalty, slope_head, sum_to_zero, start_at_data)
    began = time.process_time()
    bijection = load("pymc.blocking").DictToArrayBijection
    # As the reference's search has it: of scales, not of their logarithms.
    outputs = [graph.model.logp(jacobian=False), graph.model.dlogp(jacobian=False)]
    density = graph.model.compile_fn(outputs)
    point = graph.model.initial_point() | graph.start
    start = bijection.map({v.name: point[v.name] for v in graph.model.value_vars})
    compiled = time.process_time()

    def downhill(flat: ndarray) -> tuple[float, ndarray]:
        moved = bijection.rmap(start.__class__(flat, start.point_map_info))
        height, slope = density(moved)
        # Below the funnel's floor numbers overflow; the search turns back there.
        if not (np.isfinite(height) and np.isfinite(slope).all()):
            return FLOOR, np.zeros(len(flat))
        return -float(height), -np.asarray(slope)

    with np.errstate(all="ignore"):
        found = optimize.minimize(
            downhill, start.data, jac=True, method="L-BFGS-B", options={"maxfun": most}
        )
    values = in_natural_units(bijection.rmap(start.__class__(found.x, start.point_map_info)))
    values = {n: np.maximum(v, LEAST) if is_scale(n) else v for n, v in values.items()}
    fallen = [n for n, v in values.items() if is_scale(n) and (v < COLLAPSED * _width(n)).any()]
    fallen = [n for n in fallen if n != "sigma"]
    if fallen:
        warnings.warn(
            f"the joint mode ran into its funnel: {', '.join(fallen)} went to zero. Its point "
            "values are no estimates; use `fit_statistics`.",
            FunnelWarning,
            stacklevel=2,
        )
    latents, scales = split_values(graph, values)
    return ReferenceFit(
        method="map",
        pool=plug_in(graph, latents, scales),
        latents=latents,
        steps=int(found.nfev),
        converged=bool(found.success) and not fallen,
        loss=np.empty(0),
        diagnostics={"collapsed_scales": float(len(fallen))},
        seconds=time.process_time() - compiled,
        compile_seconds=compiled - began,
    )


def fit_nuts_joint(
    statistics: GroupStatistics,
    chemistry: Chemistry | None = None,
    *,
    penalty: float = REFERENCE_PENALTY,
    slope_head: SlopeHead = "cluster_supercat",
    draws: int = 1_000,
    tune: int = 1_000,
    chains: int = 4,
    target_accept: float = 0.95,
    seed: int,
    sum_to_zero: bool = False,
) -> tuple[ReferenceFit, Any]:
    """Draws of levels and scales together, and the point values that are their means.

    Slow, and narrow where scales are small: a second of the exact route is hours here for some
    hundred pairs. It is for checks on tables of a few dozen pairs; `sample_scales` draws from the
    same posterior with the levels integrated. The second value is ArviZ's.
    """
    graph = _graph(statistics, chemistry, penalty, slope_head, sum_to_zero, True)
    pm, az = load("pymc"), load("arviz")
    began = time.process_time()
    with graph.model, hushed():
        trace = pm.sample(
            draws=draws, tune=tune, chains=chains, cores=1, target_accept=target_accept,
            initvals=graph.start, random_seed=seed, progressbar=False,
            compute_convergence_checks=False,
        )  # fmt: skip
    means = {
        name: values.mean(("chain", "draw")).values for name, values in trace.posterior.items()
    }
    latents, scales = split_values(graph, means)
    rhat = float(az.rhat(trace).to_array().max())
    size = float(az.ess(trace).to_array().min())
    divergences = int(trace.sample_stats["diverging"].sum())
    fit = ReferenceFit(
        method="nuts",
        pool=plug_in(graph, latents, scales),
        latents=latents,
        steps=chains * (draws + tune),
        converged=rhat < 1.01 and divergences == 0,
        loss=np.empty(0),
        diagnostics={"rhat_max": rhat, "ess_min": size, "divergences": float(divergences)},
        seconds=time.process_time() - began,
        compile_seconds=0.0,
    )
    return fit, trace


def _graph(
    statistics: GroupStatistics, chemistry: Chemistry | None, penalty: float,
    slope_head: SlopeHead, sum_to_zero: bool, start_at_data: bool,
) -> Graph:  # fmt: skip
    if not penalty > 0:
        raise SettingsError(f"penalty={penalty:g} must be positive.")
    return build_graph(
        statistics, chemistry, penalty=penalty, slope_head=slope_head, sum_to_zero=sum_to_zero,
        start_at_data=start_at_data,
    )  # fmt: skip


def _width(name: str) -> ndarray | float:
    return 0.05 if name == "sigma" else 0.5
