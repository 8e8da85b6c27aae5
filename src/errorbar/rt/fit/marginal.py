r"""The marginal likelihood of the scales, its gradient, and what is known given them.

All unknowns but the scales are integrated exactly. The value is taken at the posterior mean
$\hat u$, as $\log p(y \mid \hat u) + \log p(\hat u) - \log p(\hat u \mid y)$: its terms are sums
of squares of small numbers, and an error of the solve enters only squared. The gradient is the
expectation of the complete data's (Fisher's identity), so it costs one inverse of the core.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.linalg import lapack

from errorbar.core.errors import FitError
from errorbar.rt.fit import core as system
from errorbar.rt.fit import groups
from errorbar.rt.fit.cells import Cells, add_runs, adjust, edges, run_expectations
from errorbar.rt.fit.layout import Layout
from errorbar.rt.fit.levels import deviations, level_gradients, top_prior
from errorbar.rt.fit.scales import ScaleGradient, Scales
from errorbar.rt.fit.statistics import GroupStatistics

__all__ = ["Known", "solve"]

_lapack = cast(Any, lapack)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The posterior of all unknowns at given scales.

    `core` and `covariance` are of species, supercategories, the top, theta and classes; compound k
    is `effect[k]`, and follows the core by minus `reach_rows` at `reach_places`, with the variance
    `inverse[k]` of its own. A group's coefficients are centred at `centre` and have the mean `own`,
    and the covariance `S R S` (`shrink` is R) of their own rows plus `spread`, what comes from not
    knowing all else. `told` is what data tell of the logs of the levels' variances,
    `bend` how much more their curves are bent where they tell little (see `search`).
    """

    scales: Scales
    log_marginal: float
    gradient: ScaleGradient
    told: ScaleGradient
    bend: ScaleGradient
    core: Float[ndarray, " core"]
    covariance: Float[ndarray, "core core"]
    effect: Float[ndarray, "compounds effects"]
    effect_covariance: Float[ndarray, "compounds effects effects"]
    inverse: Float[ndarray, "compounds effects effects"]
    reach_places: ndarray
    reach_rows: ndarray
    reach_starts: ndarray
    prior: Float[ndarray, "groups coefficients"]
    noise: Float[ndarray, " groups"]
    shrink: Float[ndarray, "groups coefficients coefficients"]
    centre: Float[ndarray, "groups coefficients"]
    own: Float[ndarray, "groups coefficients"]
    spread: Float[ndarray, "groups coefficients coefficients"]
    quadratic: Float[ndarray, " groups"]
    cell_edge: Float[ndarray, "cells coefficients"]


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    noise: ndarray
    prior: ndarray
    shrink: ndarray
    q: ndarray
    linear: ndarray
    log_det: ndarray


