"""One mock survey: its planets, its leverage, its arrays."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import SurveyError
from errorbar.core.measure import BarRule
from errorbar.survey.data import SurveyData
from errorbar.survey.data.columns import (
    ABUNDANCE,
    MASS,
    MASS_BARS,
    NAME,
    STAR,
    STAR_BARS,
    survey_arrays,
)
from errorbar.survey.data.table import check_columns, numbers, open_table

__all__ = ["Survey"]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Planets chosen together: rows `df` of a catalogue, from the class `class_label`."""

    survey_id: int
    class_label: str
    df: pl.DataFrame

    def __post_init__(self) -> None:
        if not isinstance(self.df, pl.DataFrame):
            object.__setattr__(self, "df", open_table(self.df)[0])
        if self.df.height == 0:
            raise SurveyError(
                f"survey {self.survey_id} of class {self.class_label} holds no planet."
            )

    @property
    def n(self) -> int:
        return self.df.height

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_named(self.df, NAME).get_column(NAME).to_list())

    @property
    def leverage(self) -> float:
        """Leverage in log mass."""
        return self.leverage_of(MASS)

    @property
    def L_logM(self) -> float:  # noqa: N802 (the reference's column)
        """Leverage in log mass, by its name in the result tables."""
        return self.leverage

    @property
    def L_met(self) -> float:  # noqa: N802 (the reference's column)
        """Leverage in log abundance."""
        return self.leverage_of(ABUNDANCE)

    @property
    def L_mass(self) -> float:  # noqa: N802 (the reference's column)
        """Leverage in log mass, in units of the mass errors."""
        return self.leverage_of(MASS, bars=MASS_BARS)

    @property
    def L_stellar(self) -> float:  # noqa: N802 (the reference's column)
        """Leverage in the hosts' metallicity, in units of its errors."""
        return self.leverage_of(STAR, bars=STAR_BARS)

    @property
    def std_logM(self) -> float:  # noqa: N802 (the reference's axis)
        """Standard deviation of log mass (ddof 0), so that leverage is sqrt(N) times it."""
        values = _column(self.df, MASS)
        return float(np.std(values[np.isfinite(values)]))

    def leverage_of(self, column: str, *, bars: tuple[str, str] | None = None) -> float:
        """Leverage in any column, plain, or weighted with the mean of two columns of bars.

        Rows without finite numbers are left out; fewer than two have no leverage.
        """
        values = _column(self.df, column)
        sigma = np.ones(len(values))
        if bars is not None:
            sigma = 0.5 * (np.abs(_column(self.df, bars[0])) + np.abs(_column(self.df, bars[1])))
        used = np.isfinite(values) & (sigma > 0) & np.isfinite(sigma)
        if used.sum() < 2:
            return 0.0
        away = (values[used] - values[used].mean()) / sigma[used]
        return float(np.sqrt(np.sum(away**2)))

    def data(
        self,
        *,
        bars: BarRule = "mean",
        star: bool | None = None,
        mass_errors: bool | None = None,
    ) -> SurveyData:
        """The arrays that a fit sees; the options are those of `HermesData.data`."""
        return survey_arrays(self.df, bars=bars, star=star, mass_errors=mass_errors)


def _column(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    return numbers(_named(frame, column), column)


def _named(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    check_columns(frame, [column], "the survey")
    return frame
