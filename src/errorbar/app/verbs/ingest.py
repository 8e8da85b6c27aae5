"""Files of archives into a folder, and what became of them."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from errorbar.app.verbs.output import put_table
from errorbar.core.errors import SettingsError, TableError
from errorbar.platform.ingest import Cache, Fetched, HttpTransport, Patience, Product
from errorbar.platform.ingest import fetch_products as fetch

__all__ = ["IngestStatus", "ingest_fetch", "ingest_status"]

TEXT, OPTIONAL = ("name", "url"), ("size", "digest", "kind")


@dataclass(frozen=True, slots=True, eq=False)
class IngestStatus:
    """What a folder of products holds; `table` has a row for each product and state."""

    landed: int
    begun: int
    failed: int
    damaged: int
    quarantined: int
    bytes: int
    table: pl.DataFrame


def ingest_fetch(
    plan: Path | str,
    *,
    out: Path | str = "products",
    workers: int = 4,
    tries: int = 5,
    timeout: float = 60.0,
    verify: bool = False,
    progress: bool | None = None,
) -> Fetched:
    """Bring the products of a plan into a folder, whole and checked, or say which did not come.

    `plan` is a CSV or Parquet table with `name` (a relative path) and `url`, and where the archive
    tells them `size` in bytes, `digest` (`sha256:…`, `sha1:…`, `md5:…`) and `kind` (`fits`). What
    is there already is not asked for again; a call that was interrupted goes on.
    """
    if tries < 1 or not timeout > 0:
        raise SettingsError(f"tries={tries} and timeout={timeout:g} must be positive.")
    return fetch(
        _read_plan(Path(plan)), out, transport=HttpTransport(timeout), patience=Patience(tries),
        workers=workers, verify=verify, progress=progress,
    )  # fmt: skip


def ingest_status(
    folder: Path | str = "products", *, verify: bool = False, out: Path | str | None = None
) -> IngestStatus:
    """Objects, provenance and failures of a folder of products; `verify` reads all bytes."""
    root = Path(folder)
    if not root.is_dir():
        raise SettingsError(f"there is no folder {root}: name one that products were fetched to.")
    cache = Cache(root)
    table = cache.status()
    if verify:
        names = table.filter(pl.col("state") == "landed")["name"].to_list()
        bad = [name for name in names if cache.landed(name, verify=True) is None]
        state = pl.when(pl.col("name").is_in(bad) & (pl.col("state") == "landed"))
        table = table.with_columns(state=state.then(pl.lit("damaged")).otherwise("state"))
    count = dict(table.group_by("state").len().rows())
    if out is not None:
        put_table(out, table)
    return IngestStatus(
        landed=count.get("landed", 0),
        begun=count.get("begun", 0),
        failed=count.get("failed", 0),
        damaged=count.get("damaged", 0),
        quarantined=count.get("quarantined", 0),
        bytes=int(table.filter(pl.col("state") == "landed")["bytes"].sum() or 0),
        table=table,
    )


def _read_plan(path: Path) -> list[Product]:
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the plan.")
    wide = path.suffix.lower() in (".parquet", ".pq")
    frame = pl.read_parquet(path) if wide else pl.read_csv(path, infer_schema=False)
    if lacking := [name for name in TEXT if name not in frame.columns]:
        raise TableError(
            f"{path} lacks {', '.join(f'`{name}`' for name in lacking)}: a plan has `name` and "
            "`url`, and perhaps `size`, `digest`, `kind`."
        )
    found: list[Product] = []
    wanted = frame.select([*TEXT, *(name for name in OPTIONAL if name in frame.columns)])
    for at, row in enumerate(wanted.iter_rows(named=True)):
        given = {name: value for name, value in row.items() if value not in (None, "")}
        try:
            if "size" in given:
                given["size"] = int(given["size"])
            found.append(Product(**given))
        except (TypeError, ValueError) as error:
            raise TableError(f"row {at} of {path} is no product: {error}") from error
    return found
