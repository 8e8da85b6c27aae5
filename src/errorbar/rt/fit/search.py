r"""The mode of the scales: quasi-Newton steps that start from the expected information.

With the level above known, a group's rows have the variance $V$, and
$\tfrac12 \mathrm{tr}(V^{-1} V_i V^{-1} V_j)$ needs no more than its $R$: with $A = I - R$ two prior
variances share $\tfrac12 A_{pq}^2$, and $V$ is homogeneous in all of them and the noise. Of a level
whose deviations are left with shares $1 - \rho_j$ of their prior variance the data tell
$\tfrac12 \sum \rho_j^2$ about its log, and where they tell little a falling slope bends: its own
curvature is $-\sum (1 - \rho_j)$ times it. That leaves out how levels share their information; near
the mode the last steps' gradients make it good (Nocedal & Wright 2006, algorithm 7.4, with this
matrix in place of a multiple of the identity). Far from it, a step is bent to the one that is right
for a variance of its own. Some ten evaluations are usual.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy import ndarray
from scipy.linalg import cho_factor, cho_solve

from errorbar.core.errors import FitError
from errorbar.rt.fit import groups
from errorbar.rt.fit.cells import Cells
from errorbar.rt.fit.layout import Layout
from errorbar.rt.fit.marginal import Known, solve
from errorbar.rt.fit.scales import Parameters
from errorbar.rt.fit.statistics import GroupStatistics

__all__ = ["Found", "climb", "information"]

# Rises of the log posterior below this are not worth another step.
ENOUGH = 1e-4
# No step changes a logarithm by more, and no scale is this many factors of e from its start.
LONGEST, FARTHEST = 2.0, 15.0
REMEMBERED, SHORTER = 20, 12
# Longer steps say nothing of the curvature where they end.
NEAR = 0.5
# More coordinates than these are taken one by one.
DENSE = 1_000
# What keeps a coordinate that nothing is known of from moving far at once.
LEAST = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    at: ndarray
    value: float
    gradient: ndarray
    known: Known


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Where a search ended, after how many evaluations, and whether that is a mode."""

    at: ndarray
    evaluations: int
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Bends:
    """How steps that are right for small changes are bent to be right for large ones.

    A mean square that is q times a variance gives its log of the standard deviation a step of
    (q - 1) / 2, and needs one of log(q) / 2. `way` is -1 for penalties, which grow as variances
    shrink; where an entry has a `shared` coordinate and its `own`, their sum is what is bent.
    """

    way: ndarray
    shared: ndarray
    own: ndarray

    @classmethod
    def of(cls, scales: Parameters) -> Self:
        way = np.ones(len(scales.names))
        if scales.tied:
            way[scales.index["slope"][scales.index["slope"] >= 0]] = -1.0
        pairs = [
            np.stack([scales.index[name][own >= 0], own[own >= 0]])
            for name, own in scales.own.items()
        ]
        shared, own = np.unique(np.concatenate(pairs, axis=1), axis=1)
        return cls(way, shared, own)

    def bent(self, step: ndarray) -> ndarray:
        found = self._log(step, self.way)
        total = step[self.shared] + step[self.own]
        more = self._log(total, 1.0) - total
        count = np.maximum(np.bincount(self.shared, minlength=len(step)), 1)
        common = np.bincount(self.shared, more, minlength=len(step)) / count
        found[self.shared] = step[self.shared] + common[self.shared]
        found[self.own] = step[self.own] + more - common[self.shared]
        return found

    @staticmethod
    def _log(step: ndarray, way: ndarray | float) -> ndarray:
        return 0.5 * way * np.log(np.maximum(1 + 2 * way * step, np.exp(-2 * LONGEST)))


def climb(
    statistics: GroupStatistics,
    layout: Layout,
    scales: Parameters,
    start: ndarray,
    cells: Cells | None,
    most: int,
    progress: Callable[[int, float], None] | None = None,
) -> Found:
    """The mode of the scales from a starting point, with at most about `most` evaluations."""
    calls = 0

    def evaluate(at: ndarray) -> _Point:
        nonlocal calls
        calls += 1
        known = solve(statistics, layout, scales.scales(at), cells, whole=False)
        prior, slope = scales.log_prior(at)
        value = known.log_marginal + prior
        if progress is not None:
            progress(calls, value)
        return _Point(at, value, scales.pull(at, known.gradient) + slope, known)

    bends = _Bends.of(scales)
    here = evaluate(start)
    steps: deque[tuple[ndarray, ndarray]] = deque(maxlen=REMEMBERED)
    while calls < most:
        told = _solver(information(statistics, layout, scales, here.at, here.known))
        step = _direction(here.gradient, steps, told)
        if np.abs(step).max() > LONGEST:
            # What looks so flat is bent the other way: the steps taken say nothing of it.
            steps.clear()
            step = told(here.gradient)
        curved = bends.bent(step)
        if here.gradient @ curved > 0.1 * (here.gradient @ step):
            step = curved
        if here.gradient @ step <= 2 * ENOUGH:
            return Found(here.at, calls, True)
        there = _along(here, step, evaluate, scales.start)
        if there is None:
            if not steps:
                return Found(here.at, calls, False)
            steps.clear()
            continue
        moved, bent = there.at - here.at, here.gradient - there.gradient
        if np.abs(moved).max() > NEAR:
            steps.clear()
        elif moved @ bent > 1e-8 * np.sqrt((moved @ moved) * (bent @ bent)):
            steps.append((moved, bent))
        here = there
    return Found(here.at, calls, False)


