r"""The design space: how many planets, and how widely spread in mass.

With the spread $s$ taken as the root mean square distance from the mean (`ddof=0`),
$L = \sqrt{\sum_i (x_i - \bar x)^2} = s\sqrt N$ holds exactly, so the contours of constant leverage
are $s = L/\sqrt N$ and pass through the surveys that have that leverage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import TableError
from errorbar.survey.summary.results import FitTable, class_order

__all__ = ["DesignSpace", "LeverageContour", "design_space", "leverage_contours"]

QUANTILES = (0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class DesignSpace:
    """Size, spread of log mass (dex) and leverage (dex) of surveys, with their classes."""

    planets: Int[ndarray, " rows"]
    spread: Float[ndarray, " rows"]
    leverage: Float[ndarray, " rows"]
    label: tuple[str, ...]
    survey_id: tuple[int, ...]
    classes: tuple[str, ...]

    def rows_of(self, label: str) -> Int[ndarray, " some"]:
        """Where the surveys of a class are."""
        return np.flatnonzero(np.array(self.label) == label)


@dataclass(frozen=True, slots=True, eq=False)
class LeverageContour:
    """The spread that gives one leverage at each survey size."""

    leverage: float
    planets: Float[ndarray, " places"]
    spread: Float[ndarray, " places"]


def design_space(source: FitTable | Iterable[Any], column: str = "logM") -> DesignSpace:
    """The design space of surveys or of a table of fits.

    Surveys are measured on the finite values of `column`; a table holds log mass only.
    """
    if isinstance(source, FitTable):
        planets = source.frame["N"].to_numpy()
        leverage = source.values("L_logM")
        label, number = source.frame["class_label"], source.frame["survey_id"]
        return DesignSpace(
            planets=planets,
            spread=leverage / np.sqrt(planets),
            leverage=leverage,
            label=tuple(label.to_list()),
            survey_id=tuple(int(i) for i in number.to_list()),
            classes=source.classes,
        )
    surveys = list(source)
    if not surveys:
        raise TableError("there are no surveys to draw: pass at least one.")
    values = [_finite(survey, column) for survey in surveys]
    planets = np.array([len(x) for x in values])
    spread = np.array([x.std() if len(x) > 1 else 0.0 for x in values])
    label = tuple(str(survey.class_label) for survey in surveys)
    return DesignSpace(
        planets=planets,
        spread=spread,
        leverage=spread * np.sqrt(planets),
        label=label,
        survey_id=tuple(int(survey.survey_id) for survey in surveys),
        classes=class_order(label),
    )


def leverage_contours(
    space: DesignSpace, levels: Sequence[float] | None = None
) -> tuple[LeverageContour, ...]:
    """Curves of constant leverage, by default at its quantiles 0.25, 0.5, 0.75 and 0.9."""
    if levels is None:
        levels = [float(q) for q in np.quantile(space.leverage, QUANTILES)]
    low, high = float(space.planets.min()), float(space.planets.max())
    planets = np.linspace(max(0.6 * low, 1.0), 1.06 * high, 200)
    return tuple(
        LeverageContour(level, planets, level / np.sqrt(planets))
        for level in sorted({float(level) for level in levels})
        if level > 0
    )


def _finite(survey: Any, column: str) -> Float[ndarray, " rows"]:
    if column not in survey.df.columns:
        raise TableError(
            f"survey {survey.survey_id} has no column {column!r}; its columns are "
            f"{', '.join(survey.df.columns)}."
        )
    values = np.asarray(survey.df[column].to_numpy(), dtype=np.float64)
    return values[np.isfinite(values)]
