"""Dust, recipes, and photometry made ready."""

from errorbar.stellar.sed.model.colours import (
    ColourModel,
    ColourPosterior,
    fit_colours,
    infer_colours,
)
from errorbar.stellar.sed.model.curves import gauss_rule, passband, passband_rule
from errorbar.stellar.sed.model.extinction import (
    LAWS,
    ExtinctionTable,
    extinction_table,
    law_curve,
    planck,
)
from errorbar.stellar.sed.model.prepare import FLAGS, Prepared, prepare, table_of
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = [
    "FLAGS",
    "LAWS",
    "ColourModel",
    "ColourPosterior",
    "ExtinctionTable",
    "Prepared",
    "SedRecipe",
    "extinction_table",
    "fit_colours",
    "gauss_rule",
    "infer_colours",
    "law_curve",
    "passband",
    "passband_rule",
    "planck",
    "prepare",
    "table_of",
]
