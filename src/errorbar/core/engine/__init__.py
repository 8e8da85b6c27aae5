"""A pure function over many pieces: threads, processes or a Dask cluster, with the same bytes."""

from errorbar.core.engine.journal import discard_journal
from errorbar.core.engine.run import run_pieces
from errorbar.core.engine.seeds import piece_seed

__all__ = ["discard_journal", "piece_seed", "run_pieces"]
