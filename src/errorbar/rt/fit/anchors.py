r"""Compounds that were already found in a run say where the run's others are.

Rows of one run share its effect, and whatever else is not yet known of its species, its compounds
and their pairs. So a run's anchors (peaks whose compounds are certain) are conditioned on: with
the prior predictive covariance of anchors $A$ and targets $t$,

$$ m_t + C_{tA} (C_{AA} + \Sigma)^{-1} (y_A - m_A), \qquad
   v_t - C_{tA} (C_{AA} + \Sigma)^{-1} C_{At}. $$

This shrinks by itself: three noisy anchors move little, and where nothing is shared they move
nothing. With heavy-tailed noise an anchor that does not fit loses weight.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numba import njit
from numpy import ndarray
from scipy.linalg import cho_factor, cho_solve

from errorbar.core.errors import TableError
from errorbar.rt.data import Peaks
from errorbar.rt.data.units import in_seconds
from errorbar.rt.fit.gaps import Filled
from errorbar.rt.fit.marginal import follows
from errorbar.rt.fit.misfits import Misfit, find_misfits, warn_misfits
from errorbar.rt.fit.predict import Asked, Predictor, unseen_compound
from errorbar.rt.fit.replicates import Replicates
from errorbar.rt.model.times import Times, blend

__all__ = ["anchored", "shared_covariance"]

# Passes over the anchors' weights where noise has heavy tails.
PASSES = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows as functionals of the unknowns: `core` of the core, others of what only some share."""

    core: Float[ndarray, "rows core"]
    x: Float[ndarray, "rows coefficients"]
    turned: Float[ndarray, "rows coefficients"]
    of_compound: Float[ndarray, "rows effects"]
    vector: Float[ndarray, "rows columns"]
    slopes: Float[ndarray, "rows features"]
    missing: Bool[ndarray, "rows features"]
    gaps: Filled
    asked: Asked
    which: ndarray


def anchored(predictor: Predictor, peaks: Peaks, anchors: Peaks, *, warn: bool = True) -> Times:
    """Times of rows given the anchors of their runs; runs without anchors are as without them.

    There is an `AnchorWarning` where anchors do not fit their run.
    """
    times = predictor.times(peaks)
    own = _run_names(peaks)
    at = _run_names(anchors)
    lost = sorted(set(at) - set(own))
    if lost:
        raise TableError(
            f"{len(lost)} runs have anchors and no row to predict, first {lost[0]}: are the run "
            "keys the same in both tables?"
        )
    _check_unit(predictor, anchors)
    pairs, which = predictor.pairs(peaks)
    mean, variance, noise = predictor.rows(peaks, pairs, which)
    variance = variance + predictor.run_variance()
    strange: list[Misfit] = []
    for run in sorted(set(at)):
        targets = np.flatnonzero(np.array([name == run for name in own]))
        chosen = anchors.select(np.flatnonzero(np.array([name == run for name in at])))
        shift, known, misfits = _condition(predictor, peaks.select(targets), chosen)
        strange += misfits
        mean[targets] += shift
        # Rounding must not take away what noise alone leaves.
        variance[targets] = np.maximum(variance[targets] - known, 1e-12)
    if warn:
        warn_misfits(strange, len(anchors), normal=bool(np.isinf(predictor.fit.freedom)))
    sd, freedom = blend(variance, predictor.fit.errors(noise), predictor.fit.freedom)
    return replace(times, mean=mean, sd=sd, freedom=freedom)


def _check_unit(predictor: Predictor, anchors: Peaks) -> None:
    """Anchors that are some sixty times what is expected of them would move everything else."""
    if not len(anchors):
        return
    expected = predictor.times(anchors).mean
    wrong = np.flatnonzero(in_seconds(anchors.rt, expected))
    if (expected > 0).all() and 2 * len(wrong) > len(anchors):
        first = wrong[0]
        raise TableError(
            f"{len(wrong)} of {len(anchors)} anchors are some sixty times what is expected of "
            f"them, first compound {anchors.compound[first]} ({anchors.rt[first]:.4g}, expected "
            f"{expected[first]:.4g}): they look like seconds, and times are minutes."
        )


def _run_names(peaks: Peaks) -> list[tuple[int, ...]]:
    keys = peaks.run_keys[peaks.run]
    return list(map(tuple, np.c_[keys, peaks.species].tolist()))


def _condition(
    predictor: Predictor, targets: Peaks, anchors: Peaks
) -> tuple[ndarray, ndarray, list[Misfit]]:
    """How far the anchors of a run move the targets, how much variance they take, and misfits."""
    merged = Replicates.of(anchors)
    anchors = merged.peaks
    centre, variance, noise = predictor.rows(anchors)
    noise = predictor.fit.errors(noise)
    if merged.sets:
        fit = predictor.fit
        spread = Replicates(anchors, merged.count, fit.within, merged.sets)
        noise = noise / spread.weight(float(noise.mean()))
    off = anchors.rt - centre
    first, second = _functionals(predictor, anchors), _functionals(predictor, targets)
    inner = shared_covariance(predictor, first, first)
    across = shared_covariance(predictor, second, first)
    if not first.gaps.complete:
        # What unsure slopes make of unsure standards is shared with no other row.
        noise = noise + np.maximum(variance + predictor.run_variance() - np.diag(inner), 0.0)
    freedom = predictor.fit.freedom
    factor = cho_factor(inner + np.diag(noise))
    weights = cho_solve(factor, off)
    misfits = find_misfits(anchors, off, inner, noise, freedom)
    for _ in range(0 if np.isinf(freedom) else PASSES):
        # What is left of each anchor, and how surely.
        left = off - inner @ weights
        unsure = np.diag(inner - inner @ cho_solve(factor, inner))
        precision = (freedom + 1) / (freedom + (left**2 + unsure) / noise)
        factor = cho_factor(inner + np.diag(noise / precision))
        weights = cho_solve(factor, off)
    known = np.einsum("ta,at->t", across, cho_solve(factor, across.T))
    return across @ weights, known, misfits


