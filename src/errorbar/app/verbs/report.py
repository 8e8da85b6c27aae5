"""Figures and the report of a run, from its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from errorbar.app.verbs.folder import ResultsFolder, RunRecord, file_digest
from errorbar.core.errors import MissingExtraError, TableError
from errorbar.survey.data import HermesData
from errorbar.survey.sample import MASS_CLASSES, Survey, SurveySampler

if TYPE_CHECKING:
    from errorbar.survey.summary import SurveyPosterior

__all__ = ["ReportFiles", "check_figures_possible", "draw_again", "survey_report", "write_report"]


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """A report and its figures on disk; `surveys` counts those that could be drawn again."""

    report: Path
    figures: tuple[Path, ...]
    tables: dict[str, Path]
    surveys: int


def survey_report(
    results: Path | str = "results",
    *,
    catalogue: Path | str | None = None,
    out: Path | str | None = None,
) -> ReportFiles:
    """Make the figures and the report again from the tables in the folder `results`.

    The tables may be the reference code's. Where the folder says how its surveys were drawn, they
    are drawn again from its catalogue, or from `catalogue` if that has moved, and closed forms and
    the common pivot are shown too. Files go to `out`, by default into `results`.
    """
    check_figures_possible()
    folder = ResultsFolder(Path(results))
    record = folder.read_record()
    tables = folder.tables() if record is None else folder.tables(record.models)
    surveys: list[Survey] = []
    provenance = {"tables": ", ".join(path.name for path in tables.values())}
    if record is not None:
        surveys = draw_again(record, folder, catalogue)
        provenance |= provenance_of(record)
    elif catalogue is not None:
        raise TableError(
            f"{folder.path} has no {folder.record.name}, so nobody can tell which surveys were "
            "drawn from the catalogue: leave the catalogue out."
        )
    target = folder if out is None else ResultsFolder(Path(out))
    report, figures = write_report(target, tables, surveys, provenance=provenance)
    return ReportFiles(report, figures, tables, len(surveys))


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


def draw_again(
    record: RunRecord, folder: ResultsFolder, catalogue: Path | str | None
) -> list[Survey]:
    """The surveys of a run, from the catalogue that it had."""
    path = folder.path / record.catalogue if catalogue is None else Path(catalogue)
    if not path.exists():
        raise TableError(
            f"the run's catalogue {path} is not there: say where it is now (--catalogue), or "
            f"delete {folder.record} to make the report without the surveys."
        )
    if file_digest(path) != record.catalogue_sha256:
        raise TableError(
            f"{path} is not the catalogue of this run, or has changed since: give the one it had "
            f"(--catalogue), or delete {folder.record} to make the report without the surveys."
        )
    sampler = SurveySampler(HermesData(path), MASS_CLASSES, rng_seed=record.seed)
    return sampler.sample_grid(record.sizes, record.reps, record.classes)


def provenance_of(record: RunRecord) -> dict[str, str]:
    """A run's settings in words."""
    return {
        "catalogue": f"{Path(record.catalogue).name} (sha256 {record.catalogue_sha256[:12]})",
        "surveys": f"{record.reps} of each size in {', '.join(map(str, record.sizes))} and class "
        f"in {', '.join(record.classes)}",
        "seed": str(record.seed),
        "fits": f"method {record.method}, prior {record.prior}, intervals {record.level:g}",
    }
