"""Tables, figures and a page of each study, in a folder: `index.html`, `tables/`, `figures/`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from errorbar import __version__
from errorbar.core.plots import png_bytes, write_figure
from errorbar.core.report import (
    Answer,
    Answers,
    Block,
    Picture,
    Report,
    Section,
    Table,
    Text,
    Warnings,
    write_page,
)
from errorbar.rt.evaluate import ALL
from errorbar.rt.plots import NamedFigure
from errorbar.rt.studies.figures import rare_figures, shift_figures, tail_figures
from errorbar.rt.studies.rare import RareStudy
from errorbar.rt.studies.shift import ShiftStudy
from errorbar.rt.studies.tails import POOLED, TailStudy

__all__ = ["write_rare", "write_shift", "write_tails"]

PAGE = "index.html"
HEADINGS = {
    "anchors": "anchors", "bin": "far-ness", "method": "method", "mae": "MAE (min)",
    "se": "± over replicates", "low": "95 % low", "high": "95 % high", "rmse": "RMSE (min)",
    "replicates": "replicates", "percent": "difference (%)", "hierarchy": "hierarchy (min)",
    "lasso": "lasso (min)", "log_posterior": "log posterior", "cpu_seconds": "CPU (s)",
    "growth": "widening", "chosen": "used", "rows_train": "training rows",
    "rows_test": "test rows", "worst": "found", "at_most": "at most", "reached": "reached",
    "coverage": "coverage of 95 %", "width": "width (min)", "more_likely": "log posterior gained",
    "cost": "times the cost", "at_least": "at least (%)", "low_runs": "95 % low, by run",
    "high_runs": "95 % high, by run", "slice": "rows of", "scales_found": "scales",
}  # fmt: skip


def write_shift(study: ShiftStudy, out: str | Path) -> Path:
    """The study of covariate shift in the folder `out`; gives the page."""
    figures = shift_figures(study)
    tables = [
        _table("Targets", study.targets, "What was asked, and the worst that was found."),
        _table("Errors by far-ness", study.bins, "Means over replicates."),
        _table(
            "The hierarchy against the cluster × compound lasso", study.gains,
            "Difference of MAE in percent of the lasso's, on rows that both score; negative where "
            "the hierarchy errs less.",
        ),
        _table(
            "Anchors against none", study.anchoring,
            "Difference of the hierarchy's MAE in percent of that without anchors, same rows.",
        ),
        _table("Fits", study.fits, "What training says of each candidate; the likelier predicts."),
        _table("Every replicate", study.scores, "", folded=True),
    ]  # fmt: skip
    whole = study.gains.filter(pl.col("bin") == ALL).row(0, named=True)
    words = (
        f"is what the hierarchy errs than the cluster × compound lasso on far runs "
        f"({whole['hierarchy']:.3g} against {whole['lasso']:.3g} min, no anchors)."
    )
    answers = [Answer(_change(whole["percent"]), words)]
    answers += [
        Answer(_change(row["percent"]), f"is what it errs with {row['anchors']} anchors than none.")
        for row in study.anchoring.filter(pl.col("bin") == ALL).iter_rows(named=True)
    ]
    missed = study.targets.filter(~pl.col("reached"))["target"].to_list()
    return _write(
        out,
        "Far from the training runs",
        "Runs whose internal standards lie far from those of any other run are predicted from the "
        f"near ones, in {len(study.settings.seeds)} made tables.",
        answers,
        [f"A target was not reached: {words}." for words in missed],
        tables,
        figures,
        study.settings.plain(),
    )


def write_tails(study: TailStudy, out: str | Path) -> Path:
    """The study of tails in the folder `out`; gives the page."""
    names = {"bin": "training peaks of the pair", "model": "model"}
    held = pl.col("n_obs_test") > 0
    by_support = study.scores.filter((pl.col("by") == "support") & held)
    tables = [
        _table(
            "Differences on the same rows", study.evaluation.paired,
            "Mean absolute error less that of the pooled model, in minutes; runs left out one by "
            "one.",
        ),
        _table("All rows that each can score", study.alone, "", headings=names),
        _table("Scores by support", by_support, "Rows that all three score.", headings=names),
        _table("The worst pairs", study.tails.filter(held), "Group RMSE, minutes.", headings=names),
        _table("Cost", study.costs, "CPU seconds of fitting and predicting."),
    ]  # fmt: skip
    whole = study.tails.filter(pl.col("bin") == ALL)
    answers = [
        Answer(
            f"{row['group_rmse_p90']:.3g} min",
            f"is the 90th percentile of the RMSE of pairs by {row['model']}, "
            f"{row['group_rmse_p99']:.3g} min the 99th.",
        )
        for row in whole.iter_rows(named=True)
    ]
    return _write(
        out,
        "Errors in the tails of three groupings",
        f"{study.rows_train:,} peaks train, {study.rows_test:,} test. Supercategory ridge and "
        "species ridge are the reference's groupings without pooling.",
        answers,
        _unscored(study),
        tables,
        tail_figures(study),
        study.settings.plain(),
    )


def _unscored(study: TailStudy) -> list[str]:
    part = study.alone.filter((pl.col("model") != POOLED) & (pl.col("share_scored") < 1))
    return [
        f"{row['model']} cannot predict {100 * (1 - row['share_scored']):.2g} % of the test rows, "
        "whose pair it never saw."
        for row in part.iter_rows(named=True)
    ]


def write_rare(study: RareStudy, out: str | Path) -> Path:
    """The study of rare pairs in the folder `out`; gives the page."""
    figures = rare_figures(study)
    means = study.scores.group_by(["table", "arm", "slice"], maintain_order=True).agg(
        pl.col("rows", "mae", "rmse", "coverage", "width", "log_posterior", "cpu_seconds").mean()
    )
    gain = {"percent": "error saved (%)"}
    tables = [
        _table("Verdicts", study.verdicts, "Of the arms with heads the likeliest in training is "
               "judged.", headings=gain),
        _table("Every arm against the model without heads", study.gains, "Error saved on rare "
               "pairs; intervals over replicates, and with runs left out one by one.",
               headings=gain),
        _table("Errors", means, "Means over replicates."),
        _table("Every replicate", study.scores, "", folded=True),
    ]  # fmt: skip
    answers = [
        Answer(
            "adopt" if row["adopt"] else "do not adopt",
            f"is the verdict on {row['table']}: {row['candidate']} saves {row['percent']:.2g} % of "
            f"the error on rare pairs (at least {row['at_least']:.2g} %) at {row['cost']:.2g} "
            f"times the cost{'; ' + row['against'] if row['against'] else ''}.".replace(
                " -", " \N{MINUS SIGN}"
            ),
        )
        for row in study.verdicts.iter_rows(named=True)
    ]
    return _write(
        out,
        "Species × chemistry on rare pairs",
        f"Do species respond to chemistry in their own way, judged on pairs with at most "
        f"{study.settings.most} training rows?",
        answers,
        [],
        tables,
        figures,
        study.settings.plain(),
    )


def _write(
    out: str | Path,
    title: str,
    lead: str,
    answers: Sequence[Answer],
    warnings: Sequence[str],
    tables: Sequence[Table],
    figures: Sequence[NamedFigure],
    settings: Mapping[str, Any],
) -> Path:
    folder = _folder(out)
    for table in tables:
        table.frame.write_csv(folder / "tables" / table.file_name)
    pictures: list[Block] = []
    for each in figures:
        write_figure(each.figure, folder / "figures" / each.name)
        pictures.append(
            Picture(
                png_bytes(each.figure), each.caption, title=each.title, data=each.data,
                file_name=each.name,
            )
        )  # fmt: skip
    _settings(folder, settings)
    opening: list[Block] = [Answers(tuple(answers))]
    if warnings:
        opening.append(Warnings(tuple(warnings)))
    plain = tuple(f"{name}: {_shown(value)}" for name, value in settings.items())
    report = Report(
        title=title,
        lead=lead,
        opening=tuple(opening),
        sections=(
            Section("figures", "Figures", tuple(pictures)),
            Section("tables", "Tables", tuple(tables)),
            Section("settings", "Settings", (Text(plain),)),
        ),
        provenance={"errorbar": __version__},
    )
    return write_page(report, folder / PAGE)


def _folder(out: str | Path) -> Path:
    folder = Path(out)
    for name in ("tables", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def _settings(folder: Path, settings: Mapping[str, Any]) -> None:
    told = json.dumps(settings, indent=1, sort_keys=True, default=str) + "\n"
    (folder / "settings.json").write_text(told, encoding="utf-8")


def _table(
    title: str,
    frame: pl.DataFrame,
    caption: str,
    *,
    folded: bool = False,
    headings: Mapping[str, str] | None = None,
) -> Table:
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in title.lower())
    return Table(
        title,
        frame,
        caption=caption,
        file_name=f"{name}.csv".replace("___", "_"),
        headings=HEADINGS | dict(headings or {}),
        folded=folded,
    )


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _change(percent: float) -> str:
    return f"{abs(percent):.2g} % {'less' if percent < 0 else 'more'}"
