"""One page of an evaluation, and its numbers as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from errorbar import __version__
from errorbar.core.report import (
    Answer,
    Answers,
    Block,
    Note,
    Picture,
    Report,
    Section,
    Table,
    Warnings,
    write_page,
)
from errorbar.platform.evaluate.classes import ClassEvaluation
from errorbar.platform.evaluate.numbers import NumberEvaluation

__all__ = ["evaluation_json", "write_evaluation_json", "write_evaluation_page"]

HEADINGS = {"by": "by", "slice": "where", "low": "95 % from", "high": "to", "value": "found"}
SHOWN = ("rows", "groups", "quantity", "value", "low", "high")
WORDS = {
    "accuracy": "of rows are called right.",
    "macro_f1": "is the mean F1 of classes.",
    "rmse": "is the root mean square error.",
    "robust_sigma": "is the robust sigma of errors.",
}


def evaluation_json(value: ClassEvaluation | NumberEvaluation) -> dict[str, Any]:
    """All numbers of an evaluation as plain values; what is no number is null."""
    found: dict[str, Any] = {
        "rows": value.rows, "groups": value.groups, "scores": value.scores.to_dicts(),
    }  # fmt: skip
    audit = value.audit
    if audit is not None:
        found["calibration"] = {
            "verdict": audit.verdict.words, "passed": audit.verdict.passed,
            "overall": audit.overall.to_dicts(), "slices": audit.slices.to_dicts(),
        }  # fmt: skip
    if isinstance(value, ClassEvaluation):
        found |= {
            "classes": value.classes.to_dicts(), "names": list(value.names),
            "confusion": value.confusion.tolist(), "sets": value.sets.to_dicts(),
        }  # fmt: skip
        if value.before is not None:
            found["before_calibration"] = value.before.overall.to_dicts()
    else:
        found["name"] = value.name
    return _plain(found)


def write_evaluation_json(value: ClassEvaluation | NumberEvaluation, path: str | Path) -> Path:
    """The same in a file, with sorted keys."""
    text = json.dumps(evaluation_json(value), indent=1, sort_keys=True, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")
    return Path(path)


def write_evaluation_page(
    value: ClassEvaluation | NumberEvaluation,
    path: str | Path,
    *,
    title: str = "How good are these predictions?",
    provenance: Mapping[str, str] | None = None,
    warnings: Sequence[str] = (),
) -> Path:
    """Write one HTML file that holds the whole evaluation."""
    from errorbar.platform.evaluate.plots import class_figures, number_figures

    classes = isinstance(value, ClassEvaluation)
    figures = class_figures(value) if isinstance(value, ClassEvaluation) else number_figures(value)
    pictures = {
        each.name: Picture(each.png, each.caption, each.title, data=each.data, file_name=each.name)
        for each in figures
    }
    opening: list[Block] = [Answers(tuple(_answers(value)))]
    if value.audit is not None:
        opening.insert(0, Note(value.audit.verdict.words))
    if warnings:
        opening.append(Warnings(tuple(warnings)))
    sections = [
        Section("scores", "All rows", (_overall(value), *_some(pictures, "points"))),
        *(_class_sections(value, pictures) if isinstance(value, ClassEvaluation) else ()),
        Section("slices", "By slice", (*_some(pictures, "scores_", "slice_"), *_slices(value))),
        Section(
            "calibration", "Are the claims true?",
            tuple(_some(pictures, "calibrated", "reliability", "calibration")),
        ),
    ]  # fmt: skip
    groups = "" if value.groups == value.rows else f" of {value.groups:,} groups"
    report = Report(
        title=title,
        lead=f"{value.rows:,} rows{groups} that nothing was fitted to"
        + (f", {len(value.names)} classes." if isinstance(value, ClassEvaluation) else "."),
        opening=tuple(opening),
        sections=tuple(section for section in sections if section.blocks),
        provenance={
            "errorbar": __version__,
            "intervals": "95 %, whole groups drawn again",
            "kind": "classes" if classes else "numbers",
            **dict(provenance or {}),
        },
    )
    return write_page(report, path)


def _class_sections(value: ClassEvaluation, pictures: Mapping[str, Picture]) -> list[Section]:
    sets = value.sets
    blocks: list[Block] = []
    if sets.height:
        blocks = [
            *_some(pictures, "sets_"),
            Table(
                "Prediction sets", sets,
                "Coverage with exact 95 % intervals, and the band that the calibration rows allow; "
                "mean size, and shares of empty sets and of sets of one.",
                "sets.csv", HEADINGS,
            ),
        ]  # fmt: skip
    wide = value.classes.pivot(
        "quantity", index=["slice", "support"], values="value", maintain_order=True
    )
    table = Table(
        "Every class", wide, "The download has 95 % intervals of each.", "classes.csv", HEADINGS
    )
    own: tuple[Block, ...] = (*_some(pictures, "confusion", "curves"), table)
    return [Section("classes", "By class", own), Section("sets", "Sets", tuple(blocks))]


def _answers(value: ClassEvaluation | NumberEvaluation) -> list[Answer]:
    wanted = ("accuracy", "macro_f1") if isinstance(value, ClassEvaluation) else (
        "rmse", "robust_sigma"
    )  # fmt: skip
    found: list[Answer] = []
    for name in wanted:
        chosen = (pl.col("by") == "") & (pl.col("quantity") == name)
        row = value.scores.filter(chosen).row(0, named=True)
        span = f" ({row['low']:.4g} to {row['high']:.4g})" if row["low"] is not None else ""
        found.append(Answer(f"{row['value']:.4g}", f"{WORDS[name][:-1]}{span}."))
    return found


def _overall(value: ClassEvaluation | NumberEvaluation) -> Table:
    frame = value.scores.filter(pl.col("by") == "").select("quantity", "value", "low", "high")
    return Table("Scores", frame, "", "scores.csv", HEADINGS)


def _slices(value: ClassEvaluation | NumberEvaluation) -> list[Block]:
    found: list[Block] = []
    for by in value.scores["by"].unique(maintain_order=True):
        if by:
            part = value.scores.filter(pl.col("by") == by).select("slice", *SHOWN)
            found.append(Table(f"By {by}", part, "", f"by_{by}.csv", HEADINGS, folded=True))
    return found


def _some(pictures: Mapping[str, Picture], *starts: str) -> list[Picture]:
    return [each for name, each in pictures.items() if name.startswith(starts)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
