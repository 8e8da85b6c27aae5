r"""Predicted retention times: a distribution for each row.

Errors are normal, or Student-t with `freedom` degrees of freedom where noise has heavy tails; `sd`
is the standard deviation of the normal, and the scale of the t (its own standard deviation is
$\sqrt{\nu / (\nu - 2)}$ times larger).
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self, cast

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray
from scipy import special

from errorbar.core.errors import InputError

__all__ = ["KNOWN", "Times", "blend", "known_codes", "student_quantile"]

# What training knew of a row: of `Times.known`, by place.
KNOWN = ("pair", "species and compound", "compound", "species", "neither")

# Ratios of variances at which sums of a normal and a t are tabulated; parts of the t's mixture;
# beyond the largest freedom nobody could tell a t from a normal.
BLEND = np.geomspace(1e-3, 1e3, 25)
BLEND_PARTS = 120
MOST_FREEDOM = 1e4

_special = cast(Any, special)


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Retention times predicted for rows, in minutes.

    `known` says what training had seen (a place in `KNOWN`), `support` with how many peaks of the
    row's own (species, compound) pair. `freedom` is infinite where errors are normal; it is one
    number or one for each row.
    """

    mean: Float[ndarray, " rows"]
    sd: Float[ndarray, " rows"]
    known: Int[ndarray, " rows"]
    support: Int[ndarray, " rows"]
    freedom: float | Float[ndarray, " rows"] = np.inf

    def __post_init__(self) -> None:
        for name in ("sd", "known", "support"):
            if (shape := getattr(self, name).shape) != self.mean.shape:
                raise InputError(f"`{name}` {shape} must have a value for each mean.")
        degrees = np.atleast_1d(self.freedom)
        if degrees.shape not in ((1,), self.mean.shape):
            raise InputError(f"`freedom` {degrees.shape} must be a number, or one for each mean.")
        if not (degrees > 0).all():
            raise InputError(
                f"freedom={degrees[~(degrees > 0)][0]:g}: degrees of freedom are positive, "
                "infinite for a normal."
            )
        bad = np.flatnonzero(~(np.isfinite(self.mean) & (self.sd > 0) & np.isfinite(self.sd)))
        if bad.size:
            raise InputError(
                f"{bad.size} of {len(self.mean)} predictions have no finite mean and positive sd, "
                f"first at row {bad[0]} ({self.mean[bad[0]]} ± {self.sd[bad[0]]})."
            )

    def __len__(self) -> int:
        return len(self.mean)

    def select(self, chosen: Shaped[ndarray, " chosen"]) -> Self:
        """Some of the rows, by a mask or by their places."""
        names = ["mean", "sd", "known", "support"]
        if np.ndim(self.freedom):
            names.append("freedom")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @property
    def degrees(self) -> Float[ndarray, " rows"]:
        """The degrees of freedom of each row."""
        return np.broadcast_to(np.asarray(self.freedom, dtype=np.float64), self.mean.shape)

    def interval(self, level: float = 0.95) -> Float[ndarray, "rows 2"]:
        """Ends of the central interval that holds the time with probability `level`."""
        half = self.reach(level) * self.sd
        return np.stack([self.mean - half, self.mean + half], axis=-1)

    def reach(self, level: float = 0.95) -> Float[ndarray, " rows"]:
        """Half the width of that interval in units of `sd`."""
        if not 0 < level < 1:
            raise InputError(f"a level lies between 0 and 1, not {level:g}: 95 % is written 0.95.")
        return student_quantile(self.degrees, 0.5 + level / 2)

    def score(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """Errors in units of `sd`."""
        return (rt - self.mean) / self.sd

    def pit(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """The probability of an earlier time: uniform where error bars are true."""
        return _pit(self.degrees, self.score(rt))

    def log_density(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """The log of the density that was predicted at the true times."""
        return _log_density(self.degrees, self.score(rt)) - np.log(self.sd)

    def crps(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """Continuous ranked probability score, in minutes: the smaller the better.

        For the normal Gneiting & Raftery (2007, JASA 102, 359), for the t Jordan, Krüger & Lerch
        (2019, J. Stat. Softw. 90, 12).
        """
        z, nu = self.score(rt), self.degrees
        if (nu <= 1).any():
            raise InputError(
                f"a t with {nu.min():g} degrees of freedom has no CRPS: more than one."
            )
        normal = np.isinf(nu)
        nu = np.where(normal, 3.0, nu)
        half = _special.betaln(0.5, nu - 0.5) - 2 * _special.betaln(0.5, nu / 2)
        spread = np.exp(half) * (2 * np.sqrt(nu) / (nu - 1))
        spread = np.where(normal, 1 / np.sqrt(np.pi), spread)
        reach = np.where(normal, 1.0, (nu + z * z) / (nu - 1))
        density = np.exp(_log_density(self.degrees, z))
        return self.sd * (z * (2 * self.pit(rt) - 1) + 2 * density * reach - spread)


def known_codes(
    *,
    pair: Bool[ndarray, " rows"],
    species: Bool[ndarray, " rows"],
    compound: Bool[ndarray, " rows"],
) -> Int[ndarray, " rows"]:
    """Places in `KNOWN` of rows whose pair, species and compound were seen or not."""
    return np.select([pair, species & compound, compound, species], [0, 1, 2, 3], default=4)


def student_quantile(nu: ndarray, level: float) -> ndarray:
    """Quantiles of the t, of the normal where `nu` is infinite."""
    normal = np.isinf(nu)
    heavy = _special.stdtrit(np.where(normal, 3.0, nu), level)
    return np.where(normal, _special.ndtri(level), heavy)


def _pit(nu: ndarray, z: ndarray) -> ndarray:
    normal = np.isinf(nu)
    return np.where(normal, _special.ndtr(z), _special.stdtr(np.where(normal, 3.0, nu), z))


def _log_density(nu: ndarray, z: ndarray) -> ndarray:
    normal = np.isinf(nu)
    nu = np.where(normal, 3.0, nu)
    norm = _special.gammaln((nu + 1) / 2) - _special.gammaln(nu / 2) - np.log(nu * np.pi) / 2
    heavy = norm - (nu + 1) / 2 * np.log1p(z * z / nu)
    return np.where(normal, -0.5 * z * z - 0.5 * np.log(2 * np.pi), heavy)


def blend(
    variance: Float[ndarray, " rows"], noise: Float[ndarray, " rows"], freedom: float
) -> tuple[Float[ndarray, " rows"], float | Float[ndarray, " rows"]]:
    """Scale and degrees of freedom of a normal of `variance` plus a t of scale squared `noise`.

    The sum is no t; the t with the same quartiles and the same 2.5 % points stands for it.
    """
    if np.isinf(freedom):
        return np.sqrt(variance + noise), np.inf
    ratio = np.clip(variance / noise, BLEND[0], BLEND[-1])
    scale, degrees = _blends(freedom)
    at = np.log(ratio)
    nu = np.exp(np.interp(at, np.log(BLEND), np.log(degrees)))
    size = np.interp(at, np.log(BLEND), scale)
    return size * np.sqrt(variance + noise), nu


@lru_cache(maxsize=256)
def _blends(freedom: float) -> tuple[ndarray, ndarray]:
    """For each ratio of `BLEND`: scale in units of the root of both variances, and freedom."""
    share = (np.arange(BLEND_PARTS) + 0.5) / BLEND_PARTS
    # A t is a normal whose precision is a gamma variate.
    spread = freedom / (2 * _special.gammaincinv(freedom / 2, share))
    widths = np.sqrt((BLEND[:, None] + spread) / (1 + BLEND[:, None]))
    quantile = []
    for level in (0.75, 0.975):
        low, high = np.zeros(len(BLEND)), np.full(len(BLEND), 50.0)
        for _ in range(40):
            middle = (low + high) / 2
            above = _special.ndtr(middle[:, None] / widths).mean(axis=1) > level
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        quantile.append((low + high) / 2)
    grid = np.geomspace(freedom, MOST_FREEDOM, 400)
    ratios = _special.stdtrit(grid, 0.975) / _special.stdtrit(grid, 0.75)
    degrees = np.interp(-quantile[1] / quantile[0], -ratios, grid)
    return quantile[1] / _special.stdtrit(degrees, 0.975), degrees
