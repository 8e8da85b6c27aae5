"""A pure function over many pieces: threads, processes or a Dask cluster, with the same bytes."""

from errorbar.core.engine.journal import discard_journal
from errorbar.core.engine.places import Place, open_place
from errorbar.core.engine.run import run_pieces
from errorbar.core.engine.seeds import piece_seed

__all__ = ["Place", "discard_journal", "open_place", "piece_seed", "run_pieces"]
