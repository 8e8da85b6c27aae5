"""The studies of `rt`, from settings to a folder with tables, figures and a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.app.verbs.output import check_folder
from errorbar.app.verbs.rt.tables import read_rows
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.errors import SettingsError
from errorbar.rt import studies
from errorbar.rt.data import Chemistry, Peaks, read_chemistry

__all__ = ["StudyAnswer", "rt_study_rare", "rt_study_shift", "rt_study_tails"]


@dataclass(frozen=True, slots=True, eq=False)
class StudyAnswer:
    """What a study found, in tables by name; the page to read is `page`."""

    study: str
    tables: dict[str, pl.DataFrame]
    verdicts: tuple[str, ...]
    notes: tuple[str, ...]
    out: Path
    page: Path


def rt_study_shift(
    *,
    seeds: Sequence[int] = (42, 43, 44, 45, 46),
    anchors: Sequence[int] = (0, 3, 5),
    species: int = 20,
    compounds: int = 60,
    runs_per_species: int = 8,
    fixed_runs_per_species_compound: int = 10,
    species_gamma_sd: float = 0.1,
    descriptors: bool = True,
    clusters_by: str = "species",
    clusters: int | None = None,
    fit: str = "full",
    workers: int = 1,
    out: Path | str = "rt_shift",
    progress: bool | None = None,
) -> StudyAnswer:
    """Ask how models predict runs that have drifted away from training, with and without anchors.

    Tables are made; drift `clusters` are inferred from standards by `species` or by `run`.
    """
    given: Any = {"clusters_by": clusters_by, "fit": fit}
    settings = studies.ShiftSettings(
        seeds=tuple(seeds), anchors=tuple(anchors), n_species=species, n_compounds=compounds,
        runs_per_species=runs_per_species,
        fixed_runs_per_species_compound=fixed_runs_per_species_compound,
        species_gamma_sd=species_gamma_sd, descriptors=descriptors, n_clusters=clusters, **given,
    )  # fmt: skip
    folder = check_folder(out)
    notes: list[str] = []
    with told_warnings(notes):
        study = studies.run_shift(settings, folder, progress=progress, workers=workers)
        page = studies.write_shift(study, folder)
    names = ("bins", "gains", "anchoring", "targets")
    tables = {name: getattr(study, name) for name in names}
    return StudyAnswer("shift", tables, (), tuple(notes), folder, page)


def rt_study_tails(
    data: Path | str | None = None,
    *,
    test: Path | str | None = None,
    chemistry: Path | str | None = None,
    cap: int | None = None,
    lambda_slopes: float = 3e-4,
    test_share: float = 0.3,
    seed: int = 0,
    workers: int = 1,
    out: Path | str = "rt_tails",
    progress: bool | None = None,
) -> StudyAnswer:
    """Compare grouping by supercategory, by species, and pooling, where support is small.

    Without `data` a production-like table is made. `lambda_slopes` is the ridges' penalty.
    """
    settings = studies.TailSettings(
        test_share=test_share, seed=seed, penalty=lambda_slopes, cap=cap
    )
    peaks, told = _table(data, chemistry)
    if test is not None and peaks is None:
        raise SettingsError("test needs the table to train with: give data too.")
    folder = check_folder(out)
    notes: list[str] = []
    held = None if test is None or peaks is None else read_rows(test, features=peaks.feature_names)
    with told_warnings(notes):
        study = studies.run_tails(
            settings, folder, peaks=peaks, test=held, chemistry=told, progress=progress,
            workers=workers,
        )  # fmt: skip
        page = studies.write_tails(study, folder)
    tables = {name: getattr(study, name) for name in ("scores", "tails", "alone", "costs")}
    return StudyAnswer("tails", tables, (), tuple(notes), folder, page)


def rt_study_rare(
    data: Path | str | None = None,
    *,
    chemistry: Path | str | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    most: int = 2,
    head_dims: Sequence[int] = (4, 8),
    levels: Sequence[str] = ("species", "cluster", "both"),
    gate_ranks: Sequence[int] = (1,),
    workers: int = 1,
    out: Path | str = "rt_rare",
    progress: bool | None = None,
) -> StudyAnswer:
    """Ask whether species × chemistry heads are worth it on pairs with hardly any training peak.

    Without `data` (which needs its `chemistry`) tables are made. The verdict is adopt or not.
    """
    settings = studies.RareSettings(
        seeds=tuple(seeds), most=most, head_dims=tuple(head_dims), levels=tuple(levels),
        gate_ranks=tuple(gate_ranks),
    )  # fmt: skip
    peaks, told = _table(data, chemistry)
    if peaks is not None and told is None:
        raise SettingsError("the heads need descriptors: give the chemistry of data too.")
    folder = check_folder(out)
    notes: list[str] = []
    with told_warnings(notes):
        study = studies.run_rare(
            settings, folder, peaks=peaks, chemistry=told, progress=progress, workers=workers
        )
        page = studies.write_rare(study, folder)
    words = tuple(
        f"{table}: {'adopt' if adopt else 'do not adopt'}" for table, adopt in study.adopt.items()
    )
    tables = {name: getattr(study, name) for name in ("gains", "verdicts")}
    return StudyAnswer("rare", tables, words, tuple(notes), folder, page)


def _table(
    data: Path | str | None, chemistry: Path | str | None
) -> tuple[Peaks | None, Chemistry | None]:
    if data is None and chemistry is not None:
        raise SettingsError("chemistry belongs to a table: give data too.")
    return (
        None if data is None else read_rows(data),
        None if chemistry is None else read_chemistry(chemistry),
    )