def _functionals(predictor: Predictor, peaks: Peaks) -> _Rows:
    fit = predictor.fit
    layout, known = fit.layout, fit.known
    asked, which = predictor.asked(peaks)
    gaps = predictor.covariates(peaks)
    x = np.c_[np.ones(len(peaks)), gaps.x]
    group = asked.group[which]
    turned = x.copy()
    seen = np.flatnonzero(group >= 0)
    follow = follows(known.prior[group[seen]], known.shrink[group[seen]])
    turned[seen] = np.einsum("rp,rpq->rq", x[seen], follow)
    vector = turned
    if asked.maps is not None:
        vector = np.einsum("rq,rqb->rb", turned, asked.maps[which])
    core = np.zeros((len(peaks), layout.core))
    first = predictor.first(asked.species, asked.parent)[which]
    core[np.arange(len(peaks))[:, None], first[:, None] + np.arange(layout.columns)] = vector
    of_compound = turned[:, : layout.effects] * predictor.load(asked)[which][:, None]
    _reach(
        core, of_compound, asked.compound[which], known.reach_places, known.reach_rows,
        known.reach_starts,
    )  # fmt: skip
    for row in np.flatnonzero(asked.compound[which] < 0):
        pair = which[row]
        places, weights = unseen_compound(layout, asked.z[pair], int(asked.klass[pair]))
        core[row, places] += weights @ of_compound[row]
    if fit.cells is not None:
        cells = fit.cells
        for row in seen:
            part = slice(cells.start[group[row]], cells.start[group[row] + 1])
            moved = known.cell_edge[part] @ (known.prior[group[row]] * x[row])
            core[row, layout.offsets[-1] + cells.run[part]] -= moved
    slopes = np.zeros((len(peaks), peaks.features))
    if not gaps.complete:
        slopes = predictor.knowledge(asked).mean[which, 1:]
    return _Rows(
        core, x, turned, of_compound, vector, slopes, np.isnan(peaks.covariates), gaps, asked, which
    )


def shared_covariance(predictor: Predictor, left: _Rows, right: _Rows) -> ndarray:
    """The covariance of what is expected of rows of one run, its effect included."""
    fit = predictor.fit
    layout, known = fit.layout, fit.known
    total = left.core @ (known.covariance @ right.core.T)
    total += predictor.run_variance()

    def ids(rows: _Rows, column: int) -> ndarray:
        return rows.asked.ids[rows.which, column]

    same_species = ids(left, 0)[:, None] == ids(right, 0)
    same_compound = ids(left, 1)[:, None] == ids(right, 1)
    # A compound that was seen follows the core but for a part of its own.
    compound = left.asked.compound[left.which]
    inverse = np.where(
        (compound >= 0)[:, None, None],
        known.inverse[compound],
        predictor.unseen_compounds(left.asked)[left.which, :, None] * np.eye(layout.effects),
    )
    own = np.einsum("ra,rab->rb", left.of_compound, inverse)
    total += same_compound * (own @ right.of_compound.T)
    extra = predictor.unseen_species(left.asked)[left.which]
    total += same_species * ((left.vector * extra) @ right.vector.T)
    group = left.asked.group[left.which]
    scatter = predictor.scatter(left.asked, predictor.noise(left.asked))[left.which]
    rest = left.x * scatter
    seen = np.flatnonzero(group >= 0)
    root = np.sqrt(known.prior[group[seen]])
    inner = known.shrink[group[seen]] * (root[:, :, None] * root[:, None, :])
    rest[seen] = np.einsum("rp,rpq->rq", left.x[seen], inner)
    total += (same_species & same_compound) * (rest @ right.x.T)
    if not left.gaps.complete:
        # Standards that were not found are so in all rows of a run.
        same_gaps = (left.missing[:, None] == right.missing).all(axis=2)
        spread = np.einsum("ra,rab->rb", left.slopes, left.gaps.spread[left.gaps.pattern])
        total += same_gaps * (spread @ right.slopes.T)
    return total


@njit(cache=True, nogil=True)
def _reach(core, turned, compound, places, rows, starts):
    """Take what a compound's effect owes to the core."""
    for i in range(len(compound)):
        k = compound[i]
        if k < 0:
            continue
        for at in range(starts[k], starts[k + 1]):
            value = 0.0
            for a in range(rows.shape[1]):
                value += rows[at, a] * turned[i, a]
            core[i, places[at]] -= value
