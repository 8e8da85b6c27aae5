"""Spectra larger than memory, read in blocks of rows."""

from errorbar.hmf.data.blocks.arrays import ArrayBlocks, NpyBlocks
from errorbar.hmf.data.blocks.chunked import Hdf5Blocks, ZarrBlocks
from errorbar.hmf.data.blocks.layout import RowBlocks, StoredBlocks
from errorbar.hmf.data.blocks.opening import check_blocks, open_blocks, write_blocks
from errorbar.hmf.data.blocks.parquet import ParquetBlocks

__all__ = [
    "ArrayBlocks",
    "Hdf5Blocks",
    "NpyBlocks",
    "ParquetBlocks",
    "RowBlocks",
    "StoredBlocks",
    "ZarrBlocks",
    "check_blocks",
    "open_blocks",
    "write_blocks",
]
