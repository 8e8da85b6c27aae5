"""What a fit leaves behind for scoring: coefficients of pairs, and what to do without a pair.

The values are those of CompAssign's files, which this room reads and writes; its own format is the
package's pickle-free artifact.
"""

from errorbar.rt.artifacts.backoff import BackoffSummaries, backed_off
from errorbar.rt.artifacts.coefficients import CoeffSummaries
from errorbar.rt.artifacts.columns import design_matrix, is_derived, with_features
from errorbar.rt.artifacts.export import Export, read_export, write_export
from errorbar.rt.artifacts.files import (
    read_backoff,
    read_coefficients,
    write_backoff,
    write_coefficients,
)

# The name that CompAssign has for it.
Stage1CoeffSummaries = CoeffSummaries

__all__ = [
    "BackoffSummaries",
    "CoeffSummaries",
    "Export",
    "Stage1CoeffSummaries",
    "backed_off",
    "design_matrix",
    "is_derived",
    "read_backoff",
    "read_coefficients",
    "read_export",
    "with_features",
    "write_backoff",
    "write_coefficients",
    "write_export",
]
