"""Run-level tables with internal standards, such as lipidomics exports, as peaks.

An injection is a run. Samples of one kind, measured in one batch or one stretch of the acquisition,
are a species; the kind is its supercategory. The covariates are the retention times of internal
standards less each standard's median.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Shaped
from numpy import ndarray
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, TableError
from errorbar.core.frames import as_frame
from errorbar.rt.data.numbers import as_floats
from errorbar.rt.data.peaks import Peaks
from errorbar.rt.data.units import check_minutes, check_one_unit

__all__ = ["RunTable", "peaks_from_runs"]


@dataclass(frozen=True, slots=True, eq=False)
class RunTable:
    """Peaks of a run-level table and the names their numbers stand for.

    `runs` are in order of acquisition, as the numbers in `peaks.run` are, and `acquired` is what
    the table says of when. `standards` gave the covariates, which are their times less `medians`;
    `measured` says which were found in which run. `left_out` counts rows of kinds that were not
    asked for, `missing` those without a time.
    """

    peaks: Peaks
    compounds: tuple[str, ...]
    species: tuple[str, ...]
    kinds: tuple[str, ...]
    runs: tuple[str, ...]
    standards: tuple[str, ...]
    acquired: Shaped[ndarray, " runs"]
    medians: Float[ndarray, " standards"]
    measured: Bool[ndarray, "runs standards"]
    left_out: int
    missing: int

    def with_gaps(self) -> Peaks:
        """The peaks with NaN where a standard was not found, for a model to be asked."""
        values = np.where(self.measured, 0.0, np.nan)[self.peaks.run] + self.peaks.covariates
        return replace(self.peaks, covariates=values.astype(np.float32))


def peaks_from_runs(
    frame: Any,
    *,
    run: str,
    compound: str,
    rt: str,
    standard: str | Collection[str],
    kind: str,
    order: str | None = None,
    batch: str | None = None,
    blocks: int = 1,
    kinds: Collection[str] | None = None,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
) -> RunTable:
    """Peaks of a table with a row for each feature of each injection.

    Parameters
    ----------
    run, compound, rt, kind
        Columns: the injection's name, the feature's name, its time, the kind of sample.
    standard
        A column that is true for internal standards, or the standards' names.
    order
        A column that says when a run was acquired; without it runs are in order of their names.
    batch, blocks
        What parts the samples of a kind into species: a column, or a number of stretches of the
        acquisition with equally many runs each. Without either a kind is one species, alone in its
        supercategory.
    kinds
        The kinds to keep, which is how blanks are left out; all of them if not given.
    unit
        Of the times; seconds are turned into minutes.
    drop_missing
        Leaves out peaks without a time instead of refusing them; `missing` counts them.

    A standard that was not found in a run is 0 there, as at its median, and NaN in what
    `RunTable.with_gaps` gives. Standards themselves are no rows of the result.
    """
    if unit not in ("minutes", "seconds"):
        raise SettingsError(f"unit={unit!r} must be minutes or seconds.")
    frame = as_frame(frame, "a table of runs")
    rows = frame.height
    columns = [run, compound, rt, kind, *([order] if order else []), *([batch] if batch else [])]
    columns += [standard] if isinstance(standard, str) else []
    if lacking := [name for name in columns if name not in frame.columns]:
        raise TableError(
            f"the table lacks {', '.join(f'`{name}`' for name in lacking)}; it has "
            f"{', '.join(f'`{name}`' for name in frame.columns)}. Say which column is which."
        )
    if batch is not None and blocks != 1:
        raise SettingsError("give a `batch` column or a number of `blocks`, not both.")
    flag = pl.col(standard) if isinstance(standard, str) else pl.col(compound).is_in(list(standard))
    place = pl.col(order) if order else pl.col(run)
    table = frame.select(
        run=pl.col(run).cast(pl.String),
        compound=pl.col(compound).cast(pl.String),
        rt=as_floats(frame[rt], "the table") / (60.0 if unit == "seconds" else 1.0),
        kind=pl.col(kind).cast(pl.String),
        standard=flag.cast(pl.Boolean).fill_null(False),
        batch=pl.col(batch).cast(pl.String) if batch else pl.lit(None, dtype=pl.String),
        order=place,
        row=pl.int_range(rows),
    )
    if kinds is not None:
        table = table.filter(pl.col("kind").is_in(list(kinds)))
    left_out = rows - table.height
    found = table.filter(pl.col("rt").is_finite())
    missing = table.height - found.height
    _check_runs(found, table, missing, drop_missing)
    _check_units(found, rt)

    names = found.group_by("run").agg(pl.col("order", "kind", "batch").first())
    names = names.sort("order", "run").with_row_index("number")
    stretch = pl.col("number") * blocks // names.height + 1
    part = pl.col("batch") if batch else stretch.cast(pl.String) if blocks > 1 else None
    label = pl.col("kind") if part is None else pl.col("kind") + " / " + part
    names = names.with_columns(species=label)
    own = found.filter(~pl.col("standard")).join(
        names.select("run", "number", "species"), on="run", maintain_order="left"
    )
    if not own.height:
        raise TableError("no peaks are left beside the standards: look at `kinds` and `standard`.")
    standards, medians, values = _covariates(found.filter("standard"), names)
    measured = np.isfinite(values)
    values = np.where(measured, values, np.float32(0))
    compounds, species, sorts = (
        tuple(sorted(own[name].unique().to_list())) for name in ("compound", "species", "kind")
    )
    number = own["number"].to_numpy().astype(np.int64)
    labels = np.full(own.height, -1)
    peaks = Peaks(
        rt=own["rt"].to_numpy(),
        covariates=values[number],
        species=_codes(own["species"], species),
        supercategory=_codes(own["kind"], sorts),
        compound=_codes(own["compound"], compounds),
        run=number,
        chem_id=labels,
        compound_class=labels,
        rows=own["row"].to_numpy(),
        feature_names=tuple(f"IS_{name}" for name in standards),
        run_keys=np.stack([0 * np.arange(names.height)] * 2 + [np.arange(names.height)], axis=1),
    )
    return RunTable(
        peaks=peaks,
        compounds=compounds,
        species=species,
        kinds=sorts,
        runs=tuple(names["run"].to_list()),
        standards=standards,
        acquired=names["order"].to_numpy(),
        medians=medians,
        measured=measured,
        left_out=left_out,
        missing=missing,
    )


def _covariates(
    found: pl.DataFrame, names: pl.DataFrame
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float32]]:
    """Standards, their medians, and their times less these: NaN where one was not found."""
    usual = found.group_by("compound").agg(pl.col("rt").median()).sort("compound")
    standards = tuple(usual["compound"].to_list())
    values = np.full((names.height, len(standards)), np.nan, dtype=np.float32)
    shift = found.with_columns(pl.col("rt") - pl.col("rt").median().over("compound"))
    shift = shift.join(names.select("run", "number"), on="run")
    at = shift["number"].to_numpy(), _codes(shift["compound"], standards)
    values[at] = shift["rt"].to_numpy()
    return standards, usual["rt"].to_numpy(), values


def _codes(names: pl.Series, known: Sequence[str]) -> NDArray[np.int64]:
    kinds: Any = pl.Enum(known)
    return names.cast(kinds).to_physical().cast(pl.Int64).to_numpy()


def _check_runs(found: pl.DataFrame, table: pl.DataFrame, missing: int, drop_missing: bool) -> None:
    if missing and not drop_missing:
        lost = table.filter(~pl.col("rt").is_finite().fill_null(False))
        raise TableError(
            f"the time is missing or not finite in {missing} rows, first at row {lost['row'][0]} "
            f"({lost['compound'][0]!r} in {lost['run'][0]!r}). Take them out, or say "
            "drop_missing=True."
        )
    if not found["standard"].any():
        raise TableError(
            "no row is an internal standard: `standard` is a column that is true for them, or "
            "their names."
        )
    torn = found.group_by("run").agg(pl.col("kind", "order", "batch").n_unique())
    torn = torn.filter((pl.col("kind") > 1) | (pl.col("order") > 1) | (pl.col("batch") > 1))
    if torn.height:
        raise TableError(
            f"{torn.height} runs have several kinds, batches or times of acquisition, first "
            f"{torn['run'].sort()[0]!r}: one injection is one of each."
        )
    twice = found.filter("standard").group_by("run", "compound").len().filter(pl.col("len") > 1)
    if twice.height:
        run, name = twice.sort("run", "compound").row(0)[:2]
        raise TableError(
            f"{twice.height} standards have several times in one run, first {name!r} in {run!r}: "
            "keep one time for each."
        )


def _check_units(found: pl.DataFrame, rt: str) -> None:
    times, rows = found["rt"].to_numpy(), found["row"].to_numpy().astype(np.int64)
    check_minutes(times, rows, f"the table (column {rt!r})")
    # One method of chromatography: a compound has one place in all kinds of samples.
    names = found["compound"].to_numpy()
    check_one_unit(times, found["run"].to_numpy(), names, names, rows, "the table")
