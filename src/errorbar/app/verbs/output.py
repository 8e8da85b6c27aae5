"""Results as files: folders written whole, tables by the ending of their name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import polars as pl

from errorbar.core.errors import SettingsError

__all__ = ["TABLES", "check_folder", "put_table", "staged"]

_WRITERS = {
    ".csv": pl.DataFrame.write_csv,
    ".parquet": pl.DataFrame.write_parquet,
    ".pq": pl.DataFrame.write_parquet,
    ".json": pl.DataFrame.write_json,
}
TABLES = tuple(_WRITERS)


def check_folder(out: Path | str) -> Path:
    """The folder that results go to; refused where a file is."""
    folder = Path(out)
    if folder.is_file():
        raise SettingsError(f"out={out} is a file: name a folder for the results.")
    return folder


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder to write to, whose files go to `out` when all of them are there.

    What is interrupted leaves nothing behind, and of an earlier answer nothing is lost.
    """
    out.mkdir(parents=True, exist_ok=True)
    part = out / f".part-{uuid4().hex}"
    part.mkdir()
    try:
        yield part
        for path in sorted(part.rglob("*")):
            place = out / path.relative_to(part)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            else:
                path.replace(place)
    finally:
        rmtree(part)


def put_table(path: Path | str, frame: pl.DataFrame) -> Path:
    """A table as CSV, Parquet or JSON by the ending of its name, whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in TABLES:
        raise SettingsError(f"out={path} must end in {', '.join(TABLES)}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part{path.suffix}")
    try:
        _WRITERS[path.suffix.lower()](frame, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
