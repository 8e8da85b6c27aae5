"""Parameters of stars from photometry: the model a notebook holds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.calibrate import fit_interval_conformal
from errorbar.core.errors import FitError, InputError, SettingsError
from errorbar.stellar.labels import FEH, LOGG, PARAMETERS, TEFF, Parameter
from errorbar.stellar.sed.data import Photometry, as_frame
from errorbar.stellar.sed.estimator.answers import Stamp, StarNumbers
from errorbar.stellar.sed.estimator.saving import (
    hash_parts,
    numbers_from,
    numbers_parts,
    read_settings,
    write_settings,
)
from errorbar.stellar.sed.fit.blocks import in_blocks
from errorbar.stellar.sed.fit.members import MemberSettings
from errorbar.stellar.sed.fit.numbers import (
    CrossFit,
    NumbersFit,
    Outcome,
    ask_numbers,
    fit_numbers,
)
from errorbar.stellar.sed.model.extinction import ExtinctionTable
from errorbar.stellar.sed.model.prepare import prepare, table_of
from errorbar.stellar.sed.model.recipe import SedRecipe
from errorbar.stellar.sed.summary import Contradiction, find_contradictions

__all__ = ["SEDRegressor"]

KIND = "stellar.sed.numbers"


class SEDRegressor:
    """Teff, logg, [Fe/H] or any other numbers of stars, from photometry and parallax.

    Boosted trees, networks and Gaussian processes, blended by what each predicts of stars it was
    not fitted to; intervals are as wide as the star's own errors make them and hold the label as
    often as they claim.

    Parameters
    ----------
    recipe
        How photometry is made ready.
    parameters
        What is predicted: names of `errorbar.stellar.labels.PARAMETERS`, or values of `Parameter`.
    settings
        Which members there are and how they are fitted.
    alphas
        For which shares of misses there are intervals.
    """

    def __init__(
        self,
        recipe: SedRecipe,
        parameters: Sequence[Parameter | str] = (TEFF, LOGG, FEH),
        *,
        settings: MemberSettings | None = None,
        alphas: Sequence[float] = (0.05, 0.1, 0.32),
    ) -> None:
        self.recipe = recipe
        self.parameters = tuple(_parameter(each) for each in parameters)
        self.settings = settings or MemberSettings()
        self.alphas = tuple(alphas)
        self.calibrated = False
        self._fit: NumbersFit | None = None
        self._table: ExtinctionTable | None = None
        self._hash = ""
        self._crossed: tuple[ndarray, ndarray, CrossFit] | None = None

    def fit(
        self, photometry: Photometry, labels: Any, errors: Any = None, *, groups: Any = None
    ) -> Self:
        """Fit stars with labels: a table with a column for each parameter, errors likewise.

        `groups` names the star of each row where one star has several rows. Labels without errors
        are taken as exact.
        """
        truth = self._columns(labels, len(photometry), "labels")
        noise = np.zeros(truth.shape)
        if errors is not None:
            noise = self._columns(errors, len(photometry), "errors")
        stars = np.arange(len(photometry)) if groups is None else np.asarray(groups)
        self._table = table_of(self.recipe)
        prepared = prepare(photometry, self.recipe, self._table)
        self._fit, crossed = fit_numbers(
            prepared, self.recipe, truth, noise, stars, self.parameters, self.settings, self.alphas
        )
        self.calibrated = False
        self._crossed = photometry.rows, truth, crossed
        self._stamp()
        return self

    def calibrate(self, photometry: Photometry, labels: Any, *, groups: Any = None) -> Self:
        """Margins from stars that had no part in the fit, in place of the cross-fitted ones.

        The promise then is exact for a new star like these.
        """
        truth = self._columns(labels, len(photometry), "labels")
        outcome, _ = self._ask(photometry)
        y = (self._forward(truth) - self.result.middle) / self.result.width
        margins = tuple(
            fit_interval_conformal(
                outcome.centre[:, t], y[:, t], groups, spread=outcome.spread[:, t],
                alphas=self.alphas,
            )
            for t in range(y.shape[1])
        )  # fmt: skip
        self._fit = replace(self.result, margins=margins)
        self.calibrated = True
        self._stamp()
        return self

    def predict(self, photometry: Photometry) -> StarNumbers:
        """Parameters with intervals; no star's answer depends on which others are asked for."""
        fit = self.result
        outcome, flag = self._ask(photometry)
        centre = self._backward(outcome.centre)
        return StarNumbers(
            rows=photometry.rows,
            names=tuple(each.name for each in self.parameters),
            centre=centre,
            spread=outcome.spread * fit.width / self._slopes(centre),
            intervals={alpha: self._ends(outcome, alpha) for alpha in self.alphas},
            oddness=outcome.oddness,
            flag=flag,
            stamp=Stamp(self._hash, self.recipe.hash, self.calibrated),
        )

    def contradictions(self, *, rate: float = 0.05) -> list[Contradiction]:
        """Training stars whose label their photometry and parallax contradict, worst first.

        Each is judged by members that had not seen it. `rate` is the share of false entries that
        is put up with (Benjamini and Hochberg).
        """
        if self._crossed is None:
            raise FitError("contradictions are known after a fit: a saved model has no stars.")
        rows, truth, crossed = self._crossed
        y = (self._forward(truth) - self.result.middle) / self.result.width
        return find_contradictions(
            rows,
            tuple(each.name for each in self.parameters),
            truth,
            self._backward(crossed.centre),
            (y - crossed.centre) / crossed.spread,
            rate=rate,
        )

    @property
    def result(self) -> NumbersFit:
        """The fit with all its parts."""
        if self._fit is None:
            raise FitError("this model has not been fitted: call fit first, or load one.")
        return self._fit

    @property
    def model_hash(self) -> str:
        """The hash of everything the model is, which predictions carry."""
        return self._hash

    def save(self, path: str | Path) -> Path:
        """The model as one file."""
        arrays, manifest = self._parts()
        return write_artifact(path, KIND, arrays, manifest)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A model that was saved; it predicts the same to the bit."""
        held = read_artifact(path, KIND)
        plain: Mapping[str, Any] = held.manifest
        model = cls(
            SedRecipe.from_dict(plain["recipe"]),
            tuple(Parameter(**each) for each in plain["parameters"]),
            settings=read_settings(plain["settings"]),
            alphas=tuple(plain["alphas"]),
        )
        model._fit, model._table = numbers_from(held.arrays, plain)
        model.calibrated = bool(plain["calibrated"])
        model._stamp()
        return model

    def _parts(self) -> tuple[dict[str, ndarray], dict[str, Any]]:
        if self._table is None:
            raise FitError("this model has not been fitted: call fit first, or load one.")
        arrays, plain = numbers_parts(self.result, self._table)
        fields = ("name", "unit", "low", "high", "scale")
        plain |= {
            "recipe": self.recipe.to_dict(),
            "parameters": [{name: getattr(p, name) for name in fields} for p in self.parameters],
            "settings": write_settings(self.settings),
            "alphas": list(self.alphas),
            "calibrated": self.calibrated,
        }
        return arrays, plain

    def _stamp(self) -> None:
        self._hash = hash_parts(*self._parts())

    def _ask(self, photometry: Photometry) -> tuple[Outcome, ndarray]:
        fit, table = self.result, self._table
        if not len(photometry):
            raise InputError("there are no stars to predict.")

        def ask(place: ndarray) -> tuple[ndarray, ...]:
            prepared = prepare(photometry.select(place), self.recipe, table)
            found = ask_numbers(fit, prepared, self.recipe)
            return found.centre, found.spread, found.oddness, prepared.flag

        centre, spread, oddness, flag = in_blocks(len(photometry), ask)
        return Outcome(centre, spread, oddness), flag

    def _ends(self, outcome: Outcome, alpha: float) -> ndarray:
        ends = [
            margins.around(outcome.centre[:, t], alpha, spread=outcome.spread[:, t])
            for t, margins in enumerate(self.result.margins)
        ]
        low, high = (self._backward(np.column_stack([e[:, k] for e in ends])) for k in (0, 1))
        return np.stack([low, high], axis=-1)

    def _forward(self, truth: ndarray) -> ndarray:
        return np.column_stack([p.forward(truth[:, t]) for t, p in enumerate(self.parameters)])

    def _backward(self, y: ndarray) -> ndarray:
        value = y * self.result.width + self.result.middle
        return np.column_stack([p.backward(value[:, t]) for t, p in enumerate(self.parameters)])

    def _slopes(self, value: ndarray) -> ndarray:
        return np.column_stack([p.slope(value[:, t]) for t, p in enumerate(self.parameters)])

    def _columns(self, table: Any, rows: int, what: str) -> ndarray:
        frame = as_frame(table)
        missing = [each.name for each in self.parameters if each.name not in frame.columns]
        if missing or frame.height != rows:
            raise InputError(
                f"`{what}` has {frame.height} rows and columns {', '.join(frame.columns)}; {rows} "
                f"rows and {', '.join(each.name for each in self.parameters)} are needed."
            )
        found = np.column_stack(
            [frame[each.name].to_numpy().astype(np.float64) for each in self.parameters]
        )
        low = np.array([each.low for each in self.parameters])
        high = np.array([each.high for each in self.parameters])
        good = (found >= low) & (found <= high) if what == "labels" else found >= 0
        bad = np.argwhere(~good)
        if len(bad):
            row, column = bad[0]
            raise InputError(
                f"{len(bad)} `{what}` are missing or out of range, first row {row}, "
                f"{self.parameters[column].name} ({found[row, column]}): leave such stars out."
            )
        return found


def _parameter(given: Parameter | str) -> Parameter:
    if isinstance(given, Parameter):
        return given
    if given not in PARAMETERS:
        raise SettingsError(f"there is no parameter {given!r}; known: {', '.join(PARAMETERS)}.")
    return PARAMETERS[given]
