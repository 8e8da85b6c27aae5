"""Scores of predicted times as sums by bin: fed in parts, merged by `+`, exact whatever the order.

Memory is that of the groups and runs that occur, not of the rows. Quantiles of errors come from a
histogram whose bins are 1.1 % wide, so that they are within 0.6 % of their value; ranks of truths
(the PIT) are kept in 1,000 bins, z in bins of 0.1. All else is exact.

An error is the time found less the time predicted, in minutes: positive where a peak comes later
than was thought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import InputError, SettingsError
from errorbar.core.maths.calibration import (
    CoverageCurve,
    EcdfDifference,
    PitHistogram,
    coverage_curve,
    ecdf_difference,
    pit_histogram,
)
from errorbar.rt.evaluate.support import SUPPORT_EDGES, support_labels
from errorbar.rt.evaluate.tallies import Tally

__all__ = ["SUMS", "BinScores", "ScoreSettings", "SupportScores"]

# What is added up over rows; the first is the number of rows.
SUMS = (
    "rows",
    "error",
    "squared_error",
    "absolute_error",
    "covered",
    "sd",
    "width",
    "score",
    "squared_score",
    "nll",
    "crps",
)
PIT_PLACES = 1000
SCORE_STEP, SCORE_REACH = 0.1, 6.0
# |error| from a millionth of a minute up, 64 bins for each factor of two.
ERROR_LEAST, ERROR_PER_OCTAVE, ERROR_PLACES = 1e-6, 64, 2200


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How rows are scored: level of the interval, factor on every sd, edges of the support bins."""

    interval: float = 0.95
    pred_std_scale: float = 1.0
    edges: tuple[int, ...] = SUPPORT_EDGES

    def __post_init__(self) -> None:
        if not 0 < self.interval < 1:
            raise SettingsError(
                f"interval={self.interval:g} must lie between 0 and 1: 95 % is written 0.95."
            )
        if not (self.pred_std_scale > 0 and np.isfinite(self.pred_std_scale)):
            raise SettingsError(f"pred_std_scale={self.pred_std_scale:g} must be positive.")
        support_labels(self.edges)


@dataclass(frozen=True, slots=True, eq=False)
class BinScores:
    """Sums by the bins that `labels` name.

    `groups` and `runs` hold `SUMS` by (bin, group) and (bin, run); `errors`, `pits` and `scores`
    count rows by (bin, place in a histogram). `runs` is empty where runs are not known.
    """

    labels: tuple[str, ...]
    groups: Tally
    runs: Tally
    errors: Tally
    pits: Tally
    scores: Tally

    def __add__(self, other: "BinScores") -> "BinScores":
        if self.labels != other.labels:
            raise InputError(
                f"bins {self.labels} and {other.labels} cannot be added: give all parts the same "
                "bins, in one order."
            )
        if self.runs.labels.shape[1] != other.runs.labels.shape[1]:
            raise InputError("some parts name their runs otherwise, or not at all: all alike.")
        names = ("groups", "runs", "errors", "pits", "scores")
        return BinScores(
            self.labels, *(getattr(self, name) + getattr(other, name) for name in names)
        )

    @property
    def rows(self) -> int:
        """How many rows were scored."""
        return int(self.groups.sums[:, 0].sum())

    def place(self, label: str | None) -> int | None:
        """The bin of that name; None stands for all of them."""
        if label is None:
            return None
        if label not in self.labels:
            raise InputError(f"there is no bin {label!r}, only {', '.join(self.labels)}.")
        return self.labels.index(label)

    def sums(self, bin_: int | None = None) -> dict[str, float]:
        """`SUMS` of a bin, or of all."""
        cells = self.groups if bin_ is None else self.groups.at(bin_)
        return dict(zip(SUMS, cells.sums.sum(axis=0).tolist()))

    def group_rmse(self, bin_: int | None = None, least: int = 1) -> Float[ndarray, " groups"]:
        """Root mean square error of each group with at least so many test rows."""
        sums = self.groups.at(bin_).sums
        sums = sums[sums[:, 0] >= least]
        return np.sqrt(sums[:, SUMS.index("squared_error")] / sums[:, 0])

    def error_quantiles(
        self, levels: Float[ndarray, " levels"], bin_: int | None = None
    ) -> Float[ndarray, " levels"]:
        """Quantiles of the absolute error in minutes, within 0.6 % of their value."""
        cells = self.errors.at(bin_)
        below = np.cumsum(cells.sums[:, 0])
        if not below.size:
            return np.full(len(levels), np.nan)
        at = np.searchsorted(below, np.asarray(levels) * below[-1] - 1e-9)
        place = cells.labels[np.minimum(at, len(below) - 1), 0]
        size = ERROR_LEAST * 2.0 ** ((place - 0.5) / ERROR_PER_OCTAVE)
        return np.where(place == 0, 0.0, size)

    def ranks(self, label: str | None = None) -> Float[ndarray, " rows"]:
        """PIT of every row, to a thousandth: the middles of the bins they lie in."""
        cells = self.pits.at(self.place(label))
        return np.repeat((cells.labels[:, 0] + 0.5) / PIT_PLACES, cells.sums[:, 0].astype(np.int64))

    def score_counts(
        self, label: str | None = None
    ) -> tuple[Float[ndarray, " edges"], Int[ndarray, " bins"]]:
        """Edges and counts of errors as normal scores, z where errors are normal.

        What lies further out than 6 is in the outermost bins.
        """
        cells = self.scores.at(self.place(label))
        places = round(2 * SCORE_REACH / SCORE_STEP)
        counts = np.zeros(places, dtype=np.int64)
        counts[cells.labels[:, 0]] = cells.sums[:, 0]
        return np.linspace(-SCORE_REACH, SCORE_REACH, places + 1), counts


