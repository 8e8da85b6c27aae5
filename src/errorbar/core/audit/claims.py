"""What was predicted of every row, beside what turned out to be true."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.calibrate.doors import read_column, read_level
from errorbar.core.errors import InputError

__all__ = ["Claims", "Form", "read_claims"]

Form = Literal["sd", "bars", "interval", "quantiles"]

_ndtri = cast("Callable[..., ndarray]", special.ndtri)

CROSSED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """Predictions of numbers in one of four forms, and the truth of each row.

    `"sd"` and `"bars"` (one-sigma distances `down` and `up`, a split normal around its mode
    `centre`) say a whole distribution. `"interval"` and `"quantiles"` say `ends`, a column for each
    of the cumulative `levels`, and nothing between them; an interval leaves equal shares on both
    sides.
    """

    form: Form
    truth: ndarray
    centre: ndarray
    down: ndarray
    up: ndarray
    levels: ndarray
    ends: ndarray

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def whole(self) -> bool:
        """Whether a distribution is claimed, and not some of its quantiles only."""
        return self.form in ("sd", "bars")

    @property
    def pairs(self) -> dict[float, tuple[int, int]]:
        """The central levels that `ends` claim, with the columns of their two ends."""
        found: dict[float, tuple[int, int]] = {}
        for low, level in enumerate(self.levels.tolist()):
            high = int(np.argmin(np.abs(self.levels - (1 - level))))
            if level < 0.5 and abs(self.levels[high] - (1 - level)) < CROSSED:
                found[round(1 - 2 * level, 6)] = (low, high)
        return dict(sorted(found.items()))

    def known_levels(self, wanted: tuple[float, ...]) -> tuple[float, ...]:
        """The central levels at which intervals are claimed."""
        return wanted if self.whole else tuple(self.pairs)

    def interval(self, level: float) -> tuple[ndarray, ndarray]:
        """Lower and upper ends of the central interval of this level."""
        if not self.whole:
            low, high = self.pairs[level]
            return self.ends[:, low], self.ends[:, high]
        tail = (1 - level) / 2
        if self.form == "sd":
            half = float(_ndtri(1 - tail)) * self.down
            return self.centre - half, self.centre + half
        return self.quantile(tail), self.quantile(1 - tail)

    def quantile(self, share: float) -> ndarray:
        """The value below which the truth is claimed to lie with probability `share`."""
        below = self.down / (self.down + self.up)
        lower = self.down * _ndtri(np.minimum(share / (2 * below), 0.5))
        upper = self.up * _ndtri(np.minimum((1 - share) / (2 * (1 - below)), 0.5))
        return self.centre + np.where(share < below, lower, -upper)

    def select(self, rows: ndarray) -> "Claims":
        """Some of the rows, by a mask or by their places."""
        cut = (self.centre, self.down, self.up)
        centre, down, up = (part[rows] if len(part) else part for part in cut)
        return Claims(self.form, self.truth[rows], centre, down, up, self.levels, self.ends[rows])


def read_claims(
    truth: ArrayLike,
    mean: ArrayLike | None = None,
    *,
    sd: ArrayLike | None = None,
    sd_minus: ArrayLike | None = None,
    sd_plus: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    level: float | None = None,
    quantiles: Mapping[float, ArrayLike] | None = None,
) -> Claims:
    """Predictions in whichever form they come, checked once."""
    value = read_column(truth, None, "truth")
    rows = len(value)
    bars, ends = (sd_minus, sd_plus), (lower, upper)
    given = [
        sd is not None,
        any(part is not None for part in bars),
        any(part is not None for part in ends),
        quantiles is not None,
    ]
    if sum(given) != 1:
        raise InputError(_no_errors() if not any(given) else _too_many(given))
    none, empty = np.zeros(0), np.zeros((rows, 0))
    if given[0] or given[1]:
        down, up = (sd, sd) if given[0] else bars
        if mean is None or down is None or up is None:
            raise InputError(
                "error bars stand around a prediction, two unequal ones come together: pass "
                "`mean` with `sd`, or with both `sd_minus` and `sd_plus`."
            )
        centre = read_column(mean, rows, "mean")
        low = _positive(down, rows, "sd" if given[0] else "sd_minus")
        high = low if given[0] else _positive(up, rows, "sd_plus")
        return Claims("sd" if given[0] else "bars", value, centre, low, high, none, empty)
    if quantiles is not None:
        shares, columns = _read_quantiles(quantiles, rows)
        form: Form = "quantiles"
    else:
        if lower is None or upper is None or level is None:
            raise InputError(
                "an interval has two ends and a probability: pass `lower`, `upper` and `level` "
                "(0.9 for one that should hold nine truths in ten)."
            )
        tail = (1 - read_level(level, "level")) / 2
        shares = np.array([tail, 1 - tail])
        columns = [read_column(lower, rows, "lower"), read_column(upper, rows, "upper")]
        form = "interval"
    matrix = np.column_stack(columns)
    _check_order(matrix, form, shares)
    return Claims(form, value, none, none, none, shares, matrix)


def _read_quantiles(
    quantiles: Mapping[float, ArrayLike], rows: int
) -> tuple[ndarray, list[ndarray]]:
    shares = sorted(read_level(float(share), "a quantile") for share in quantiles)
    found = {float(share): column for share, column in quantiles.items()}
    columns = [read_column(found[share], rows, f"q{100 * share:g}") for share in shares]
    if len(shares) < 2:
        raise InputError(
            f"{len(shares)} quantiles say nothing of width: pass two or more, such as 0.05 and "
            "0.95."
        )
    return np.array(shares), columns


def _check_order(ends: ndarray, form: Form, shares: ndarray) -> None:
    crossed = np.diff(ends, axis=1) < 0
    bad = np.flatnonzero(crossed.any(axis=1))
    if not bad.size:
        return
    at = int(np.argmax(crossed[bad[0]]))
    named = ("lower", "upper")
    if form == "quantiles":
        named = (f"quantile {shares[at]:g}", f"quantile {shares[at + 1]:g}")
    raise InputError(
        f"`{named[0]}` lies above `{named[1]}` in {bad.size} of {len(ends)} rows, first at row "
        f"{bad[0]} ({ends[bad[0], at]:g} > {ends[bad[0], at + 1]:g}): check that the columns are "
        "not swapped, and sort quantiles row by row."
    )


def _positive(values: ArrayLike, rows: int, name: str) -> ndarray:
    column = read_column(values, rows, name)
    bad = np.flatnonzero(~(column > 0))
    if bad.size:
        raise InputError(
            f"`{name}` must be positive; {bad.size} of {rows} rows are not, first at row {bad[0]} "
            f"({column[bad[0]]:g}). An error bar of zero claims perfect knowledge: leave such rows "
            "out or say what their errors are; a signed lower bar is passed as its absolute value."
        )
    return column


def _no_errors() -> str:
    return (
        "predictions without error bars cannot be audited: pass `sd`, or `sd_minus` and "
        "`sd_plus`, or `lower`, `upper` and `level`, or `quantiles`. Where there are none, "
        "`errorbar.core.calibrate.fit_interval_conformal(mean, truth)` makes intervals."
    )


def _too_many(given: list[bool]) -> str:
    names = ("`sd`", "`sd_minus`, `sd_plus`", "`lower`, `upper`", "`quantiles`")
    told = " and ".join(name for name, there in zip(names, given) if there)
    return f"{told} are different forms of error bars: pass one of them, and audit the other apart."
