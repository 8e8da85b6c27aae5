r"""The reference code's model as a PyMC graph: every level above the slopes is explicit.

$$ b_g \sim N(t_0 + \mu_c + \alpha_k, \tau_b^2), \quad \mu_c \sim N(\mu_s, \tau_{\mu,s}^2), \quad
   \mu_s \sim N(0, \tau_{\mu,sup}^2), \quad \alpha_k = z_k^\top \theta + \delta_k, $$
$$ m_c \sim N(m_s, \tau_{w,s}^2), \quad m_s \sim N(w_0, \tau_{w,sup}^2), $$

with $\delta \sim N(0, \tau_{comp}^2)$, unit normal $\theta$ and $w_0$, $t_0 \sim N(0, 10)$ and
half-normal scales. Slopes are integrated (`constants`). Times and covariates stand less their
overall means, as everywhere in `rt.fit`; the prior of $t_0$ is moved along.

The reference code takes their means from $\mu_s$, $\mu_c$, $\delta$ and $\alpha$ as it builds the
graph. With `sum_to_zero` so does this one. It is no constraint but leaves four directions that
only the prior sees, and the sum of all levels the same but for the prior of its mean, whose sd of
10 min takes up what is lost: at fixed scales nothing else changes. Without it the graph is
`PoolModel(penalty=..., priors="reference", theta="unit")` to the last digit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.extras import load
from errorbar.rt.data import Chemistry
from errorbar.rt.fit.layout import Layout
from errorbar.rt.fit.reference.constants import GroupConstants
from errorbar.rt.fit.scales import TOP_OFFSET, TOP_OTHER, Parameters, parameters
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import REFERENCE_PENALTY, PoolModel, SlopeHead

__all__ = ["Graph", "build_graph"]

NOISE, OTHER = 0.05, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The compiled model's source, and the exact model that it is the joint density of.

    `start` holds where the intercepts begin; scales begin at their priors' own.
    """

    model: Any
    pool: PoolModel
    statistics: GroupStatistics
    chemistry: Chemistry | None
    layout: Layout
    parameters: Parameters
    sum_to_zero: bool
    start: dict[str, ndarray]


def build_graph(
    statistics: GroupStatistics,
    chemistry: Chemistry | None = None,
    *,
    penalty: float = REFERENCE_PENALTY,
    slope_head: SlopeHead = "cluster_supercat",
    sum_to_zero: bool = True,
    start_at_data: bool = False,
) -> Graph:
    """The graph of what was collected of a table.

    Offsets begin at the mean time of all rows (the reference code begins where its priors are);
    with `start_at_data` the intercept of each pair begins at its own mean.
    """
    pool = PoolModel(slope_head=slope_head, penalty=penalty, priors="reference", theta="unit")
    layout = Layout.of(statistics, pool, chemistry)
    start = {"t0": np.array(0.0), "b": np.zeros(statistics.groups)}
    if start_at_data:
        start["b"] = statistics.mean_y.copy()
    pm = load("pymc")
    with pm.Model() as model:
        data = _hold(pm, statistics, layout, GroupConstants.of(statistics, penalty))
        intercept = _intercepts(pm, data, statistics, layout, sum_to_zero)
        b = pm.Normal("b", intercept, _scale(pm, "tau_b", OTHER), shape=statistics.groups)
        centre = (b - data["mean_y"])[:, None]
        if slope_head == "cluster_supercat" and statistics.features:
            m = _slopes(pm, data, statistics, layout)
            centre = pm.math.concatenate([centre, m[data["species"]]], axis=1)
        else:
            data["root"] = data["root"][:, :, :1]
        sigma = _scale(pm, "sigma", NOISE)
        off = (data["root"] * centre[:, None, :]).sum(axis=2) - data["target"]
        square = (off**2).sum() + data["rest"]
        value = data["rows"] * pm.math.log(2 * np.pi * sigma**2) + data["log_det"]
        pm.Potential("times", -0.5 * (value + square / sigma**2))
    return Graph(
        model=model,
        pool=pool,
        statistics=statistics,
        chemistry=chemistry,
        layout=layout,
        parameters=parameters(statistics, layout, pool),
        sum_to_zero=sum_to_zero,
        start=start,
    )


def _hold(
    pm: Any, statistics: GroupStatistics, layout: Layout, constants: GroupConstants
) -> dict[str, Any]:
    arrays = {
        "species": layout.species,
        "compound": layout.compound,
        "parent": layout.parent,
        "z": layout.z,
        "mean_y": statistics.mean_y,
        "root": constants.root,
        "target": constants.target,
        "rows": np.array(float(constants.rows)),
        "log_det": np.array(constants.log_det),
        "rest": np.array(constants.rest),
        "top": np.array(-statistics.centre_rt),
    }
    return {name: pm.Data(f"{name}_data", value) for name, value in arrays.items()}


def _scale(pm: Any, name: str, width: float, shape: Any = ()) -> Any:
    return pm.HalfNormal(name, width, shape=shape)


def _intercepts(
    pm: Any, data: dict[str, Any], statistics: GroupStatistics, layout: Layout, sum_to_zero: bool
) -> Any:
    """Where each pair's intercept is expected."""

    def level(values: Any) -> Any:
        return values - values.mean() if sum_to_zero else values

    supers, species = layout.supercategories, len(layout.parent)
    t0 = pm.Normal("t0", data["top"], TOP_OFFSET)
    high = pm.Normal("mu_sup", 0.0, _scale(pm, "tau_mu_sup", OTHER), shape=supers)
    each = _scale(pm, "tau_mu", OTHER, supers)
    parent = data["parent"]
    low = pm.Normal("mu", level(high)[parent], each[parent], shape=species)
    spread = _scale(pm, "tau_comp", OTHER)
    delta = pm.Normal("delta", 0.0, spread, shape=len(statistics.compound_ids))
    alpha = level(delta)
    if layout.z.shape[1]:
        theta = pm.Normal("theta", 0.0, 1.0, shape=layout.z.shape[1])
        alpha = level(pm.math.dot(data["z"], theta) + alpha)
    return t0 + level(low)[data["species"]] + alpha[data["compound"]]


def _slopes(pm: Any, data: dict[str, Any], statistics: GroupStatistics, layout: Layout) -> Any:
    """Where each species' slopes are expected."""
    features, supers = statistics.features, layout.supercategories
    top = pm.Normal("w0", 0.0, TOP_OTHER, shape=features)
    wide = _scale(pm, "tau_w_sup", OTHER)
    high = pm.Normal("m_sup", top[None, :], wide, shape=(supers, features))
    each = _scale(pm, "tau_w", OTHER, supers)
    parent = data["parent"]
    return pm.Normal("m", high[parent], each[parent][:, None], shape=(len(layout.parent), features))
