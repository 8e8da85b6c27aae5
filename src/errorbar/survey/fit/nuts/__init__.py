"""Reference posteriors by the no-U-turn sampler: the same three models, written in PyMC."""

from errorbar.survey.fit.nuts.batch import NutsBatch, nuts_batch
from errorbar.survey.fit.nuts.sampling import fit_nuts, reference_seeds
from errorbar.survey.fit.nuts.settings import NutsSettings
from errorbar.survey.fit.nuts.summary import (
    NutsDiagnostics,
    NutsSummary,
    nuts_diagnostics,
    nuts_summary,
)

__all__ = [
    "NutsBatch",
    "NutsDiagnostics",
    "NutsSettings",
    "NutsSummary",
    "fit_nuts",
    "nuts_batch",
    "nuts_diagnostics",
    "nuts_summary",
    "reference_seeds",
]
