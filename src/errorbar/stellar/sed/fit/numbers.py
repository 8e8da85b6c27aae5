r"""Parameters of stars: members blended, their errors modelled, intervals calibrated.

1. Rows are dealt into folds by star. Each member predicts each fold from the others.
2. Weights of the blend are found on those predictions, target by target.
3. Trees learn the 0.9 quantile of $|y - \hat y|$ from what is known of a star (its predicted
   parameters, what the networks claim, how members disagree, its reddening error, brightness,
   parallax): the spread, cross-fitted by star too.
4. Split conformal margins in units of that spread (`core.calibrate`) make the promise. Here the
   calibration rows are the cross-fitted ones, which is near enough to exchangeable but not exact;
   `calibrate` on rows set aside makes it exact.
5. All members are fitted once more to all rows.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.calibrate import IntervalConformal, fit_interval_conformal
from errorbar.core.split import make_folds
from errorbar.stellar.labels import Parameter
from errorbar.stellar.sed.fit.blend import blend_numbers
from errorbar.stellar.sed.fit.features import Features, FeatureScale, fit_scale, make_features
from errorbar.stellar.sed.fit.members import Members, MemberSettings, fit_members, kernel_scales
from errorbar.stellar.sed.fit.trees import Trees, TreeSettings, fit_trees
from errorbar.stellar.sed.model.colours import ColourModel, ColourPosterior, fit_colours
from errorbar.stellar.sed.model.prepare import Prepared
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["CrossFit", "NumbersFit", "Outcome", "ask_numbers", "fit_numbers"]

SPREAD_LEVEL = 0.9
SPREAD_TREES = TreeSettings(trees=150, rate=0.05, leaves=8, least_rows=60, column_share=0.7)
NORMAL_HALF_WIDTH = 1.6448536269514722
# The least spread, in units of the median absolute residual.
SPREAD_FLOOR = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Standardised targets of rows and their spread, in the units of a fit; and the oddness."""

    centre: Float[ndarray, "rows targets"]
    spread: Float[ndarray, "rows targets"]
    oddness: Float[ndarray, " rows"]


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """What each training row is predicted from the others: for blends, margins, contradictions."""

    members: Float[ndarray, "rows members targets"]
    centre: Float[ndarray, "rows targets"]
    spread: Float[ndarray, "rows targets"]
    fold: ndarray


@dataclass(frozen=True, slots=True, eq=False)
class NumbersFit:
    """A fitted blend with all its parts; targets are standardised by `middle` and `width`."""

    colours: ColourModel
    scale: FeatureScale
    middle: Float[ndarray, " targets"]
    width: Float[ndarray, " targets"]
    members: Members
    weights: Float[ndarray, "members targets"]
    spreads: tuple[Trees, ...]
    floors: Float[ndarray, " targets"]
    margins: tuple[IntervalConformal, ...]


def fit_numbers(
    prepared: Prepared,
    recipe: SedRecipe,
    targets: Float[ndarray, "rows targets"],
    errors: Float[ndarray, "rows targets"],
    groups: ndarray,
    parameters: tuple[Parameter, ...],
    settings: MemberSettings,
    alphas: tuple[float, ...],
) -> tuple[NumbersFit, CrossFit]:
    """The fit, and what it says of its own rows when they are left out."""
    y, error, middle, width = _standard(targets, errors, parameters)
    colours = fit_colours(prepared)
    features, known = make_features(prepared, recipe, colours)
    scale = fit_scale(features)
    scales = kernel_scales(features, scale, y, error, settings)
    fold = make_folds(groups, settings.folds, seed=settings.networks.seed).fold
    crossed = np.empty((len(y), len(settings.members), y.shape[1]))
    claimed = np.empty(y.shape)
    few = replace(settings.networks, members=settings.fold_networks)
    for at in range(settings.folds):
        learn, held = fold != at, fold == at
        part = fit_members(
            take(features, learn), scale, y[learn], error[learn], scales, settings, few
        )
        crossed[held], claimed[held] = part.predict(take(features, held), scale)
    weights = np.column_stack(
        [blend_numbers(crossed[:, :, t].T, y[:, t]) for t in range(y.shape[1])]
    )
    centre = np.einsum("nmt,mt->nt", crossed, weights)
    about = spread_inputs(centre, claimed, crossed, prepared, known)
    residual = np.abs(y - centre)
    floors = SPREAD_FLOOR * np.median(residual, axis=0)
    spreads = tuple(_fit_spread(about, residual[:, t]) for t in range(y.shape[1]))
    spread = np.empty(y.shape)
    for at in range(settings.folds):
        learn, held = fold != at, fold == at
        for t in range(y.shape[1]):
            part = _fit_spread(about[learn], residual[learn, t])
            spread[held, t] = _spread(part, about[held], floors[t])
    margins = tuple(
        fit_interval_conformal(centre[:, t], y[:, t], groups, spread=spread[:, t], alphas=alphas)
        for t in range(y.shape[1])
    )
    members = fit_members(features, scale, y, error, scales, settings, settings.networks)
    fit = NumbersFit(colours, scale, middle, width, members, weights, spreads, floors, margins)
    return fit, CrossFit(crossed, centre, spread, fold)


def ask_numbers(fit: NumbersFit, prepared: Prepared, recipe: SedRecipe) -> Outcome:
    """What the blend says of stars."""
    features, known = make_features(prepared, recipe, fit.colours)
    each, claimed = fit.members.predict(features, fit.scale)
    centre = np.einsum("nmt,mt->nt", each, fit.weights)
    about = spread_inputs(centre, claimed, each, prepared, known)
    spread = [_spread(trees, about, floor) for trees, floor in zip(fit.spreads, fit.floors)]
    return Outcome(centre, np.column_stack(spread), known.oddness)


def spread_inputs(
    centre: ndarray, claimed: ndarray, members: ndarray, prepared: Prepared, known: ColourPosterior
) -> ndarray:
    """What the size of an error is learnt from."""
    return np.column_stack(
        [
            centre,
            np.log(claimed + 1e-3),
            np.ptp(members, axis=1),
            known.ebv,
            known.ebv_sd,
            known.oddness,
            known.colour_sd.mean(axis=1),
            np.arcsinh(prepared.luminosity / prepared.luminosity_err),
            prepared.luminosity,
            prepared.seen.sum(axis=1),
        ]
    )


def take(features: Features, rows: ndarray) -> Features:
    """Some rows of features."""
    parts = (features.colour, features.posterior, features.rest, features.extra)
    return Features(*(each[rows] for each in parts))


def _standard(
    targets: ndarray, errors: ndarray, parameters: tuple[Parameter, ...]
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    pairs = list(enumerate(parameters))
    y = np.column_stack([p.forward(targets[:, t]) for t, p in pairs])
    error = np.column_stack([errors[:, t] * p.slope(targets[:, t]) for t, p in pairs])
    middle, width = y.mean(axis=0), y.std(axis=0)
    return (y - middle) / width, error / width, middle, width


def _fit_spread(about: ndarray, residual: ndarray) -> Trees:
    return fit_trees(
        about, residual, settings=SPREAD_TREES, objective="quantile", level=SPREAD_LEVEL
    )


def _spread(trees: Trees, about: ndarray, floor: float) -> ndarray:
    return np.maximum(trees.predict(about) / NORMAL_HALF_WIDTH, floor)
