r"""Intervals checked, and widened if need be, by errors on rows that no fit has seen.

Split conformal prediction: of $n$ calibration rows take the score $|z|$ of rank
$\lceil (n + 1) q \rceil$; intervals of that many sd hold a further row with probability at least
$q$, whatever the distribution of errors, if that row is *exchangeable* with those (Vovk, Gammerman
& Shafer 2005). Rows of one run are not: they share its drift. If runs are exchangeable with each
other, let each of $R$ runs weigh $1 / (R + 1)$, divided among its rows, and the rest lie at
infinity; the $q$ quantile of that distribution holds for a row of a new run (Lee, Barber & Willett
2023, arXiv:2306.06342). With one row in each run both are the same. Late runs of a drifting column
are not exchangeable with early ones, and no rank helps there.

It is a check on top of the model's own intervals: a factor near 1 says that they were true.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from errorbar.core.calibrate import conformal_quantile, least_rows
from errorbar.core.errors import InputError
from errorbar.rt.model import Times

__all__ = [
    "ConformalCheck",
    "ConformalScale",
    "conformal_check",
    "conformal_scale",
    "conformalised",
    "split_runs",
]


@dataclass(frozen=True, slots=True, eq=False)
class ConformalScale:
    """Factors by which intervals at `level` are to be widened, one for each range of groups.

    `upper[i]` is the largest group of range i; groups beyond the last belong to it. `count` are
    the calibration units (runs, or rows) behind each factor.
    """

    level: float
    factor: Float[ndarray, " ranges"]
    upper: Int[ndarray, " ranges"]
    count: Int[ndarray, " ranges"]

    def of(self, groups: Int[ndarray, " rows"] | None, rows: int) -> Float[ndarray, " rows"]:
        """Each row's factor."""
        if len(self.factor) == 1:
            return np.full(rows, self.factor[0])
        if groups is None:
            raise InputError(
                f"there are {len(self.factor)} factors, for groups up to {self.upper.tolist()}: "
                "say which group each row is in."
            )
        at = np.searchsorted(self.upper, groups)
        return self.factor[np.minimum(at, len(self.factor) - 1)]


@dataclass(frozen=True, slots=True)
class ConformalCheck:
    """Coverage of the runs that did not calibrate, as predicted and widened by `factor`.

    `unit` says whether `count` runs or rows calibrated, `rows` how many rows were checked.
    """

    level: float
    factor: float
    before: float
    after: float
    unit: str
    count: int
    rows: int


def conformal_scale(
    scores: Float[ndarray, " rows"],
    level: float = 0.95,
    groups: Int[ndarray, " rows"] | None = None,
    *,
    runs: Shaped[ndarray, " rows"] | None = None,
    reach: float | Float[ndarray, " rows"] | None = None,
) -> ConformalScale:
    """How much wider intervals must be, from errors in units of sd on calibration rows.

    `groups` (bins of support, codes of `known`) have each their own factor; a group with too few
    rows is joined with its neighbours in order. With `runs` the promise is for rows of new runs,
    and it is runs that are counted. `reach` is half the width of the model's interval in sd
    (`Times.reach`), that of the normal if not given.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise InputError(
            f"{bad.size} of {len(scores)} scores are not finite, first row {bad[0]}: leave rows "
            "without a prediction out."
        )
    width = _unit_times().reach(level) if reach is None else reach
    scores = scores / width
    least = least_rows(1 - level)
    unit = np.arange(len(scores)) if runs is None else np.unique(runs, return_inverse=True)[1]
    codes = np.zeros(len(scores), dtype=np.int64) if groups is None else groups
    found = len(np.unique(unit))
    if found < least:
        raise InputError(
            f"{found} calibration {'rows' if runs is None else 'runs'} cannot vouch for an "
            f"interval at {level:g}: at least {least} are needed, or a level up to "
            f"{found / (found + 1):.3g}."
        )
    upper = _joined(codes, unit, least)
    place = np.searchsorted(upper, codes)
    size = np.abs(scores)
    parts = [place == at for at in range(len(upper))]
    return ConformalScale(
        level,
        np.array([conformal_quantile(size[part], 1 - level, unit[part]) for part in parts]),
        upper,
        np.array([len(np.unique(unit[part])) for part in parts]),
    )


def conformalised(
    times: Times, scale: ConformalScale, groups: Int[ndarray, " rows"] | None = None
) -> Times:
    """Times whose intervals at `scale.level` are widened; others are not vouched for."""
    return replace(times, sd=times.sd * scale.of(groups, len(times)))


def split_runs(
    runs: Shaped[ndarray, " rows"], share: float = 0.5, seed: int = 0
) -> Bool[ndarray, " rows"]:
    """Rows of a random `share` of runs, whole runs together: to calibrate with."""
    names, place = np.unique(runs, return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(names)) < round(share * len(names))
    return chosen[place]


def conformal_check(
    rt: Float[ndarray, " rows"],
    times: Times,
    runs: Shaped[ndarray, " rows"],
    level: float = 0.95,
    *,
    seed: int = 0,
) -> ConformalCheck:
    """Calibrate on half of the runs, look at the others.

    By runs where there are enough of them, else by rows, which promises less.
    """
    held = split_runs(runs, 0.5, seed)
    if not held.any() or held.all():
        raise InputError(f"{len(np.unique(runs))} run cannot be split in two: test on several.")
    enough = len(np.unique(runs[held])) >= least_rows(1 - level)
    calibration = times.select(held)
    scale = conformal_scale(
        calibration.score(rt[held]), level, runs=runs[held] if enough else None,
        reach=calibration.reach(level),
    )  # fmt: skip
    rest = times.select(~held)
    size, reach = np.abs(rest.score(rt[~held])), rest.reach(level)
    return ConformalCheck(
        level=level,
        factor=float(scale.factor[0]),
        before=float((size <= reach).mean()),
        after=float((size <= reach * scale.factor[0]).mean()),
        unit="runs" if enough else "rows",
        count=int(scale.count[0]),
        rows=len(rest),
    )


def _joined(codes: ndarray, unit: ndarray, least: int) -> ndarray:
    """Largest codes of ranges, from the lowest up, that each have enough units."""
    upper: list[int] = []
    units: set[int] = set()
    for code in np.unique(codes).tolist():
        units |= set(unit[codes == code].tolist())
        if len(units) >= least:
            upper.append(code)
            units = set()
    last = int(codes.max())
    # What is left over at the top is too little for a range of its own.
    return np.array([*upper[:-1], last] if units else upper, dtype=np.int64)


def _unit_times() -> Times:
    zero = np.zeros(1)
    return Times(zero, zero + 1, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