def _along(
    here: _Point, step: ndarray, evaluate: Callable[[ndarray], _Point], start: ndarray
) -> _Point | None:
    """A point along the step that is enough higher; none if there is none."""
    rise = here.gradient @ step
    length = min(1.0, LONGEST / np.abs(step).max())
    for _ in range(SHORTER):
        at = here.at + length * step
        try:
            there = evaluate(at) if np.abs(at - start).max() <= FARTHEST else None
        except FitError:
            there = None
        if there is None:
            length *= 0.25
            continue
        gain = there.value - here.value
        if gain >= 1e-4 * length * rise:
            return there
        # The top of the parabola through what is known.
        length *= min(max(0.5 * length * rise / (length * rise - gain), 0.1), 0.5)
    return None


def _direction(
    gradient: ndarray,
    steps: deque[tuple[ndarray, ndarray]],
    told: Callable[[ndarray], ndarray],
) -> ndarray:
    """The quasi-Newton step uphill."""
    left, taken = gradient.copy(), []
    for moved, bent in reversed(steps):
        share = (moved @ left) / (moved @ bent)
        left -= share * bent
        taken.append(share)
    step = told(left)
    for (moved, bent), share in zip(steps, reversed(taken)):
        step += (share - (bent @ step) / (moved @ bent)) * moved
    return step


def _solver(matrix: ndarray) -> Callable[[ndarray], ndarray]:
    if matrix.ndim == 1:
        return lambda right: right / matrix
    factor = cho_factor(matrix, lower=True)
    return lambda right: cho_solve(factor, right)


def information(
    statistics: GroupStatistics, layout: Layout, scales: Parameters, at: ndarray, known: Known
) -> ndarray:
    """What data and prior tell of the coordinates, as a matrix; its diagonal where it is large."""
    size = len(at)
    dense = size <= DENSE
    matrix = np.zeros((size, size) if dense else size)

    def add(places: ndarray, others: ndarray, values: ndarray) -> None:
        both = (places >= 0) & (others >= 0)
        if dense:
            np.add.at(matrix, (places[both], others[both]), values[both])
        else:
            both &= places == others
            np.add.at(matrix, places[both], values[both])

    def add_own(name: str, values: ndarray) -> None:
        of = [scales.index[name], *([scales.own[name]] if name in scales.own else [])]
        for places in of:
            for others in of:
                add(places.ravel(), others.ravel(), 4 * np.asarray(values).ravel())

    supers = layout.parent[layout.species]
    blocks, noise = groups.information(
        known.shrink, statistics.count, supers, layout.supercategories, scales.tied
    )
    floor = 1 - scales.floor**2 / known.scales.noise
    for s, block in enumerate(blocks):
        # Of the noise where it is one for all, of pairs, of slopes.
        shared = -1 if "noise" in scales.own else scales.index["noise"][0]
        places = np.r_[shared, scales.index["between"], scales.index["slope"][s]]
        weight = 2 * np.r_[floor[0], np.ones(len(places) - 1)]
        every = np.meshgrid(places, places, indexing="ij")
        values = weight[:, None] * block * weight
        add(every[0].ravel(), every[1].ravel(), values.ravel())
    if "noise" in scales.own:
        own = np.bincount(layout.compound, noise, minlength=len(layout.z))
        add_own("noise", own * floor**2)
    for name, values in known.told.items():
        add_own(name, values)
    bend = np.zeros(size)
    for name, values in known.bend.items():
        for places in (scales.index[name], scales.own.get(name)):
            if places is not None:
                np.add.at(bend, places[places >= 0], 4 * values[places >= 0])
    half = np.isfinite(scales.width)
    prior = np.where(half, 2 * np.exp(2 * (at - np.log(scales.width))), scales.spread**-2.0)
    own_axis = prior + np.maximum(bend, 0) + LEAST
    return matrix + np.diag(own_axis) if dense else matrix + own_axis
