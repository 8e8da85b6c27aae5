"""The likelihood that calibrators raise, its slopes, and the way to its maximum."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.base import log_softmax
from errorbar.core.errors import FitError

__all__ = ["claimed_targets", "class_curvature", "likelihood", "solve"]

_minimise = cast("Callable[..., Any]", optimize.minimize)  # pyright: ignore[reportUnknownMemberType]

Loss = Callable[[ndarray], tuple[float, ndarray]]

# The largest gradient of the mean log likelihood at which a fit counts as done.
GRADIENT = 1e-5

# With more parameters than this a matrix of second derivatives costs more than it saves.
NEWTON_SIZE = 1000


def claimed_targets(logits: ndarray, labels: ndarray, prior_rows: float) -> ndarray:
    """What each row aims at: its label, and a little of what the classifier claimed."""
    rows = len(labels)
    target = prior_rows * np.exp(log_softmax(logits))
    target[np.arange(rows), labels] += rows
    return target / (rows + prior_rows)


def likelihood(logits: ndarray, target: ndarray) -> tuple[float, ndarray]:
    """Mean negative log likelihood and its slope in every logit."""
    logs = log_softmax(logits)
    return -float((target * logs).sum(axis=1).mean()), (np.exp(logs) - target) / len(logits)


def class_curvature(probs: ndarray, left: ndarray, right: ndarray) -> ndarray:
    """Mean curvature of the likelihood between what scales class a and what scales class b."""
    found = -(probs * left).T @ (probs * right)
    found[np.diag_indices(len(found))] += (probs * left * right).sum(axis=0)
    return found / len(probs)


def solve(
    loss: Loss, curvature: Callable[[ndarray], ndarray], start: ndarray, name: str
) -> ndarray:
    """The least of a convex loss: Newton's steps, and L-BFGS where they are dear or fail."""
    free = start
    if len(start) <= NEWTON_SIZE:
        free = _newton(loss, curvature, start)
        if float(np.abs(loss(free)[1]).max()) < GRADIENT * 1e-3:
            return free
    options = {"maxiter": 20_000, "maxfun": 40_000, "maxcor": 30, "ftol": 0, "gtol": 1e-9}
    found = _minimise(loss, free, jac=True, method="L-BFGS-B", options=options)
    left = float(np.abs(loss(found.x)[1]).max())
    if not left < GRADIENT:
        raise FitError(
            f"the {name} calibrator stopped after {found.nit} steps with a slope of {left:.2g} "
            f"left ({found.message}): raise `penalty`, or divide logits by their spread first."
        )
    return np.asarray(found.x, dtype=np.float64)


def _newton(loss: Loss, curvature: Callable[[ndarray], ndarray], free: ndarray) -> ndarray:
    """Newton's steps, halved until each goes down; where they stop helping, what they reached."""
    value, slope = loss(free)
    for _ in range(50):
        if float(np.abs(slope).max()) < 1e-11:
            break
        try:
            move = np.linalg.solve(curvature(free), slope)
        except np.linalg.LinAlgError:
            break
        size, gain = 1.0, float(slope @ move)
        tried = loss(free - move)
        while not tried[0] <= value - 1e-4 * size * gain and size > 1e-6:
            size /= 2
            tried = loss(free - size * move)
        if not tried[0] <= value:
            break
        free = free - size * move
        value, slope = tried
    return free