def solve(
    statistics: GroupStatistics,
    layout: Layout,
    scales: Scales,
    cells: Cells | None = None,
    *,
    whole: bool = True,
) -> Known:
    """Everything that is known at these scales; `cells` where runs have effects.

    Without `whole`, as a search needs it, `spread` is left empty.
    """
    weighed = _weigh(statistics, layout, scales)
    if cells is None:
        cells = Cells.none(statistics.groups, layout.coefficients)
    cell_edge = np.empty(cells.total_x.shape)
    edges(cells.start, cells.total_x, weighed.noise, weighed.prior, weighed.shrink, cell_edge)
    cell_side = (cells.start, cells.run, np.ascontiguousarray(cell_edge[:, : layout.effects]))
    maps = None if layout.maps is None else layout.maps[layout.compound]
    size, effects = layout.core, layout.effects
    compounds = len(layout.z)
    blocks, linear = weighed.q, weighed.linear
    edge = weighed.q[:, :, :effects]
    if maps is not None:
        edge = np.matmul(maps.transpose(0, 2, 1), edge)
        blocks = np.matmul(np.matmul(maps.transpose(0, 2, 1), weighed.q), maps)
        linear = np.einsum("gqb,gq->gb", maps, linear)
    load = layout.load
    edge = np.ascontiguousarray(edge * load[:, None, None])
    top_precision, top_mean = top_prior(layout, statistics.centre_rt)
    offsets = np.array(layout.offsets)
    matrix, right = np.zeros((size, size)), np.zeros(size)
    through = np.zeros((1, 1, 1)) if layout.maps is None else layout.maps
    if cells.runs:
        level = statistics.total[:, None] * np.c_[np.ones(statistics.groups), statistics.mean_x]
        level *= statistics.mean_y[:, None]
        level[:, 1:] += statistics.sxy
        add_runs(
            cells.start, cells.run, cells.total_x, cells.total_y, weighed.noise, weighed.prior,
            cell_edge, level, layout.species, layout.compound, layout.columns, through,
            layout.maps is None, layout.offsets[4], float(1 / scales.run[0]), matrix, right,
        )  # fmt: skip
    inverse = np.empty((compounds, effects, effects))
    effect_right = np.empty((compounds, effects))
    where = (layout.start_of_compound, layout.by_compound, layout.species)
    log_det = system.assemble(
        *where,
        layout.parent,
        offsets,
        blocks,
        edge,
        np.square(load)[:, None, None] * weighed.q[:, :effects, :effects],
        linear,
        load[:, None] * weighed.linear[:, :effects],
        layout.z,
        layout.klass,
        1 / scales.species,
        1 / scales.parent,
        top_precision,
        top_mean,
        1 / scales.compound,
        float(1 / scales.theta[0]),
        1 / scales.klass,
        *cell_side,
        matrix,
        right,
        inverse,
        effect_right,
    )
    # Fortran reads the transpose, whose upper triangle this is.
    factor, failed = _lapack.dpotrf(matrix.T, lower=False, overwrite_a=True)
    if failed:
        raise FitError(
            "the normal equations are not positive definite to working accuracy: a scale has run "
            "away. Fix it (for example penalty='reference'), or use wider data."
        )
    mean, _ = _lapack.dpotrs(factor, right, lower=False)
    log_det += 2 * np.log(np.diag(factor)).sum()
    inverted, _ = _lapack.dpotri(factor, lower=False, overwrite_c=True)
    covariance = inverted.T
    system.mirror(covariance)

    effect = np.empty((compounds, effects))
    most = len(layout.by_compound) * layout.columns + layout.z.size + compounds * effects
    most += len(cells.run)
    places, rows = np.empty(most, np.int64), np.empty((most, effects))
    starts = np.empty(compounds + 1, np.int64)
    end = system.couplings(
        *where,
        layout.columns,
        offsets,
        edge,
        layout.z,
        layout.klass,
        1 / scales.compound,
        *cell_side,
        inverse,
        mean,
        effect_right,
        effect,
        places,
        rows,
        starts,
    )
    places, rows = places[:end].copy(), rows[:end].copy()
    cross = np.empty((len(layout.species), layout.columns, effects))
    cell_cross = np.empty((len(cells.run), effects))
    spread, scatter = np.empty((compounds, effects, effects)), np.empty((compounds, effects))
    system.spread(
        where[0],
        where[1],
        layout.columns,
        offsets,
        layout.z,
        inverse,
        places,
        rows,
        starts,
        covariance,
        cells.start,
        cross,
        cell_cross,
        spread,
        scatter,
    )
    centre = _centres(layout, mean, effect, maps)
    moved = _moved(layout, covariance, cross, spread, maps)
    return _finish(
        statistics, layout, scales, weighed, centre, moved, mean, covariance, effect, spread,
        inverse, places, rows, starts, scatter, log_det, cells, cell_edge, cell_cross, through,
        whole,
    )  # fmt: skip


def follows(prior: ndarray, shrink: ndarray) -> ndarray:
    """How each group's coefficients follow their centre, S R S^-1."""
    root = np.sqrt(prior)
    return shrink * (root[:, :, None] / root[:, None, :])


def _weigh(statistics: GroupStatistics, layout: Layout, scales: Scales) -> _Weighed:
    count, size = statistics.groups, layout.coefficients
    noise = scales.noise[layout.compound]
    prior = np.empty((count, size))
    prior[:, 0] = scales.between[0]
    slope = scales.slope[layout.parent[layout.species]]
    prior[:, 1:] = noise[:, None] / slope if scales.tied else slope
    shrink, q = np.empty((count, size, size)), np.empty((count, size, size))
    linear, log_det = np.empty((count, size)), np.empty(count)
    groups.weigh(
        statistics.total, statistics.mean_x, statistics.mean_y, statistics.sxx, statistics.sxy,
        noise, prior, shrink, q, linear, log_det,
    )  # fmt: skip
    return _Weighed(noise, prior, shrink, q, linear, log_det)


def _centres(layout: Layout, mean: ndarray, effect: ndarray, maps: ndarray | None) -> ndarray:
    """Where each group's coefficients are expected."""
    vectors = mean[: layout.offsets[0]].reshape(-1, layout.columns)[layout.species]
    centre = vectors.copy() if maps is None else np.einsum("gqb,gb->gq", maps, vectors)
    centre[:, : layout.effects] += layout.load[:, None] * effect[layout.compound]
    return centre


def _moved(
    layout: Layout, covariance: ndarray, cross: ndarray, spread: ndarray, maps: ndarray | None
) -> ndarray:
    """The covariance of each group's centre."""
    effects = layout.effects
    own = species_blocks(layout, covariance)[layout.species]
    if maps is not None:
        own = np.matmul(np.matmul(maps, own), maps.transpose(0, 2, 1))
        cross = np.matmul(maps, cross)
    load = layout.load[:, None, None]
    own[:, :, :effects] += load * cross
    own[:, :effects, :] += load * cross.transpose(0, 2, 1)
    own[:, :effects, :effects] += load**2 * spread[layout.compound]
    return own


