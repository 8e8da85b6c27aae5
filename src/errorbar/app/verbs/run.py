"""The main job: a catalogue, many surveys, fits, tables, figures, report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errorbar.app.verbs.folder import MODELS, ResultsFolder, RunRecord, file_digest
from errorbar.app.verbs.report import check_figures_possible, provenance_of, write_report
from errorbar.core.engine import discard_journal
from errorbar.core.errors import SettingsError
from errorbar.survey.data import HermesData
from errorbar.survey.grid import FitSettings, fit_grid
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import DESIGN, MASS_CLASSES, Survey, SurveySampler
from errorbar.survey.synth import make_catalogue

if TYPE_CHECKING:
    from distributed import Client

    from errorbar.survey.summary import SurveyPosterior

__all__ = ["RunFiles", "survey_run"]

SHOWN_SIZE = 50


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
    sampler = SurveySampler(HermesData(path), MASS_CLASSES, rng_seed=seed)
    surveys = sampler.sample_grid(n, reps, classes)
    notes = _notes(sampler, n, classes)
    record = _record(folder, path, sampler, n, reps, classes, models, settings)
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
    report, drawn = None, ()
    if figures:
        report, drawn = write_report(
            folder,
            {model: files[0] for model, files in tables.items()},
            surveys,
            provenance=provenance_of(record),
            warnings=notes,
            posteriors=_posteriors(surveys, models, settings),
        )
    for model in models:
        discard_journal(folder.journal(model))
    _remove_empty(folder.path / "journal")
    return RunFiles(
        folder.path, path, catalogue is None, len(surveys), tables, drawn, report, notes
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


def _notes(sampler: SurveySampler, n: Sequence[int], classes: Sequence[str]) -> tuple[str, ...]:
    dropped = sampler.data.dropped
    notes = [f"Catalogue: {dropped}"] if dropped else []
    skipped = sampler.skipped(n, classes)
    if skipped:
        cells = "; ".join(str(cell) for cell in skipped)
        notes.append(f"Sizes larger than their class were skipped: {cells}.")
    return tuple(notes)


def _record(
    folder: ResultsFolder,
    catalogue: Path,
    sampler: SurveySampler,
    n: Sequence[int],
    reps: int,
    classes: Sequence[str],
    models: Sequence[str],
    settings: FitSettings,
) -> RunRecord:
    return RunRecord(
        catalogue=Path(os.path.relpath(catalogue, folder.path)).as_posix(),
        catalogue_sha256=file_digest(catalogue),
        seed=sampler.rng_seed,
        sizes=tuple(n),
        reps=reps,
        classes=tuple(classes),
        models=tuple(models),
        method=settings.method,
        prior=settings.prior.label,
        level=settings.level,
    )


def _posteriors(
    surveys: Sequence[Survey], models: Sequence[str], settings: FitSettings
) -> "list[SurveyPosterior]":
    """One survey from inside for each model: the first of the size nearest to the one shown."""
    from errorbar.survey.fit import fit_one
    from errorbar.survey.summary import survey_posterior

    shown = min(surveys, key=lambda survey: abs(survey.n - SHOWN_SIZE))
    data = shown.data()
    title = f"Survey {shown.survey_id}: {shown.n} planets of class {shown.class_label}"
    return [
        survey_posterior(
            fit_one(data, model, settings.prior), data, title=title, level=settings.level
        )
        for model in models
    ]


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
