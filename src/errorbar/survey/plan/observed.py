"""What a survey under way has measured already, with its real errors."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.data import HermesData, SurveyData
from errorbar.survey.data.columns import has_mass_errors, survey_arrays
from errorbar.survey.data.table import planet_key
from errorbar.survey.model import PriorRule
from errorbar.survey.plan.design import Design, survey_design
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.trend import (
    JointTrend,
    MassStarTrend,
    ModelName,
    Trend,
    default_trend,
)

__all__ = ["Observed", "fitted_trends", "read_observed"]


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """Planets measured so far: names and design, and the abundances that were found."""

    names: tuple[str, ...]
    design: Design
    data: SurveyData

    def rows(self, targets: Targets) -> Bool[ndarray, " rows"]:
        """Which targets have been observed."""
        keys = {planet_key(name) for name in self.names}
        return np.array([planet_key(name) in keys for name in targets.names], dtype=bool)


def read_observed(
    source: str | Path | pl.DataFrame | HermesData | SurveyData | Any,
    trend: Trend,
    *,
    mass_errors: bool = False,
) -> Observed:
    """Read what has been measured: a catalogue with names, abundances and their bars.

    `trend` says whether the hosts' metallicities are needed. Upper limits count as much as a
    measurement of their error bar would, which is too much: leave them out to be careful.
    """
    if isinstance(source, SurveyData):
        data = source
    else:
        frame = (source if isinstance(source, HermesData) else HermesData(source)).df
        data = survey_arrays(
            frame,
            star=isinstance(trend, JointTrend | MassStarTrend),
            mass_errors=mass_errors and has_mass_errors(frame),
        )
    if data.names is None:
        raise DesignError(
            "the planets observed so far have no names, so nobody can tell which targets they "
            "are: give a column `Planet Name`."
        )
    return Observed(data.names, survey_design(data), data)


def fitted_trends(
    data: SurveyData,
    model: ModelName = "single",
    *,
    prior: Prior | PriorRule | None = None,
    draws: int = 100,
    seed: int = 42,
) -> tuple[Trend, ...]:
    """What a survey says is true: its posterior means, then independent draws of its posterior.

    The first trend guides the choice of targets; all of them together say how sure its outcome is.
    """
    from errorbar.survey.fit import fit_one

    kind = type(default_trend(model))
    wanted = [field.name for field in fields(kind)]
    fit = fit_one(data, model, PriorRule(intercept="flat") if prior is None else prior)
    drawn = fit.draws(draws, seed=seed)
    means = dict(zip(fit.names, fit.mean.tolist(), strict=True))
    columns = [[means[name], *np.asarray(drawn[name]).tolist()] for name in wanted]
    return tuple(kind(**dict(zip(wanted, row, strict=True))) for row in zip(*columns, strict=True))