def species_blocks(layout: Layout, covariance: ndarray) -> ndarray:
    """The covariance of each species' vector."""
    columns, count = layout.columns, len(layout.parent)
    part = covariance[: count * columns, : count * columns]
    every = np.arange(count)
    return part.reshape(count, columns, count, columns)[every, :, every, :].copy()


def _finish(
    statistics: GroupStatistics, layout: Layout, scales: Scales, weighed: _Weighed,
    centre: ndarray, moved: ndarray, mean: ndarray, covariance: ndarray, effect: ndarray,
    effect_covariance: ndarray, inverse: ndarray, places: ndarray, rows: ndarray, starts: ndarray,
    scatter: ndarray, log_det: float, cells: Cells, cell_edge: ndarray, cell_cross: ndarray,
    through: ndarray, whole: bool,
) -> Known:  # fmt: skip
    count, size = statistics.groups, layout.coefficients
    pull, own = np.empty((count, size)), np.empty((count, size))
    quadratic, squares, traces = np.empty(count), np.empty((count, size)), np.empty(count)
    mean_y, sxy, syy = statistics.mean_y, statistics.sxy, statistics.syy
    first = layout.offsets[4]
    if cells.runs:
        mean_y, sxy, syy = mean_y.copy(), sxy.copy(), syy.copy()
        adjust(
            cells.start, cells.run, cells.total_x, cells.total_y, mean[first:], statistics.total,
            statistics.mean_x, mean_y, sxy, syy,
        )  # fmt: skip
    groups.residuals(
        statistics.total, statistics.mean_x, mean_y, statistics.sxx, sxy, syy,
        weighed.noise, weighed.prior, weighed.shrink, centre, pull, own, quadratic,
    )  # fmt: skip
    own_moved = np.empty(moved.shape)
    if cells.runs:
        run_expectations(
            cells.start, cells.run, cells.total_x, weighed.noise, weighed.prior, cell_edge,
            weighed.q, moved, layout.species, layout.compound, layout.columns, layout.effects,
            through, layout.maps is None, first, covariance, cell_cross, squares, traces,
            own_moved,
        )  # fmt: skip
    else:
        groups.expectations(weighed.q, moved, squares, traces)
        follow = follows(weighed.prior[: count * whole], weighed.shrink[: count * whole])
        moved = moved[: count * whole]
        own_moved = np.matmul(np.matmul(follow, moved), follow.transpose(0, 2, 1))
    number = statistics.count
    value = -0.5 * float(
        (number * np.log(2 * np.pi * weighed.noise) + weighed.log_det + quadratic).sum()
    )
    off = deviations(layout, mean, effect, statistics.centre_rt)
    variances = {
        "species": scales.species[layout.parent],
        "parent": np.broadcast_to(scales.parent, off["parent"].shape),
        "compound": np.broadcast_to(scales.compound, effect.shape),
        "theta": np.broadcast_to(scales.theta, off["theta"].shape),
        "klass": np.broadcast_to(scales.klass, off["klass"].shape),
        "top": 1 / top_prior(layout, 0.0)[0],
        "run": np.broadcast_to(scales.run, off["run"].shape),
    }
    for name, each in off.items():
        value -= 0.5 * float((np.log(variances[name]) + each**2 / variances[name]).sum())
    value -= 0.5 * log_det

    diagonal = np.einsum("gpp->gp", weighed.q)
    # What a unit change of each prior variance's logarithm does.
    change = 0.5 * weighed.prior * (pull**2 + squares - diagonal)
    noise = 0.5 * (quadratic + traces - number) - change.sum(axis=1)
    slope = np.zeros_like(scales.slope)
    sign = 1.0
    if scales.tied:
        # The slopes' variance moves with the noise, and against the penalty.
        noise, sign = noise + change[:, 1:].sum(axis=1), -1.0
    np.add.at(slope, layout.parent[layout.species], sign * change[:, 1:])
    gradient: ScaleGradient = {
        "noise": np.bincount(layout.compound, noise, minlength=len(layout.z)),
        "between": np.array([change[:, 0].sum()]),
        "slope": slope,
    }
    above, told, bend = level_gradients(layout, covariance, scatter, off, variances)
    gradient |= above
    bent = (weighed.prior * diagonal - 1) * change
    slope_bend = np.zeros_like(scales.slope)
    np.add.at(slope_bend, layout.parent[layout.species], bent[:, 1:])
    bend |= {"between": np.array([bent[:, 0].sum()]), "slope": slope_bend}
    return Known(
        scales=scales,
        log_marginal=value,
        gradient=gradient,
        told=told,
        bend=bend,
        core=mean,
        covariance=covariance,
        effect=effect,
        effect_covariance=effect_covariance,
        inverse=inverse,
        reach_places=places,
        reach_rows=rows,
        reach_starts=starts,
        prior=weighed.prior,
        noise=weighed.noise,
        shrink=weighed.shrink,
        centre=centre,
        own=own,
        spread=own_moved,
        quadratic=quadratic,
        cell_edge=cell_edge,
    )
