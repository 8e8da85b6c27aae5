"""What a fit says about each quantity: a distribution one can question, not two numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import interpolate, optimize, special  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import InputError

__all__ = ["CurveMarginal", "Marginal", "MixtureMarginal", "Posterior"]

# Typed once: the library has no type stubs.
_root = cast("Callable[..., float]", optimize.brentq)  # pyright: ignore[reportUnknownMemberType]
_ndtr = cast("Callable[[ndarray], ndarray]", special.ndtr)
_spline = cast("Callable[..., Any]", interpolate.CubicSpline)


class Marginal(Protocol):
    """The distribution of one quantity."""

    def cdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]: ...
    def pdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]: ...
    def support(self) -> tuple[float, float]: ...


@dataclass(frozen=True, slots=True, eq=False)
class MixtureMarginal:
    """A mixture of normals; weights sum to one."""

    weight: Float[ndarray, " parts"]
    mean: Float[ndarray, " parts"]
    sd: Float[ndarray, " parts"]

    def cdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        return _ndtr((x[:, None] - self.mean) / self.sd) @ self.weight

    def pdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        z = (x[:, None] - self.mean) / self.sd
        return np.exp(-0.5 * z * z) @ (self.weight / (self.sd * np.sqrt(2 * np.pi)))

    def support(self) -> tuple[float, float]:
        return float(np.min(self.mean - 10 * self.sd)), float(np.max(self.mean + 10 * self.sd))


@dataclass(frozen=True, slots=True, eq=False)
class CurveMarginal:
    """A density tabulated finely at `place`, zero outside; the integral need not be one."""

    place: Float[ndarray, " points"]
    density: Float[ndarray, " points"]

    def cdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        area = self._curve().antiderivative()
        inside = np.clip(x, self.place[0], self.place[-1])
        return np.clip(area(inside) / area(self.place[-1]), 0.0, 1.0)

    def pdf(self, x: Float[ndarray, " points"]) -> Float[ndarray, " points"]:
        curve = self._curve()
        height = np.maximum(curve(x), 0.0) / curve.antiderivative()(self.place[-1])
        return np.where((x < self.place[0]) | (x > self.place[-1]), 0.0, height)

    def support(self) -> tuple[float, float]:
        return float(self.place[0]), float(self.place[-1])

    def _curve(self) -> Any:
        return _spline(self.place, self.density)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Joint knowledge of named quantities: means, sds, each one's marginal, and the evidence.

    `log_evidence` is the log of the prior predictive density of the data; `nan` where a fit has
    none. A flat prior counts as density one, so evidences compare only under the same flat priors.
    """

    names: tuple[str, ...]
    mean: Float[ndarray, " quantities"]
    sd: Float[ndarray, " quantities"]
    marginals: tuple[Marginal, ...]
    log_evidence: float

    def marginal(self, name: str) -> Marginal:
        """The marginal of one quantity by name."""
        return self.marginals[self.place(name)]

    def place(self, name: str) -> int:
        """Where a quantity stands in the arrays."""
        if name not in self.names:
            raise InputError(f"there is no {name!r} here; choose one of {', '.join(self.names)}.")
        return self.names.index(name)

    def cdf(self, name: str, value: float) -> float:
        """Probability that the quantity is at most `value`."""
        return float(self.marginal(name).cdf(np.array([float(value)]))[0])

    def quantile(self, level: float | Sequence[float]) -> Float[ndarray, "quantities levels"]:
        """Quantiles of every quantity, one column per level."""
        levels = np.atleast_1d(np.asarray(level, dtype=np.float64))
        _check_levels(levels)
        return np.array([[_quantile(m, q) for q in levels] for m in self.marginals])

    def hdi(self, level: float = 0.68) -> Float[ndarray, "quantities 2"]:
        """The shortest interval of every quantity that holds a share `level` of its posterior."""
        _check_levels(np.array([level]))
        return np.array([_shortest(m, level) for m in self.marginals])


def _check_levels(levels: Float[ndarray, " levels"]) -> None:
    bad = np.flatnonzero(~((levels > 0) & (levels < 1)))
    if bad.size:
        raise InputError(
            f"a level lies between 0 and 1, not {levels[bad[0]]:g}: 68 % is written 0.68."
        )


def _quantile(marginal: Marginal, level: float) -> float:
    low, high = marginal.support()

    def miss(x: float) -> float:
        return float(marginal.cdf(np.array([x]))[0]) - level

    return _root(miss, low, high, xtol=1e-13 * (high - low), rtol=1e-14)


def _shortest(marginal: Marginal, level: float) -> tuple[float, float]:
    """Ends of equal density, by bisection on the share left below; or an end at the edge."""

    def tilt(below: float) -> float:
        ends = np.array([_quantile(marginal, below), _quantile(marginal, below + level)])
        lower, upper = marginal.pdf(ends)
        return float(lower - upper)

    low, high = 1e-9, 1.0 - level - 1e-9
    if tilt(low) >= 0:
        return marginal.support()[0], _quantile(marginal, level)
    if tilt(high) <= 0:
        return _quantile(marginal, 1.0 - level), marginal.support()[1]
    below = _root(tilt, low, high, xtol=1e-12)
    return _quantile(marginal, below), _quantile(marginal, below + level)
