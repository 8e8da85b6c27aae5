"""Do the intervals hold the truth as often as they claim?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errorbar.app.verbs.folder import remove_empty
from errorbar.app.verbs.report import check_figures_possible
from errorbar.app.verbs.synth import ListFormat, read_list
from errorbar.core.engine import discard_journal
from errorbar.core.errors import SettingsError
from errorbar.survey.check import calibrate_survey
from errorbar.survey.model import PriorRule
from errorbar.survey.synth import MockDesign

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["CalibrationVerdict", "survey_calibrate"]


@dataclass(frozen=True, slots=True)
class CalibrationVerdict:
    """Coverage of each parameter's interval over all sizes, and what contradicts calibration."""

    model: str
    prior: str
    surveys: int
    level: float
    coverage: dict[str, dict[str, float]]
    departures: tuple[str, ...]
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]


def survey_calibrate(
    model: str = "single",
    *,
    n: Sequence[int] = (5, 10, 30, 100),
    surveys: int = 1000,
    level: float = 0.68,
    truth: Mapping[str, float] | None = None,
    intercept: str | None = None,
    slope: str | None = None,
    masses: Path | str | None = None,
    list_format: ListFormat = "ariel",
    seed: int = 42,
    out: Path | str = "calibration",
    engine: "str | Client | None" = None,
    workers: int | None = None,
    figures: bool = True,
    resume: bool = True,
    progress: bool | None = None,
) -> CalibrationVerdict:
    """Simulate surveys from known truths, fit each, and count how often intervals hold the truth.

    Truths are drawn from a fixed prior. With `truth` all surveys share one, and `intercept` or
    `slope` may name a prior that looks at the data. `masses` is a list of real planets. Tables and
    figures go to `out`; a killed run goes on when it is called again.
    """
    rule: dict[str, str] = {
        name: value
        for name, value in (("intercept", intercept), ("slope", slope))
        if value is not None
    }
    if rule and truth is None:
        raise SettingsError(
            f"{' and '.join(rule)} name a prior that looks at the data, from which no truth can be "
            "drawn: say what is true for all surveys (--truth), or leave them out."
        )
    if figures:
        check_figures_possible()
    log_mass = None if masses is None else read_list(masses, list_format).log_mass
    journal = Path(out) / "journal" / model
    if not resume:
        discard_journal(journal)
    result = calibrate_survey(
        model,
        n_planets=n,
        n_surveys=surveys,
        prior=PriorRule(**rule) if rule else None,  # pyright: ignore[reportArgumentType] (checked there)
        truth=truth,
        design=MockDesign(masses=log_mass),
        level=level,
        seed=seed,
        journal=journal,
        workers="threads" if engine is None else engine,
        n_workers=workers,
        progress=progress,
    )
    tables, drawn = result.write_tables(out), ()
    if figures:
        from errorbar.survey.plots.calibration import write_calibration

        written = write_calibration(result, out)
        tables, drawn = written.tables, tuple(path for path, _ in written.figures)
    discard_journal(journal)
    remove_empty(journal.parent)
    return CalibrationVerdict(
        model=result.model,
        prior=result.prior,
        surveys=len(result.sizes),
        level=result.level,
        coverage=_coverage(result),
        departures=result.departures(),
        tables=tables,
        figures=drawn,
    )


def _coverage(result: Any) -> dict[str, dict[str, float]]:
    whole = {
        row["parameter"]: {name: row[name] for name in ("found", "standard_error", "z")}
        for row in result.coverage().iter_rows(named=True)
        if row["N"] is None and row["interval"] == "highest density"
    }
    for row in result.uniformity().iter_rows(named=True):
        if row["N"] is None:
            whole[row["parameter"]] |= {"ks_p": row["ks_p"], "chi2_p": row["chi2_p"]}
    return whole
