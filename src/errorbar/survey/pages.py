"""The page of a grid of surveys: answers first, then figures, then tables."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from errorbar import __version__
from errorbar.core.report import (
    Answer,
    Answers,
    Block,
    Gallery,
    Interactive,
    Note,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
    write_page,
)
from errorbar.survey.plots import (
    figure_place,
    interactive_design_space,
    interactive_slope_plane,
)
from errorbar.survey.summary import (
    FitTable,
    add_total_scatter,
    class_medians,
    closed_form_check,
    design_space,
    leverage_contours,
    parameter_quantity,
    posterior_sd,
    read_fits,
    slope_answer,
    slope_plane,
    soundness,
)
from errorbar.survey.summary.results import ResultTable

__all__ = ["survey_report", "write_survey_page"]

HEADLINE_SIZE = 50
WORST_RHAT = 1.01
LEAST_ESS = 400
ALIKE = 1.2
MAIN_SLOPE = {"single": "beta", "joint": "beta_p", "mass-star": "beta_p"}
TITLES = {
    "single": "One response: abundance against mass",
    "joint": "Two responses: planets and stars together",
    "mass-star": "Abundance against mass and stellar metallicity",
}
LEADS = {
    "single": (
        "The planet's log abundance is a line in log mass with intrinsic scatter. Its slope is "
        "known the better, the wider the masses are spread: leverage L is all that counts.",
    ),
    "joint": (
        "Planet and host star each follow a line in the planet's log mass, and scatter together "
        "about both lines. Leverage sets the errors of both slopes; the intrinsic scatters and "
        "their correlation depend on the number of planets alone.",
    ),
    "mass-star": (
        "The planet's log abundance depends on its mass and on the true metallicity of its star, "
        "which is known with errors.",
    ),
}
PREFIXES = {"single": "", "joint": "met_", "mass-star": "mass_star_"}


def write_survey_page(
    path: str | Path,
    tables: Mapping[str, ResultTable] | Sequence[ResultTable],
    surveys: Iterable[Any],
    figures: Sequence[tuple[Path, str]],
    *,
    title: str = "How well surveys measure the trend",
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
) -> Path:
    """Write the page of a grid: tables of fits, their surveys, and what `write_figures` returned.

    `provenance` (catalogue, seed, settings, a time if wanted) stands at the end of the page,
    `warnings` (planets left out of the catalogue, sizes that were skipped) at its beginning.
    """
    report = survey_report(
        tables, surveys, figures, title=title, provenance=provenance, warnings=warnings
    )
    return write_page(report, path)


def survey_report(
    tables: Mapping[str, ResultTable] | Sequence[ResultTable],
    surveys: Iterable[Any],
    figures: Sequence[tuple[Path, str]],
    *,
    title: str = "How well surveys measure the trend",
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
) -> Report:
    """The page as a value, before it is written."""
    given = tables.values() if isinstance(tables, Mapping) else tables
    surveys = list(surveys)
    fits = [_known_scatter(read_fits(table), surveys) for table in given]
    pictures = _Pictures(figures, fits)
    count, sizes = len(surveys) or max((len(t.frame) for t in fits), default=0), _sizes(fits)
    lead = (
        f"{count} surveys of {sizes} planets, {_classes(fits)}: how well does each measure the "
        "trend of atmospheres with mass, and what decides it?"
    )
    sections = [
        _design_section(fits, surveys, pictures),
        *(_model_section(table, pictures) for table in fits),
        _posterior_section(pictures),
        _tables_section(fits),
    ]
    return Report(
        title=title,
        lead=lead,
        opening=(
            Answers(_answers(fits)),
            Warnings((*warnings, *_troubles(fits))),
        ),
        sections=tuple(section for section in sections if section.blocks),
        provenance={
            "errorbar": __version__,
            **_how_fitted(fits),
            **dict(provenance or {}),
        },
    )


class _Pictures:
    """Written figures by what they show, read when they are placed."""

    def __init__(self, figures: Sequence[tuple[Path, str]], fits: Sequence[FitTable]) -> None:
        self._figures = [(Path(path), caption, *figure_place(path)) for path, caption in figures]
        self._fits = {PREFIXES[table.model]: table for table in fits}

    def one(self, kind: str, title: str = "") -> tuple[Picture, ...]:
        """The figure of a kind, if it was drawn."""
        found = [(p, c, n) for p, c, k, n in self._figures if k == kind]
        return tuple(self._picture(path, caption, size, title) for path, caption, size in found[:1])

    def beginning(self, start: str) -> tuple[Picture, ...]:
        """All figures whose kind begins so."""
        return tuple(
            self._picture(path, caption, size, "")
            for path, caption, kind, size in self._figures
            if kind.startswith(start)
        )

    def by_size(self, kind: str, title: str) -> tuple[Gallery, ...]:
        """A gallery of one figure for each survey size, the headline's size first."""
        found = sorted((n, p, c) for p, c, k, n in self._figures if k == kind and n is not None)
        if not found:
            return ()
        pictures = tuple(self._picture(path, caption, n, "") for n, path, caption in found)
        sizes = [n for n, _, _ in found]
        first = sizes.index(_nearest(sizes, HEADLINE_SIZE))
        return (Gallery(title, pictures, first=first, choice="N ="),)

    def _picture(self, path: Path, caption: str, size: int | None, title: str) -> Picture:
        return Picture(
            png=path.read_bytes(),
            caption=caption,
            title=title,
            label="" if size is None else str(size),
            data=None if size is None else self._data(path, size),
            file_name=path.stem,
        )

    def _data(self, path: Path, size: int) -> pl.DataFrame | None:
        begin = next(b for b in ("met_", "mass_star_", "") if path.stem.startswith(b))
        table = self._fits.get(begin)
        if table is None:
            return None
        shown = ("mean", "hdi16", "hdi84") if "covariance" in path.stem else ("sd",)
        columns = [f"{name}_{s}" for name in table.parameters for s in shown]
        return table.at_size(size).frame.select("survey_id", "class_label", "N", "L_logM", *columns)