@dataclass(frozen=True, slots=True, eq=False)
class SupportScores:
    """How well times were predicted, by support and by other slices of the same rows.

    Add the scores of parts (`a + b`) to have those of all. `offered` counts the rows that the model
    was asked for, `scored` those it gave a time; `support.rows` were compared with the truth, which
    is fewer where several models are held to the rows that all can score. `spread` is False for a
    model without intervals. `train_groups` counts training groups by support bin. `subset` says in
    words which rows were chosen, if not all.
    """

    support: BinScores
    slices: Mapping[str, BinScores]
    settings: ScoreSettings
    offered: int
    scored: int
    spread: bool = True
    train_groups: tuple[int, ...] | None = None
    subset: str = ""

    def __add__(self, other: "SupportScores") -> "SupportScores":
        if self.settings != other.settings:
            raise InputError(
                f"scores of {self.settings} and of {other.settings} cannot be added: score all "
                "parts alike."
            )
        if self.train_groups != other.train_groups:
            raise InputError("the parts count other training groups: give all the same training.")
        if self.slices.keys() != other.slices.keys():
            raise InputError(
                f"slices {sorted(self.slices)} and {sorted(other.slices)} cannot be added: slice "
                "all parts alike."
            )
        return replace(
            self,
            support=self.support + other.support,
            slices={name: part + other.slices[name] for name, part in self.slices.items()},
            offered=self.offered + other.offered,
            scored=self.scored + other.scored,
            spread=self.spread and other.spread,
            subset="; ".join(dict.fromkeys(filter(None, (self.subset, other.subset)))),
        )

    @property
    def rows(self) -> int:
        """How many rows were compared with the truth."""
        return self.support.rows

    @property
    def share_scored(self) -> float:
        """Rows with a prediction, as a share of those asked for."""
        return self.scored / self.offered if self.offered else float("nan")

    @property
    def unseen_rows(self) -> int:
        """Rows whose pair has no training peak (or is not in the common map)."""
        return int(self.support.groups.at(0).sums[:, 0].sum())

    @property
    def unseen_groups(self) -> int:
        """Pairs among them."""
        return len(self.support.groups.at(0))

    def bins(self, by: str = "support") -> BinScores:
        """The sums by `support` or by the slice of that name."""
        if by == "support":
            return self.support
        if by not in self.slices:
            raise InputError(
                f"there is no slice {by!r}, only {', '.join(['support', *self.slices])}."
            )
        return self.slices[by]

    def coverage(
        self,
        levels: Sequence[float] | Float[ndarray, " levels"],
        label: str | None = None,
        *,
        by: str = "support",
    ) -> CoverageCurve:
        """Found against claimed coverage; exact at levels that are multiples of 0.002."""
        return coverage_curve(self._ranks(by, label), np.asarray(levels, dtype=np.float64))

    def pit(self, label: str | None = None, *, by: str = "support", bins: int = 20) -> PitHistogram:
        """Histogram of the ranks of truths in their predicted distributions."""
        return pit_histogram(self._ranks(by, label), bins)

    def pit_difference(self, label: str | None = None, *, by: str = "support") -> EcdfDifference:
        """Distribution of those ranks less the uniform one, with the band for independent rows."""
        return ecdf_difference(self._ranks(by, label))

    def _ranks(self, by: str, label: str | None) -> Float[ndarray, " rows"]:
        if not self.spread:
            raise InputError("this model predicts no intervals, so nothing says how true they are.")
        return self.bins(by).ranks(label)
