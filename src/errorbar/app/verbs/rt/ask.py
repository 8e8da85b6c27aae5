"""What an analyst asks: a list of compounds, the run's standards, what was already found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.app.verbs.rt.standards import Runs, one_column
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import Peaks, read_table
from errorbar.rt.data.numbers import as_floats

__all__ = ["Wanted", "anchor_peaks", "read_wanted", "wanted_peaks"]

COMPOUND, SPECIES = ("comp_id", "compound", "name"), ("species", "matrix")
PARENT, CLASS = "species_cluster", "compound_class"


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Rows that are asked of each run: compound, species, supercategory, class of compounds."""

    compound: ndarray
    species: ndarray
    parent: ndarray
    klass: ndarray


def read_wanted(
    model: OpenModel,
    compounds: Path | str | None,
    species: str | None,
    species_cluster: int | None,
) -> Wanted:
    """The compounds of a list (all that the model has seen if there is none) in some species."""
    if compounds is None:
        ids = np.unique(model.keys & 0xFFFFFFFF)
        frame = pl.DataFrame({"comp_id": ids})
    else:
        frame = read_table(compounds)
        if not frame.height:
            raise TableError(f"{compounds} lists no compound.")
    column = one_column(frame, COMPOUND)
    if column is None:
        raise TableError(
            f"{compounds} needs a column `comp_id` (or `name`); it has "
            f"{', '.join(frame.columns[:8])}."
        )
    frame = frame.with_columns(model.names.ids("compounds", frame[column]).alias("comp_id"))
    own = one_column(frame, SPECIES)
    if own is not None:
        frame = frame.with_columns(model.names.ids("species", frame[own]).alias("species"))
    else:
        chosen = _species(model, species)
        frame = pl.concat([frame.with_columns(species=pl.lit(each)) for each in chosen])
    return Wanted(
        compound=frame["comp_id"].to_numpy().astype(np.int64),
        species=frame["species"].to_numpy().astype(np.int64),
        parent=_parents(model, frame, species_cluster),
        klass=(
            as_floats(frame[CLASS], str(compounds)).fill_nan(None).fill_null(-1).cast(pl.Int64)
            .to_numpy()
            if CLASS in frame.columns
            else np.full(frame.height, -1)
        ),
    )  # fmt: skip


def wanted_peaks(model: OpenModel, wanted: Wanted, runs: Runs) -> Peaks:
    """All wanted rows of all runs; their times are not known yet."""
    rows, count = len(wanted.compound), len(runs.names)
    run = np.repeat(np.arange(count), rows)
    compound, species, parent, klass = (
        np.tile(each, count)
        for each in (wanted.compound, wanted.species, wanted.parent, wanted.klass)
    )
    return _peaks(model, np.zeros(len(run)), run, runs, compound, species, parent, klass)


def anchor_peaks(
    model: OpenModel, path: Path | str, wanted: Wanted, runs: Runs, minute: float = 1.0
) -> Peaks:
    """Compounds that were already found: `comp_id` (or `name`), `rt`, perhaps `run`, `species`."""
    frame = read_table(path)
    column, time = one_column(frame, COMPOUND), one_column(frame, ("rt", "time"))
    if column is None or time is None:
        raise TableError(
            f"{path} needs columns `comp_id` (or `name`) and `rt`; it has "
            f"{', '.join(frame.columns[:8])}."
        )
    rt = as_floats(frame[time], str(path)).cast(pl.Float64).fill_null(np.nan).to_numpy() / minute
    bad = np.flatnonzero(~np.isfinite(rt))
    if bad.size:
        raise TableError(
            f"{path}: {bad.size} anchors have no time, first row {bad[0]}: leave out what was not "
            "found."
        )
    compound = model.names.ids("compounds", frame[column]).to_numpy().astype(np.int64)
    run = _runs(frame, path, runs)
    own = one_column(frame, SPECIES)
    asked = np.unique(wanted.species)
    if own is not None:
        species = model.names.ids("species", frame[own]).to_numpy().astype(np.int64)
    elif len(asked) == 1:
        species = np.full(frame.height, asked[0])
    else:
        raise SettingsError(
            f"{path} does not say which species each anchor is of, and {len(asked)} are asked for: "
            "add a column `species`."
        )
    parents = dict(zip(wanted.species.tolist(), wanted.parent.tolist()))
    if strange := sorted(set(species.tolist()) - set(parents)):
        raise TableError(
            f"{path}: anchors are of species {strange[0]}, which is not asked for: what is shared "
            "is shared within one species of a run."
        )
    parent = np.array([parents[each] for each in species.tolist()])
    return _peaks(model, rt, run, runs, compound, species, parent, np.full(len(rt), -1))


def _species(model: OpenModel, text: str | None) -> list[int]:
    if text is not None:
        words = pl.Series([part.strip() for part in text.split(",") if part.strip()])
        if not len(words):
            raise SettingsError("species names none: give some, such as 3 or 3,5.")
        return model.names.ids("species", words).to_list()
    seen = np.unique(model.keys >> 32)
    if len(seen) == 1:
        return [int(seen[0])]
    raise SettingsError(
        f"say which species the run is of: the model knows {len(seen)} "
        f"({', '.join(map(str, seen[:6].tolist()))}{', …' if len(seen) > 6 else ''})."
    )


def _parents(model: OpenModel, frame: pl.DataFrame, given: int | None) -> ndarray:
    """The supercategory of each row: its own column, what was said, or what training knew."""
    if PARENT in frame.columns:
        return frame[PARENT].cast(pl.Int64).to_numpy()
    species = frame["species"].to_list()
    if model.group_col == PARENT:
        # Such models know supercategories only: a species stands for its own.
        return np.array(species) if given is None else np.full(frame.height, given)
    known = dict(model.names.species.select("species", PARENT).rows()) | model.parents
    lost = sorted({each for each in species if each not in known})
    if lost and given is None:
        raise SettingsError(
            f"species {lost[0]} was not seen in training: say which supercategory it belongs to "
            f"(species_cluster; training had "
            f"{', '.join(map(str, sorted(set(known.values()))[:8]))})."
        )
    return np.array([known.get(each, given) for each in species], dtype=np.int64)


def _runs(frame: pl.DataFrame, path: Path | str, runs: Runs) -> ndarray:
    column = one_column(frame, ("run", "task_id"))
    if column is None:
        if len(runs.names) > 1:
            raise TableError(
                f"{path} does not say which run each anchor is of, and there are "
                f"{len(runs.names)}: add a column `run`."
            )
        return np.zeros(frame.height, dtype=np.int64)
    place = {name: at for at, name in enumerate(runs.names)}
    names = frame[column].cast(pl.String).to_list()
    if lost := [name for name in names if name not in place]:
        raise TableError(
            f"{path}: run {lost[0]} has no standards; those given are of "
            f"{', '.join(runs.names[:5])}."
        )
    return np.array([place[name] for name in names])


def _peaks(
    model: OpenModel, rt: ndarray, run: ndarray, runs: Runs, compound: ndarray, species: ndarray,
    parent: ndarray, klass: ndarray,
) -> Peaks:  # fmt: skip
    count = len(runs.names)
    none: Any = np.zeros(count, dtype=np.int64)
    return Peaks(
        rt=rt.astype(np.float64),
        covariates=runs.values[run].astype(np.float32),
        species=species,
        supercategory=parent,
        compound=compound,
        run=run,
        chem_id=np.full(len(rt), -1),
        compound_class=klass,
        rows=np.arange(len(rt)),
        feature_names=model.feature_names,
        run_keys=np.stack([none, none, np.arange(count)], axis=1),
    )
