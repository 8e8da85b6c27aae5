"""`errorbar rt evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings
from errorbar.app.cli.rt.options import Stream, Subset, Unit, say_notes
from errorbar.app.cli.rt.words import said_compiling

__all__ = ["EXAMPLES", "evaluate"]

EXAMPLES = examples(
    "errorbar rt evaluate pool ridge test.csv --training train.csv",
    "errorbar rt evaluate pool=models/a ridge=models/b test.csv "
    "--common-support-map-csv models/a/support_map.csv --out compared",
    "errorbar rt evaluate stage1_coeff_summaries_posterior.npz test.parquet "
    "--max-test-rows 200000 --stream",
)


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(help="Models: files, folders, or NAME=PATH; the one that matters first."),
    ],
    data: Annotated[Path, typer.Argument(help="A table of peaks whose times are known.")],
    out: Annotated[Path, typer.Option(help="Folder of tables, figures and reports.")] = Path(
        "rt_evaluation"
    ),
    training: Annotated[
        Path | None,
        typer.Option(help="The training table: its counts for all models, and far-ness of runs."),
    ] = None,
    common_support_map_csv: Annotated[
        Path | None,
        typer.Option(help="Training peaks of each species_cluster, comp_id (n), for all models."),
    ] = None,
    pred_std_scale: Annotated[float, typer.Option(help="Factor on every predicted sd.")] = 1.0,
    interval: Annotated[float, typer.Option(help="Probability of the intervals.")] = 0.95,
    max_test_rows: Annotated[int | None, typer.Option(help="Rows to score, by lot.", min=1)] = None,
    unit: Unit = "minutes",
    require_seen_group: Annotated[
        bool, typer.Option("--require-seen-group", help="Refuse rows of unseen pairs.")
    ] = False,
    seed: Subset = 42,
    stream: Stream = None,
    figures: Annotated[bool, typer.Option(help="Draw figures, page and PDF.")] = True,
    title: Annotated[
        str, typer.Option(help="Title of the report.")
    ] = "How well retention times are predicted",
    as_json: Json = False,
) -> None:
    """Compare models on one table: errors and intervals by support, as tables and a report."""
    from errorbar.app.verbs import rt_evaluate

    given = settings()
    said_compiling()
    found = rt_evaluate(
        models, given.found(data), out=out,
        training=None if training is None else given.found(training),
        common_support_map_csv=common_support_map_csv, pred_std_scale=pred_std_scale,
        interval=interval, max_test_rows=max_test_rows, unit=unit,
        require_seen_group=require_seen_group, seed=seed, stream=stream, figures=figures,
        title=title, progress=given.progress,
    )  # fmt: skip
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    coverage = f"coverage_{100 * interval:g}"
    show_table(
        f"{found.rows} test rows that all models score; minutes",
        ("model", "MAE", "RMSE", f"coverage of {100 * interval:g} %", "width", "CRPS", "scored"),
        found.table.select(
            "model", "mae", "rmse", coverage, "interval_width_mean", "crps", "share_scored"
        ).rows(),
    )
    say(f"tables: {found.tables[0].parent}")
    if found.report is not None:
        say(f"{len(found.figures)} figures: {found.figures[0].parent}")
        say(f"read first: {found.report} (on paper: {found.pdf})")
