"""Fits to data in blocks of rows on disk, larger than memory, on one machine or many."""

from errorbar.hmf.fit.blocks.coefficients import BlockCoefficients
from errorbar.hmf.fit.blocks.drive import fit_blocks, fit_blocks_many
from errorbar.hmf.fit.blocks.infer import infer_blocks
from errorbar.hmf.fit.blocks.run import BlockFit, BlockModel

__all__ = [
    "BlockCoefficients",
    "BlockFit",
    "BlockModel",
    "fit_blocks",
    "fit_blocks_many",
    "infer_blocks",
]
