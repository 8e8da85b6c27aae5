"""`errorbar audit` and `errorbar recalibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errorbar.app.cli.group import FAILED, examples, print_json, say, show_table
from errorbar.app.cli.options import Json, Seed, listed, settings

if TYPE_CHECKING:
    from errorbar.app.verbs import AuditAnswer

__all__ = ["AUDIT_EXAMPLES", "RECALIBRATE_EXAMPLES", "audit", "recalibrate"]

AUDIT_EXAMPLES = examples(
    "errorbar audit predictions.csv",
    "errorbar audit redshifts.parquet --truth z_spec --mean z_phot --sd z_err --slice survey "
    "--slice magnitude --group field",
    "errorbar audit forecast.csv --lower lo --upper hi --level 0.9",
    "errorbar audit forecast.csv --quantiles q05,q50,q95",
    "errorbar audit classes.csv --truth otype --prob p_ --check",
)
RECALIBRATE_EXAMPLES = examples(
    "errorbar recalibrate new.csv --with audit/recalibration.json --out better.csv"
)


def audit(
    table: Annotated[
        Path, typer.Argument(help="Predictions beside their truths: CSV or Parquet, from any code.")
    ],
    truth: Annotated[
        str | None, typer.Option(help="Column of the truth.", show_default="guessed by name")
    ] = None,
    mean: Annotated[
        str | None, typer.Option(help="Column of the prediction.", show_default="guessed by name")
    ] = None,
    sd: Annotated[
        str | None, typer.Option(help="Column of the error bar.", show_default="guessed by name")
    ] = None,
    sd_minus: Annotated[
        str | None, typer.Option(help="Column of the lower of two unequal error bars.")
    ] = None,
    sd_plus: Annotated[str | None, typer.Option(help="Column of the upper one.")] = None,
    lower: Annotated[str | None, typer.Option(help="Column of an interval's lower end.")] = None,
    upper: Annotated[str | None, typer.Option(help="Column of its upper end.")] = None,
    level: Annotated[
        float | None, typer.Option(help="What share of truths the intervals claim to hold.")
    ] = None,
    quantiles: Annotated[
        str | None,
        typer.Option(help="Columns of quantiles, named by their percents: q05,q50,q95."),
    ] = None,
    prob: Annotated[
        str | None,
        typer.Option(help="What the columns of probabilities begin with; the rest is the class."),
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Column by which rows are looked at apart; may be repeated."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Column of what rows belong to and share errors by.")
    ] = None,
    id: Annotated[
        str | None, typer.Option(help="Column that names rows in the list of the worst.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of tables, figures and the page.")] = Path(
        "audit"
    ),
    alpha: Annotated[
        float, typer.Option(help="Chance that true claims are faulted, all slices together.")
    ] = 0.05,
    tolerance: Annotated[
        float, typer.Option(help="Deviations called no fault however sure: of an sd, of a width.")
    ] = 0.02,
    bins: Annotated[int, typer.Option(help="Bins that slices of numbers are cut into.")] = 5,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out rows with missing values, counted.")
    ] = False,
    figures: Annotated[bool, typer.Option(help="Draw figures and the page.")] = True,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 unless no fault was found.")
    ] = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Are these error bars, or these probabilities, true? What is wrong, where, and what mends it.

    Takes predictions of any code. Columns that are not named are guessed, and the guess is said.
    """
    from errorbar.app.verbs import audit as verb

    found = verb(
        settings().found(table),
        truth=truth,
        mean=mean,
        sd=sd,
        sd_minus=sd_minus,
        sd_plus=sd_plus,
        lower=lower,
        upper=upper,
        level=level,
        quantiles=None if quantiles is None else listed(quantiles),
        prob=prob,
        slices=slices or (),
        group=group,
        id=id,
        out=out,
        alpha=alpha,
        tolerance=tolerance,
        bins=bins,
        drop_missing=drop_missing,
        figures=figures,
        seed=seed,
    )
    if as_json:
        print_json(_machine(found))
    else:
        _show(found)
    if check and not found.passed:
        raise typer.Exit(FAILED)


def recalibrate(
    table: Annotated[Path, typer.Argument(help="Predictions as they were audited; no truth.")],
    recalibration: Annotated[
        Path, typer.Option("--with", help="The recalibration.json of an audit.")
    ],
    out: Annotated[Path, typer.Option(help="The table with recalibrated columns.")],
    as_json: Json = False,
) -> None:
    """Apply the recalibration that an audit has fitted to another table of the same code."""
    from errorbar.app.verbs import recalibrate as verb

    found = verb(settings().found(table), recalibration=recalibration, out=out)
    if as_json:
        print_json(found)
        return
    say(f"{found.rows:,} rows. {found.words}")
    say(f"new columns: {', '.join(found.columns)}")
    say(f"table: {found.table}")


def _show(found: "AuditAnswer") -> None:
    from rich.console import Console
    from rich.text import Text

    for note in found.notes:
        say(note)
    style = "bold green" if found.passed else "bold red" if found.verdict.decided else "bold"
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1000
    console.print(Text(f"\n{found.verdict.words}\n", style=style))
    groups = "" if found.groups == found.rows else f" of {found.groups:,} groups"
    show_table(
        f"{found.rows:,} rows{groups}",
        ("", "found", "95 % from", "to", "if true"),
        found.overall.select("quantity", "value", "low", "high", "expected").rows(),
    )
    say(" ".join(filter(None, [f"What would mend it: {found.recalibration}", found.verdict.apart])))
    if not found.compared.is_empty() and (found.compared["change"] != 0).any():
        show_table(
            "on held-out rows",
            ("", "before", "after"),
            found.compared.select("quantity", "before", "after").rows(),
        )
    for name, path in found.files.items():
        say(f"{name.split('.')[0]}: {path}")
    if found.figures:
        say(f"figures: {len(found.figures)} in {found.figures[0].parent}")


def _machine(found: "AuditAnswer") -> dict[str, object]:
    return {
        "passed": found.passed,
        "rows": found.rows,
        "groups": found.groups,
        "verdict": found.verdict.to_dict(),
        "overall": found.overall,
        "recalibration": found.recalibration,
        "before_after": found.compared,
        "notes": found.notes,
        "files": found.files,
        "figures": found.figures,
    }
