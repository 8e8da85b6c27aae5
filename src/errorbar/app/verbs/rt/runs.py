"""Run-level tables with internal standards, and collections of systems, as tables of peaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from errorbar.app.verbs.output import check_folder, staged
from errorbar.app.verbs.rt.names import MINUTES
from errorbar.rt.data import (
    Chemistry,
    RunTable,
    lipid_chemistry,
    peaks_from_runs,
    peaks_from_systems,
    read_table,
    with_classes,
    write_chemistry,
    write_peaks,
)
from errorbar.rt.data.columns import RUN

__all__ = ["PeakFiles", "rt_prepare_runs", "rt_prepare_systems"]

TABLE, CHEMISTRY = "runs_rt_prod.csv", "chemistry.csv"


@dataclass(frozen=True, slots=True)
class PeakFiles:
    """A table of peaks, names for its numbers, and descriptors where names or tables told any."""

    rows: int
    runs: int
    species: int
    supercategories: int
    compounds: int
    standards: int
    notes: tuple[str, ...]
    table: Path
    chemistry: Path | None
    files: tuple[Path, ...]


def rt_prepare_runs(
    data: Path | str,
    *,
    run: str,
    compound: str,
    rt: str,
    kind: str,
    standard: str | Sequence[str],
    order: str | None = None,
    batch: str | None = None,
    blocks: int = 1,
    kinds: Sequence[str] | None = None,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
    lipids: bool = False,
    out: Path | str = "runs",
) -> PeakFiles:
    """Turn a table with a row for each feature of each injection into a table of peaks.

    Columns are named by `run`, `compound`, `rt` and `kind`; `standard` is a column that is true
    for internal standards, or their names. Without `batch` or `blocks` each kind is one species,
    alone in its supercategory. With `lipids` the features' names give classes and descriptors.
    Names and medians of the standards are kept beside the table, so that a model trained on it
    understands raw times at the instrument; `runs.csv` says which injection each run is. All that
    is written is in minutes, whatever the `unit` of the times read.
    """
    frame = read_table(data)
    table = peaks_from_runs(
        frame, run=run, compound=compound, rt=rt, standard=standard, kind=kind, order=order,
        batch=batch, blocks=blocks, kinds=kinds, unit=unit,
        drop_missing=drop_missing,
    )  # fmt: skip
    folder, peaks = check_folder(out), table.with_gaps()
    told: Chemistry | None = None
    if lipids:
        told = lipid_chemistry(table.compounds)
        peaks = with_classes(peaks, told)
    with staged(folder) as part:
        write_peaks(part / TABLE, peaks)
        _names(part, table)
        if told is not None:
            write_chemistry(part / CHEMISTRY, told)
        files = tuple(folder / path.name for path in sorted(part.iterdir()))
    notes = [f"{table.left_out} rows are of other kinds"] if table.left_out else []
    notes += [f"{table.missing} rows have no time"] if table.missing else []
    if batch is None and blocks == 1:
        notes.append(
            "each kind is one species, alone in its supercategory, so kinds learn from each other "
            "by the top level only: a batch column or blocks would part them"
        )
    lost = int((~table.measured).sum())
    if lost:
        notes.append(
            f"{lost} of {table.measured.size} standards were not found in their run, and are empty "
            "in the table"
        )
    return PeakFiles(
        rows=len(peaks),
        runs=len(table.runs),
        species=len(table.species),
        supercategories=len(table.kinds),
        compounds=len(table.compounds),
        standards=len(table.standards),
        notes=tuple(notes),
        table=folder / TABLE,
        chemistry=folder / CHEMISTRY if told is not None else None,
        files=files,
    )


def _names(part: Path, table: RunTable) -> None:
    """What numbers stand for, and the medians that covariates are less."""
    peaks = table.peaks
    pl.DataFrame({
        "covariate": peaks.feature_names, "name": table.standards, "median": table.medians,
    }).write_csv(part / "standards.csv")  # fmt: skip
    keys = dict(zip(RUN, peaks.run_keys.T))
    pl.DataFrame({**keys, "run": table.runs, "acquired": table.acquired}).write_csv(
        part / "runs.csv"
    )
    pl.DataFrame({"comp_id": np.arange(len(table.compounds)), "name": table.compounds}).write_csv(
        part / "compounds.csv"
    )
    species, first = np.unique(peaks.species, return_index=True)
    pl.DataFrame({
        "species": species,
        "name": [table.species[each] for each in species],
        "species_cluster": peaks.supercategory[first],
        "kind": [table.kinds[each] for each in peaks.supercategory[first]],
    }).write_csv(part / "species.csv")  # fmt: skip


def rt_prepare_systems(
    observations: Path | str,
    systems: Path | str,
    compounds: Path | str,
    *,
    mode: str | None = "RP",
    least: int = 30,
    gradient: bool = True,
    out: Path | str = "systems",
) -> PeakFiles:
    """Turn a collection of chromatographic systems, such as RepoRT, into a table of peaks.

    A system is a species and one run, its column the supercategory. With `gradient` times are
    shares of the gradient's length, whose minutes are in `minutes.csv`: models of such a table are
    asked in minutes and answer in minutes.
    """
    found = peaks_from_systems(
        read_table(observations), read_table(systems), read_table(compounds), mode=mode,
        least=least, scale="gradient" if gradient else "minutes",
    )  # fmt: skip
    folder, peaks = check_folder(out), found.peaks
    with staged(folder) as part:
        write_peaks(part / TABLE, peaks)
        write_chemistry(part / CHEMISTRY, found.chemistry)
        own, first = np.unique(peaks.species, return_index=True)
        pl.DataFrame({
            "species": own,
            "name": [found.systems[each] for each in own],
            "species_cluster": peaks.supercategory[first],
            "kind": [found.columns[each] for each in peaks.supercategory[first]],
        }).write_csv(part / "species.csv")  # fmt: skip
        if gradient:
            pl.DataFrame({"species": own, "minutes": found.minutes[first]}).write_csv(
                part / MINUTES
            )
        files = tuple(folder / path.name for path in sorted(part.iterdir()))
    notes = [f"{len(found.fallback)} systems have no gradient's end: their longest time stands in"]
    return PeakFiles(
        rows=len(peaks),
        runs=len(peaks.run_keys),
        species=len(found.systems),
        supercategories=len(found.columns),
        compounds=len(np.unique(peaks.compound)),
        standards=0,
        notes=tuple(notes) if found.fallback else (),
        table=folder / TABLE,
        chemistry=folder / CHEMISTRY,
        files=files,
    )
