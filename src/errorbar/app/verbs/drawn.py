"""The surveys of a run: drawn for it, and drawn again from its record for a report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errorbar.app.verbs.folder import ResultsFolder, RunRecord, file_digest
from errorbar.core.errors import TableError
from errorbar.survey.data import HermesData
from errorbar.survey.model import PriorRule
from errorbar.survey.sample import MASS_CLASSES, Survey, SurveySampler

if TYPE_CHECKING:
    from errorbar.survey.summary import SurveyPosterior

__all__ = ["DrawnSurveys", "draw_again", "draw_surveys", "shown_posteriors"]

SHOWN_SIZE = 50


@dataclass(frozen=True, slots=True)
class DrawnSurveys:
    """Surveys, and what was left out when they were drawn, or why they could not be."""

    surveys: tuple[Survey, ...]
    notes: tuple[str, ...]


def draw_surveys(
    catalogue: Path, seed: int, sizes: Sequence[int], reps: int, classes: Sequence[str]
) -> DrawnSurveys:
    """The grid of surveys of a catalogue."""
    sampler = SurveySampler(HermesData(catalogue), MASS_CLASSES, rng_seed=seed)
    surveys = sampler.sample_grid(sizes, reps, classes)
    dropped = sampler.data.dropped
    notes = [f"Catalogue: {dropped}"] if dropped else []
    if skipped := sampler.skipped(sizes, classes):
        cells = "; ".join(str(cell) for cell in skipped)
        notes.append(f"Sizes larger than their class were skipped: {cells}.")
    return DrawnSurveys(tuple(surveys), tuple(notes))


def draw_again(
    record: RunRecord, folder: ResultsFolder, catalogue: Path | str | None
) -> DrawnSurveys:
    """The surveys of a run from the catalogue it had; none, and why, where that is gone.

    A `catalogue` that is named must be the run's.
    """
    path = folder.path / record.catalogue if catalogue is None else Path(catalogue)
    if not path.is_file():
        trouble = f"the run's catalogue {path} is not there"
    elif file_digest(path) != record.catalogue_sha256:
        trouble = f"{path} is not the catalogue of this run, or has changed since"
    else:
        return draw_surveys(path, record.seed, record.sizes, record.reps, record.classes)
    if catalogue is not None:
        raise TableError(f"{trouble}: give the one it had, or none to go without the surveys.")
    return DrawnSurveys(
        (),
        (
            f"Made without the surveys themselves: {trouble}. Closed forms, the common pivot and "
            "the survey seen from inside are left out; say where the catalogue is (--catalogue) "
            "to have them.",
        ),
    )


def shown_posteriors(
    surveys: Sequence[Survey], models: Sequence[str], prior: PriorRule, level: float
) -> "list[SurveyPosterior]":
    """One survey from inside for each model: the first of the size nearest to the one shown."""
    if not surveys:
        return []
    from errorbar.survey.fit import fit_one
    from errorbar.survey.summary import survey_posterior

    shown = min(surveys, key=lambda survey: abs(survey.n - SHOWN_SIZE))
    data = shown.data()
    title = f"Survey {shown.survey_id}: {shown.n} planets of class {shown.class_label}"
    return [
        survey_posterior(fit_one(data, model, prior), data, title=title, level=level)
        for model in models
    ]
