"""A whole table of peaks against the times predicted for it, scored in chunks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from errorbar.core.errors import InputError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate.rows import Slice, merge_scores, score_rows, slice_by
from errorbar.rt.evaluate.scores import ScoreSettings, SupportScores
from errorbar.rt.evaluate.support import SupportMap
from errorbar.rt.model import Times

__all__ = ["PartialTimes", "evaluate_times", "subset_rows", "subset_words"]

CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class PartialTimes:
    """Times of a model that does not score all rows: `times` are those of the rows in `scored`.

    `spread` is False where the model has no intervals and its `sd` is a stand-in.
    """

    times: Times
    scored: Bool[ndarray, " rows"]
    spread: bool = True

    def __post_init__(self) -> None:
        if self.scored.dtype != np.bool_ or int(self.scored.sum()) != len(self.times):
            raise InputError(
                f"`scored` must be a mask with as many true rows as times; {len(self.times)} times "
                f"were given for {int(self.scored.sum())} of {len(self.scored)} rows."
            )

    def on(self, rows: Bool[ndarray, " rows"]) -> Times:
        """Times of these rows, all of which must be scored."""
        if (rows & ~self.scored).any():
            raise InputError(f"{int((rows & ~self.scored).sum())} of these rows have no time.")
        return self.times.select(rows[self.scored])


def subset_rows(rows: int, most: int | None, seed: int = 0) -> Int[ndarray, " chosen"]:
    """At most `most` of `rows` places, chosen at random with this seed, in order."""
    if most is not None and most < 1:
        raise InputError(f"max_test_rows={most} leaves nothing to score: at least 1, or None.")
    if most is None or rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def subset_words(chosen: int, rows: int, seed: int) -> str:
    """How a subset is named in results; nothing where all rows were taken."""
    if chosen == rows:
        return ""
    return f"{chosen:,} of {rows:,} rows, chosen at random with seed {seed}"


def evaluate_times(
    peaks: Peaks,
    times: Times | PartialTimes,
    *,
    column: str = "species",
    common_support_map: SupportMap | None = None,
    training: SupportMap | None = None,
    slices: Mapping[str, Slice | ndarray] | None = None,
    on: Bool[ndarray, " rows"] | None = None,
    max_test_rows: int | None = None,
    seed: int = 0,
    settings: ScoreSettings | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> SupportScores:
    """Score predicted times of peaks by support, by what training knew of them, and by `slices`.

    Groups are pairs of `column` and compound, with the support that `times` tells. With a
    `common_support_map` groups and support are the map's, whatever the model; pairs that it does
    not list go to the bin `unseen`. `training` (else the map) gives the number of training groups
    of each bin; `on` holds several models to the same rows.
    """
    given = times if isinstance(times, PartialTimes) else _whole(times)
    if len(given.scored) != len(peaks):
        raise InputError(
            f"{len(given.scored)} rows were predicted and {len(peaks)} peaks found: predict the "
            "rows of this table, or say with PartialTimes which ones were."
        )
    asked = np.ones(len(peaks), dtype=bool) if on is None else on
    usable = np.flatnonzero(given.scored & asked)
    chosen = usable[subset_rows(len(usable), max_test_rows, seed)]
    if not len(chosen):
        raise InputError(
            f"there are no rows to score: of {len(peaks)} peaks {int(given.scored.sum())} have a "
            f"predicted time and {int(asked.sum())} are asked for. Check the split, or the model."
        )
    where = np.cumsum(given.scored) - 1
    common = common_support_map
    keys = peaks.keys(column if common is None else common.column)
    counts = common if training is None else training
    sliced = {name: _as_slice(name, part, len(peaks)) for name, part in (slices or {}).items()}

    def part(rows: Int[ndarray, " chunk"]) -> SupportScores:
        return score_rows(
            peaks.rt[rows],
            given.times.select(where[rows]),
            keys[rows],
            support=None if common is None else common.of(keys[rows]),
            runs=peaks.run[rows],
            slices={name: Slice(s.place[rows], s.labels) for name, s in sliced.items()},
            settings=settings,
            training=counts,
        )

    chunks = (chosen[at : at + chunk_rows] for at in range(0, len(chosen), chunk_rows))
    return replace(
        merge_scores(part(rows) for rows in chunks),
        offered=len(peaks),
        scored=int(given.scored.sum()),
        spread=given.spread,
        subset=subset_words(len(chosen), len(usable), seed),
    )


def _whole(times: Times) -> PartialTimes:
    return PartialTimes(times, np.ones(len(times), dtype=bool))


def _as_slice(name: str, part: Slice | ndarray, rows: int) -> Slice:
    found = part if isinstance(part, Slice) else slice_by(part)
    if len(found.place) != rows:
        raise InputError(
            f"the slice {name!r} has {len(found.place)} rows and there are {rows} peaks: say of "
            "each peak where it belongs."
        )
    return found
