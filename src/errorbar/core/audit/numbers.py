"""The audit of numbers with error bars, intervals or quantiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.audit.binned import begin_bins
from errorbar.core.audit.claims import Claims, read_claims
from errorbar.core.audit.faults import find_faults
from errorbar.core.audit.mend_choice import ChosenMend, choose_mend
from errorbar.core.audit.resample import make_resampler
from errorbar.core.audit.scores import normal_scores, pit_values
from errorbar.core.audit.tables import interval_table, percent
from errorbar.core.audit.units import Slice, equal_mass, read_slices, read_units
from errorbar.core.audit.verdict import Verdict, make_verdict
from errorbar.core.audit.whole import ScoreState
from errorbar.core.calibrate.doors import read_level
from errorbar.core.errors import InputError, SettingsError
from errorbar.core.maths.calibration import (
    CoverageCurve,
    PitHistogram,
    coverage_curve,
    pit_histogram,
)

__all__ = ["LEVELS", "IntervalAudit", "audit_intervals", "check_settings"]

LEVELS = (0.5, 0.68, 0.9, 0.95)
PREDICTED_SD = "predicted sd"
PREDICTED_WIDTH = "predicted width"


@dataclass(frozen=True, slots=True, eq=False)
class IntervalAudit:
    """Whether error bars are true: the verdict, the tables behind it, and what would mend them.

    `overall` and `slices` have a row for each quantity, with 95 % intervals from whole groups drawn
    again (`low`, `high`), exact ones for shares (`exact_low`, `exact_high`), and what true claims
    lead to (`expected`). `pit` and `coverage` are there where a whole distribution is claimed, `z`
    are the bins of normal scores, then too. `shares` are found and claimed shares of the truth
    between the claimed ends, of intervals and quantiles.
    """

    form: str
    rows: int
    groups: int
    verdict: Verdict
    overall: pl.DataFrame
    slices: pl.DataFrame
    mend: ChosenMend
    levels: tuple[float, ...]
    pit: PitHistogram | None = None
    coverage: CoverageCurve | None = None
    z: pl.DataFrame | None = None
    shares: pl.DataFrame | None = None

    def value(self, quantity: str) -> float:
        """One number of the whole table."""
        found = self.overall.filter(pl.col("quantity") == quantity)
        return float(found["value"][0])


def audit_intervals(
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
    slices: Mapping[str, ArrayLike] | None = None,
    groups: ArrayLike | None = None,
    levels: Sequence[float] = LEVELS,
    alpha: float = 0.05,
    tolerance: float = 0.02,
    bins: int = 5,
    trials: int = 1000,
    seed: int = 0,
) -> IntervalAudit:
    """Ask whether predictions of numbers are as sure as they claim, whoever made them.

    Parameters
    ----------
    truth, mean
        What turned out to be true, and what was predicted; intervals and quantiles need no `mean`.
    sd
        A normal error bar; or `sd_minus` and `sd_plus`, one-sigma distances of a split normal.
    lower, upper, level
        Ends of an interval that claims to hold the truth with probability `level`, and to leave as
        much below as above it.
    quantiles
        Predicted quantiles by their cumulative level, such as `{0.05: q05, 0.5: q50, 0.95: q95}`.
    slices
        Values by which rows are looked at apart; numbers of more than 12 values are cut into `bins`
        of equally many rows. The predicted width is always one of them.
    groups
        What rows belong to (stars, runs) where rows of one share their errors: chances, intervals
        and folds are then those of groups.
    levels
        Central levels whose coverage is told, where a whole distribution is claimed.
    alpha
        The chance that true claims are faulted, all slices together.
    tolerance
        What is called no fault however sure it is: a bias of less sd, a width off by less.
    """
    claims = read_claims(
        truth, mean, sd=sd, sd_minus=sd_minus, sd_plus=sd_plus, lower=lower, upper=upper,
        level=level, quantiles=quantiles,
    )  # fmt: skip
    check_settings(alpha, tolerance, bins, trials)
    rows = len(claims)
    units = read_units(groups, rows)
    asked = tuple(sorted(read_level(one, "a level") for one in levels))
    shown = claims.known_levels(asked)
    parts = tuple([*read_slices(slices, rows, bins), *_by_width(claims, bins, slices or {})])
    resampler = make_resampler(units, rows, trials, seed)
    table = interval_table(claims, units, parts, shown, resampler)
    overall = table.filter(pl.col("by") == "")
    z = normal_scores(claims) if claims.whole else None
    if z is not None and not float(np.ptp(z)) > 0:
        raise InputError(
            f"all {rows} truths lie {z[0]:g} error bars from their predictions: is its column the "
            "prediction itself, or a constant?"
        )
    if z is None:
        state = begin_bins(claims, units, parts, tolerance)
    else:
        state = ScoreState(np.clip(z, -1e6, 1e6), units, parts, tolerance)
    trial = find_faults(state, alpha)
    what = "error bars" if claims.whole else "intervals"
    verdict = make_verdict(trial, alpha, tolerance, what, rows, _told(overall, shown))
    pit = pit_values(claims) if claims.whole else None
    return IntervalAudit(
        form=claims.form,
        rows=rows,
        groups=units.count,
        verdict=verdict,
        overall=overall,
        slices=table.filter(pl.col("by") != ""),
        mend=choose_mend(claims, units, shown, seed),
        levels=shown,
        pit=None if pit is None else pit_histogram(pit),
        coverage=None if pit is None else coverage_curve(pit, np.linspace(0.05, 0.95, 19)),
        z=None if z is None else _histogram(z),
        shares=None if claims.whole else _shares(claims),
    )


def check_settings(alpha: float, tolerance: float, bins: int, trials: int) -> None:
    """Refuse settings that ask nothing."""
    read_level(alpha)
    if not 0 <= tolerance < 1:
        raise SettingsError(f"tolerance={tolerance:g} must be zero or a little more, such as 0.02.")
    if bins < 2 or trials < 10:
        raise SettingsError(
            f"bins={bins} and trials={trials}: two bins and ten trials are the least."
        )


def _by_width(claims: Claims, bins: int, given: Mapping[str, object]) -> list[Slice]:
    name = PREDICTED_SD if claims.whole else PREDICTED_WIDTH
    if claims.whole:
        width = (claims.down + claims.up) / 2
    else:
        width = claims.ends[:, -1] - claims.ends[:, 0]
    if name in given or float(np.ptp(width)) <= 1e-9 * float(np.abs(width).max()):
        return []
    return [equal_mass(name, width, bins)]


def _told(overall: pl.DataFrame, levels: Sequence[float]) -> str:
    """Coverage at the level nearest to 90 %, in words."""
    if not levels:
        return ""
    level = min(levels, key=lambda one: abs(one - 0.9))
    row = overall.filter(pl.col("quantity") == f"coverage_{percent(level)}")
    return f"Intervals of {100 * level:g} % hold {100 * float(row['value'][0]):.1f} % of truths."


def _histogram(z: ndarray) -> pl.DataFrame:
    edges = np.linspace(-6, 6, 49)
    # What lies beyond stands in the bins at the ends.
    counts = np.histogram(np.clip(z, -6, 6), edges)[0]
    return pl.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": counts})


def _shares(claims: Claims) -> pl.DataFrame:
    own = (claims.truth[:, None] > claims.ends).sum(axis=1)
    if claims.form == "interval":
        own[claims.truth == claims.ends[:, 0]] = 1
    levels = [0.0, *claims.levels.tolist(), 1.0]
    counts = np.bincount(own, minlength=len(levels) - 1)
    return pl.DataFrame({
        "from": levels[:-1], "to": levels[1:], "rows": counts,
        "found": counts / len(own), "claimed": np.diff(levels),
    })  # fmt: skip
