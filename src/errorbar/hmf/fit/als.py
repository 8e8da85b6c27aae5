"""Weighted least squares by turns, with weights that follow the residuals."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy import ndarray

from errorbar.core.errors import FitError, SettingsError
from errorbar.hmf.fit.checkpoint import Keeper, Moment
from errorbar.hmf.fit.convergence import ConvStrategy, Watch, check_strategy
from errorbar.hmf.fit.kernel.passes import Layout, Rule, Sums, move_basis
from errorbar.hmf.fit.rows import Device, Rows, at_hand
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import FastAffine, Likelihood, Ordered, Regulariser, Rotation, turn
from errorbar.hmf.model.regularisers import solve_smooth

__all__ = ["AlsSettings", "Factorisation", "NotConvergedWarning", "fit_als", "turned"]


class NotConvergedWarning(UserWarning):
    """A fit was still moving when it was stopped."""


@dataclass(frozen=True, slots=True)
class AlsSettings:
    """How a fit goes on and when it stops.

    `refits` is how often a row is solved, its weights made anew each time, while it is at hand.
    `ordered` turns the end result to a basis with the most important vector first.
    """

    max_iter: int = 1000
    conv_strategy: ConvStrategy = "max_frac_G"
    conv_tol: float = 1e-3
    conv_check_cadence: int = 10
    rotation: Rotation = field(default_factory=FastAffine)
    regulariser: Regulariser = field(default_factory=Regulariser)
    refits: int = 1
    ordered: bool = True

    def __post_init__(self) -> None:
        check_strategy(self.conv_strategy, self.conv_tol, self.conv_check_cadence)
        for name in ("max_iter", "refits"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name}={getattr(self, name)} must be at least 1.")

    def with_max_iter(self, max_iter: int) -> Self:
        """The same settings with another limit."""
        return replace(self, max_iter=max_iter)

    def rule(self, likelihood: Likelihood) -> Rule:
        held = self.regulariser
        return Rule(likelihood.c, self.refits, held.ridge, held.nonnegative, held.mean)


@dataclass(frozen=True, slots=True, eq=False)
class Factorisation:
    """A fit: its state, the objective on the way, and whether it came to rest.

    `losses` has the objective after every half-step of the coefficients, and last that of the
    state itself.
    """

    state: RHMFState
    losses: ndarray
    converged: bool

    @property
    def objective(self) -> float:
        return float(self.losses[-1])


Callback = Callable[[int, RHMFState, float], bool | None]
# Iteration, objective, and what the rule of convergence holds against its tolerance.
Tell = Callable[[int, float, float], None]


def fit_als(
    Y: ndarray,
    W: ndarray,
    start: RHMFState | Moment,
    likelihood: Likelihood,
    settings: AlsSettings | None = None,
    *,
    callback: Callback | None = None,
    workers: int | None = None,
    device: Device = "auto",
    keeper: Keeper | None = None,
    tell: Tell | None = None,
) -> Factorisation:
    """Fit from a start, all data in memory; or from a moment of this fit, to the same bytes.

    `callback(iteration, state, objective)` is called after every iteration and ends the fit by
    returning true. A `keeper` takes every moment, and `tell` what a person may want to see of it.
    """
    settings = AlsSettings() if settings is None else settings
    rule = settings.rule(likelihood)
    with (
        at_hand(Y, W, rule, workers, device) as rows,
        nullcontext() if keeper is None else keeper.kept(),
    ):
        return _iterate(rows, Y.dtype.itemsize, start, rule, settings, callback, keeper, tell)


def _iterate(
    rows: Rows,
    itemsize: int,
    start: RHMFState | Moment,
    rule: Rule,
    settings: AlsSettings,
    callback: Callback | None,
    keeper: Keeper | None,
    tell: Tell | None,
) -> Factorisation:
    watch = Watch(settings.conv_strategy, settings.conv_tol, settings.conv_check_cadence)
    A, G, losses, before, converged = _begun(start, watch)
    it = len(losses)
    while it < settings.max_iter and not converged:
        sums = rows.move(A, G, rule)
        G = next_basis(sums, G, rule, settings.regulariser, itemsize)
        A, G = turned(A, G, settings.rotation, settings.regulariser)
        # In the layout that a checkpoint gives back, which decides the last bits of what follows.
        G = np.ascontiguousarray(G)
        it += 1
        losses.append(sums.objective)
        check_finite(sums.objective + float(G.sum()), it)
        converged = watch.settled(it, A, G, sums.objective)
        state = RHMFState(A, G, before + it)
        if keeper is not None:
            over = converged or it == settings.max_iter
            keeper.see(Moment(state, np.array(losses), watch.held, converged, over))
        if tell is not None:
            tell(it, losses[-1], watch.change)
        if callback is not None and callback(it, state, losses[-1]):
            break
    if settings.ordered:
        A, G = turned(A, G, Ordered(), settings.regulariser)
    still = Rule(rule.c, refits=0, mean=rule.mean)
    losses.append(rows.move(A, G, still).objective)
    if not converged and it == settings.max_iter and settings.conv_strategy != "none":
        warnings.warn(
            f"the fit was still moving after max_iter={it} iterations (objective "
            f"{losses[-1]:.6g}): allow more, or a larger conv_tol than {settings.conv_tol:g}.",
            NotConvergedWarning,
            stacklevel=4,
        )
    return Factorisation(RHMFState(A, G, before + it), np.array(losses), converged)


def _begun(
    start: RHMFState | Moment, watch: Watch
) -> tuple[ndarray, ndarray, list[float], int, bool]:
    """Factors, objectives so far, iterations before this fit, and whether it is at rest."""
    if isinstance(start, Moment):
        watch.held = start.held
        losses = [float(loss) for loss in start.losses]
        state = start.state
        return state.A, state.G, losses, state.it - len(losses), start.rest
    A, G = np.array(start.A, dtype=np.float64), np.array(start.G, dtype=np.float64)
    watch.start(A, G)
    return A, G, [], start.it, False


def next_basis(
    sums: Sums, G: ndarray, rule: Rule, regulariser: Regulariser, itemsize: int
) -> ndarray:
    """The basis that the sums over all rows ask for."""
    if not regulariser.smooth:
        return move_basis(sums, G, rule, itemsize)
    layout = Layout(len(G), G.shape[1], itemsize)
    return solve_smooth(layout.unpacked(sums.X), layout.unpacked(sums.b), G, regulariser)


def turned(
    A: ndarray, G: ndarray, rotation: Rotation, regulariser: Regulariser
) -> tuple[ndarray, ndarray]:
    """The factors in another gauge; a mean is no part of it, and non-negative ones stay."""
    T = gauge(A.T @ A, G, rotation, regulariser)
    if T is None:
        return A, G
    A, G = turn(A, G, T)
    return np.ascontiguousarray(A), G


def gauge(
    gram: ndarray, G: ndarray, rotation: Rotation, regulariser: Regulariser
) -> ndarray | None:
    """The matrix that turns the factors, or nothing where they must stay."""
    if regulariser.nonnegative:
        return None
    if regulariser.smooth:
        # Smoothing turns the basis a little each time; in a gauge of its own it comes to rest.
        rotation = Ordered()
    free = G.shape[1] - regulariser.mean
    T = np.eye(G.shape[1])
    T[:free, :free] = rotation.matrix(G[:, :free], gram[:free, :free])
    return T


def check_finite(objective: float, it: int) -> None:
    if not np.isfinite(objective):
        raise FitError(
            f"the fit has no numbers after iteration {it}: some products of weights and "
            "squared residuals are too large for the data's type. Scale the data, or pass them as "
            "float64."
        )
