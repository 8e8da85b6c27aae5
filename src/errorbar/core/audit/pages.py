"""The page of an audit: the verdict, what it rests on, what would mend it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from errorbar import __version__
from errorbar.core.audit.numbers import IntervalAudit
from errorbar.core.audit.plots import AuditFigure, audit_figures
from errorbar.core.audit.probabilities import ProbabilityAudit
from errorbar.core.audit.tables import percent
from errorbar.core.report import (
    Answer,
    Answers,
    Block,
    Note,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
    write_page,
)

__all__ = ["audit_report", "write_audit_page"]

HEADINGS = {
    "by": "by", "slice": "where", "low": "95 % from", "high": "to", "exact_low": "exact from",
    "exact_high": "to ", "expected": "if true", "chance_corrected": "corrected chance",
    "log_score": "log score", "interval_score": "interval score", "gain_error": "± of gain",
    "chosen_in_folds": "chosen in folds of 5", "change_error": "± of change",
}  # fmt: skip


def write_audit_page(
    audit: IntervalAudit | ProbabilityAudit,
    path: str | Path,
    *,
    title: str = "Are these error bars true?",
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    figures: Sequence[AuditFigure] | None = None,
) -> Path:
    """Write one HTML file that holds the whole audit; `figures` are drawn anew without."""
    report = audit_report(
        audit, title=title, provenance=provenance, warnings=warnings, figures=figures
    )
    return write_page(report, path)


def audit_report(
    audit: IntervalAudit | ProbabilityAudit,
    *,
    title: str = "Are these error bars true?",
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
    figures: Sequence[AuditFigure] | None = None,
) -> Report:
    """The page as a value, before it is written."""
    drawn = audit_figures(audit) if figures is None else figures
    verdict = audit.verdict
    pictures = [
        Picture(each.png, each.caption, each.title, data=each.data, file_name=each.name)
        for each in drawn
    ]
    groups = "" if audit.groups == audit.rows else f" of {audit.groups:,} groups"
    opening: tuple[Block, ...] = (Note(verdict.words), Answers(tuple(_answers(audit))))
    told = (*warnings, *([audit.mend.note] if audit.mend.note else []))
    if told:
        opening = (*opening, Warnings(told))
    sections = [
        Section("claims", "Claims and truths", (*pictures[:1], _overall(audit))),
        Section("slices", "By slice", (*pictures[1:], *_slices(audit))),
        Section("mend", "What would mend it", tuple(_mending(audit))),
        Section("questions", "All questions that were asked", (_questions(audit),)),
    ]
    if isinstance(audit, ProbabilityAudit):
        by_class = Section("classes", "By class", (_wide(audit.classes, "Every class"),))
        sections.insert(1, by_class)
    return Report(
        title=title,
        lead=f"{audit.rows:,} rows{groups} of predictions beside their truths.",
        opening=opening,
        sections=tuple(section for section in sections if section.blocks),
        provenance={
            "errorbar": __version__,
            "false alarms": f"at most {verdict.alpha:.0%} of audits of true claims, all "
            f"{verdict.questions.height} questions together (Holm)",
            "tolerance": f"{verdict.tolerance:g}: smaller deviations are called no fault",
            **dict(provenance or {}),
        },
    )


def _answers(audit: IntervalAudit | ProbabilityAudit) -> list[Answer]:
    found = [
        Answer(
            "no fault" if audit.verdict.passed else _kind(audit),
            f"in {audit.verdict.questions.height} questions asked together.",
        )
    ]
    if isinstance(audit, ProbabilityAudit):
        row = _row(audit.overall, "ece")
        claim, right = audit.value("confidence"), audit.value("accuracy")
        return [
            *found,
            Answer(f"{100 * right:.1f} %", f"of likeliest classes are right; {claim:.1%} claimed."),
            Answer(
                f"{row['value']:.3f}",
                f"is the calibration error (ECE); chance alone makes {row['expected']:.3f}.",
            ),
        ]
    level = min(audit.levels, key=lambda one: abs(one - 0.9))
    row = _row(audit.overall, f"coverage_{percent(level)}")
    found.append(
        Answer(
            f"{100 * row['value']:.1f} %",
            f"of truths lie in their {100 * level:g} % intervals ({100 * row['low']:.1f} to "
            f"{100 * row['high']:.1f}).",
        )
    )
    if audit.z is not None:
        row = _row(audit.overall, "z_sd")
        found.append(
            Answer(
                f"{row['value']:.2f}",
                f"is the spread of truths in claimed error bars ({row['low']:.2f} to "
                f"{row['high']:.2f}); 1 if they are true.",
            )
        )
    return found


def _kind(audit: IntervalAudit | ProbabilityAudit) -> str:
    faults = audit.verdict.faults
    if not faults:
        return "too few rows"
    kind = f"class {faults[0].of}" if faults[0].of else faults[0].kind
    return kind if len(faults) == 1 else f"{kind}, and {len(faults) - 1} more"


def _row(table: pl.DataFrame, quantity: str) -> dict[str, float]:
    return table.filter(pl.col("quantity") == quantity).row(0, named=True)


def _overall(audit: IntervalAudit | ProbabilityAudit) -> Table:
    frame = audit.overall.drop("by", "slice", "rows", "groups")
    empty = [name for name in frame.columns if frame[name].is_null().all()]
    return Table(
        "All rows", frame.drop(empty),
        "95 % intervals are from whole groups drawn again; exact ones are Clopper and Pearson's.",
        "overall.csv", HEADINGS,
    )  # fmt: skip


def _slices(audit: IntervalAudit | ProbabilityAudit) -> list[Block]:
    names = audit.slices["by"].unique(maintain_order=True).to_list()
    return [_wide(audit.slices.filter(pl.col("by") == name), f"By {name}") for name in names]


def _wide(table: pl.DataFrame, title: str) -> Table:
    """A row for each level, a column for each quantity; the download is the long table."""
    head = table.group_by("slice", maintain_order=True).agg(pl.col("rows").first())
    wide = table.pivot("quantity", index="slice", values="value", maintain_order=True)
    shown = [name for name in wide.columns if name != "slice"]
    frame = head.join(wide, on="slice", how="left", maintain_order="left")
    return Table(
        title, frame.select("slice", "rows", *shown), "", f"{title.lower().replace(' ', '_')}.csv",
        HEADINGS | {name: name.replace("_", " ") for name in shown},
    )  # fmt: skip


def _mending(audit: IntervalAudit | ProbabilityAudit) -> list[Block]:
    mend = audit.mend
    apart = audit.verdict.apart
    found: list[Block] = [Text((mend.recalibration.words(),)), *([Note(apart)] if apart else [])]
    if not mend.compared.is_empty():
        found.append(
            Table(
                "Before and after, on held-out rows", mend.compared,
                "Whole groups that had no part in the choice or the fit.",
                "before_after.csv", HEADINGS,
            )
        )  # fmt: skip
    if not mend.candidates.is_empty():
        found.append(
            Table(
                "What was tried", mend.candidates,
                "Cross-validated by group; the gain is over claims as they are, and is asked to be "
                "twice its own error.",
                "recalibrations.csv", HEADINGS,
            )
        )  # fmt: skip
    return found


def _questions(audit: IntervalAudit | ProbabilityAudit) -> Table:
    frame = audit.verdict.questions
    empty = [name for name in ("class",) if (frame[name] == "").all()]
    return Table(
        "Questions of the first round", frame.drop(empty),
        "The chance is that of a deviation as large if claims are true, and beside it corrected "
        "for all questions. The size is in claimed sd for a bias, a logarithm for a width, a "
        "temperature or a class.",
        "questions.csv", HEADINGS, folded=True,
    )  # fmt: skip
