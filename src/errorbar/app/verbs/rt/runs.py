"""Run-level tables with internal standards, and collections of systems, as tables of peaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.app.verbs.rt.told import check_folder, staged
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
    drop_missing: bool = False,
    lipids: bool = False,
    out: Path | str = "runs",
) -> PeakFiles:
    """Turn a table with a row for each feature of each injection into a table of peaks.

    Columns are named by `run`, `compound`, `rt` and `kind`; `standard` is a column that is true
    for internal standards, or their names. With `lipids` the features' names give classes and
    descriptors. Names and medians of the standards are kept beside the table, so that a model
    trained on it understands raw times at the instrument.
    """
    frame = read_table(data)
    table = peaks_from_runs(
        frame, run=run, compound=compound, rt=rt, standard=standard, kind=kind, order=order,
        batch=batch, blocks=blocks, kinds=kinds, drop_missing=drop_missing,
    )  # fmt: skip
    folder, peaks = check_folder(out), table.peaks
    told: Chemistry | None = None
    if lipids:
        told = lipid_chemistry(table.compounds)
        peaks = with_classes(peaks, told)
    with staged(folder) as part:
        write_peaks(part / TABLE, peaks)
        _names(part, table, frame, compound, rt, run)
        if told is not None:
            write_chemistry(part / CHEMISTRY, told)
        files = tuple(folder / path.name for path in sorted(part.iterdir()))
    notes = [f"{table.left_out} rows are of other kinds"] if table.left_out else []
    notes += [f"{table.missing} rows have no time"] if table.missing else []
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


def _names(
    part: Path, table: RunTable, frame: pl.DataFrame, compound: str, rt: str, run: str
) -> None:
    """What numbers stand for, and the medians that covariates are less."""
    peaks = table.peaks
    own = frame.filter(pl.col(run).cast(pl.String).is_in(list(table.runs)) & pl.col(rt).is_finite())
    median = dict(own.group_by(pl.col(compound).cast(pl.String)).agg(pl.col(rt).median()).rows())
    pl.DataFrame({
        "covariate": peaks.feature_names,
        "name": table.standards,
        "median": [float(median[name]) for name in table.standards],
    }).write_csv(part / "standards.csv")  # fmt: skip
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
    shares of the gradient's length, whose minutes are in `minutes.csv`.
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
        pl.DataFrame({"species": own, "minutes": found.minutes[first]}).write_csv(
            part / "minutes.csv"
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
