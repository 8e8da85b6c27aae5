"""Tables of an audit of numbers: every quantity, overall and by slice, with what to expect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.chances import exact_band
from errorbar.core.audit.claims import Claims
from errorbar.core.audit.resample import Formula, Means, Resampler
from errorbar.core.audit.scores import log_score, normal_scores, ranked_score
from errorbar.core.audit.units import Slice, Units

__all__ = [
    "SCHEMA",
    "Quantity",
    "add_rows",
    "constant",
    "in_order",
    "interval_table",
    "mean_of",
    "percent",
    "whole_table",
]

SCHEMA = {
    "by": pl.String, "slice": pl.String, "rows": pl.Int64, "groups": pl.Int64,
    "quantity": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "exact_low": pl.Float64, "exact_high": pl.Float64, "expected": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A number made of means of columns; `share` names the column whose mean it is, of 0 and 1.

    `expected` is its mean where claims are true.
    """

    name: str
    formula: Formula
    expected: Formula | None = None
    share: str = ""


def percent(level: float) -> str:
    """A level as part of a name: 0.68 is 68, 0.997 is 99.7."""
    return f"{100 * level:.6g}"


def mean_of(name: str) -> Formula:
    """The formula that is a column's mean."""
    return lambda means: means[name]


def constant(value: float) -> Formula:
    """The formula that is one number."""
    return lambda _: np.asarray(value)


def interval_table(
    claims: Claims,
    units: Units,
    slices: Sequence[Slice],
    levels: Sequence[float],
    resampler: Resampler,
) -> pl.DataFrame:
    """Coverage, scores and errors of all rows and of every level of every slice."""
    columns, quantities = _columns(claims, levels)
    z = normal_scores(claims) if claims.whole else None
    return whole_table(columns, quantities, units, slices, resampler, robust=z)


def in_order(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables as one, levels where the first that has them puts them."""
    frame = pl.concat(tables).with_row_index("at")
    first = pl.col("at").min().over("by", "slice")
    return frame.with_columns(first=first).sort("first", "at").drop("first", "at")


def whole_table(
    columns: Mapping[str, ndarray],
    quantities: Sequence[Quantity],
    units: Units,
    slices: Sequence[Slice],
    resampler: Resampler,
    *,
    robust: ndarray | None = None,
) -> pl.DataFrame:
    """One row for each quantity of each level; all rows are the level `""` of the slice `""`."""
    size = len(next(iter(columns.values())))
    every = Slice("", ("",), np.zeros(size, dtype=np.int64))
    found: list[tuple[object, ...]] = []
    for part in (every, *slices):
        for at, means in enumerate(resampler.means(columns, part)):
            if means.rows:
                rows = part.rows(at)
                own = units.of(rows)
                head = (part.name, part.labels[at], means.rows, own.count)
                add_rows(found, head, means, quantities, columns, rows, own)
                if robust is not None:
                    low, high = np.quantile(robust[rows], [0.1587, 0.8413])
                    blank = (None, None, None, None, 1.0)
                    found.append((*head, "z_robust_sd", float(high - low) / 2, *blank))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def add_rows(
    found: list[tuple[object, ...]],
    head: tuple[object, ...],
    means: Means,
    quantities: Sequence[Quantity],
    columns: Mapping[str, ndarray],
    rows: ndarray,
    units: Units,
) -> None:
    """The quantities of one level; shares with exact bands, of effective rows where grouped."""
    for quantity in quantities:
        value, low, high = means.number(quantity.formula)
        exact: tuple[float | None, float | None] = (None, None)
        if quantity.share:
            count = means.rows / units.effect(columns[quantity.share][rows])
            exact = exact_band(value * count, count)
        expected = None if quantity.expected is None else float(quantity.expected(means.mean))
        found.append((*head, quantity.name, value, low, high, *exact, expected))


def _columns(claims: Claims, levels: Sequence[float]) -> tuple[dict[str, ndarray], list[Quantity]]:
    columns: dict[str, ndarray] = {}
    quantities: list[Quantity] = []
    for level in levels:
        low, high = claims.interval(level)
        name = f"coverage_{percent(level)}"
        columns[name] = ((claims.truth >= low) & (claims.truth <= high)).astype(np.float64)
        columns[f"width_{percent(level)}"] = high - low
        quantities.append(Quantity(name, mean_of(name), constant(level), name))
    if claims.whole:
        _add_whole(claims, columns, quantities)
    else:
        for name, level, outside in (
            ("below_lowest", claims.levels[0], claims.truth < claims.ends[:, 0]),
            ("above_highest", 1 - claims.levels[-1], claims.truth > claims.ends[:, -1]),
        ):
            columns[name] = outside.astype(np.float64)
            quantities.append(Quantity(name, mean_of(name), constant(float(level)), name))
        columns["quantile_score"] = ranked_score(claims)
        quantities.append(Quantity("quantile_score", mean_of("quantile_score")))
    quantities += [Quantity(name, mean_of(name)) for name in columns if name.startswith("width_")]
    return columns, quantities


def _add_whole(claims: Claims, columns: dict[str, ndarray], quantities: list[Quantity]) -> None:
    z = normal_scores(claims)
    step = claims.truth - claims.centre
    half = (claims.down + claims.up) / 2
    away = claims.up - claims.down
    columns |= {
        "z": z, "z2": z * z, "crps": ranked_score(claims), "nll": log_score(claims),
        "error": step, "error2": step * step, "mae": np.abs(step), "sharpness": half,
        "log_sd": np.log(half) + 0.5 * np.log(2 * np.pi) + 0.5,
    }  # fmt: skip
    # The mean square around the mode of a split normal: its variance and its mean's square.
    columns["square"] = away * away + claims.down * claims.up
    even = claims.form == "sd"
    quantities += [
        Quantity("z_mean", mean_of("z"), constant(0.0)),
        Quantity("z_sd", lambda m: np.sqrt(np.maximum(m["z2"] - m["z"] ** 2, 0)), constant(1.0)),
        Quantity(
            "crps",
            mean_of("crps"),
            (lambda m: m["sharpness"] / np.sqrt(np.pi)) if even else None,
        ),
        Quantity("nll", mean_of("nll"), mean_of("log_sd")),
        Quantity("bias", mean_of("error"), constant(0.0) if even else None),
        Quantity(
            "mae",
            mean_of("mae"),
            (lambda m: m["sharpness"] * np.sqrt(2 / np.pi)) if even else None,
        ),
        Quantity("rmse", lambda m: np.sqrt(m["error2"]), lambda m: np.sqrt(m["square"])),
        Quantity("mean_sd", mean_of("sharpness")),
    ]
