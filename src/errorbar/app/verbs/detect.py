"""Is there a link between planets and their stars, and what could a survey find?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from errorbar.app.verbs.folder import remove_empty
from errorbar.app.verbs.report import check_figures_possible
from errorbar.app.verbs.synth import ListFormat, read_list
from errorbar.core.engine import discard_journal
from errorbar.core.errors import SettingsError
from errorbar.core.measure import BarRule
from errorbar.survey.data import HermesData
from errorbar.survey.detect import Detection, DetectionPower, detect_link, detection_power
from errorbar.survey.synth import MockDesign

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["LinkAnswer", "survey_detect"]

SIZES = (30, 80, 250)
SCATTERS = (0.2, 0.5)
STRENGTHS = {"mass-star": (0.0, 0.25, 0.5, 0.75, 1.0), "joint": (0.0, 0.2, 0.4, 0.6, 0.8)}
TRIALS = 400


@dataclass(frozen=True, slots=True, eq=False)
class LinkAnswer:
    """Whether a survey shows the link, or how often surveys without one at hand would.

    `detection` is of one survey, `power` and `least_link` (80 % power) of simulated ones; `dropped`
    says which planets were left out.
    """

    model: str
    dropped: tuple[str, ...]
    detection: dict[str, Any] | None
    power: pl.DataFrame | None
    least_link: pl.DataFrame | None
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]


def survey_detect(
    table: Path | str | None = None,
    *,
    model: str = "mass-star",
    false_alarm: float = 0.05,
    mocks: int = 2000,
    bars: BarRule = "mean",
    scatter: float | None = None,
    n: Sequence[int] | None = None,
    links: Sequence[float] | None = None,
    scatters: Sequence[float] | None = None,
    trials: int | None = None,
    masses: Path | str | None = None,
    list_format: ListFormat = "ariel",
    seed: int = 42,
    out: Path | str = "detection",
    engine: "str | Client | None" = None,
    workers: int | None = None,
    figures: bool = True,
    resume: bool = True,
    progress: bool | None = None,
) -> LinkAnswer:
    """Compare a survey's Bayes factor for a link with mocks without one; or tabulate the power.

    `table` is the survey. Without it, `trials` surveys of each size `n`, scatter of `scatters` and
    link of `links` are simulated (masses from a list of real planets, `masses`, where it is given)
    and detections counted. Tables and figures go to `out`; a killed run goes on when it is called
    again.
    """
    if figures:
        check_figures_possible()
    journal = Path(out) / "journal" / "detect"
    if not resume:
        discard_journal(journal)
    shared: dict[str, Any] = {
        "model": model,
        "false_alarm": false_alarm,
        "mocks": mocks,
        "seed": seed,
        "journal": journal,
        "workers": "threads" if engine is None else engine,
        "n_workers": workers,
        "progress": progress,
    }
    simulated = {"n": n, "links": links, "scatters": scatters, "trials": trials, "masses": masses}
    dropped: tuple[str, ...] = ()
    if table is not None:
        _refuse(simulated, "is for surveys that are simulated: leave it out, or the table")
        planets = HermesData(table)
        dropped = tuple(f"{group.count} {group.reason}" for group in planets.dropped.groups)
        data = planets.data(bars=bars, star=True)
        result: Detection | DetectionPower = detect_link(data, scatter=scatter, **shared)
    else:
        _refuse({"scatter": scatter}, "is for mocks of one survey: name its table, or say scatters")
        log_mass = None if masses is None else read_list(masses, list_format).log_mass
        result = detection_power(
            n_planets=SIZES if n is None else n,
            links=STRENGTHS.get(model, (0.0,)) if links is None else links,
            scatters=SCATTERS if scatters is None else scatters,
            trials=TRIALS if trials is None else trials,
            design=MockDesign(masses=log_mass),
            **shared,
        )
    tables, pictures = _write(result, Path(out), figures)
    discard_journal(journal)
    remove_empty(journal.parent)
    one = isinstance(result, Detection)
    return LinkAnswer(
        model=model,
        dropped=dropped,
        detection=result.summary() if one else None,
        power=None if one else result.frame,
        least_link=None if one else result.least_link(),
        tables=tables,
        figures=pictures,
    )


def _refuse(given: dict[str, Any], why: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise SettingsError(f"{name} {why}.")


def _write(
    result: Detection | DetectionPower, out: Path, figures: bool
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    if not figures:
        return result.write_tables(out), ()
    from errorbar.survey.plots.detection import write_detection, write_detection_power

    if isinstance(result, Detection):
        written = write_detection(result, out)
    else:
        written = write_detection_power(result, out)
    return written.tables, tuple(path for path, _ in written.figures)
