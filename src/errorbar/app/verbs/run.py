"""The main job: a catalogue, many surveys, fits, tables, figures, report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errorbar.app.verbs.drawn import draw_surveys, shown_posteriors
from errorbar.app.verbs.folder import MODELS, ResultsFolder, RunRecord, file_digest, remove_empty
from errorbar.app.verbs.report import check_figures_possible, provenance_of, write_report
from errorbar.core.engine import discard_journal
from errorbar.core.errors import SettingsError
from errorbar.survey.grid import FitSettings, fit_grid
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import DESIGN, MASS_CLASSES
from errorbar.survey.synth import make_catalogue

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["RunFiles", "survey_run"]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Where a run has put what; `notes` say what was left out of it."""

    out: Path
    catalogue: Path
    synthetic: bool
    surveys: int
    tables: dict[str, tuple[Path, Path]]
    figures: tuple[Path, ...]
    report: Path | None
    notes: tuple[str, ...]


def survey_run(
    catalogue: Path | str | None = None,
    *,
    models: Sequence[str] = ("joint", "single"),
    method: str = "exact",
    n: Sequence[int] = DESIGN,
    reps: int = 20,
    seed: int = 42,
    out: Path | str = "results",
    engine: "str | Client | None" = None,
    workers: int | None = None,
    classes: Sequence[str] = tuple(MASS_CLASSES),
    intercept: str = "reference",
    slope: str = "ptp",
    level: float = 0.68,
    figures: bool = True,
    resume: bool = True,
    progress: bool | None = None,
    **sampling: Any,
) -> RunFiles:
    """Draw surveys from a catalogue, fit each, and write tables, figures and a report to `out`.

    Without a catalogue a synthetic one is made in `out` with the same seed; with no options at all
    this is the reference code's main job and both its tables. A run that was killed goes on when
    it is called again with the same arguments, and writes the same bytes; `resume=False` forgets
    what it had. `sampling` are `draws`, `tune`, `chains`, `target_accept`, `sampler` for the
    method `nuts`.
    """
    _check_models(models)
    settings = FitSettings(
        method=method,  # pyright: ignore[reportArgumentType] (checked there)
        prior=PriorRule(intercept, slope),  # pyright: ignore[reportArgumentType] (checked there)
        level=level,
        **sampling,
    )
    if figures:
        check_figures_possible()
    folder = ResultsFolder(Path(out))
    folder.path.mkdir(parents=True, exist_ok=True)
    path = Path(catalogue) if catalogue is not None else make_catalogue(seed=seed).write(out)[0]
    drawn = draw_surveys(path, seed, n, reps, classes)
    surveys, notes = drawn.surveys, drawn.notes
    record = _record(folder, path, seed, n, reps, classes, models, settings)
    tables: dict[str, tuple[Path, Path]] = {}
    for model in models:
        chosen = replace(settings, model=model)  # pyright: ignore[reportArgumentType] (checked)
        if not resume:
            discard_journal(folder.journal(model))
        frame = fit_grid(
            surveys,
            chosen,
            seed=seed,
            journal=folder.journal(model),
            workers=engine,
            n_workers=workers,
            progress=progress,
        )
        tables[model] = folder.write_table(model, frame)
    folder.write_record(record)
    report, pictures = None, ()
    if figures:
        report, pictures = write_report(
            folder,
            {model: files[0] for model, files in tables.items()},
            surveys,
            provenance=provenance_of(record),
            warnings=notes,
            posteriors=shown_posteriors(surveys, models, settings.prior, level),
        )
    for model in models:
        discard_journal(folder.journal(model))
    remove_empty(folder.path / "journal")
    return RunFiles(
        folder.path, path, catalogue is None, len(surveys), tables, pictures, report, notes
    )


def _check_models(models: Sequence[str]) -> None:
    unknown = [model for model in models if model not in MODELS]
    if unknown or not models:
        raise SettingsError(
            f"model={unknown[0] if unknown else ''!r} is not one that can be fitted; choose among "
            f"{', '.join(MODELS)}."
        )
    if len(set(models)) < len(models):
        raise SettingsError(f"models {', '.join(models)} name one twice: name each once.")


def _record(
    folder: ResultsFolder,
    catalogue: Path,
    seed: int,
    n: Sequence[int],
    reps: int,
    classes: Sequence[str],
    models: Sequence[str],
    settings: FitSettings,
) -> RunRecord:
    return RunRecord(
        catalogue=Path(os.path.relpath(catalogue, folder.path)).as_posix(),
        catalogue_sha256=file_digest(catalogue),
        seed=seed,
        sizes=tuple(n),
        reps=reps,
        classes=tuple(classes),
        models=tuple(models),
        method=settings.method,
        intercept=settings.prior.intercept,
        slope=settings.prior.slope,
        level=settings.level,
    )
