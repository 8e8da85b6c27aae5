"""Figures and the report of a run, from its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from errorbar.app.verbs.drawn import DrawnSurveys, draw_again, shown_posteriors
from errorbar.app.verbs.folder import ResultsFolder, RunRecord
from errorbar.core.errors import MissingExtraError, TableError
from errorbar.survey.sample import Survey

if TYPE_CHECKING:
    from errorbar.survey.summary import SurveyPosterior

__all__ = [
    "ReportFiles",
    "check_figures_possible",
    "provenance_of",
    "survey_report",
    "write_report",
]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """A report and its figures on disk; `surveys` counts those that could be drawn again.

    `notes` say what was left out, and why.
    """

    report: Path
    figures: tuple[Path, ...]
    tables: dict[str, Path]
    surveys: int
    notes: tuple[str, ...]


def survey_report(
    results: Path | str = "results",
    *,
    catalogue: Path | str | None = None,
    out: Path | str | None = None,
) -> ReportFiles:
    """Make the figures and the report again from the tables in the folder `results`.

    The tables may be the reference code's. Where the folder says how its surveys were drawn, they
    are drawn again from its catalogue, or from `catalogue` if that has moved: closed forms, the
    common pivot and one survey from inside (fitted again, exactly) are shown too. Files go to
    `out`, by default into `results`.
    """
    check_figures_possible()
    folder = ResultsFolder(Path(results))
    record = folder.read_record()
    tables = folder.tables() if record is None else folder.tables(record.models)
    drawn, posteriors = DrawnSurveys((), ()), []
    provenance = {"tables": ", ".join(path.name for path in tables.values())}
    if record is not None:
        drawn = draw_again(record, folder, catalogue)
        posteriors = shown_posteriors(drawn.surveys, record.models, record.prior, record.level)
        provenance = provenance_of(record)
    elif catalogue is not None:
        raise TableError(
            f"{folder.path} has no {folder.record.name}, so nobody can tell which surveys were "
            "drawn from the catalogue: leave the catalogue out."
        )
    report, figures = write_report(
        folder if out is None else ResultsFolder(Path(out)),
        tables,
        drawn.surveys,
        provenance=provenance,
        warnings=drawn.notes,
        posteriors=posteriors,
    )
    return ReportFiles(report, figures, tables, len(drawn.surveys), drawn.notes)


def write_report(
    folder: ResultsFolder,
    tables: Mapping[str, Path],
    surveys: Sequence[Survey],
    *,
    provenance: Mapping[str, str],
    warnings: Sequence[str] = (),
    posteriors: "Sequence[SurveyPosterior]" = (),
) -> tuple[Path, tuple[Path, ...]]:
    """The page and the figures of tables; surveys and posteriors add what only they can show."""
    from errorbar.survey.pages import write_survey_page
    from errorbar.survey.plots import write_figures

    figures = write_figures(tables, surveys, folder.figures, posteriors=posteriors)
    report = write_survey_page(
        folder.report, tables, surveys, figures, provenance=provenance, warnings=warnings
    )
    return report, tuple(path for path, _ in figures)


def check_figures_possible() -> None:
    """Say what is missing before hours of fits, not after."""
    for package in ("matplotlib", "plotly", "jinja2"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "survey")


def provenance_of(record: RunRecord) -> dict[str, str]:
    """A run's settings in words."""
    return {
        "catalogue": f"{Path(record.catalogue).name} (sha256 {record.catalogue_sha256[:12]})",
        "surveys": f"{record.reps} of each size in {', '.join(map(str, record.sizes))} and class "
        f"in {', '.join(record.classes)}",
        "seed": str(record.seed),
        "fits": f"method {record.method}, prior {record.prior.label}, intervals {record.level:g}",
    }
