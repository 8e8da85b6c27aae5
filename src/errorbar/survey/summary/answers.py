r"""Answers a person asks of a grid: how well, with which class, and with how many more planets.

Errors of a slope fall as $1/\sqrt N$ at fixed spread of mass, so a class whose error is $r$ times
that of the best class at the same $N$ needs $r^2$ times its planets to reach it.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from errorbar.survey.summary.quantity import Quantity, parameter_quantity, posterior_sd
from errorbar.survey.summary.results import FitTable

__all__ = ["ClassAnswer", "SlopeAnswer", "Soundness", "class_medians", "slope_answer", "soundness"]

FINE = ("ok", "converged")


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """What surveys of one class give at one size: medians over repeats, 68 % of them in `range`."""

    label: str
    surveys: int
    leverage: float
    sd: float
    sd_range: tuple[float, float]
    more_planets: float


@dataclass(frozen=True, slots=True)
class SlopeAnswer:
    """The classes at one size, best first, in the sd of one parameter."""

    quantity: Quantity
    planets: int
    classes: tuple[ClassAnswer, ...]

    @property
    def best(self) -> ClassAnswer:
        return self.classes[0]

    @property
    def worst(self) -> ClassAnswer:
        return self.classes[-1]


@dataclass(frozen=True, slots=True)
class Soundness:
    """How the fits of a table went: each a count of fits, or the worst value where it is known."""

    fits: int
    left_out: int
    troubled: tuple[tuple[str, int], ...]
    methods: tuple[str, ...]
    priors: tuple[str, ...]
    worst_rhat: float | None
    least_ess: float | None
    divergences: int | None


def slope_answer(table: FitTable, parameter: str, planets: int) -> SlopeAnswer | None:
    """The classes compared at one size, or nothing if no survey has it."""
    answers: list[ClassAnswer] = []
    part = table.at_size(planets)
    for label in table.classes:
        surveys = part.of_class(label)
        if surveys.frame.is_empty():
            continue
        sd = surveys.values(f"{parameter}_sd")
        low, middle, high = (float(q) for q in np.quantile(sd, [0.16, 0.5, 0.84]))
        leverage = float(np.median(surveys.values("L_logM")))
        answers.append(ClassAnswer(label, len(sd), leverage, middle, (low, high), 1.0))
    if not answers:
        return None
    best = min(answer.sd for answer in answers)
    ranked = sorted(answers, key=lambda answer: answer.sd)
    return SlopeAnswer(
        quantity=posterior_sd(parameter_quantity(table.model, parameter)),
        planets=planets,
        classes=tuple(
            ClassAnswer(a.label, a.surveys, a.leverage, a.sd, a.sd_range, (a.sd / best) ** 2)
            for a in ranked
        ),
    )


def class_medians(table: FitTable) -> pl.DataFrame:
    """Medians over repeats for each class and size: leverage (dex) and the sd of each parameter."""
    errors = [pl.col(f"{name}_sd").median() for name in table.parameters]
    order = {label: place for place, label in enumerate(table.classes)}
    return (
        table.frame.group_by("class_label", "N")
        .agg(pl.len().alias("surveys"), pl.col("L_logM").median().alias("L_dex"), *errors)
        .sort(pl.col("class_label").replace_strict(order, return_dtype=pl.Int64), "N")
        .rename({"class_label": "class"})
    )


def soundness(table: FitTable) -> Soundness:
    """What the diagnostics columns of a table say; the reference's tables have none."""
    frame = table.frame
    troubled: tuple[tuple[str, int], ...] = ()
    if "status" in frame.columns:
        counts = frame["status"].cast(pl.String).fill_null("none").value_counts().sort("status")
        troubled = tuple((s, int(n)) for s, n in counts.iter_rows() if s.lower() not in FINE)
    return Soundness(
        fits=len(frame),
        left_out=len(table.left_out),
        troubled=troubled,
        methods=_texts(frame, "method"),
        priors=_texts(frame, "prior"),
        worst_rhat=_extreme(frame, "rhat_max", largest=True),
        least_ess=_extreme(frame, "ess_min", largest=False),
        divergences=_total(frame, "divergences"),
    )


def _texts(frame: pl.DataFrame, column: str) -> tuple[str, ...]:
    if column not in frame.columns:
        return ()
    return tuple(frame[column].drop_nulls().cast(pl.String).unique().sort().to_list())


def _known(frame: pl.DataFrame, column: str) -> pl.Series | None:
    if column not in frame.columns:
        return None
    values = frame[column].cast(pl.Float64, strict=False).drop_nulls().drop_nans()
    return None if values.is_empty() else values


def _extreme(frame: pl.DataFrame, column: str, *, largest: bool) -> float | None:
    values = _known(frame, column)
    if values is None:
        return None
    array = values.to_numpy()
    return float(array.max() if largest else array.min())


def _total(frame: pl.DataFrame, column: str) -> int | None:
    values = _known(frame, column)
    return None if values is None else int(values.to_numpy().sum())
