"""From rows to sums by bin: the scores of one part of a table, which add up to those of all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy import ndarray
from scipy import special

from errorbar.core.errors import InputError
from errorbar.rt.evaluate.scores import (
    ERROR_LEAST,
    ERROR_PER_OCTAVE,
    ERROR_PLACES,
    PIT_PLACES,
    SCORE_REACH,
    SCORE_STEP,
    SUMS,
    BinScores,
    ScoreSettings,
    SupportScores,
)
from errorbar.rt.evaluate.support import SupportMap, support_bins, support_labels
from errorbar.rt.evaluate.tallies import count_labels, empty_tally, tally
from errorbar.rt.model import KNOWN, Times

__all__ = [
    "Slice",
    "merge_scores",
    "score_rows",
    "slice_by",
]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Rows by something else than support: each row's place in `labels`, -1 for none of them."""

    place: Int[ndarray, " rows"]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        bad = np.flatnonzero((self.place < -1) | (self.place >= len(self.labels)))
        if bad.size:
            raise InputError(
                f"{bad.size} of {len(self.place)} rows are in none of {len(self.labels)} slices, "
                f"first row {bad[0]} ({self.place[bad[0]]}): -1 leaves a row out."
            )


def slice_by(values: Shaped[ndarray, " rows"]) -> Slice:
    """A slice for each value that occurs, in order."""
    labels, place = np.unique(values, return_inverse=True)
    return Slice(place.astype(np.int64), tuple(str(label) for label in labels))


def score_rows(
    rt: Float[ndarray, " rows"],
    times: Times,
    groups: Int[ndarray, " rows"],
    *,
    support: Int[ndarray, " rows"] | None = None,
    runs: Shaped[ndarray, "..."] | None = None,
    slices: Mapping[str, Slice] | None = None,
    settings: ScoreSettings | None = None,
    training: SupportMap | None = None,
) -> SupportScores:
    """The scores of one part of a table; add up those of all parts.

    `groups` are keys of pairs, `support` their training peaks (those of `times` if not given),
    `runs` a number, or a row of numbers, that names the run of each row alike in all parts.
    """
    settings = settings or ScoreSettings()
    if not len(rt) == len(times) == len(groups):
        raise InputError(
            f"{len(rt)} times found, {len(times)} predicted and {len(groups)} groups: one each."
        )
    bad = np.flatnonzero(~np.isfinite(rt))
    if bad.size:
        raise InputError(
            f"`rt` is not a number in {bad.size} of {len(rt)} rows, first row {bad[0]}: leave out "
            "peaks that were not found."
        )
    times = replace(times, sd=times.sd * settings.pred_std_scale)
    rows = _Rows.of(rt, times, groups, runs, settings.interval)
    labels = support_labels(settings.edges)
    place = support_bins(times.support if support is None else support, settings.edges)
    every = {"known": Slice(times.known, KNOWN), **(slices or {})}
    return SupportScores(
        support=rows.by(Slice(place, labels)),
        slices={name: rows.by(part) for name, part in every.items()},
        settings=settings,
        offered=len(rt),
        scored=len(rt),
        train_groups=None if training is None else _train_groups(training, settings.edges),
    )


def merge_scores(parts: Iterable[SupportScores]) -> SupportScores:
    """The scores of all parts together; parts may come one by one, none is kept."""
    total: SupportScores | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise InputError("there are no parts to merge, so nothing was scored: check the split.")
    return total


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What is added up of each row, and its places in the histograms."""

    groups: Int[ndarray, "rows 1"]
    runs: Int[ndarray, "rows keys"] | None
    sums: Float[ndarray, "rows columns"]
    error: Int[ndarray, "rows 1"]
    pit: Int[ndarray, "rows 1"]
    score: Int[ndarray, "rows 1"]

    @classmethod
    def of(
        cls, rt: ndarray, times: Times, groups: ndarray, runs: ndarray | None, level: float
    ) -> "_Rows":
        error, half = rt - times.mean, times.reach(level) * times.sd
        z, pit = times.score(rt), times.pit(rt)
        size = np.abs(error)
        sums = (
            np.ones(len(rt)), error, error**2, size, size <= half, times.sd, 2 * half, z, z**2,
            -times.log_density(rt), times.crps(rt),
        )  # fmt: skip
        octaves = np.log2(np.maximum(size, ERROR_LEAST / 2) / ERROR_LEAST)
        places = {
            "error": 1 + np.floor(octaves * ERROR_PER_OCTAVE),
            "pit": pit * PIT_PLACES,
            # Of a t, too, what z would be if the same rank were a normal's.
            "score": (_normal_score(z, pit, times.degrees) + SCORE_REACH) / SCORE_STEP,
        }
        most = {"error": ERROR_PLACES, "pit": PIT_PLACES, "score": 2 * SCORE_REACH / SCORE_STEP}
        return cls(
            groups=groups.astype(np.int64)[:, None],
            runs=None if runs is None else _columns(runs),
            sums=np.stack(sums, axis=1).astype(np.float64),
            **{
                name: np.clip(np.floor(at), 0, round(most[name]) - 1).astype(np.int64)[:, None]
                for name, at in places.items()
            },
        )

    def by(self, part: Slice) -> BinScores:
        """Sums of the rows in each bin."""
        held = part.place >= 0
        place = part.place[held, None].astype(np.int64)

        def label(keys: ndarray) -> ndarray:
            return np.concatenate([place, keys[held]], axis=1)

        sums = self.sums[held]
        return BinScores(
            labels=part.labels,
            groups=tally(label(self.groups), sums),
            runs=(
                empty_tally(1, len(SUMS)) if self.runs is None else tally(label(self.runs), sums)
            ),
            errors=count_labels(label(self.error)),
            pits=count_labels(label(self.pit)),
            scores=count_labels(label(self.score)),
        )


def _columns(names: ndarray) -> ndarray:
    whole = np.asarray(names, dtype=np.int64)
    return whole[:, None] if whole.ndim == 1 else whole


def _normal_score(z: ndarray, pit: ndarray, degrees: ndarray) -> ndarray:
    # Beyond 8 a rank is 0 or 1 in double precision.
    return np.where(np.isinf(degrees), z, np.clip(special.ndtri(pit), -8, 8))


def _train_groups(training: SupportMap, edges: Sequence[int]) -> tuple[int, ...]:
    bins = support_bins(training.count, edges)
    return tuple(np.bincount(bins, minlength=len(support_labels(edges))).tolist())
