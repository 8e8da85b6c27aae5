"""Column names of a catalogue, and the arrays behind them."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import SurveyError
from errorbar.core.measure import BarRule, Measurement
from errorbar.survey.data.arrays import SurveyData
from errorbar.survey.data.table import check_columns, numbers

__all__ = [
    "ABUNDANCE",
    "ABUNDANCE_BARS",
    "LIMIT",
    "MASS",
    "MASS_BARS",
    "NAME",
    "STAR",
    "STAR_BARS",
    "has_mass_errors",
    "has_star",
    "survey_arrays",
]

NAME = "Planet Name"
MASS = "logM"
MASS_BARS = ("logM_err_lower", "logM_err_upper")
ABUNDANCE = "log(X_H2O)"
ABUNDANCE_BARS = ("uncertainty_lower", "uncertainty_upper")
STAR = "Star Metallicity"
STAR_BARS = ("Star Metallicity Error Lower", "Star Metallicity Error Upper")
LIMIT = "limit"

# The reference code's floor under an effective error, dex.
LEAST_SIGMA = 1e-6


def has_star(frame: pl.DataFrame) -> bool:
    """Whether the table holds hosts' metallicities with their bars."""
    return all(name in frame.columns for name in (STAR, *STAR_BARS))


def has_mass_errors(frame: pl.DataFrame) -> bool:
    """Whether the table holds errors of the log mass."""
    return all(name in frame.columns for name in MASS_BARS)


def survey_arrays(
    frame: pl.DataFrame,
    *,
    bars: BarRule = "mean",
    star: bool | None = None,
    mass_errors: bool | None = None,
) -> SurveyData:
    """The arrays of a survey's planets, rows with a gap left out.

    `bars` makes one error of two. `star` and `mass_errors` say whether these columns are used;
    `None` means where the table has them.
    """
    star = has_star(frame) if star is None else star
    mass_errors = has_mass_errors(frame) if mass_errors is None else mass_errors
    used = [MASS, ABUNDANCE, *ABUNDANCE_BARS]
    used += [STAR, *STAR_BARS] if star else []
    used += MASS_BARS if mass_errors else []
    check_columns(frame, used, "the survey")
    whole = np.logical_and.reduce([np.isfinite(numbers(frame, name)) for name in used])
    if not whole.any():
        raise SurveyError(
            f"none of the survey's {frame.height} planets has finite values in all of "
            f"{', '.join(used)}: there is nothing to fit."
        )
    rows = frame.filter(pl.Series(whole))
    y, sigma = _moments(rows, ABUNDANCE, ABUNDANCE_BARS, bars)
    s, s_sigma = _moments(rows, STAR, STAR_BARS, bars) if star else (None, None)
    x, x_sigma = numbers(rows, MASS), None
    if mass_errors:
        x, x_sigma = _moments(rows, MASS, MASS_BARS, bars)
    limit = rows.get_column(LIMIT).to_numpy() if LIMIT in rows.columns else None
    names = tuple(rows.get_column(NAME).to_list()) if NAME in rows.columns else None
    return SurveyData(
        x=x,
        y=y,
        sigma=sigma,
        star=s,
        star_sigma=s_sigma,
        x_sigma=x_sigma,
        limit=limit,
        names=names,
    )


def _moments(
    frame: pl.DataFrame, column: str, bars: tuple[str, str], rule: BarRule
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lower, upper = (numbers(frame, name) for name in bars)
    value, sigma = Measurement.from_bars(numbers(frame, column), lower, upper).moments(rule)
    return value, np.maximum(sigma, LEAST_SIGMA)
