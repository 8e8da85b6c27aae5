r"""Which of two models is better on the same rows, with an error that knows of runs.

The mean difference of a loss over rows is a ratio of sums over runs. Leaving out one run at a time
(the jackknife) gives its standard error, which holds what the rows of a run share; the interval is
Student's with one degree of freedom less than runs. With fewer than about ten runs even that is
optimistic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Shaped
from numpy import ndarray
from scipy import stats

from errorbar.core.errors import InputError, SettingsError
from errorbar.rt.evaluate.whole import PartialTimes
from errorbar.rt.model import Times

__all__ = ["Loss", "PairedDifference", "common_rows", "paired_difference", "paired_table"]

Loss = Literal["absolute", "squared", "crps", "nll"]
_student = cast(Any, stats).t


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean loss of one model less that of another; negative where the first is better.

    `low` and `high` hold the difference with probability `level`.
    """

    difference: float
    se: float
    low: float
    high: float
    rows: int
    runs: int
    loss: Loss = "absolute"
    level: float = 0.95


def paired_difference(
    rt: Float[ndarray, " rows"],
    times_a: Times,
    times_b: Times,
    runs: Shaped[ndarray, " rows"],
    *,
    loss: Loss = "absolute",
    level: float = 0.95,
) -> PairedDifference:
    """MAE (or another mean loss) of `times_a` less that of `times_b`, in minutes (nll in nats)."""
    if not len(rt) == len(times_a) == len(times_b) == len(runs):
        raise InputError(
            f"{len(rt)} times found, {len(times_a)} and {len(times_b)} predicted and {len(runs)} "
            "runs: compare rows that both models score (common_rows)."
        )
    away = _losses(rt, times_a, loss) - _losses(rt, times_b, loss)
    _, place = np.unique(runs, return_inverse=True)
    rows = np.bincount(place)
    count = len(rows)
    if count < 2:
        raise InputError(
            f"the rows come from {count} run, and only several runs tell how much runs differ: "
            "test on at least two."
        )
    sums = np.bincount(place, weights=away)
    without = (sums.sum() - sums) / (rows.sum() - rows)
    mean = float(away.mean())
    se = float(np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2)))
    reach = float(_student.ppf(0.5 + level / 2, count - 1)) * se
    return PairedDifference(mean, se, mean - reach, mean + reach, len(rt), count, loss, level)


def common_rows(models: Mapping[str, Times | PartialTimes], rows: int) -> Bool[ndarray, " rows"]:
    """The rows that all models score."""
    common = np.ones(rows, dtype=bool)
    for name, times in models.items():
        scored = times.scored if isinstance(times, PartialTimes) else np.ones(len(times), bool)
        if len(scored) != rows:
            raise InputError(f"{name!r} predicts {len(scored)} rows of {rows}: all of one table.")
        common &= scored
    return common


def paired_table(
    rt: Float[ndarray, " rows"],
    models: Mapping[str, Times | PartialTimes],
    runs: Shaped[ndarray, " rows"],
    *,
    reference: str | None = None,
    loss: Loss = "absolute",
    level: float = 0.95,
) -> pl.DataFrame:
    """Every model against the `reference` (the first), on the rows that all can score."""
    against = reference if reference is not None else next(iter(models))
    if against not in models:
        raise InputError(f"there is no model {against!r}, only {', '.join(models)}.")
    common = common_rows(models, len(rt))
    if not common.any():
        raise InputError(f"no row is scored by all of {', '.join(models)}: compare fewer models.")
    held = {
        name: times.on(common) if isinstance(times, PartialTimes) else times.select(common)
        for name, times in models.items()
    }
    rows: list[dict[str, Any]] = []
    for name, times in held.items():
        if name == against:
            continue
        found = paired_difference(
            rt[common], times, held[against], runs[common], loss=loss, level=level
        )
        rows.append({
            "model": name, "against": against, "loss": loss, "difference": found.difference,
            "se_runs": found.se, "low": found.low, "high": found.high,
            "difference_percent": 100 * found.difference
            / float(_losses(rt[common], held[against], loss).mean()),
            "n_obs_test": found.rows, "n_runs": found.runs,
        })  # fmt: skip
    return pl.DataFrame(rows)


def _losses(rt: ndarray, times: Times, loss: Loss) -> ndarray:
    match loss:
        case "absolute":
            return np.abs(rt - times.mean)
        case "squared":
            return (rt - times.mean) ** 2
        case "crps":
            return times.crps(rt)
        case "nll":
            return -times.log_density(rt)
    raise SettingsError(f"loss={loss!r} must be one of {', '.join(get_args(Loss))}.")
