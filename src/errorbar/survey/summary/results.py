"""Result tables in, checked: ours and the reference's, from Polars, pandas or a CSV file."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import TableError
from errorbar.core.frames import as_frame
from errorbar.survey.summary.quantity import ResultModel

__all__ = ["STATISTICS", "FitTable", "ResultTable", "add_total_scatter", "class_order", "read_fits"]

STATISTICS = ("mean", "sd", "hdi16", "hdi84")
HEAD = ("survey_id", "class_label", "N", "L_logM")
PARAMETERS: dict[ResultModel, tuple[str, ...]] = {
    "single": ("alpha", "beta", "sigma"),
    "joint": ("alpha_p", "beta_p", "sigma_p", "alpha_s", "beta_s", "sigma_s", "rho"),
    "mass-star": ("alpha", "beta_p", "beta_s", "sigma"),
}
# A column that only one model's table has names the model.
SIGNATURES: tuple[tuple[str, ResultModel], ...] = (
    ("rho_mean", "joint"),
    ("alpha_p_mean", "joint"),
    ("beta_s_mean", "mass-star"),
    ("beta_mean", "single"),
)
SCATTER: dict[ResultModel, dict[str, str]] = {
    "single": {"total": "sigma"},
    "joint": {"total": "sigma_p", "total_star": "sigma_s"},
    "mass-star": {},
}
REFERENCE_LEVEL = 0.68
CLASSES = ("S1", "S2", "S3", "S4")


@dataclass(frozen=True, slots=True, eq=False)
class FitTable:
    """One row for each fitted survey: N, leverage, and the summary of each parameter.

    `left_out` holds the rows whose summaries are not finite, `classes` the classes in the order
    of their colours.
    """

    model: ResultModel
    frame: pl.DataFrame
    left_out: pl.DataFrame
    classes: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        return PARAMETERS[self.model]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The survey sizes that occur, ascending."""
        return tuple(self.frame["N"].unique().sort().to_list())

    @property
    def level(self) -> float:
        """The share of the posterior inside the table's intervals: 0.68 unless it says another."""
        if "level" not in self.frame.columns or self.frame.is_empty():
            return REFERENCE_LEVEL
        return float(self.values("level")[0])

    def values(self, column: str) -> NDArray[np.float64]:
        """A column as numbers, or what the table has instead."""
        if column not in self.frame.columns:
            raise TableError(
                f"the table of fits has no column {column!r}; its columns are "
                f"{', '.join(self.frame.columns)}."
            )
        return self.frame[column].cast(pl.Float64).to_numpy()

    def at_size(self, size: int) -> "FitTable":
        """The surveys of one size."""
        return replace(self, frame=self.frame.filter(pl.col("N") == size))

    def of_class(self, label: str) -> "FitTable":
        """The surveys of one class."""
        return replace(self, frame=self.frame.filter(pl.col("class_label") == label))


ResultTable = FitTable | pl.DataFrame | str | Path | Any
"""A table of fits: checked, Polars, pandas, or the path of a CSV file."""


def read_fits(source: ResultTable) -> FitTable:
    """A checked table of fits; the columns decide which model it is of."""
    if isinstance(source, FitTable):
        return source
    if isinstance(source, str | Path):
        frame = pl.read_csv(source, infer_schema_length=None)
    else:
        frame = as_frame(source, "a table of fits", "the path of a CSV file, ")
    model = _model_of(frame)
    wanted = [f"{name}_{statistic}" for name in PARAMETERS[model] for statistic in STATISTICS]
    missing = [name for name in (*HEAD, *wanted) if name not in frame.columns]
    if missing:
        raise TableError(
            f"the table looks like fits of the model {model} but lacks {', '.join(missing)}; "
            f"it has {', '.join(frame.columns)}."
        )
    frame = _numbers(frame, ["N", "L_logM", *wanted]).with_columns(pl.col("N").cast(pl.Int64))
    summarised = pl.all_horizontal(
        pl.col(name).is_finite().fill_null(value=False) for name in ["L_logM", *wanted]
    )
    return FitTable(
        model=model,
        frame=frame.filter(summarised).with_columns(pl.col("class_label").cast(pl.String)),
        left_out=frame.filter(~summarised),
        classes=class_order(frame["class_label"].cast(pl.String).to_list()),
    )


def class_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Classes in the order of their colours: S1 to S4 always, others as they first appear."""
    found = tuple(dict.fromkeys(labels))
    return CLASSES if set(found) <= set(CLASSES) else found


def add_total_scatter(table: FitTable, surveys: Iterable[Any]) -> FitTable:
    r"""The table with each survey's total scatter in `total` (planets) and `total_star`.

    $\sigma_\mathrm{tot}^{-2}$ is the mean of $1/(v_i + \epsilon^2)$ over the survey's planets, with
    the posterior mean of the intrinsic scatter $\epsilon$: no free number is left in
    $\sigma(\beta) = \sigma_\mathrm{tot}/L$. The mass-star table gets no such column; a table that
    has them already is returned as it is.
    """
    if all(name in table.frame.columns for name in SCATTER[table.model]):
        return table
    by_id = {int(survey.survey_id): survey for survey in surveys}
    unknown = [i for i in table.frame["survey_id"].to_list() if i not in by_id]
    if unknown:
        raise TableError(
            f"{len(unknown)} of {len(table.frame)} fits belong to no survey given, first "
            f"survey_id {unknown[0]}: pass the surveys that were fitted."
        )
    columns: dict[str, list[float]] = {name: [] for name in SCATTER[table.model]}
    for row in table.frame.iter_rows(named=True):
        data = by_id[row["survey_id"]].data()
        for name, scatter in SCATTER[table.model].items():
            noise = data.need_star()[1] if name == "total_star" else data.sigma
            weight = 1.0 / (noise**2 + row[f"{scatter}_mean"] ** 2)
            columns[name].append(float(1.0 / np.sqrt(weight.mean())))
    added = [pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()]
    return replace(table, frame=table.frame.with_columns(added))


def _model_of(frame: pl.DataFrame) -> ResultModel:
    for column, model in SIGNATURES:
        if column in frame.columns:
            return model
    raise TableError(
        "this is no table of fits: none of the columns "
        f"{', '.join(name for name, _ in SIGNATURES)} is there, only {', '.join(frame.columns)}."
    )


def _numbers(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    for name in columns:
        column = frame[name].cast(pl.Float64, strict=False)
        lost = np.flatnonzero((column.is_null() & frame[name].is_not_null()).to_numpy())
        if lost.size:
            raise TableError(
                f"column {name!r} must hold numbers; {lost.size} rows do not, first at row "
                f"{lost[0]} ({frame[name][int(lost[0])]!r})."
            )
        frame = frame.with_columns(column)
    impossible = frame.filter(~((pl.col("N") >= 1) & (pl.col("N") == pl.col("N").round())))
    if len(impossible) or frame["N"].null_count():
        raise TableError(
            f"column 'N' must hold whole numbers of planets; {len(impossible)} rows do not, or "
            f"{frame['N'].null_count()} are empty."
        )
    return frame
