"""What a model says of stars: numbers with intervals, or probabilities with sets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy import ndarray

from errorbar.core.calibrate import ClassConformal
from errorbar.core.errors import InputError
from errorbar.stellar.labels import Taxonomy
from errorbar.stellar.sed.model.prepare import FLAGS

__all__ = ["Stamp", "StarClasses", "StarNumbers"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which model and which recipe said it, and whether it was calibrated on rows set aside."""

    model_hash: str
    recipe_hash: str
    calibrated: bool


@dataclass(frozen=True, slots=True, eq=False)
class StarNumbers:
    """Parameters of stars with their intervals, keyed by alpha.

    `centre` estimates the middle of what a label would be; `spread` is a standard deviation for
    ordering stars by, and the promise is that of the intervals. `oddness` above three or four says
    that a star is like none of training, `flag` has a column for each of
    `errorbar.stellar.sed.FLAGS`.
    """

    rows: ndarray
    names: tuple[str, ...]
    centre: Float[ndarray, "rows targets"]
    spread: Float[ndarray, "rows targets"]
    intervals: Mapping[float, Float[ndarray, "rows targets 2"]]
    oddness: Float[ndarray, " rows"]
    flag: Bool[ndarray, "rows flags"]
    stamp: Stamp

    def __len__(self) -> int:
        return len(self.rows)

    def interval(self, name: str, alpha: float = 0.1) -> Float[ndarray, "rows 2"]:
        """Lower and upper ends for one parameter."""
        if name not in self.names:
            raise InputError(f"there is no {name!r} here; choose one of {', '.join(self.names)}.")
        if alpha not in self.intervals:
            raise InputError(
                f"there are no intervals for alpha={alpha:g}; there are for "
                f"{', '.join(f'{known:g}' for known in self.intervals)}."
            )
        return self.intervals[alpha][:, self.names.index(name)]

    def to_frame(self, alpha: float = 0.1) -> pl.DataFrame:
        """A table: each parameter with its interval at `alpha`, oddness and flags."""
        columns: dict[str, ndarray] = {"row": self.rows}
        for at, name in enumerate(self.names):
            ends = self.interval(name, alpha)
            columns |= {name: self.centre[:, at], f"{name}_lower": ends[:, 0]}
            columns |= {f"{name}_upper": ends[:, 1], f"{name}_spread": self.spread[:, at]}
        return pl.DataFrame({**columns, **_facts(self.oddness, self.flag)})


@dataclass(frozen=True, slots=True, eq=False)
class StarClasses:
    """Probabilities of the classes of a taxonomy, and the thresholds that make sets of them."""

    rows: ndarray
    taxonomy: Taxonomy
    names: tuple[str, ...]
    probability: Float[ndarray, "rows classes"]
    conformal: ClassConformal
    oddness: Float[ndarray, " rows"]
    flag: Bool[ndarray, "rows flags"]
    stamp: Stamp

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def best(self) -> ndarray:
        """The likeliest class of each star."""
        return np.array(self.names)[self.probability.argmax(axis=1)]

    def sets(self, alpha: float = 0.1) -> Bool[ndarray, "rows classes"]:
        """Which classes are in each star's set at `alpha`."""
        return self.conformal.sets(self.probability, alpha)

    def roll_up(self) -> dict[str, ndarray]:
        """The probability of every class and of every kind above it."""
        return self.taxonomy.roll_up(self.probability, self.names)

    def to_frame(self, alpha: float = 0.1) -> pl.DataFrame:
        """A table: the best class, every probability, the set at `alpha`, oddness and flags."""
        chosen = self.sets(alpha)
        columns: dict[str, object] = {"row": self.rows, "best": self.best}
        columns |= {f"p_{name}": self.probability[:, at] for at, name in enumerate(self.names)}
        columns["set"] = [" ".join(np.array(self.names)[each]) for each in chosen]
        return pl.DataFrame({**columns, **_facts(self.oddness, self.flag)})


def _facts(oddness: ndarray, flag: ndarray) -> dict[str, ndarray]:
    return {"oddness": oddness, **{name: flag[:, at] for at, name in enumerate(FLAGS)}}
