"""`errorbar rt reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, settings, whole_numbers
from errorbar.app.cli.rt.options import Subset, say_notes

__all__ = ["EXAMPLES", "reproduce"]

EXAMPLES = examples(
    "errorbar rt reproduce repo_export --libs 208,209 --cap 100",
    "errorbar rt reproduce repo_export --libs 209 --cap 5 --max-groups 5000 --out quick",
)


def reproduce(
    folder: Annotated[
        Path, typer.Argument(help="An export: lib{N}/cap{C}/ and lib{N}/species_mapping/.")
    ],
    libs: Annotated[str, typer.Option(help="Libraries, with commas.")] = "208,209",
    cap: Annotated[int, typer.Option(help="Most rows of a pair, such as 5 or 100.", min=1)] = 100,
    out: Annotated[Path, typer.Option(help="Folder of everything.")] = Path("rt_reproduced"),
    chemistry: Annotated[
        Path | None, typer.Option(help="Descriptors of compounds, for the pooled model.")
    ] = None,
    test_share: Annotated[
        float, typer.Option(help="Share of runs to test with where there is no realtest.")
    ] = 0.3,
    max_train_rows: Annotated[
        int | None, typer.Option(help="Rows to train with, by lot.", min=1)
    ] = None,
    max_groups: Annotated[
        int | None, typer.Option(help="Groups to train with, by lot.", min=1)
    ] = None,
    max_test_rows: Annotated[int | None, typer.Option(help="Rows to score, by lot.", min=1)] = None,
    seed: Subset = 42,
    resume: Annotated[
        bool, typer.Option(help="Skip steps whose inputs and settings are unchanged.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Prepare, train three variants, evaluate and plot on an export, with a report a library."""
    from errorbar.app.verbs import rt_reproduce

    given = settings()
    found = rt_reproduce(
        given.found(folder),
        libs=whole_numbers("--libs")(libs),
        cap=cap,
        out=out,
        chemistry=chemistry,
        test_share=test_share,
        max_train_rows=max_train_rows,
        max_groups=max_groups,
        max_test_rows=max_test_rows,
        seed=seed,
        resume=resume,
        progress=given.progress,
        tell=lambda step: say(step, error=True),
    )
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    show_table(
        "all test rows that the three models score; minutes",
        ("library", "model", "rows", "MAE", "RMSE", "coverage of 95 %", "width", "scored"),
        found.table.rows(),
    )
    say(f"{len(found.done)} steps done, {len(found.skipped)} were there already")
    say(f"summary: {found.summary}")
    for report in found.reports:
        say(f"read first: {report} (on paper: {report.with_suffix('.pdf')})")
