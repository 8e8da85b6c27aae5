r"""Scores as tables: one model, several models side by side, and the tails of sparse groups.

Columns that the reference code's evaluation has keep its names; times are in minutes. Errors of
coverage, MAE and RMSE come twice: binomial, as if rows were independent, and clustered by run,
because the rows of a run share its drift. With sums $S_r$ over the $n_r$ rows of run $r$ and their
ratio $m$, the clustered error of $m$ is
$\sqrt{\tfrac{R}{R-1} \sum_r (S_r - m n_r)^2} / \sum_r n_r$.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray
from scipy import stats

from errorbar.core.errors import InputError
from errorbar.rt.evaluate.scores import SUMS, BinScores, SupportScores
from errorbar.rt.evaluate.tallies import Tally

__all__ = ["ALL", "clustered_error", "compare", "coverage_name", "score_table", "tails"]

# Names the bin that holds every row.
ALL = "all"
ERROR_LEVELS = (0.5, 0.9, 0.95, 0.99)
_binomial = cast(Any, stats).binom
# Numbers that a model without intervals does not have.
SPREAD = (
    "pred_std_mean",
    "interval_width_mean",
    "z_mean",
    "z_sd",
    "nll",
    "crps",
    "coverage_se_binomial",
    "coverage_se_runs",
)


def coverage_name(level: float) -> str:
    """The column of coverage at this level: `coverage_95` at 0.95."""
    return f"coverage_{100 * level:g}"


def score_table(
    scores: SupportScores, by: str | Sequence[str] | None = None, *, least_rows: int = 1
) -> pl.DataFrame:
    """A row for all test rows, then one for each bin of `by` (all slices if it is not given).

    Group RMSE are those of groups with at least `least_rows` test rows.
    """
    slices = ["support", *scores.slices] if by is None else [by] if isinstance(by, str) else by
    rows = [_row(scores, ALL, ALL, scores.support, None, least_rows)]
    for name in slices:
        bins = scores.bins(name)
        rows += [
            _row(scores, name, label, bins, place, least_rows)
            for place, label in enumerate(bins.labels)
        ]
    return pl.DataFrame(rows, schema=_schema(scores.settings.interval), orient="row")


def compare(
    models: Mapping[str, SupportScores],
    by: str | Sequence[str] | None = None,
    *,
    least_rows: int = 1,
) -> pl.DataFrame:
    """`score_table` of several models in one, with the share of rows that each can score.

    Slices that not all models have are left out, unless `by` asks for them.
    """
    if not models:
        raise InputError("there are no models to compare.")
    first = next(iter(models.values())).settings
    for name, scores in models.items():
        if (scores.settings.interval, scores.settings.edges) != (first.interval, first.edges):
            raise InputError(
                f"{name!r} was scored with {scores.settings} and {next(iter(models))!r} with "
                f"{first}: give all models one interval and one set of bins."
            )
    shared = [n for n in next(iter(models.values())).slices]
    shared = [n for n in shared if all(n in scores.slices for scores in models.values())]
    tables = [
        score_table(scores, by or ["support", *shared], least_rows=least_rows).select(
            pl.lit(name).alias("model"),
            pl.all(),
            pl.lit(scores.offered, dtype=pl.Int64).alias("rows_offered"),
            pl.lit(scores.share_scored).alias("share_scored"),
        )
        for name, scores in models.items()
    ]
    return pl.concat(tables)


def tails(
    models: Mapping[str, SupportScores], *, least_rows: int = 1, level: float = 0.95
) -> pl.DataFrame:
    """The worst groups of each support bin: quantiles of group RMSE and absolute error, in minutes.

    `group_rmse_p90_low` and `_high` are order statistics that hold the true quantile with
    probability `level` were groups independent (they share runs, so that it is somewhat less);
    null where there are too few groups to say.
    """
    rows: list[dict[str, Any]] = []
    for model, scores in models.items():
        places = [None, *range(len(scores.support.labels))]
        for place in places:
            rmse = np.sort(scores.support.group_rmse(place, least_rows))
            low, high = _order_interval(rmse, 0.9, level)
            p50, p90, p99 = _quantiles(rmse, (0.5, 0.9, 0.99))
            found = scores.support.error_quantiles(np.array([0.9, 0.99]), place).tolist()
            rows.append({
                "model": model, "bin": ALL if place is None else scores.support.labels[place],
                "n_groups_with_test": len(rmse), "n_obs_test": int(_count(scores.support, place)),
                "group_rmse_p50": p50, "group_rmse_p90": p90, "group_rmse_p90_low": low,
                "group_rmse_p90_high": high, "group_rmse_p99": p99,
                "group_rmse_max": _none(float(rmse[-1]) if rmse.size else np.nan),
                "abs_error_p90": _none(found[0]), "abs_error_p99": _none(found[1]),
            })  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def clustered_error(sums: Float[ndarray, " runs"], rows: Float[ndarray, " runs"]) -> float:
    """Standard error of `sum(sums) / sum(rows)` with runs independent; NaN with fewer than two."""
    count = len(rows)
    if count < 2:
        return float("nan")
    away = sums - rows * (sums.sum() / rows.sum())
    return float(np.sqrt(count / (count - 1) * np.sum(away**2)) / rows.sum())


def _row(
    scores: SupportScores, by: str, label: str, bins: BinScores, place: int | None, least: int
) -> dict[str, Any]:
    sums = bins.sums(place)
    rmse = np.sort(bins.group_rmse(place, least))
    numbers = {**_means(sums, scores.settings.interval), **_run_errors(bins.runs.at(place), sums)}
    named = zip(("p50", "p90", "p99"), _quantiles(rmse, (0.5, 0.9, 0.99)))
    numbers |= {f"group_rmse_{name}": value for name, value in named}
    numbers["group_rmse_mean"] = float(rmse.mean()) if rmse.size else np.nan
    numbers["group_rmse_std"] = float(rmse.std()) if rmse.size else np.nan
    found = bins.error_quantiles(np.asarray(ERROR_LEVELS), place).tolist()
    numbers |= {f"abs_error_p{100 * q:g}": value for q, value in zip(ERROR_LEVELS, found)}
    if not scores.spread:
        hidden = (*SPREAD, coverage_name(scores.settings.interval))
        numbers |= dict.fromkeys(hidden, np.nan)
    return {
        "by": by,
        "bin": label,
        "n_groups": _trained(scores, by, place),
        "n_groups_with_test": len(bins.groups.at(place)),
        "n_obs_test": int(sums["rows"]),
        "n_runs": len(bins.runs.at(place)) or None,
        **{name: _none(value) for name, value in numbers.items()},
    }


def _schema(level: float) -> dict[str, Any]:
    """The order of columns, the reference code's first."""
    whole = ("n_groups", "n_groups_with_test", "n_obs_test")
    real = (
        "rmse", "mae", coverage_name(level), "pred_std_mean", "interval_width_mean",
        "group_rmse_mean", "group_rmse_std", "group_rmse_p50", "group_rmse_p90", "group_rmse_p99",
        "bias", "z_mean", "z_sd", "nll", "crps", "coverage_se_binomial", "coverage_se_runs",
        "mae_se_runs", "rmse_se_runs", *(f"abs_error_p{100 * q:g}" for q in ERROR_LEVELS),
    )  # fmt: skip
    return {
        "by": pl.String,
        "bin": pl.String,
        **dict.fromkeys(whole, pl.Int64),
        **dict.fromkeys(real, pl.Float64),
        "n_runs": pl.Int64,
    }