def _known_scatter(table: FitTable, surveys: list[Any]) -> FitTable:
    return add_total_scatter(table, surveys) if surveys else table


def _sizes(fits: Sequence[FitTable]) -> str:
    sizes = sorted({n for table in fits for n in table.sizes})
    if not sizes:
        return "no"
    return f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"


def _classes(fits: Sequence[FitTable]) -> str:
    found = list(dict.fromkeys(chain.from_iterable(t.frame["class_label"] for t in fits)))
    return f"class {found[0]}" if len(found) == 1 else f"classes {', '.join(sorted(found))}"


def _nearest(sizes: Sequence[int], wanted: int) -> int:
    return min(sizes, key=lambda size: (abs(size - wanted), size))


def _answers(fits: Sequence[FitTable]) -> tuple[Answer, ...]:
    """The slope with mass once, from the first table; then what each other model adds."""
    answers: list[Answer] = []
    for table in fits:
        if not table.sizes:
            continue
        if not answers:
            answers += _mass_slope_answers(table)
        if table.model == "joint":
            answers += [*_other_slope_answer(table), _correlation_answer(table)]
        if table.model == "mass-star":
            answers += _other_slope_answer(table)
    return tuple(answers)


def _mass_slope_answers(table: FitTable) -> list[Answer]:
    found = slope_answer(table, MAIN_SLOPE[table.model], _headline_size(table))
    if found is None:
        return []
    best, worst, unit = found.best, found.worst, found.quantity.unit
    words = found.quantity.words.removeprefix("sd of ")
    answers = [
        Answer(
            f"{best.sd:.3f} {unit}",
            f"is {found.quantity.plain}, the error of the {words} with mass, of a survey of "
            f"{found.planets} planets of class {best.label} (median of {best.surveys} surveys, "
            f"leverage {best.leverage:.1f} dex).",
        )
    ]
    if worst.label != best.label:
        answers.append(
            Answer(
                f"{worst.more_planets:.1f} times the planets",
                f"is what class {worst.label} needs to do as well as class {best.label}: with "
                f"{found.planets} planets its error is {worst.sd:.3f} {unit} (leverage "
                f"{worst.leverage:.1f} dex).",
            )
        )
    if "total" in table.frame.columns:
        check = closed_form_check(table, MAIN_SLOPE[table.model])
        answers.append(
            Answer(
                f"{check.median:.3f} σ_tot/L",
                f"is the median error of the slope in {len(check.ratio)} fits; 68 % lie between "
                f"{check.middle[0]:.3f} and {check.middle[1]:.3f}. Size, spread and scatter tell "
                "it before anything is observed.",
            )
        )
    return answers


