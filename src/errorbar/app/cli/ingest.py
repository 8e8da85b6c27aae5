"""`errorbar ingest …`: files of archives, whole or not at all."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import FAILED, examples, new_group, print_json, say, show_table
from errorbar.app.cli.options import Json, settings

__all__ = ["app"]

app = new_group("Files of archives into a folder: fetched, checked, resumed.")
MOST = 40


@app.command(
    name="fetch",
    epilog=examples(
        "errorbar ingest fetch plan.csv --out spectra",
        "errorbar ingest fetch plan.parquet --workers 8 --tries 10 --verify",
    ),
)
def fetch_(
    plan: Annotated[Path, typer.Argument(help="name, url, perhaps size, digest, kind.")],
    out: Annotated[Path, typer.Option(help="Folder of the products.")] = Path("products"),
    workers: Annotated[int, typer.Option(help="Products at a time.", min=1)] = 4,
    tries: Annotated[int, typer.Option(help="How often one is asked for.", min=1)] = 5,
    timeout: Annotated[float, typer.Option(help="Seconds without a byte.")] = 60.0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read and compare what is there already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the products of a plan into a folder; those that fail are told, the rest goes on."""
    from errorbar.app.verbs import ingest_fetch

    given = settings()
    found = ingest_fetch(
        given.found(plan), out=out, workers=workers, tries=tries, timeout=timeout, verify=verify,
        progress=given.progress,
    )  # fmt: skip
    if as_json:
        print_json(found)
    else:
        rows = found.table.select("name", "why", "state").rows()
        if lost := [(name, why) for name, why, state in rows if state == "failed"]:
            show_table("did not come", ("product", "why"), lost[:MOST])
        say(
            f"{found.landed} products fetched ({found.bytes / 1e6:.4g} MB), {found.cached} were "
            f"there, {found.failed} failed"
        )
        say(f"folder: {out}")
    if found.failed:
        raise typer.Exit(FAILED)


@app.command(
    epilog=examples("errorbar ingest status spectra", "errorbar ingest status spectra --verify")
)
def status(
    folder: Annotated[Path, typer.Argument(help="A folder that products were fetched to.")] = Path(
        "products"
    ),
    verify: Annotated[
        bool, typer.Option("--verify", help="Read all bytes and compare them with the records.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the table: .csv, .parquet or .json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List objects, provenance and failures of a folder of products."""
    from errorbar.app.verbs import ingest_status

    found = ingest_status(folder, verify=verify, out=out)
    if as_json:
        print_json(found)
        return
    columns = ("name", "state", "tries", "why")
    if odd := [row for row in found.table.select(columns).rows() if row[1] != "landed"]:
        show_table("not landed", columns, odd[:MOST])
    say(
        f"{found.landed} landed ({found.bytes / 1e6:.4g} MB), {found.begun} begun, {found.failed} "
        f"failed, {found.damaged} damaged, {found.quarantined} put aside"
    )
    if out is not None:
        say(f"table: {out}")
