"""Distributions of scores that are not normal: heavier, lighter, skewed; found by likelihood."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import optimize, special, stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.audit.claims import Claims
from errorbar.core.audit.scores import log_score, normal_scores

__all__ = ["TailFit", "fit_tails"]

_stats = cast(Any, stats)
_minimise = cast("Callable[..., Any]", optimize.minimize)  # pyright: ignore[reportUnknownMemberType]
_ndtri_exp = cast("Callable[..., ndarray]", special.ndtri_exp)

# A shape is known well enough from so many rows.
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class TailFit:
    """Scores made normal by the fitted distribution, and what it gained over the claimed one."""

    scores: ndarray
    gain: float
    free: int
    numbers: dict[str, float]


def fit_tails(z: ndarray, kind: str) -> TailFit:
    """Student's t for heavy tails, a power of the exponent for light ones, a split normal."""
    some = z[:: max(1, len(z) // MOST_ROWS)]
    claimed = float(np.sum(0.5 * some**2 + 0.5 * np.log(2 * np.pi)))
    if kind == "skewed":
        return _skewed(z, some, claimed)
    family, begin = (_stats.t, 5.0) if kind == "heavy tails" else (_stats.gennorm, 3.0)

    def loss(free: ndarray) -> float:
        shape, scale = np.exp(np.clip(free, -6, 6))
        return -float(family.logpdf(some / scale, shape).sum()) + len(some) * float(np.log(scale))

    found = _minimise(loss, np.log([begin, 1.0]), method="Nelder-Mead", options={"xatol": 1e-3})
    shape, scale = np.exp(np.clip(found.x, -6, 6)).tolist()
    tail = family.logsf(np.abs(z) / scale, shape)
    scores = -np.sign(z) * _ndtri_exp(np.minimum(tail, -1e-16))
    name = "degrees_of_freedom" if kind == "heavy tails" else "power"
    gain = (claimed - float(found.fun)) * len(z) / len(some)
    return TailFit(scores, gain, 2, {name: shape, "factor": scale})


def _skewed(z: ndarray, some: ndarray, claimed: float) -> TailFit:
    def claims(values: ndarray, free: ndarray) -> Claims:
        down, up = np.exp(np.clip(free[1:], -6, 6))
        one, none = np.ones(len(values)), np.zeros(0)
        ends = np.zeros((len(values), 0))
        return Claims("bars", values, free[0] * one, down * one, up * one, none, ends)

    def loss(free: ndarray) -> float:
        return float(log_score(claims(some, free)).sum())

    begin = np.array([float(np.median(some)), 0.0, 0.0])
    found = _minimise(loss, begin, method="Nelder-Mead", options={"xatol": 1e-3})
    made = claims(z, found.x)
    gain = (claimed - float(found.fun)) * len(z) / len(some)
    numbers = {
        "shift_sd": float(found.x[0]), "down": float(made.down[0]), "up": float(made.up[0]),
    }  # fmt: skip
    return TailFit(normal_scores(made), gain, 3, numbers)