def _other_slope_answer(table: FitTable) -> list[Answer]:
    found = slope_answer(table, "beta_s", _headline_size(table))
    if found is None:
        return []
    best, words = found.best, found.quantity.words.removeprefix("sd of ")
    # Mass does not decide how well the slope with metallicity is known, so classes hardly differ.
    equal = found.worst.sd < ALIKE * best.sd
    who = "whatever the class" if equal else f"of class {best.label}"
    return [
        Answer(
            f"{best.sd:.3f} {found.quantity.unit}",
            f"is {found.quantity.plain}, the error of the {words} ({table.model} model), of a "
            f"survey of {found.planets} planets, {who}.",
        )
    ]


def _correlation_answer(table: FitTable) -> Answer:
    size = table.sizes[-1]
    part = table.at_size(size)
    low, high = part.values("rho_hdi16"), part.values("rho_hdi84")
    away = int(((low > 0) | (high < 0)).sum())
    sd = float(np.median(part.values("rho_sd")))
    return Answer(
        f"ρ to ±{sd:.2f}",
        f"is what {size} planets tell of the correlation of both scatters, whatever their masses; "
        f"its {table.level:.0%} interval leaves out zero in {away} of {len(low)} surveys.",
    )


def _headline_size(table: FitTable) -> int:
    """The size near 50 that every class has."""
    labels = table.frame["class_label"].n_unique()
    per_size = table.frame.group_by("N").agg(pl.col("class_label").n_unique())
    common = per_size.filter(pl.col("class_label") == labels)["N"].to_list()
    return _nearest(common or table.sizes, HEADLINE_SIZE)


def _troubles(fits: Sequence[FitTable]) -> list[str]:
    words = list(chain.from_iterable(_model_troubles(table) for table in fits))
    double = [t.model for t in fits if any("intercept=reference" in p for p in soundness(t).priors)]
    if double:
        words.append(
            "The prior of the intercept is centred on the mean of the same data "
            f"(intercept=reference; model {', '.join(double)}): its intervals are too short. "
            "intercept=flat is the honest choice. Slopes are not concerned."
        )
    return words


def _model_troubles(table: FitTable) -> list[str]:
    found, model = soundness(table), table.model
    words: list[str] = []
    if found.left_out:
        words.append(
            f"{found.left_out} fits of the {model} model have no finite summary and are left out "
            f"of every figure: survey_id {_some(table.left_out['survey_id'].to_list())}."
        )
    words += [
        f"{count} fits of the {model} model ended with the status “{status}”."
        for status, count in found.troubled
    ]
    if found.worst_rhat is not None and found.worst_rhat > WORST_RHAT:
        words.append(
            f"The worst R-hat of the {model} model's chains is {found.worst_rhat:.3f}: above "
            f"{WORST_RHAT} they have not mixed."
        )
    if found.least_ess is not None and found.least_ess < LEAST_ESS:
        words.append(
            f"The least effective sample size of the {model} model is {found.least_ess:.0f}: below "
            f"{LEAST_ESS} ends of intervals are uncertain."
        )
    if found.divergences:
        words.append(f"The {model} model's chains diverged {found.divergences} times.")
    return words


def _some(numbers: list[Any]) -> str:
    shown = ", ".join(str(n) for n in numbers[:5])
    return shown + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")


def _how_fitted(fits: Sequence[FitTable]) -> dict[str, str]:
    lines: dict[str, str] = {}
    for table in fits:
        found = soundness(table)
        parts = [f"{found.fits} fits"]
        parts += [f"method {', '.join(found.methods)}"] if found.methods else []
        parts += [f"priors {'; '.join(found.priors)}"] if found.priors else []
        if found.worst_rhat is not None:
            parts.append(f"worst R-hat {found.worst_rhat:.3f}")
        lines[f"{table.model} model"] = ", ".join(parts)
    return lines


