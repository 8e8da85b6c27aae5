"""Tables in memory, whichever library holds them, as Polars frames."""

from typing import Any, cast

import polars as pl

from errorbar.core.errors import MissingExtraError, TableError

__all__ = ["as_frame"]


def as_frame(source: Any, what: str = "a table", other: str = "") -> pl.DataFrame:
    """A Polars frame of a Polars or pandas table; `what` and `other` are for the refusal."""
    if isinstance(source, pl.LazyFrame):
        return source.collect()
    if isinstance(source, pl.DataFrame):
        return source
    # pandas is recognised without importing it: whoever holds a frame has it already.
    kind = cast(Any, type(source))
    if kind.__module__.split(".")[0] != "pandas":
        raise TableError(
            f"{what} cannot be read from a {kind.__name__}: pass {other}a Polars or a pandas frame."
        )
    if kind.__name__ != "DataFrame":
        raise TableError(
            f"a pandas {kind.__name__} is not a table: pass the DataFrame it belongs to."
        )
    try:
        return cast(pl.DataFrame, pl.from_pandas(source.rename(columns=str)))
    except ImportError as error:
        raise MissingExtraError("pyarrow", "survey") from error
