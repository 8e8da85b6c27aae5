"""Spectra in, checked matrices of values and inverse variances out."""

from errorbar.hmf.data.archives import (
    read_gaia_rvs,
    read_lamost,
    read_miles,
    read_sdss,
    read_spex,
)
from errorbar.hmf.data.blocks import (
    ArrayBlocks,
    RowBlocks,
    check_blocks,
    open_blocks,
    write_blocks,
)
from errorbar.hmf.data.files import read_spectra, write_spectra
from errorbar.hmf.data.matrix import check_matrix, from_errors, inverse_variance
from errorbar.hmf.data.report import MatrixReport, describe_matrix
from errorbar.hmf.data.resample import linear_grid, log_grid, resample_to, stack_spectra
from errorbar.hmf.data.spectra import Spectra
from errorbar.hmf.data.spectrum import (
    Spectrum,
    divide_by_continuum,
    divide_by_median,
    divide_by_size,
    to_vacuum,
)

__all__ = [
    "ArrayBlocks",
    "MatrixReport",
    "RowBlocks",
    "Spectra",
    "Spectrum",
    "check_blocks",
    "check_matrix",
    "describe_matrix",
    "divide_by_continuum",
    "divide_by_median",
    "divide_by_size",
    "from_errors",
    "inverse_variance",
    "linear_grid",
    "log_grid",
    "open_blocks",
    "read_gaia_rvs",
    "read_lamost",
    "read_miles",
    "read_sdss",
    "read_spectra",
    "read_spex",
    "resample_to",
    "stack_spectra",
    "to_vacuum",
    "write_blocks",
    "write_spectra",
]
