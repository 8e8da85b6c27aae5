r"""Predicted retention times: a distribution for each row.

Errors are normal, or Student-t with `freedom` degrees of freedom where noise has heavy tails; `sd`
is the standard deviation of the normal, and the scale of the t (its own standard deviation is
$\sqrt{\nu / (\nu - 2)}$ times larger).
"""

from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy import ndarray
from scipy import special

from errorbar.core.errors import InputError

__all__ = ["KNOWN", "Times"]

# What training knew of a row: of `Times.known`, by place.
KNOWN = ("pair", "species and compound", "compound", "species", "neither")

_special = cast(Any, special)


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """Retention times predicted for rows, in minutes.

    `known` says what training had seen (a place in `KNOWN`), `support` with how many peaks of the
    row's own (species, compound) pair. `freedom` is infinite where errors are normal.
    """

    mean: Float[ndarray, " rows"]
    sd: Float[ndarray, " rows"]
    known: Int[ndarray, " rows"]
    support: Int[ndarray, " rows"]
    freedom: float = np.inf

    def __post_init__(self) -> None:
        for name in ("sd", "known", "support"):
            if (shape := getattr(self, name).shape) != self.mean.shape:
                raise InputError(f"`{name}` {shape} must have a value for each mean.")
        if not self.freedom > 0:
            raise InputError(
                f"freedom={self.freedom:g}: degrees of freedom are positive, infinite for a normal."
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
        names = ("mean", "sd", "known", "support")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def interval(self, level: float = 0.95) -> Float[ndarray, "rows 2"]:
        """Ends of the central interval that holds the time with probability `level`."""
        half = self.reach(level) * self.sd
        return np.stack([self.mean - half, self.mean + half], axis=-1)

    def reach(self, level: float = 0.95) -> float:
        """Half the width of that interval in units of `sd`."""
        if not 0 < level < 1:
            raise InputError(f"a level lies between 0 and 1, not {level:g}: 95 % is written 0.95.")
        if np.isinf(self.freedom):
            return float(_special.ndtri(0.5 + level / 2))
        return float(_special.stdtrit(self.freedom, 0.5 + level / 2))

    def score(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """Errors in units of `sd`."""
        return (rt - self.mean) / self.sd

    def pit(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """The probability of an earlier time: uniform where error bars are true."""
        if np.isinf(self.freedom):
            return _special.ndtr(self.score(rt))
        return _special.stdtr(self.freedom, self.score(rt))

    def log_density(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """The log of the density that was predicted at the true times."""
        z, nu = self.score(rt), self.freedom
        if np.isinf(nu):
            return -0.5 * z * z - np.log(self.sd) - 0.5 * np.log(2 * np.pi)
        norm = _special.gammaln((nu + 1) / 2) - _special.gammaln(nu / 2) - np.log(nu * np.pi) / 2
        return norm - (nu + 1) / 2 * np.log1p(z * z / nu) - np.log(self.sd)

    def crps(self, rt: Float[ndarray, " rows"]) -> Float[ndarray, " rows"]:
        """Continuous ranked probability score, in minutes: the smaller the better.

        For the normal Gneiting & Raftery (2007, JASA 102, 359), for the t Jordan, Krüger & Lerch
        (2019, J. Stat. Softw. 90, 12).
        """
        z, nu = self.score(rt), self.freedom
        if np.isinf(nu):
            density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
            return self.sd * (z * (2 * _special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
        if nu <= 1:
            raise InputError(f"a t with {nu:g} degrees of freedom has no CRPS: more than one.")
        density = np.exp(replace(self, mean=self.mean * 0, sd=self.sd * 0 + 1).log_density(z))
        spread = np.exp(_special.betaln(0.5, nu - 0.5) - 2 * _special.betaln(0.5, nu / 2)) * (
            2 * np.sqrt(nu) / (nu - 1)
        )
        tail = 2 * density * (nu + z * z) / (nu - 1)
        return self.sd * (z * (2 * _special.stdtr(nu, z) - 1) + tail - spread)
