r"""One fit of a grid: where it starts, how it goes down, how it is scored.

The basis that fits start from hardly depends on the scale, and that of a lower rank is about the
first vectors of that of a higher one. So it is made once, for the highest rank and scale, and cut;
only the coefficients of the start, which see the robust weights, are made for each model.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy import ndarray

from errorbar.hmf.fit.als import AlsSettings, Factorisation, NotConvergedWarning, fit_als
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.starts import InitStrategy, make_start
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.grid.result import GridPoint
from errorbar.hmf.model import Likelihood, StudentTLikelihood
from errorbar.hmf.summary import Scores, score_fit

__all__ = ["Maker", "Tries", "Work", "cold_starts", "fit_point", "fresh_start"]

Tries = Literal["both", "cold", "warm"]
Maker = Callable[[int, Likelihood], RHMFState]

# Strategies whose basis serves other ranks and scales.
SHARED = ("weighted", "svd")
# Passes over the rows that make a start's coefficients.
FIRST_PASSES = 4
# How many iterations the pace of a cold fit is taken over, and how many times that it may need.
PACE, HOPE = 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What all models of a grid share: data, and how to go on."""

    Y: ndarray
    W: ndarray
    held_out: tuple[ndarray, ndarray] | None
    nu: float
    settings: AlsSettings
    start: InitStrategy
    tries: Tries
    seed: int
    workers: int | None

    def likelihood(self, scale: float) -> StudentTLikelihood:
        return StudentTLikelihood(self.nu, scale)


def cold_starts(work: Work, widest: int, scale: float) -> Maker:
    """What makes the cold start of each model; a shared sketch is made when it is first needed.

    Its coefficients are those at one `scale`, whoever needs it first.
    """
    sketch: list[RHMFState] = []
    strategy: InitStrategy = "weighted" if work.start == "auto" else work.start

    def make(rank: int, likelihood: Likelihood) -> RHMFState:
        if strategy not in SHARED:
            return fresh_start(work, rank, likelihood, strategy)
        if not sketch:
            sketch.append(fresh_start(work, widest, work.likelihood(scale), strategy))
        beyond = list(range(rank, widest))
        A, G = (np.delete(factor, beyond, axis=1) for factor in (sketch[0].A, sketch[0].G))
        return _refitted(work, likelihood, A, G) if strategy == "weighted" else RHMFState(A, G)

    return make


def fresh_start(work: Work, rank: int, likelihood: Likelihood, strategy: InitStrategy) -> RHMFState:
    """A start of its own."""
    return make_start(
        work.Y, work.W, rank, strategy, likelihood, seed=work.seed,
        regulariser=work.settings.regulariser, workers=work.workers,
    )  # fmt: skip


def _refitted(work: Work, likelihood: Likelihood, A: ndarray, G: ndarray) -> RHMFState:
    """The basis as it is, with coefficients of a few passes."""
    basis = np.ascontiguousarray(G)
    found = infer_coefficients(
        work.Y, work.W, basis, likelihood, regulariser=work.settings.regulariser,
        max_iter=FIRST_PASSES, tol=0.0, start=A, workers=work.workers,
    )  # fmt: skip
    return RHMFState(found.A, basis)


def fit_point(
    work: Work, rank: int, scale: float, make: Maker, near: RHMFState | None
) -> GridPoint:
    """The model of that rank and scale from a neighbour's state, from the cold start, or both."""
    likelihood = work.likelihood(scale)
    cold = warm = None
    if near is not None and work.tries != "cold":
        warm = _descend(work, likelihood, RHMFState(near.A, near.G))
    if warm is None or work.tries != "warm":
        least = None if warm is None else warm.objective
        cold = _descend(work, likelihood, make(rank, likelihood), least)
    fit = min((each for each in (cold, warm) if each is not None), key=lambda each: each.objective)
    gain = np.nan
    if cold is not None and warm is not None:
        gain = (cold.objective - warm.objective) / cold.objective
    # In the layout that a journal gives back, which decides the last bits of what follows.
    A, G = np.ascontiguousarray(fit.state.A), np.ascontiguousarray(fit.state.G)
    return GridPoint(
        rank=rank,
        scale=scale,
        state=RHMFState(A, G, fit.state.it),
        objective=fit.objective,
        iterations=fit.state.it,
        converged=fit.converged,
        warm=fit is warm,
        gain=float(gain),
        scores=_score(work, likelihood, fit.state.G),
    )


def _descend(
    work: Work, likelihood: Likelihood, start: RHMFState, least: float | None = None
) -> Factorisation:
    """A fit, given up where it seems not to get below `least`."""
    passed: list[float] = []

    def hopeless(it: int, state: RHMFState, objective: float) -> bool:
        passed.append(objective)
        if least is None or len(passed) <= 2 * PACE:
            return False
        return objective - HOPE * (passed[-1 - PACE] - objective) > least

    with warnings.catch_warnings():
        # The table says which fits were still moving.
        warnings.simplefilter("ignore", NotConvergedWarning)
        return fit_als(
            work.Y, work.W, start, likelihood, work.settings, workers=work.workers,
            callback=hopeless,
        )  # fmt: skip


def _score(work: Work, likelihood: Likelihood, G: ndarray) -> Scores | None:
    if work.held_out is None:
        return None
    found = infer_coefficients(
        *work.held_out, G, likelihood, regulariser=work.settings.regulariser, workers=work.workers
    )
    free = found.A.size - len(found.A) * work.settings.regulariser.mean
    return score_fit(*work.held_out, found.A, G, likelihood.c, fitted=free)
