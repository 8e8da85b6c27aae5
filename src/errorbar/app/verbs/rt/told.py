"""What the verbs of `rt` share: folders written whole, warnings as notes, a sign of life."""

import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import polars as pl

from errorbar.core.errors import SettingsError
from errorbar.rt.data import write_table

__all__ = ["TABLES", "check_folder", "climbing", "put_table", "staged", "told_warnings"]

TABLES = (".csv", ".parquet", ".pq", ".json")


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
        if path.suffix.lower() == ".json":
            frame.write_json(part)
        else:
            write_table(part, frame)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


@contextmanager
def told_warnings(notes: list[str]) -> Iterator[None]:
    """Put what is warned of into notes, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    notes += [text for one in caught if (text := str(one.message)) not in notes]


@contextmanager
def climbing(wanted: bool | None, label: str) -> Generator[Callable[..., None]]:
    """A line on standard error that shows two numbers as they come, where there is a terminal."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda *_: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"{label} …") as status:

        def show(count: int, value: Any) -> None:
            told = f"step {count}, log posterior {value:.6g}" if isinstance(value, float) else (
                f"{count} of {value}"
            )  # fmt: skip
            status.update(f"{label}: {told}")

        yield show
