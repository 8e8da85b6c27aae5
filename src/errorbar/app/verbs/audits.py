"""Are the error bars, or the probabilities, of a table true?"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar import __version__
from errorbar.app.verbs.audit_columns import (
    ClaimColumns,
    find_columns,
    read_claim_table,
    take_numbers,
)
from errorbar.app.verbs.output import check_folder, staged
from errorbar.app.verbs.report import check_figures_possible
from errorbar.core.audit import (
    IntervalAudit,
    ProbabilityAudit,
    Verdict,
    audit_intervals,
    audit_probabilities,
)
from errorbar.core.errors import SettingsError, TableError

__all__ = ["AuditAnswer", "audit"]


@dataclass(frozen=True, slots=True, eq=False)
class AuditAnswer:
    """The verdict of an audit, its tables, and its files on disk.

    `notes` say which columns were guessed and which rows were left out. `recalibration` says what
    would mend the claims, `compared` what that does to held-out rows.
    """

    rows: int
    groups: int
    verdict: Verdict
    overall: pl.DataFrame
    recalibration: str
    compared: pl.DataFrame
    notes: tuple[str, ...]
    files: dict[str, Path]
    figures: tuple[Path, ...]

    @property
    def passed(self) -> bool:
        """Whether something could be asked, and no fault was found."""
        return self.verdict.passed


def audit(
    table: Path | str,
    *,
    truth: str | None = None,
    mean: str | None = None,
    sd: str | None = None,
    sd_minus: str | None = None,
    sd_plus: str | None = None,
    lower: str | None = None,
    upper: str | None = None,
    level: float | None = None,
    quantiles: Sequence[str] | None = None,
    prob: str | None = None,
    slices: Sequence[str] = (),
    group: str | None = None,
    id: str | None = None,
    out: Path | str = "audit",
    alpha: float = 0.05,
    tolerance: float = 0.02,
    bins: int = 5,
    drop_missing: bool = False,
    figures: bool = True,
    seed: int = 0,
) -> AuditAnswer:
    """Audit predictions with error bars or probabilities, from any code, as CSV or Parquet.

    Columns that are not named are guessed by usual names, and told in `notes`; where two fit, say
    one. `prob` is the prefix of columns of probabilities, one for each class. `group` names rows
    that share their errors (stars, runs), `id` names rows in the list of the worst ones.
    `drop_missing` leaves out rows with a missing truth or claim, and counts them. Files go to the
    folder `out`: `audit.json`, `slices.csv`, `recalibration.json`, `worst.csv`, figures, and the
    page `audit.html`.
    """
    if figures:
        check_figures_possible()
    folder = check_folder(out)
    frame = read_claim_table(table)
    said = {
        "truth": truth, "mean": mean, "sd": sd, "sd_minus": sd_minus, "sd_plus": sd_plus,
        "lower": lower, "upper": upper,
    }  # fmt: skip
    columns = find_columns(frame.columns, said, quantiles, prob)
    others = [name for name in (*slices, group, id) if name is not None]
    for name in others:
        if name not in frame.columns:
            raise TableError(
                f"there is no column {name!r} in {table}; there are {', '.join(frame.columns)}."
            )
    if "lower" in columns.roles and level is None:
        raise SettingsError("an interval claims a probability: say it, such as --level 0.9.")
    notes = _told(columns)
    frame = take_numbers(frame, columns.numbers, str(table))
    frame = _complete(frame, columns, group, drop_missing, str(table), notes)
    options: dict[str, Any] = {
        "slices": {name: frame[name] for name in slices},
        "groups": None if group is None else frame[group],
        "alpha": alpha, "tolerance": tolerance, "bins": bins, "seed": seed,
    }  # fmt: skip
    value, score = _audited(frame, columns, level, options)
    worst = _worst(frame, columns, id, score)
    return _write(folder, value, columns, level, worst, notes, Path(table).name, figures)


def _audited(
    frame: pl.DataFrame, columns: ClaimColumns, level: float | None, options: dict[str, Any]
) -> tuple[IntervalAudit | ProbabilityAudit, pl.Series]:
    truth = frame[columns.roles["truth"]]
    if columns.classes:
        names = list(columns.classes.values())
        probs = frame.select(names)
        value = audit_probabilities(truth, probs.to_numpy(), list(columns.classes), **options)
        own = pl.coalesce(
            pl.when(truth.cast(pl.String) == label).then(pl.col(name))
            for label, name in columns.classes.items()
        )
        return value, -frame.select(own.alias("score"))["score"].log()
    from errorbar.core.audit import read_claims
    from errorbar.core.audit.scores import normal_scores

    parts: dict[str, Any] = {role: frame[name].to_numpy() for role, name in columns.roles.items()}
    if columns.quantiles:
        parts["quantiles"] = {at: frame[name].to_numpy() for at, name in columns.quantiles.items()}
    if "lower" in parts:
        parts["level"] = level
    value = audit_intervals(**parts, **options)
    claims = read_claims(**parts)
    if claims.whole:
        score = abs(normal_scores(claims))
    else:
        low, high = claims.ends[:, 0], claims.ends[:, -1]
        half = (high - low) / 2
        score = abs(claims.truth - low - half) / half.clip(1e-300)
    return value, pl.Series("score", score)


def _told(columns: ClaimColumns) -> list[str]:
    notes = [
        f"{role}: column {columns.roles[role]!r}, guessed by its name"
        for role in columns.guessed
        if role in columns.roles
    ]
    if "quantiles" in columns.guessed:
        notes.append(f"quantiles: columns {', '.join(columns.quantiles.values())}, guessed")
    if "probabilities" in columns.guessed:
        notes.append(f"probabilities: columns {', '.join(columns.classes.values())}, guessed")
    return notes


def _complete(
    frame: pl.DataFrame,
    columns: ClaimColumns,
    group: str | None,
    drop: bool,
    where: str,
    notes: list[str],
) -> pl.DataFrame:
    used = dict.fromkeys([columns.roles["truth"], *columns.numbers])
    if group is not None:
        used[group] = None
    missing = {name: int(frame[name].null_count()) for name in used}
    missing = {name: count for name, count in missing.items() if count}
    if not missing:
        return frame
    told = ", ".join(f"{count} of {name!r}" for name, count in missing.items())
    name = next(iter(missing))
    if not drop:
        first = int(frame[name].is_null().arg_max() or 0)
        raise TableError(
            f"{where} has {frame.height} rows and misses values ({told}), first at row {first} of "
            f"{name!r}: fill them in, or leave such rows out with --drop-missing."
        )
    kept = frame.drop_nulls(list(used))
    notes.append(f"left out: {frame.height - kept.height} of {frame.height} rows ({told} missing)")
    if kept.is_empty():
        raise TableError(f"{where} has no row with all of {', '.join(map(repr, used))}.")
    return kept


def _worst(
    frame: pl.DataFrame, columns: ClaimColumns, id: str | None, score: pl.Series, count: int = 50
) -> pl.DataFrame:
    """The rows farthest from their claims: in error bars, half widths, or by their log score."""
    name = "log_score" if columns.classes else (
        "error_bars_away" if "mean" in columns.roles else "half_widths_away"
    )  # fmt: skip
    shown = [] if id is None else [id]
    shown += [columns.roles["truth"], *(n for n in columns.numbers if n != columns.roles["truth"])]
    rows = frame.select(list(dict.fromkeys(shown))).with_row_index("row")
    return rows.with_columns(score.alias(name)).top_k(count, by=name)


def _write(
    folder: Path,
    value: IntervalAudit | ProbabilityAudit,
    columns: ClaimColumns,
    level: float | None,
    worst: pl.DataFrame,
    notes: list[str],
    source: str,
    figures: bool,
) -> AuditAnswer:
    files = {
        name: folder / name
        for name in ("audit.json", "slices.csv", "recalibration.json", "worst.csv")
    }
    tables = [value.overall, value.slices]
    if isinstance(value, ProbabilityAudit):
        tables.append(value.classes)
    roles = {
        "roles": {role: name for role, name in columns.roles.items() if role != "truth"},
        "quantiles": {str(at): name for at, name in columns.quantiles.items()},
        "classes": dict(columns.classes),
        "level": level,
    }
    drawn: tuple[Path, ...] = ()
    with staged(folder) as part:
        _put(part / "audit.json", {
            "errorbar": __version__, "table": source, "rows": value.rows, "groups": value.groups,
            "columns": {**roles, "truth": columns.roles["truth"]}, "notes": notes,
            "verdict": value.verdict.to_dict(), "overall": value.overall.to_dicts(),
            "recalibration": {
                "kind": value.mend.recalibration.kind,
                "words": value.mend.recalibration.words(),
                "before_after": value.mend.compared.to_dicts(),
            },
            "questions": value.verdict.questions.to_dicts(),
        })  # fmt: skip
        pl.concat(tables).write_csv(part / "slices.csv")
        _put(part / "recalibration.json", {
            "type": "AuditRecalibration", "format": 1, "columns": roles,
            "recalibration": value.mend.recalibration.to_dict(),
        })  # fmt: skip
        worst.write_csv(part / "worst.csv")
        if figures:
            from errorbar.core.audit.pages import write_audit_page
            from errorbar.core.audit.plots import audit_figures, write_audit_figures

            made = audit_figures(value)
            paths = write_audit_figures(made, part / "figures")
            drawn = tuple(folder / "figures" / path.name for path in paths)
            write_audit_page(
                value, part / "audit.html", title=f"Are the claims of {source} true?",
                provenance={"table": source, "columns": _in_words(columns)}, warnings=notes,
                figures=made,
            )  # fmt: skip
            files["audit.html"] = folder / "audit.html"
    return AuditAnswer(
        value.rows, value.groups, value.verdict, value.overall, value.mend.recalibration.words(),
        value.mend.compared, tuple(notes), files, drawn,
    )  # fmt: skip


def _in_words(columns: ClaimColumns) -> str:
    parts = [f"{role} = {name}" for role, name in columns.roles.items()]
    parts += [f"{100 * at:g} % = {name}" for at, name in columns.quantiles.items()]
    return ", ".join([*parts, *columns.classes.values()])


def _put(path: Path, payload: dict[str, Any]) -> None:
    path.write_text(json.dumps(_plain(payload), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
