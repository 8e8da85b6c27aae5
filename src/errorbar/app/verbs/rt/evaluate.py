"""How well models predict a table of peaks: tables, figures, a page and a PDF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from errorbar.app.verbs.output import check_folder, staged
from errorbar.app.verbs.rt.gradients import in_minutes, minutes_of_all, peaks_in_minutes
from errorbar.app.verbs.rt.stored import OpenModel, open_model
from errorbar.app.verbs.rt.streamed import (
    check_seen,
    check_times,
    evaluate_stream,
    plain,
    remarked,
)
from errorbar.app.verbs.rt.tables import read_rows, too_large
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.engine.run import progress_bar
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import Peaks
from errorbar.rt.evaluate import (
    Evaluation,
    PartialTimes,
    ScoreSettings,
    compare,
    evaluate_models,
    read_support_map,
    tails,
)

__all__ = ["EvaluationAnswer", "rt_evaluate"]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationAnswer:
    """Scores of each model on the rows that all can score, and where all of it is."""

    models: tuple[str, ...]
    rows: int
    table: pl.DataFrame
    notes: tuple[str, ...]
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    report: Path | None
    pdf: Path | None


def rt_evaluate(
    models: Sequence[Path | str] | Mapping[str, Path | str],
    data: Path | str,
    *,
    out: Path | str = "rt_evaluation",
    training: Path | str | None = None,
    common_support_map_csv: Path | str | None = None,
    pred_std_scale: float = 1.0,
    interval: float = 0.95,
    max_test_rows: int | None = None,
    unit: Literal["minutes", "seconds"] = "minutes",
    require_seen_group: bool = False,
    seed: int = 42,
    stream: bool | None = None,
    figures: bool = True,
    title: str = "How well retention times are predicted",
    progress: bool | None = None,
) -> EvaluationAnswer:
    """Compare models on one table of peaks whose times are known.

    Rows are binned by how many training peaks their pair has: as each model counts them, as a
    `training` table has them (which also says how far runs lie from training), or by a map. A model
    that cannot score a row leaves it out, or with `require_seen_group` is refused. `unit` is that
    of the tables' times. Tables larger than memory are scored in batches (`stream`), without the
    figures that need every row.
    """
    folder = check_folder(out)
    opened = _opened(models)
    notes: list[str] = []
    features = tuple(dict.fromkeys(f for model in opened.values() for f in model.feature_names))
    settings = ScoreSettings(interval=interval, pred_std_scale=pred_std_scale)
    counts = None if common_support_map_csv is None else read_support_map(common_support_map_csv)
    if max_test_rows is not None and max_test_rows < 1:
        raise SettingsError(f"max_test_rows={max_test_rows} leaves nothing to score: at least 1.")
    if stream or (stream is None and too_large(Path(data), notes)):
        if training is not None:
            raise SettingsError(
                "training needs both tables in memory: give its counts with "
                "common_support_map_csv (a training leaves support_map.csv)."
            )
        value = evaluate_stream(
            opened, Path(data), features, counts, settings, max_test_rows, seed,
            require_seen_group, notes, progress, unit,
        )  # fmt: skip
    else:
        with told_warnings(notes):
            peaks = read_rows(data, features=features, unit=unit, gaps=True)
        _check_rows(peaks, data)
        minutes = minutes_of_all(opened, peaks, data)
        times: dict[str, PartialTimes] = {}
        with told_warnings(notes), progress_bar(progress, "models", len(opened), 0) as advance:
            for name, model in opened.items():
                told = model.predict(peaks)
                check_times(peaks, told, data)
                times[name] = in_minutes(told, minutes)
                notes += remarked(name, model, [peaks], len(opened))
                advance()
        check_seen(times, peaks, require_seen_group, notes)
        own = None if training is None else read_rows(training, features=features, unit=unit)
        column = next(iter(opened.values())).group_col
        with told_warnings(notes):
            value = evaluate_models(
                plain(peaks_in_minutes(peaks, minutes), opened), times, training=own,
                column=column, common_support_map=counts, max_test_rows=max_test_rows, seed=seed,
                settings=settings,
            )  # fmt: skip
    provenance = {
        "test rows from": Path(data).name,
        **{f"model {name}": _words(model) for name, model in opened.items()},
    }
    return _write(folder, value, notes, provenance, figures=figures, title=title)


def _opened(models: Sequence[Path | str] | Mapping[str, Path | str]) -> dict[str, OpenModel]:
    if not models:
        raise SettingsError("there are no models to evaluate: name at least one.")
    if isinstance(models, Mapping):
        return {name: open_model(path) for name, path in models.items()}
    paths = {_named(path): path for path in models}
    if len(paths) < len(models):
        paths = {f"{i + 1} {_named(path)}": path for i, path in enumerate(models)}
    return {name: open_model(_placed(path)) for name, path in paths.items()}


def _named(path: Path | str) -> str:
    """What a model is called: `NAME=path` says so, else its folder or its file does."""
    name, equals, _ = str(path).partition("=")
    if equals:
        return name
    path = Path(path)
    plain = path.stem in ("model", "stage1_coeff_summaries_posterior")
    own = path.parent if plain else path
    return (own.parent if own.name == "models" else own).stem or path.stem


def _placed(path: Path | str) -> Path:
    _, equals, rest = str(path).partition("=")
    return Path(rest if equals else path)


def _words(model: OpenModel) -> str:
    return f"{type(model.value).__name__}, {len(model.keys):,} pairs of {model.group_col}"


def _check_rows(peaks: Peaks, data: Path | str) -> None:
    if not len(peaks):
        raise TableError(f"{data} has no rows: there is nothing to evaluate on.")


def _write(
    folder: Path, value: Evaluation, notes: Sequence[str], provenance: Mapping[str, str], *,
    figures: bool, title: str,
) -> EvaluationAnswer:  # fmt: skip
    scores = compare(value.scores)
    frames = {
        "scores": scores, "tails": tails(value.scores), "differences": value.paired,
        "conformal": value.conformal,
    }  # fmt: skip
    made: dict[str, Any] = {"tables": [], "figures": [], "report": None, "pdf": None}
    with staged(folder) as part:
        (part / "tables").mkdir()
        for name, frame in frames.items():
            if not frame.is_empty():
                frame.write_csv(part / "tables" / f"{name}.csv")
                made["tables"].append(folder / "tables" / f"{name}.csv")
        if figures:
            from errorbar.rt.pages import write_rt_page, write_rt_pdf
            from errorbar.rt.plots import write_figures

            drawn = write_figures(value, part / "figures")
            made["figures"] = [folder / "figures" / f"{each.name}.png" for each in drawn]
            told: dict[str, Any] = {
                "title": title, "provenance": provenance, "warnings": notes, "figures": drawn,
            }  # fmt: skip
            write_rt_page(part / "report.html", value, **told)
            write_rt_pdf(part / "report.pdf", value, **told)
            made |= {"report": folder / "report.html", "pdf": folder / "report.pdf"}
    whole = scores.filter(pl.col("bin") == "all")
    return EvaluationAnswer(
        models=tuple(value.scores),
        rows=next(iter(value.scores.values())).rows,
        table=whole,
        notes=tuple(dict.fromkeys(notes)),
        tables=tuple(made["tables"]),
        figures=tuple(made["figures"]),
        report=made["report"],
        pdf=made["pdf"],
    )
