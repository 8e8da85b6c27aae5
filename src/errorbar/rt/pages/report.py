"""The report of predicted times: answers first, then tables and figures, as one page or one PDF."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from errorbar.core.report import (
    Answers,
    Block,
    Picture,
    Report,
    Section,
    Text,
    Warnings,
    write_page,
)
from errorbar.rt.evaluate import Evaluation
from errorbar.rt.pages.tables import model_tables, on_paper, slice_tables, support_tables
from errorbar.rt.pages.words import answers, lead, provenance_of, troubles
from errorbar.rt.plots import (
    NamedFigure,
    PaperTable,
    evaluation_figures,
    make_table_pages,
    make_word_pages,
    write_pdf,
)

__all__ = ["rt_report", "write_rt_page", "write_rt_pdf"]

TITLE = "How well retention times are predicted"
BANDS = (
    "Grey bands are for independent rows. Rows of one run share its drift, so that true claims "
    "leave the bands more often than they say."
)


def write_rt_page(
    path: str | Path,
    value: Evaluation,
    *,
    title: str = TITLE,
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    figures: Sequence[NamedFigure] | None = None,
) -> Path:
    """Write one HTML file that holds the whole report.

    `provenance` (data, split, seed, settings) stands at its end, `warnings` at its beginning.
    `figures` are those of `write_figures`, drawn anew without.
    """
    report = rt_report(
        value, title=title, provenance=provenance, warnings=warnings, figures=figures
    )
    return write_page(report, path)


def write_rt_pdf(
    path: str | Path,
    value: Evaluation,
    *,
    title: str = TITLE,
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    figures: Sequence[NamedFigure] | None = None,
) -> Path:
    """Write the same report as one PDF; the same evaluation gives the same bytes."""
    found = [f"{answer.value} {answer.words}" for answer in answers(value)]
    told = [f"– {words}" for words in (*warnings, *troubles(value))]
    lines = [f"{name}: {what}" for name, what in provenance_of(value, provenance).items()]
    tables = [*model_tables(value), *support_tables(value), *slice_tables(value)]
    pages = [
        *make_word_pages([
            (title, [lead(value), *found]),
            *([("Before you trust these numbers", told)] if told else []),
            ("Where these numbers come from", lines),
        ]),
        *make_table_pages([PaperTable(t.title, on_paper(t, value), t.caption) for t in tables]),
        *(each.figure for each in (evaluation_figures(value) if figures is None else figures)),
    ]  # fmt: skip
    return write_pdf(pages, path, title=title)


def rt_report(
    value: Evaluation,
    *,
    title: str = TITLE,
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    figures: Sequence[NamedFigure] | None = None,
) -> Report:
    """The page as a value, before it is written."""
    figures = evaluation_figures(value) if figures is None else figures
    true = _pictures(figures, "calibration_")
    sections = (
        Section("models", "The models side by side", tuple(model_tables(value))),
        Section(
            "support",
            "By support",
            (*_pictures(figures, "support_"), *support_tables(value)),
        ),
        Section(
            "slices", "By other slices", (*_pictures(figures, "slice_"), *slice_tables(value))
        ),
        Section("calibration", "Are the intervals true?", (Text((BANDS,)), *true) if true else ()),
        Section("times", "Times, runs and compounds", _pictures(figures, "times_")),
    )  # fmt: skip
    return Report(
        title=title,
        lead=lead(value),
        opening=(Answers(tuple(answers(value))), Warnings((*warnings, *troubles(value)))),
        sections=tuple(section for section in sections if section.blocks),
        provenance=provenance_of(value, provenance),
    )


def _pictures(figures: Sequence[NamedFigure], begin: str) -> tuple[Block, ...]:
    return tuple(
        Picture(
            png=each.png,
            caption=each.caption,
            title=each.title,
            data=each.data,
            file_name=each.name,
        )
        for each in figures
        if each.name.startswith(begin)
    )
