"""Any table a catalogue may arrive in, as one Polars frame."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import TableError
from errorbar.core.frames import as_frame

__all__ = [
    "check_columns",
    "duplicate_names",
    "few",
    "numbers",
    "open_table",
    "planet_key",
]

# What catalogues write where they have nothing to say.
BLANKS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "None", "--", "---"]
PARQUET = (".parquet", ".pq")


def open_table(source: Any) -> tuple[pl.DataFrame, str]:
    """The table and what to call it: from a CSV or Parquet path, a Polars or a pandas frame."""
    if isinstance(source, (str, Path)):
        return _read(Path(source)), str(source)
    other = "the path of a CSV or Parquet file, "
    return as_frame(source, "a catalogue", other), "the table"


def check_columns(frame: pl.DataFrame, wanted: Sequence[str], where: str) -> None:
    """Refuse a table that lacks columns, naming the likeliest misspelling of each."""
    missing = [name for name in wanted if name not in frame.columns]
    if not missing:
        return
    hints = []
    for name in missing:
        near = difflib.get_close_matches(name, frame.columns, n=1, cutoff=0.6)
        hints.append(f"`{name}`" + (f" (perhaps `{near[0]}`?)" if near else ""))
    raise TableError(
        f"{where} lacks {len(missing)} column{_s(len(missing))}: {', '.join(hints)}. It has "
        f"{few([f'`{name}`' for name in frame.columns], 12)}. Rename the columns before reading."
    )


def numbers(frame: pl.DataFrame, column: str) -> NDArray[np.float64]:
    """A column as floats, NaN wherever it holds no number."""
    series = frame.get_column(column)
    if series.dtype == pl.Float64:
        return series.to_numpy().copy()
    if series.dtype == pl.String:
        series = series.str.strip_chars()
    values = series.cast(pl.Float64, strict=False).fill_null(float("nan"))
    return values.to_numpy().astype(np.float64)


def planet_key(name: str) -> str:
    """One spelling of a planet's name: `WASP-43 b` and `wasp-43b` are one planet."""
    return "".join(name.split()).casefold()


def duplicate_names(names: Iterable[str]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which rows repeat an earlier planet, and the repeated names."""
    seen: set[str] = set()
    again: dict[str, str] = {}
    repeat = []
    for name in names:
        key = planet_key(name)
        repeat.append(key in seen)
        if key in seen:
            again.setdefault(key, name)
        seen.add(key)
    return np.array(repeat, dtype=bool), tuple(again.values())


def few(words: Sequence[str], most: int = 5) -> str:
    """The first words of a list that may be long."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _read(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the catalogue.")
    try:
        if path.suffix.lower() in PARQUET:
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None, null_values=BLANKS, comment_prefix="#")
    except pl.exceptions.PolarsError as error:
        raise TableError(
            f"{path} cannot be read as {'Parquet' if path.suffix.lower() in PARQUET else 'CSV'}: "
            f"{error}. Save it with a header row and commas, or as Parquet."
        ) from error
