"""Which planets of a catalogue a class holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError
from errorbar.survey.data.columns import MASS
from errorbar.survey.data.table import check_columns, numbers

__all__ = ["MASS_CLASSES", "QuantileCut", "RangeCut", "Selection", "chosen_rows"]


@dataclass(frozen=True, slots=True)
class QuantileCut:
    """Planets from the `low` up to the `high` quantile of a column, the lower end included.

    Quantiles interpolate linearly between the catalogue's values; a `high` of 1 is no limit.
    """

    low: float = 0.0
    high: float = 1.0
    column: str = MASS

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise SettingsError(
                f"a cut between the quantiles {self.low:g} and {self.high:g} is none: give "
                "0 <= low < high <= 1."
            )

    def rows(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        values = _values(frame, self.column)
        known = values[np.isfinite(values)]
        if not known.size:
            return np.zeros(len(values), dtype=bool)
        # In per cent, as pandas computes it: the last bit of a cut can decide about a planet.
        low, high = np.percentile(known, [100.0 * self.low, 100.0 * self.high])
        chosen = values >= low
        return chosen if self.high == 1 else chosen & (values < high)


@dataclass(frozen=True, slots=True)
class RangeCut:
    """Planets with `low <= value < high` in a column."""

    low: float = -np.inf
    high: float = np.inf
    column: str = MASS

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise SettingsError(
                f"a cut from {self.low:g} to {self.high:g} holds nothing: give low < high."
            )

    def rows(self, frame: pl.DataFrame) -> NDArray[np.bool_]:
        values = _values(frame, self.column)
        return (values >= self.low) & (values < self.high)


Selection = QuantileCut | RangeCut | pl.Expr | Callable[[pl.DataFrame], Any]

MASS_CLASSES: Mapping[str, Selection] = MappingProxyType(
    {
        "S1": QuantileCut(0.0),
        "S2": QuantileCut(0.25),
        "S3": QuantileCut(0.50),
        "S4": QuantileCut(0.75),
    }
)


def chosen_rows(frame: pl.DataFrame, label: str, selection: Selection) -> NDArray[np.bool_]:
    """Which rows a class holds."""
    if isinstance(selection, QuantileCut | RangeCut):
        return selection.rows(frame)
    if isinstance(selection, pl.Expr):
        try:
            answer = frame.select(selection.alias("chosen")).get_column("chosen")
        except pl.exceptions.PolarsError as error:
            raise SettingsError(
                f"the expression of class {label} cannot be evaluated on this catalogue: {error}"
            ) from error
    elif callable(selection):
        answer = pl.Series("chosen", np.asarray(selection(frame)))
    else:
        raise SettingsError(
            f"class {label} is a {type(selection).__name__}: give a QuantileCut, a RangeCut, a "
            "Polars expression or a function of the frame."
        )
    if answer.dtype != pl.Boolean or len(answer) != frame.height:
        raise SettingsError(
            f"class {label} must give one truth value for each of the {frame.height} planets; it "
            f"gives {len(answer)} of type {answer.dtype}."
        )
    return answer.fill_null(False).to_numpy()


def _values(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    check_columns(frame, [column], "the catalogue")
    return numbers(frame, column)
