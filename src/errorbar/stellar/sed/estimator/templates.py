"""Parameters of stars by templates: the alternative that one can look into."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import FitError, InputError
from errorbar.stellar.labels import TEFF
from errorbar.stellar.sed.data import Photometry, as_frame
from errorbar.stellar.sed.fit.blocks import in_blocks
from errorbar.stellar.sed.fit.templates import (
    TemplateAnswer,
    TemplateSet,
    ask_templates,
    learn_templates,
    planck_templates,
)
from errorbar.stellar.sed.model.extinction import ExtinctionTable
from errorbar.stellar.sed.model.prepare import prepare, table_of
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["SEDTemplates"]

KIND = "stellar.sed.templates"
PARTS = ("colour", "scatter", "luminosity", "luminosity_sd", "value", "width", "prior")


class SEDTemplates:
    """Parameters by chi-square against templates, with level and reddening left free.

    `fit` learns templates from stars with labels: they are empirical, no model atmospheres.
    `planck` needs no training and gives temperatures alone, within some 200 K for stars like the
    Sun and worse for cool ones. Spreads are what the templates say, and are not calibrated; the
    chi-square says whether a star is like any template.
    """

    def __init__(self, recipe: SedRecipe, *, cells: int = 200, seed: int = 0) -> None:
        self.recipe = recipe
        self.cells = cells
        self.seed = seed
        self.names: tuple[str, ...] = ()
        self._templates: TemplateSet | None = None
        self._table: ExtinctionTable | None = None

    def fit(self, photometry: Photometry, labels: Any) -> Self:
        """Learn templates from stars with labels, a column for each parameter."""
        frame = as_frame(labels)
        if frame.height != len(photometry):
            raise InputError(f"{frame.height} rows of labels for {len(photometry)} stars.")
        values = frame.to_numpy().astype(np.float64)
        if not np.isfinite(values).all():
            raise InputError("labels of templates must be finite: leave stars without them out.")
        self._table = table_of(self.recipe)
        prepared = prepare(photometry, self.recipe, self._table)
        self._templates = learn_templates(prepared, values, cells=self.cells, seed=self.seed)
        self.names = tuple(frame.columns)
        return self

    @classmethod
    def planck(
        cls, recipe: SedRecipe, teff: Sequence[float] | None = None, *, scatter: float = 0.1
    ) -> Self:
        """Planck's curves; by default 120 temperatures from 2,500 to 40,000 K."""
        grid = np.geomspace(2500.0, 40000.0, 120) if teff is None else np.asarray(teff, float)
        model = cls(recipe)
        model._table = table_of(recipe)
        model._templates = planck_templates(recipe.bands, grid, scatter=scatter)
        model.names = (TEFF.name,)
        return model

    def answer(self, photometry: Photometry) -> TemplateAnswer:
        """Parameters with spreads, chi-square, reddening and the best template of each star."""
        templates, table = self._held()

        def ask(place: ndarray) -> tuple[ndarray, ...]:
            prepared = prepare(photometry.select(place), self.recipe, table)
            found = ask_templates(prepared, templates)
            return found.centre, found.spread, found.chi2, found.free, found.ebv, found.best

        return TemplateAnswer(*in_blocks(len(photometry), ask))

    def predict(self, photometry: Photometry) -> pl.DataFrame:
        """The same as a table."""
        found = self.answer(photometry)
        columns: dict[str, ndarray] = {"row": photometry.rows}
        for at, name in enumerate(self.names):
            columns |= {name: found.centre[:, at], f"{name}_spread": found.spread[:, at]}
        return pl.DataFrame({**columns, "chi2": found.chi2, "free": found.free, "ebv": found.ebv})

    def save(self, path: str | Path) -> Path:
        """The templates as one file."""
        templates, table = self._held()
        arrays = {name: getattr(templates, name) for name in PARTS}
        arrays |= {"dust.weight": table.weight, "dust.curve": table.curve}
        manifest = {
            "recipe": self.recipe.to_dict(),
            "names": list(self.names),
            "cells": self.cells,
            "seed": self.seed,
        }
        return write_artifact(path, KIND, arrays, manifest)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Templates that were saved; they predict the same to the bit."""
        held = read_artifact(path, KIND)
        plain: Any = held.manifest
        model = cls(SedRecipe.from_dict(plain["recipe"]), cells=plain["cells"], seed=plain["seed"])
        model._table = ExtinctionTable(held.arrays["dust.weight"], held.arrays["dust.curve"])
        model._templates = TemplateSet(*(held.arrays[name] for name in PARTS))
        model.names = tuple(plain["names"])
        return model

    def _held(self) -> tuple[TemplateSet, ExtinctionTable]:
        if self._templates is None or self._table is None:
            raise FitError("there are no templates yet: call fit, planck or load first.")
        return self._templates, self._table
