"""Classes of stars from photometry: the model a notebook holds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.calibrate import BaseProbCalibrator, ClassConformal
from errorbar.core.errors import FitError, InputError, SettingsError
from errorbar.stellar.labels import Taxonomy
from errorbar.stellar.sed.data import Photometry
from errorbar.stellar.sed.estimator.answers import Stamp, StarClasses
from errorbar.stellar.sed.estimator.saving import (
    common_arrays,
    common_parts,
    hash_parts,
    network_arrays,
    read_networks,
    read_settings,
    read_trees,
    tree_arrays,
    write_settings,
)
from errorbar.stellar.sed.fit.blocks import in_blocks
from errorbar.stellar.sed.fit.classes import (
    ClassesFit,
    SetSettings,
    ask_classes,
    conformal_of,
    fit_classes,
)
from errorbar.stellar.sed.fit.members import MemberSettings
from errorbar.stellar.sed.model.extinction import ExtinctionTable
from errorbar.stellar.sed.model.prepare import prepare, table_of
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["SEDClassifier"]

KIND = "stellar.sed.classes"
MEMBERS = ("trees", "networks")


class SEDClassifier:
    """Classes of a taxonomy from photometry and parallax, with sets that hold the truth.

    Boosted trees and networks, blended; probabilities calibrated where that helps; sets with a
    threshold for each class. Kinds above the classes get the sum of their classes.

    Parameters
    ----------
    taxonomy
        The classes and what is above them; classes without a training star are left out.
    recipe
        How photometry is made ready.
    settings
        Which members there are and how they are fitted.
    sets
        Alphas of the sets, and whether each class has its own threshold.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        recipe: SedRecipe,
        *,
        settings: MemberSettings | None = None,
        sets: SetSettings | None = None,
    ) -> None:
        self.taxonomy = taxonomy
        self.recipe = recipe
        self.settings = settings or MemberSettings(members=MEMBERS)
        if not set(self.settings.members) <= set(MEMBERS):
            raise SettingsError(
                f"members={self.settings.members}: those of classes are {', '.join(MEMBERS)}."
            )
        self.sets = sets or SetSettings()
        self.calibrated = False
        self._fit: ClassesFit | None = None
        self._table: ExtinctionTable | None = None
        self._hash = ""

    def fit(self, photometry: Photometry, labels: Any, *, groups: Any = None) -> Self:
        """Fit stars with the names of their classes; `groups` names the star of each row."""
        given = self._known(labels, len(photometry))
        names = tuple(name for name in self.taxonomy.classes if (given == name).any())
        if len(names) < 2:
            raise InputError(f"there are stars of {len(names)} classes; two or more are needed.")
        stars = np.arange(len(photometry)) if groups is None else np.asarray(groups)
        self._table = table_of(self.recipe)
        prepared = prepare(photometry, self.recipe, self._table)
        self._fit, _ = fit_classes(
            prepared, self.recipe, _numbers(given, names), names, dict(self.taxonomy.parents),
            stars, self.settings, self.sets,
        )  # fmt: skip
        self.calibrated = False
        self._stamp()
        return self

    def calibrate(self, photometry: Photometry, labels: Any, *, groups: Any = None) -> Self:
        """Thresholds of sets from stars that had no part in the fit."""
        fit = self.result
        given = self._known(labels, len(photometry))
        probability, _, _ = self._ask(photometry)
        parents = dict(self.taxonomy.parents)
        conformal = conformal_of(
            probability, _numbers(given, fit.names), fit.names, parents, groups, self.sets
        )
        self._fit = replace(fit, conformal=conformal)
        self.calibrated = True
        self._stamp()
        return self

    def predict(self, photometry: Photometry) -> StarClasses:
        """Probabilities and sets; no star's answer depends on which others are asked for."""
        fit = self.result
        probability, oddness, flag = self._ask(photometry)
        return StarClasses(
            rows=photometry.rows,
            taxonomy=self.taxonomy,
            names=fit.names,
            probability=probability,
            conformal=fit.conformal,
            oddness=oddness,
            flag=flag,
            stamp=Stamp(self._hash, self.recipe.hash, self.calibrated),
        )

    @property
    def result(self) -> ClassesFit:
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
        return write_artifact(path, KIND, *self._parts())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """A model that was saved; it predicts the same to the bit."""
        held = read_artifact(path, KIND)
        plain: Mapping[str, Any] = held.manifest
        sets = SetSettings(tuple(plain["sets"]["alphas"]), plain["sets"]["by_class"])
        model = cls(
            Taxonomy.from_dict(plain["taxonomy"]),
            SedRecipe.from_dict(plain["recipe"]),
            settings=read_settings(plain["settings"]),
            sets=sets,
        )
        colours, scale, model._table = common_parts(held.arrays, plain)
        trees = read_trees(held.arrays, "trees", 1)[0] if "trees0" in held.arrays else None
        model._fit = ClassesFit(
            names=tuple(plain["names"]),
            colours=colours,
            scale=scale,
            trees=trees,
            networks=read_networks(held.arrays),
            weights=held.arrays["weights"],
            calibrator=BaseProbCalibrator.from_dict(plain["calibrator"]),
            conformal=ClassConformal.from_dict(plain["conformal"]),
        )
        model.calibrated = bool(plain["calibrated"])
        model._stamp()
        return model

    def _parts(self) -> tuple[dict[str, ndarray], dict[str, Any]]:
        fit = self.result
        if self._table is None:
            raise FitError("this model has not been fitted: call fit first, or load one.")
        arrays = common_arrays(fit.colours, fit.scale, self._table) | {"weights": fit.weights}
        arrays |= tree_arrays("trees", () if fit.trees is None else (fit.trees,))
        arrays |= network_arrays(fit.networks)
        plain = {
            "names": list(fit.names),
            "colours": fit.scale.colours,
            "calibrator": fit.calibrator.to_dict(),
            "conformal": fit.conformal.to_dict(),
            "taxonomy": self.taxonomy.to_dict(),
            "recipe": self.recipe.to_dict(),
            "settings": write_settings(self.settings),
            "sets": {"alphas": list(self.sets.alphas), "by_class": self.sets.by_class},
            "calibrated": self.calibrated,
        }
        return arrays, plain

    def _stamp(self) -> None:
        self._hash = hash_parts(*self._parts())

    def _ask(self, photometry: Photometry) -> tuple[ndarray, ndarray, ndarray]:
        fit, table = self.result, self._table
        if not len(photometry):
            raise InputError("there are no stars to predict.")

        def ask(place: ndarray) -> tuple[ndarray, ...]:
            prepared = prepare(photometry.select(place), self.recipe, table)
            return *ask_classes(fit, prepared, self.recipe), prepared.flag

        probability, oddness, flag = in_blocks(len(photometry), ask)
        return probability, oddness, flag

    def _known(self, labels: Any, rows: int) -> ndarray:
        given = np.asarray(labels).astype(np.str_)
        if given.shape != (rows,):
            raise InputError(f"{given.shape} labels were given for {rows} stars: one each.")
        bad = np.flatnonzero(~np.isin(given, self.taxonomy.classes))
        if bad.size:
            raise InputError(
                f"{bad.size} labels are no class of {self.taxonomy.label}, first row {bad[0]} "
                f"({str(given[bad[0]])!r}); classes are {', '.join(self.taxonomy.classes)}."
            )
        return given


def _numbers(given: ndarray, names: tuple[str, ...]) -> ndarray:
    unknown = np.flatnonzero(~np.isin(given, names))
    if unknown.size:
        raise InputError(
            f"{unknown.size} stars are of a class that the fit had none of, first row "
            f"{unknown[0]} ({str(given[unknown[0]])!r})."
        )
    order = np.argsort(names)
    return order[np.searchsorted(np.array(names)[order], given)]
