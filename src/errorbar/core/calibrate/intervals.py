r"""Intervals of a number that hold the truth with a stated probability.

Split conformal prediction on rows that no fit has seen, with one of three scores:

- **residual**, $|y - \mu(x)|$: the same width everywhere, around any prediction;
- **normalised**, $|y - \mu(x)| / s(x)$: as wide as the predicted spread says, times a factor;
- **quantiles** (CQR; Romano, Patterson & Candès 2019, arXiv:1905.03222): predicted lower and upper
  quantiles, both moved by one margin from $\max(l - y, y - u)$, or each by its own from half of
  $\alpha$, which is wider and holds on each side.

The promise is $P(Y \in [L, U]) \ge 1 - \alpha$, on average over rows exchangeable with those; with
`strata` (bins of magnitude) it holds in each of them. Where negative margins make quantiles cross,
both ends are their middle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.doors import read_column, read_groups, read_level
from errorbar.core.calibrate.ranks import conformal_quantile
from errorbar.core.calibrate.strata import locate_strata, read_payload, stratum_names
from errorbar.core.errors import ArtifactError, InputError, SettingsError

__all__ = [
    "IntervalConformal",
    "IntervalMargins",
    "IntervalScore",
    "fit_interval_conformal",
    "fit_quantile_conformal",
]

IntervalScore = Literal["residual", "normalised", "quantiles"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalMargins:
    """By stratum: how far the lower end goes down, the upper end up, and the rows behind both."""

    lower: Float[ndarray, " strata"]
    upper: Float[ndarray, " strata"]
    count: Int[ndarray, " strata"]


@dataclass(frozen=True, slots=True, eq=False)
class IntervalConformal:
    """Margins keyed by alpha; in units of the predicted spread where `score` is `"normalised"`."""

    score: IntervalScore
    margins: Mapping[float, IntervalMargins]
    strata: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.score not in ("residual", "normalised", "quantiles"):
            raise SettingsError(
                f"score={self.score!r} is not one of 'residual', 'normalised' or 'quantiles'."
            )

    def around(
        self,
        centre: ArrayLike,
        alpha: float = 0.1,
        *,
        spread: ArrayLike | None = None,
        strata: ArrayLike | None = None,
    ) -> ndarray:
        """Lower and upper ends around predictions."""
        if self.score == "quantiles":
            raise InputError("these margins belong to quantiles: call `between(lower, upper)`.")
        middle = read_column(centre, None, "centre")
        unit = _spread(spread, len(middle), self.score)
        lower, upper = self._margins(alpha, strata, len(middle))
        return np.column_stack([middle - unit * lower, middle + unit * upper])

    def between(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        alpha: float = 0.1,
        *,
        strata: ArrayLike | None = None,
    ) -> ndarray:
        """Lower and upper ends from predicted quantiles."""
        if self.score != "quantiles":
            raise InputError("these margins belong to predictions: call `around(centre)`.")
        low = read_column(lower, None, "lower")
        high = read_column(upper, len(low), "upper")
        down, up = self._margins(alpha, strata, len(low))
        ends = np.column_stack([low - down, high + up])
        return np.where(ends[:, :1] > ends[:, 1:], ends.mean(axis=1, keepdims=True), ends)

    def _margins(
        self, alpha: float, strata: ArrayLike | None, rows: int
    ) -> tuple[ndarray, ndarray]:
        if alpha not in self.margins:
            raise InputError(
                f"there are no margins for alpha={alpha:g}; there are for "
                f"{', '.join(f'{known:g}' for known in self.margins)}. Name it when fitting."
            )
        at = locate_strata(self.strata, strata, rows)
        found = self.margins[alpha]
        return found.lower[at], found.upper[at]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; `from_dict` gives the same bits back."""
        return {
            "type": "IntervalConformal",
            "format": 1,
            "score": self.score,
            "strata": None if self.strata is None else list(self.strata),
            "margins": [
                {
                    "alpha": alpha,
                    "lower": found.lower.tolist(),
                    "upper": found.upper.tolist(),
                    "count": found.count.tolist(),
                }
                for alpha, found in self.margins.items()
            ],
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "IntervalConformal":
        """The value that wrote the payload."""
        with read_payload(payload, "IntervalConformal"):
            strata = payload["strata"]
            size = 1 if strata is None else len(strata)
            margins = {float(m["alpha"]): _read_margins(m, size) for m in payload["margins"]}
            return cls(payload["score"], margins, None if strata is None else tuple(strata))


def fit_interval_conformal(
    centre: ArrayLike,
    truth: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    spread: ArrayLike | None = None,
    alphas: Sequence[float] = (0.05, 0.1, 0.32),
    strata: ArrayLike | None = None,
) -> IntervalConformal:
    """Margins around predictions; with `spread` (a predicted sd) in its units.

    `groups` are rows that belong together: the promise is then for a row of a new group.
    """
    middle = read_column(centre, None, "centre")
    score: IntervalScore = "residual" if spread is None else "normalised"
    unit = _spread(spread, len(middle), score)
    size = np.abs(read_column(truth, len(middle), "truth") - middle) / unit
    found: dict[float, IntervalMargins] = {}
    kinds, place = stratum_names(strata, len(middle))
    for alpha in alphas:
        both, count = _by_stratum(size, read_level(alpha), groups, kinds, place)
        found[alpha] = IntervalMargins(both, both, count)
    return IntervalConformal(score, found, kinds)


def fit_quantile_conformal(
    lower: ArrayLike,
    upper: ArrayLike,
    truth: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    alpha: float = 0.1,
    symmetric: bool = True,
    strata: ArrayLike | None = None,
) -> IntervalConformal:
    """Margins for predicted quantiles, best those of alpha / 2 and 1 - alpha / 2."""
    low = read_column(lower, None, "lower")
    high = read_column(upper, len(low), "upper")
    value = read_column(truth, len(low), "truth")
    bad = np.flatnonzero(low > high)
    if bad.size:
        raise InputError(
            f"`lower` lies above `upper` in {bad.size} of {len(low)} rows, first at row {bad[0]} "
            f"({low[bad[0]]:g} > {high[bad[0]]:g}): sort predicted quantiles row by row first."
        )
    kinds, place = stratum_names(strata, len(low))
    read_level(alpha)
    if symmetric:
        both, count = _by_stratum(
            np.maximum(low - value, value - high), alpha, groups, kinds, place
        )
        margins = IntervalMargins(both, both, count)
    else:
        down, count = _by_stratum(low - value, alpha / 2, groups, kinds, place)
        up, _ = _by_stratum(value - high, alpha / 2, groups, kinds, place)
        margins = IntervalMargins(down, up, count)
    return IntervalConformal("quantiles", {alpha: margins}, kinds)


def _by_stratum(
    scores: ndarray,
    alpha: float,
    groups: ArrayLike | None,
    kinds: tuple[str, ...] | None,
    place: ndarray,
) -> tuple[ndarray, ndarray]:
    unit = read_groups(groups, len(scores))
    found: list[float] = []
    count: list[int] = []
    for at, name in enumerate(kinds or ("",)):
        rows = place == at
        group = None if unit is None else unit[rows]
        try:
            found.append(conformal_quantile(scores[rows], alpha, group))
        except InputError as reason:
            raise InputError(f"{f'stratum {name!r}: ' if kinds else ''}{reason}") from reason
        count.append(int(rows.sum()) if group is None else len(np.unique(group)))
    return np.array(found), np.array(count)


def _spread(spread: ArrayLike | None, rows: int, score: IntervalScore) -> ndarray:
    if (spread is None) is not (score == "residual"):
        raise InputError(
            "these margins are in units of the predicted spread: pass `spread`."
            if spread is None
            else "these margins know no spread: fit them with `spread` too."
        )
    if spread is None:
        return np.ones(rows)
    column = read_column(spread, rows, "spread")
    bad = np.flatnonzero(~(column > 0))
    if bad.size:
        raise InputError(
            f"`spread` must be positive; {bad.size} of {rows} rows are not, first at row {bad[0]} "
            f"({column[bad[0]]:g})."
        )
    return column


def _read_margins(found: Mapping[str, Any], size: int) -> IntervalMargins:
    lower = read_column(found["lower"], size, "lower")
    upper = read_column(found["upper"], size, "upper")
    count = np.asarray(found["count"], dtype=np.int64)
    if count.shape != (size,):
        raise ArtifactError(f"counts {count.shape} do not fit {size} strata.")
    return IntervalMargins(lower, upper, count)