def _means(sums: Mapping[str, float], level: float) -> dict[str, float]:
    rows = sums["rows"]
    if rows == 0:
        return {}
    mean = {name: value / rows for name, value in sums.items()}
    return {
        "rmse": float(np.sqrt(mean["squared_error"])),
        "mae": mean["absolute_error"],
        coverage_name(level): mean["covered"],
        "pred_std_mean": mean["sd"],
        "interval_width_mean": mean["width"],
        "bias": mean["error"],
        "z_mean": mean["score"],
        "z_sd": float(np.sqrt(max(mean["squared_score"] - mean["score"] ** 2, 0.0))),
        "nll": mean["nll"],
        "crps": mean["crps"],
        # Of the claim, so that a bin that covers all its rows has an error too.
        "coverage_se_binomial": float(np.sqrt(level * (1 - level) / rows)),
    }


def _run_errors(runs: Tally, sums: Mapping[str, float]) -> dict[str, float]:
    if not len(runs):
        return {}

    def error(name: str) -> float:
        return clustered_error(runs.sums[:, SUMS.index(name)], runs.sums[:, 0])

    rmse = np.sqrt(sums["squared_error"] / sums["rows"])
    return {
        "coverage_se_runs": error("covered"),
        "mae_se_runs": error("absolute_error"),
        "rmse_se_runs": error("squared_error") / (2 * rmse) if rmse > 0 else 0.0,
    }


def _trained(scores: SupportScores, by: str, place: int | None) -> int | None:
    """Groups that training had, which only bins of support know."""
    if scores.train_groups is None or by not in (ALL, "support"):
        return None
    return sum(scores.train_groups) if place is None else scores.train_groups[place]


def _count(bins: BinScores, place: int | None) -> float:
    return bins.sums(place)["rows"]


def _quantiles(values: ndarray, levels: Sequence[float]) -> list[float | None]:
    if not values.size:
        return [None] * len(levels)
    return np.quantile(values, levels).tolist()


def _order_interval(
    ranked: ndarray, quantile: float, level: float
) -> tuple[float | None, float | None]:
    """Order statistics around a quantile, from the binomial number of values below it."""
    count = len(ranked)
    if not count:
        return None, None
    low = int(_binomial.ppf((1 - level) / 2, count, quantile)) - 1
    high = int(_binomial.ppf((1 + level) / 2, count, quantile))
    return (
        float(ranked[low]) if low >= 0 else None,
        float(ranked[high]) if high < count else None,
    )


def _none(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value
