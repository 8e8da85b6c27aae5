"""Made tables larger than memory, written to Parquet piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray
from polars.io.plugins import register_io_source

from errorbar.core.errors import SettingsError
from errorbar.rt.data import peaks_frame
from errorbar.rt.synth.production import Draw, ProductionSettings, draw_parameters, observe
from errorbar.rt.synth.truth import Truth

__all__ = ["STREAM", "write_production"]

# As many pairs as a large library has, with 16 standards.
STREAM = ProductionSettings(
    species=60, compounds=884, pairs=15_470, features=16, runs_per_species=2_000, support=17, tail=1
)


def write_production(
    path: str | Path,
    rows: int,
    settings: ProductionSettings = STREAM,
    seed: int = 0,
    *,
    order: Literal["pair", "none"] = "none",
    chunk_rows: int = 200_000,
) -> Truth:
    """Writes `rows` peaks to a Parquet file in constant memory and gives what they were made of.

    Rows are in no order, or sorted by pair with `order="pair"`. How often pairs are seen is Pareto
    distributed as in `production_table`, but a pair may be seen twice in one run.
    """
    if order not in ("pair", "none"):
        raise SettingsError(f"order={order!r} must be pair or none.")
    if rows < 1 or chunk_rows < 1:
        raise SettingsError(f"rows={rows} and chunk_rows={chunk_rows} must be at least one.")
    draw_rng, rng = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    draw = draw_parameters(settings, draw_rng)
    share = np.cumsum(draw.weights) / draw.weights.sum()

    def chunks(*_: Any) -> Iterator[pl.DataFrame]:
        for first in range(0, rows, chunk_rows):
            count = min(chunk_rows, rows - first)
            if order == "pair":
                at = (np.arange(first, first + count) + 0.5) / rows
            else:
                at = rng.random(count)
            yield _chunk(draw, settings, np.searchsorted(share, at), rng)

    schema = _chunk(draw, settings, np.zeros(1, dtype=np.int64), np.random.default_rng(0)).schema
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    register_io_source(chunks, schema=schema).sink_parquet(path, row_group_size=chunk_rows)
    return draw.truth


def _chunk(
    draw: Draw, settings: ProductionSettings, pair: NDArray[np.int64], rng: Generator
) -> pl.DataFrame:
    each = settings.runs_per_species
    run = draw.pair_species[pair] * each + rng.integers(each, size=len(pair))
    return peaks_frame(observe(draw, settings, pair, run, rng))
