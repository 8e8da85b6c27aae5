"""Numbers that models see: colours as observed, colours as inferred, luminosity, reddening.

Trees take gaps as they are. Smooth members see zero (the training mean) in a gap beside a column
that says so, and the posterior of `model.colours`, which has no gaps.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.stellar.sed.model.colours import ColourModel, ColourPosterior, infer_colours
from errorbar.stellar.sed.model.prepare import Prepared
from errorbar.stellar.sed.model.recipe import SedRecipe

__all__ = ["FeatureScale", "Features", "fit_scale", "make_features"]

# Where the linear luminosity bends to a logarithm: dwarfs of Gaia lie above, giants below.
BENDS = (0.3, 0.03)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Colours against the reference band, posterior colours, and the rest; NaN in gaps."""

    colour: Float[ndarray, "rows colours"]
    posterior: Float[ndarray, "rows bands"]
    rest: Float[ndarray, "rows rest"]
    extra: Float[ndarray, "rows extra"]

    def __len__(self) -> int:
        return len(self.colour)

    def for_trees(self) -> Float[ndarray, "rows features"]:
        """Everything, gaps as NaN."""
        return np.column_stack([self.colour, self.posterior, self.rest, self.extra])


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScale:
    """Means and standard deviations of training features; a column without spread has sd 0."""

    centre: Float[ndarray, " columns"]
    width: Float[ndarray, " columns"]
    colours: int

    def for_networks(self, features: Features) -> Float[ndarray, "rows inputs"]:
        """Standardised; gaps are zero, and columns at the end say where."""
        raw = np.column_stack([features.colour, features.posterior, features.rest])
        z = self._standard(raw, slice(None, raw.shape[1]))
        gap = np.isnan(z)
        mask = np.concatenate([gap[:, : self.colours], gap[:, -1:]], axis=1)
        return np.column_stack([np.where(gap, 0.0, z), mask.astype(np.float64)])

    def for_kernels(self, features: Features) -> Float[ndarray, "rows inputs"]:
        """Posterior colours (all but the last, which the others give) and the rest."""
        raw = np.column_stack([features.posterior[:, :-1], features.rest])
        bands, rest = features.posterior.shape[1], features.rest.shape[1]
        first = self.colours
        used = np.r_[first : first + bands - 1, first + bands : first + bands + rest]
        z = self._standard(raw, used)
        return np.where(np.isnan(z), 0.0, z)[:, self.width[used] > 0]

    def _standard(self, raw: ndarray, used: slice | ndarray) -> ndarray:
        width = self.width[used]
        safe = np.where(width > 0, width, 1.0)
        z = np.where(width > 0, (raw - self.centre[used]) / safe, 0.0)
        # A star unlike any of training is as far out as eight sd, not farther.
        return np.clip(z, -8.0, 8.0)


def make_features(
    prepared: Prepared, recipe: SedRecipe, colours: ColourModel
) -> tuple[Features, ColourPosterior]:
    """Features of stars, and what is known of their colours."""
    known = infer_colours(prepared, colours)
    at = recipe.bands.index(recipe.luminosity_band)
    reference = prepared.mag[:, at]
    # The brightness that the others' colours and level leave for the band, where it was not seen.
    left = np.where(prepared.seen, prepared.mag - known.colour - colours.mean, 0.0)
    count = prepared.seen.sum(axis=1)
    level = np.where(count > 0, left.sum(axis=1) / np.maximum(count, 1), np.nan)
    inferred = level + colours.mean[at] + known.colour[:, at]
    anchor = np.where(np.isfinite(reference), reference, inferred)
    others = [b for b in range(len(recipe.bands)) if b != at]
    colour = prepared.mag[:, others] - anchor[:, None]
    faint = prepared.faint[:, others] - anchor[:, None]
    moved = 10.0 ** (-0.2 * prepared.slope[:, at] * (known.ebv - prepared.ebv))
    luminosity, error = prepared.luminosity, prepared.luminosity_err
    columns = [
        *(np.arcsinh(luminosity * moved / bend) for bend in BENDS),
        *(np.arcsinh(luminosity / bend) for bend in BENDS),
        np.log(error),
        known.ebv,
        np.log(known.ebv_sd + 1e-6),
        prepared.ebv,
        np.log(prepared.ebv_err + 1e-6),
    ]
    if recipe.brightness:
        columns.append(anchor)
    # Last, so that a gap in it says that there is no parallax.
    columns.append(luminosity / error)
    rest = np.column_stack(columns)
    rest[:, -1] = np.arcsinh(rest[:, -1])
    extra = np.column_stack([faint, known.colour_sd])
    return Features(colour, known.colour, rest, extra), known


def fit_scale(features: Features) -> FeatureScale:
    """Means and widths of training features, gaps left out."""
    raw = np.column_stack([features.colour, features.posterior, features.rest])
    seen = np.isfinite(raw)
    count = np.maximum(seen.sum(axis=0), 1)
    centre = np.where(seen, raw, 0.0).sum(axis=0) / count
    width = np.sqrt(np.where(seen, (raw - centre) ** 2, 0.0).sum(axis=0) / count)
    # Rounding is no spread.
    width = np.where(width > 1e-9 * (1.0 + np.abs(centre)), width, 0.0)
    return FeatureScale(centre, width, features.colour.shape[1])
