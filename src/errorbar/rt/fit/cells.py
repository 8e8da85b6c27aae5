r"""Run effects: every run shifts all its compounds by the same unknown amount.

A cell is what one group has in one run. Sums over cells are all that the likelihood needs: with
$\tilde x_r = \sum w \tilde x$ over the rows of cell $r$ and $w_r$, $y_r$ alike,

- $(Z^\top V^{-1} Z)_{rs} = \delta_{rs} w_r / \sigma^2
  - \tilde x_r^\top S R S \tilde x_s / \sigma^4$,
- $Z^\top V^{-1} \tilde X = \tilde x_r^\top S R S^{-1} / \sigma^2$.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int
from numba import njit
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.rt.data import Peaks
from errorbar.rt.fit.statistics import GroupStatistics

__all__ = ["MOST_RUNS", "Cells", "add_runs", "adjust", "edges", "run_expectations"]

# The runs' unknowns are solved together; beyond this many one evaluation takes minutes.
MOST_RUNS = 6_000


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Sums over the rows that a group has in one run, in order of group and run.

    `start` are the groups' first cells; `run` is the place among the `runs` of the fit (a pair of
    run and species is one of these), `total_x` the sums of [1, x], `total_y` of the centred times.
    """

    start: Int[ndarray, " ends"]
    run: Int[ndarray, " cells"]
    total_x: Float[ndarray, "cells coefficients"]
    total_y: Float[ndarray, " cells"]
    runs: int

    @classmethod
    def none(cls, groups: int, coefficients: int) -> Self:
        """No run effects."""
        empty = np.zeros(0)
        return cls(
            start=np.zeros(groups + 1, np.int64),
            run=np.zeros(0, np.int64),
            total_x=np.zeros((0, coefficients)),
            total_y=empty,
            runs=0,
        )

    @classmethod
    def of(cls, peaks: Peaks, statistics: GroupStatistics, weight: ndarray | None = None) -> Self:
        """The cells of a table whose groups were collected."""
        group = statistics.places(peaks)
        _, run = np.unique((statistics.species[group] << 32) + peaks.run, return_inverse=True)
        runs = int(run.max()) + 1
        if runs > MOST_RUNS:
            raise SettingsError(
                f"run_effect=True solves all {runs} runs together, and {MOST_RUNS} are the most: "
                "fit a part of the runs, or leave the effect out."
            )
        keys, cell = np.unique(group * runs + run, return_inverse=True)
        weight = np.ones(len(peaks)) if weight is None else weight
        x = np.c_[np.ones(len(peaks)), statistics.centred(peaks)]
        total_x = np.stack([np.bincount(cell, weight * column) for column in x.T], axis=1)
        total_y = np.bincount(cell, weight * (peaks.rt - statistics.centre_rt))
        start = np.searchsorted(keys // runs, np.arange(statistics.groups + 1))
        return cls(start, keys % runs, total_x, total_y, runs)


@njit(cache=True, nogil=True)
def edges(start, total_x, noise, prior, shrink, edge):
    """Z'V^-1 X of every cell."""
    groups, size = prior.shape
    for g in range(groups):
        for r in range(start[g], start[g + 1]):
            for p in range(size):
                value = 0.0
                for k in range(size):
                    value += total_x[r, k] * np.sqrt(prior[g, k]) * shrink[g, k, p]
                edge[r, p] = value / (np.sqrt(prior[g, p]) * noise[g])


@njit(cache=True, nogil=True)
def add_runs(
    start, run, total_x, total_y, noise, prior, edge, level, species, compound, columns,
    through, identity, first, precision, matrix, right,
):  # fmt: skip
    """Add what the rows say of runs to the core's lower triangle and right side.

    `level` is X'y of each group, `through` M of each compound (unless it is the identity).
    """
    groups, size = prior.shape
    for r in range(first, len(right)):
        matrix[r, r] += precision
    for g in range(groups):
        for r in range(start[g], start[g + 1]):
            row = first + run[r]
            # S R S x_r / sigma^2 is T times Z'V^-1 X.
            value = total_y[r] / noise[g]
            for p in range(size):
                value -= edge[r, p] * prior[g, p] * level[g, p] / noise[g]
            right[row] += value
            matrix[row, row] += total_x[r, 0] / noise[g]
            for s in range(start[g], r + 1):
                value = 0.0
                for p in range(size):
                    value += edge[r, p] * prior[g, p] * total_x[s, p]
                matrix[row, first + run[s]] -= value / noise[g]
            for i in range(columns):
                value = 0.0
                if identity:
                    value = edge[r, i]
                else:
                    for p in range(size):
                        value += edge[r, p] * through[compound[g], p, i]
                matrix[row, species[g] * columns + i] += value


@njit(cache=True, nogil=True)
def adjust(start, run, total_x, total_y, effect, total, mean_x, mean_y, sxy, syy):
    """Means and products of the times, changed in place to those less the runs' effects."""
    features = mean_x.shape[1]
    for g in range(len(total)):
        n = total[g]
        shift, square = 0.0, 0.0
        for r in range(start[g], start[g + 1]):
            u = effect[run[r]]
            w = total_x[r, 0]
            shift += w * u / n
            square += w * u * u - 2 * u * (total_y[r] - w * mean_y[g])
            for p in range(features):
                sxy[g, p] -= u * (total_x[r, p + 1] - w * mean_x[g, p])
        syy[g] = max(syy[g] + square - n * shift * shift, 0.0)
        mean_y[g] -= shift


@njit(cache=True, nogil=True)
def run_expectations(
    start, run, total_x, noise, prior, edge, q, centre_covariance, species, compound, columns,
    effects, through, identity, first, covariance, effect_cross, squares, traces, moved,
):  # fmt: skip
    """diag(P J P') and tr(O J) of each group for the joint covariance J of its centre and runs.

    `effect_cross` is Cov(a_k, u) of each cell. `moved` is the part of the covariance of a group's
    own coefficients that comes from centre and runs: they are the centre plus T P.
    """
    groups, size = prior.shape
    most = 0
    for g in range(groups):
        most = max(most, start[g + 1] - start[g])
    joint = np.empty((size + most, size + most))
    pull = np.empty((size, size + most))
    part = np.empty((size, size + most))
    for g in range(groups):
        count = start[g + 1] - start[g]
        end = size + count
        for p in range(size):
            for k in range(size):
                joint[p, k] = centre_covariance[g, p, k]
                pull[p, k] = q[g, p, k]
        trace = 0.0
        for i in range(count):
            r = start[g] + i
            row = covariance[first + run[r]]
            for p in range(size):
                pull[p, size + i] = edge[r, p]
                value = effect_cross[r, p] if p < effects else 0.0
                if identity:
                    value += row[species[g] * columns + p]
                else:
                    for b in range(columns):
                        value += through[compound[g], p, b] * row[species[g] * columns + b]
                joint[p, size + i] = joint[size + i, p] = value
                trace += 2 * edge[r, p] * value
            for j in range(count):
                s = start[g] + j
                joint[size + i, size + j] = row[first + run[s]]
                value = 0.0
                for p in range(size):
                    value -= edge[r, p] * prior[g, p] * total_x[s, p]
                if i == j:
                    value += total_x[r, 0]
                trace += value / noise[g] * row[first + run[s]]
        _turn(joint, pull, size, end, part)
        for p in range(size):
            value = 0.0
            for i in range(end):
                value += part[p, i] * pull[p, i]
            squares[g, p] = value
            for k in range(size):
                trace += q[g, p, k] * joint[k, p]
        traces[g] = trace
        for p in range(size):
            for i in range(end):
                pull[p, i] *= -prior[g, p]
            pull[p, p] += 1.0
        _turn(joint, pull, size, end, part)
        for p in range(size):
            for k in range(size):
                value = 0.0
                for i in range(end):
                    value += part[p, i] * pull[k, i]
                moved[g, p, k] = value


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _turn(joint, pull, size, end, part):
    """`part` becomes `pull @ joint`, of a symmetric matrix."""
    for p in range(size):
        for i in range(end):
            value = 0.0
            for j in range(end):
                value += joint[i, j] * pull[p, j]
            part[p, i] = value
