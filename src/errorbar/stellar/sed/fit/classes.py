"""Classes of stars: trees and networks blended, their probabilities calibrated, sets promised.

As in `fit.numbers`: members predict each fold from the others, weights of the blend minimise the
negative log likelihood of those predictions, a calibrator is chosen on them by nested
cross-validation (never worse than none), and conformal thresholds are found on them.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.calibrate import (
    BaseProbCalibrator,
    ClassConformal,
    choose_calibrator,
    fit_class_conformal,
)
from errorbar.core.split import make_folds
from errorbar.stellar.sed.fit.blend import blend_probabilities
from errorbar.stellar.sed.fit.features import Features, FeatureScale, fit_scale, make_features
from errorbar.stellar.sed.fit.members import MemberSettings
from errorbar.stellar.sed.fit.network import Networks, NetworkSettings, fit_networks
from errorbar.stellar.sed.fit.numbers import take
from errorbar.stellar.sed.fit.trees import Trees, fit_trees
from errorbar.stellar.sed.model.colours import ColourModel, fit_colours
from errorbar.stellar.sed.model.prepare import Prepared
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["ClassesFit", "SetSettings", "ask_classes", "conformal_of", "fit_classes"]


@dataclass(frozen=True, slots=True)
class SetSettings:
    """Of sets: for which alphas, and whether each class has a threshold of its own."""

    alphas: tuple[float, ...] = (0.05, 0.1, 0.32)
    by_class: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class ClassesFit:
    """A fitted blend with all its parts; `names` are the classes of its columns."""

    names: tuple[str, ...]
    colours: ColourModel
    scale: FeatureScale
    trees: Trees | None
    networks: Networks | None
    weights: Float[ndarray, " members"]
    calibrator: BaseProbCalibrator
    conformal: ClassConformal


def fit_classes(
    prepared: Prepared,
    recipe: SedRecipe,
    labels: Int[ndarray, " rows"],
    names: tuple[str, ...],
    parents: dict[str, str],
    groups: ndarray,
    settings: MemberSettings,
    sets: SetSettings,
) -> tuple[ClassesFit, Float[ndarray, "rows classes"]]:
    """The fit, and calibrated probabilities of its own rows when they are left out."""
    colours = fit_colours(prepared)
    features, _ = make_features(prepared, recipe, colours)
    scale = fit_scale(features)
    seed = settings.networks.seed
    fold = make_folds(groups, settings.folds, seed=seed, classes=labels).fold
    few = replace(settings.networks, members=settings.fold_networks)
    parts = []
    for at in range(settings.folds):
        learn = fold != at
        trees, nets = _fit(take(features, learn), scale, labels[learn], names, settings, few)
        parts.append(_ask(trees, nets, take(features, fold == at), scale))
    crossed = np.empty((parts[0].shape[0], *(len(labels), len(names))))
    for at, part in enumerate(parts):
        crossed[:, fold == at] = part
    weights = blend_probabilities(crossed, labels)
    mixed = _whole(np.einsum("m,mnc->nc", weights, crossed))
    calibrator, _ = choose_calibrator(mixed, labels, groups, seed, inputs="probs")
    probability = _whole(calibrator.transform(mixed))
    conformal = conformal_of(probability, labels, names, parents, groups, sets)
    trees, nets = _fit(features, scale, labels, names, settings, settings.networks)
    fit = ClassesFit(names, colours, scale, trees, nets, weights, calibrator, conformal)
    return fit, probability


def conformal_of(
    probability: ndarray, labels: ndarray, names: tuple[str, ...], parents: dict[str, str],
    groups: ndarray | None, sets: SetSettings,
) -> ClassConformal:  # fmt: skip
    """Thresholds of sets; a class with too few stars is joined to others up the taxonomy."""
    return fit_class_conformal(
        probability, labels, groups, alphas=sets.alphas, by_class=sets.by_class,
        parents=parents if sets.by_class else None, names=names,
    )  # fmt: skip


def ask_classes(
    fit: ClassesFit, prepared: Prepared, recipe: SedRecipe
) -> tuple[Float[ndarray, "rows classes"], Float[ndarray, " rows"]]:
    """Calibrated probabilities and the oddness of stars."""
    features, known = make_features(prepared, recipe, fit.colours)
    each = _ask(fit.trees, fit.networks, features, fit.scale)
    mixed = _whole(np.einsum("m,mnc->nc", fit.weights, each))
    return _whole(fit.calibrator.transform(mixed)), known.oddness


def _fit(
    features: Features, scale: FeatureScale, labels: ndarray, names: tuple[str, ...],
    settings: MemberSettings, networks: NetworkSettings,
) -> tuple[Trees | None, Networks | None]:  # fmt: skip
    trees = nets = None
    if "trees" in settings.members:
        X, size = features.for_trees(), len(names)
        trees = fit_trees(X, labels, settings=settings.trees, objective="multiclass", classes=size)
    if "networks" in settings.members:
        X = scale.for_networks(features)
        nets = fit_networks(
            X, labels, hideable=scale.colours, classes=len(names), settings=networks
        )
    return trees, nets


def _ask(
    trees: Trees | None, networks: Networks | None, features: Features, scale: FeatureScale
) -> ndarray:
    found = []
    if trees is not None:
        found.append(trees.predict(features.for_trees()))
    if networks is not None:
        found.append(networks.probabilities(scale.for_networks(features)))
    return np.stack(found)


def _whole(probability: ndarray) -> ndarray:
    return probability / probability.sum(axis=1, keepdims=True)
