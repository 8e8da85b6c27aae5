"""Tables of peaks as the verbs read them: whole where they fit, runs where they are known."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.app.verbs.memory import memory_bytes
from errorbar.rt.data import Peaks, read_peaks
from errorbar.rt.data.columns import RUN
from errorbar.rt.data.files import open_table

__all__ = ["columns_of", "count_rows", "read_rows", "too_large"]

# A table in memory takes about this many times its covariates.
COPIES = 3
SHARE = 0.25


def columns_of(path: Path | str) -> list[str]:
    """The columns of a table."""
    return open_table(path).collect_schema().names()


def count_rows(path: Path | str) -> int:
    """How many rows a table has."""
    return int(open_table(path).select(pl.len()).collect().item())


def read_rows(path: Path | str, *, features: Sequence[str] | None = None, **options: Any) -> Peaks:
    """A table of peaks; each row is a run of its own where the table has no run keys at all."""
    there = set(columns_of(path))
    return read_peaks(path, features=features, runs=bool(there & set(RUN)), **options)


def too_large(
    path: Path,
    notes: list[str],
    so: str = "what needs it as a whole (run effects, heavy tails, far runs) is left out.",
) -> bool:
    """Whether a table takes more than a quarter of the memory, which is noted with what follows."""
    memory = memory_bytes()
    if not path.is_file() or memory is None or path.stat().st_size < SHARE * memory / 100:
        return False
    size = COPIES * 8 * count_rows(path) * len(columns_of(path))
    if size <= SHARE * memory:
        return False
    notes.append(
        f"the table takes about {size / 2**30:.1f} of {memory / 2**30:.1f} GiB of memory, so it "
        f"is read in batches: {so}"
    )
    return True