def _design_section(fits: Sequence[FitTable], surveys: list[Any], pictures: _Pictures) -> Section:
    source = surveys or next(iter(fits), None)
    blocks: list[Block] = []
    if source is not None and (surveys or not fits[0].frame.is_empty()):
        space = design_space(source)
        still = next(iter(pictures.one("design_space_N_with_L_contours")), None)
        blocks = [
            Text(
                (
                    "A survey has two numbers that matter: how many planets it holds, and how "
                    "widely their masses are spread. Together they are its leverage.",
                )
            ),
            interactive_design_space(space, leverage_contours(space), still),
        ]
    return Section("design", "Which surveys were tried", tuple(blocks))


def _model_section(table: FitTable, pictures: _Pictures) -> Section:
    begin = PREFIXES[table.model]
    blocks: list[Block] = [Text(LEADS[table.model])]
    blocks += pictures.one(f"{begin}closed_form", "The error of a slope is known without a fit")
    if table.model == "single":
        kind = "fixedN_sigma_vs_L_logM"
        blocks += pictures.by_size(kind, "At one survey size, only leverage counts")
    else:
        kind = f"{begin}fixedN_uncertainty_vs_L_logM"
        blocks += pictures.by_size(kind, "At one survey size, leverage sets the slopes")
        kind = f"{begin}fixedN_covariance_vs_L_logM"
        blocks += pictures.by_size(kind, "The intrinsic covariance does not care about leverage")
        blocks += _plane(table, pictures)
    blocks.append(_medians(table))
    blocks += pictures.one(f"{begin}common_pivot", "Intercepts need a common pivot")
    if any("leverage" in picture.file_name for picture in pictures.beginning(begin or "leverage")):
        blocks.append(
            Note(
                "Below, surveys of all sizes share one panel. A larger survey has more leverage "
                "too, so errors that follow N alone seem to follow leverage: only the slope's "
                "really does."
            )
        )
    blocks += pictures.one(f"{begin}leverage_panels_vs_L", "All surveys at once")
    blocks += pictures.one(f"{begin}leverage_panels_vs_N")
    return Section(table.model, TITLES[table.model], tuple(blocks))


def _plane(table: FitTable, pictures: _Pictures) -> tuple[Interactive, ...]:
    if table.frame.is_empty():
        return ()
    still = next(iter(pictures.one(f"{PREFIXES[table.model]}slope_plane")), None)
    return (interactive_slope_plane(slope_plane(table), still),)


def _medians(table: FitTable) -> Table:
    headings = {
        f"{name}_sd": posterior_sd(parameter_quantity(table.model, name)).plain
        for name in table.parameters
    }
    return Table(
        title="Medians over repeats",
        frame=class_medians(table),
        caption=(
            "Posterior standard deviations in dex, of slopes in dex per dex; leverage in dex. "
            "Click a heading to sort."
        ),
        file_name=f"{table.model}_medians.csv",
        headings={**headings, "L_dex": "L (dex)"},
    )


def _posterior_section(pictures: _Pictures) -> Section:
    found = pictures.beginning("posterior_")
    lead = Text(("What a single survey knows, in full.",))
    return Section("posterior", "One survey from inside", (lead, *found) if found else ())


def _tables_section(fits: Sequence[FitTable]) -> Section:
    blocks: list[Block] = []
    for table in fits:
        added = ("total", "total_star")
        shown = [f"{name}_{s}" for name in table.parameters for s in ("mean", "sd")]
        blocks.append(
            Table(
                title=f"Every fit of the {table.model} model",
                frame=table.frame.drop(added, strict=False),
                caption=(
                    "Means and standard deviations; the file has the "
                    f"{table.level:.0%} highest-density intervals and all other columns too."
                ),
                file_name=f"{table.model}_fits.csv",
                headings={"class_label": "class", "L_logM": "L (dex)"},
                visible=("survey_id", "class_label", "N", "L_logM", *shown),
                folded=True,
            )
        )
    return Section("tables", "All numbers", tuple(blocks))
