"""A table on disk that takes its rows as they come, and is there when it has them all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import polars as pl

from errorbar.core.errors import SettingsError

__all__ = ["GROWING", "check_growing", "growing_table"]

GROWING = (".csv", ".parquet", ".pq")


def check_growing(path: Path | str | None) -> Path:
    """The file that a table read in parts goes to; refused where there is none, or no such kind."""
    if path is None:
        raise SettingsError(
            "a table that is read in parts is answered in a file: name one with out, such as "
            "times.parquet."
        )
    if Path(path).suffix.lower() not in GROWING:
        raise SettingsError(
            f"out={path} cannot be written in parts: it must end in {', '.join(GROWING)}."
        )
    return Path(path)


@contextmanager
def growing_table(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """What adds rows to a CSV or Parquet file; where it ends early, what was at `path` stays.

    Frames must have the same columns and types.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{uuid4().hex}.part")
    folder.mkdir()
    whole = folder / f"whole{path.suffix}"
    try:
        if path.suffix.lower() == ".csv":
            with whole.open("wb") as file:

                def append(frame: pl.DataFrame) -> None:
                    frame.write_csv(file, include_header=file.tell() == 0)

                yield append
        else:
            pieces: list[Path] = []

            def put(frame: pl.DataFrame) -> None:
                pieces.append(folder / f"{len(pieces):08}.parquet")
                frame.write_parquet(pieces[-1])

            yield put
            pl.scan_parquet(pieces).sink_parquet(whole)
        whole.replace(path)
    finally:
        rmtree(folder)
