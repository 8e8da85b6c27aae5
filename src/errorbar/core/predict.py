"""What a fit says about each quantity: a distribution one can question, not two numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, cast

import numpy as np
from jaxtyping import Bool, Float, Shaped
from numpy import ndarray
from scipy import interpolate, optimize, special  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import InputError

__all__ = ["CurveMarginal", "Marginal", "MixtureMarginal", "Posterior", "Prediction"]

# Typed once: the library has no type stubs.
_root = cast("Callable[..., float]", optimize.brentq)  # pyright: ignore[reportUnknownMemberType]
_ndtr = cast("Callable[[ndarray], ndarray]", special.ndtr)
_ndtri = cast("Callable[[ndarray], ndarray]", special.ndtri)
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


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What is predicted of every row: centres, standard deviations, and how columns move together.

    Errors are normal. Where `root` is given, those of row `i` that its columns share are
    `basis @ root[i] @ z` with standard normal `z` (`basis` is the identity where it is left out);
    what variance `sd` has beyond that is each column's own. An infinite `sd` says that nothing is
    known of a row or of a column of it: its centre stands for nothing.
    """

    centre: Float[ndarray, "rows columns"]
    sd: Float[ndarray, "rows columns"]
    rows: Shaped[ndarray, " rows"]
    root: Float[ndarray, "rows parts draws"] | None = None
    basis: Float[ndarray, "columns parts"] | None = None

    def __post_init__(self) -> None:
        if self.centre.ndim != 2 or self.sd.shape != self.centre.shape:
            raise InputError(
                f"centre {self.centre.shape} and sd {self.sd.shape} must be two matrices of one "
                "shape: a row for each object, a column for each quantity."
            )
        if self.rows.shape != (len(self.centre),):
            raise InputError(
                f"{self.rows.shape} names were given for {len(self.centre)} rows: one each."
            )
        for name, right in (("centre", np.isfinite(self.centre)), ("sd", self.sd >= 0)):
            bad = np.flatnonzero(~right.all(axis=1))
            if bad.size:
                raise InputError(
                    f"`{name}` is not {'finite' if name == 'centre' else 'zero or positive'} in "
                    f"{bad.size} rows, first at row {bad[0]}: what is not known has an infinite sd."
                )
        self._check_spread()

    def _check_spread(self) -> None:
        columns = self.centre.shape[1]
        if self.root is None:
            if self.basis is not None:
                raise InputError("a basis without a root spreads nothing: pass both, or none.")
            return
        parts = columns if self.basis is None else self.basis.shape[-1]
        if self.root.ndim != 3 or self.root.shape[:2] != (len(self.centre), parts):
            raise InputError(
                f"root {self.root.shape} must have {parts} parts for each of {len(self.centre)} "
                "rows."
            )
        if self.basis is not None and self.basis.shape != (columns, parts):
            raise InputError(f"basis {self.basis.shape} must have {columns} rows, one a column.")

    def __len__(self) -> int:
        return len(self.centre)

    @property
    def known(self) -> Bool[ndarray, " rows"]:
        """Rows of which every column is known to within something."""
        return np.asarray(np.isfinite(self.sd).all(axis=1))

    def select(self, chosen: Shaped[ndarray, " chosen"]) -> Self:
        """Some of the rows, by a mask or by their places."""
        root = None if self.root is None else self.root[chosen]
        return replace(
            self,
            centre=self.centre[chosen],
            sd=self.sd[chosen],
            rows=self.rows[chosen],
            root=root,
        )

    def interval(self, level: float = 0.68) -> Float[ndarray, "rows columns 2"]:
        """Lower and upper ends that hold the truth with probability `level`, column by column."""
        _check_levels(np.array([level]))
        half = float(_ndtri(np.array([0.5 + level / 2]))[0]) * self.sd
        return np.stack([self.centre - half, self.centre + half], axis=-1)

    def draws(self, n: int, seed: int) -> Float[ndarray, "n rows columns"]:
        """`n` draws of all columns of a row together; rows are independent of one another."""
        if n < 1:
            raise InputError(f"n={n} draws: ask for at least one.")
        blank = np.flatnonzero(~self.known)
        if blank.size:
            raise InputError(
                f"nothing is known of {blank.size} rows, first of {self.rows[blank[0]]}, and they "
                "have no draws: take `prediction.select(prediction.known)`."
            )
        rng = np.random.default_rng(seed)
        if self.root is None:
            return np.asarray(self.centre + self.sd * rng.normal(size=(n, *self.sd.shape)))
        common = np.einsum("rpd,nrd->nrp", self.root, rng.normal(size=(n, *self.root.shape[::2])))
        found: ndarray = self.centre + (common if self.basis is None else common @ self.basis.T)
        return np.asarray(found + self._own() * rng.normal(size=found.shape))

    def _own(self) -> Float[ndarray, "rows columns"]:
        """Standard deviations that columns do not share."""
        if self.root is None:
            return self.sd
        shared = np.zeros(self.sd.shape)
        for direction in np.moveaxis(self.root, -1, 0):
            shared += np.square(direction if self.basis is None else direction @ self.basis.T)
        rest = np.square(self.sd) - shared
        # Where all is shared the difference is rounding, and its root would not be small.
        return np.sqrt(np.where(rest > 1e-9 * shared, rest, 0.0))


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
