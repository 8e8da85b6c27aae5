"""Synthetic catalogues: planets whose abundances are drawn, with the truth beside them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.data import HermesData, PlanetList
from errorbar.survey.data.columns import (
    ABUNDANCE,
    ABUNDANCE_BARS,
    LIMIT,
    MASS,
    MASS_BARS,
    NAME,
    STAR,
    STAR_BARS,
)
from errorbar.survey.synth.noise import measure
from errorbar.survey.synth.population import (
    draw_mass_bars,
    draw_planets,
    draw_star_bars,
    planet_names,
    split_bar,
)
from errorbar.survey.synth.streams import check_seed, stream
from errorbar.survey.synth.truth import Recipe, Truth, write_truth

__all__ = ["CATALOGUE", "PLANETS", "SyntheticCatalogue", "make_catalogue"]

# As many as the Ariel list of 2024-07-09.
PLANETS = 722
CATALOGUE = "hermes_synthetic_data.csv"

BARS = ("_lower", "_upper")

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticCatalogue:
    """A catalogue and what is true behind it; `planets` says what observing them takes."""

    data: HermesData
    truth: Truth
    planets: PlanetList

    def write(self, folder: str | Path) -> tuple[Path, ...]:
        """`hermes_synthetic_data.csv` and its truth; the same seed gives the same bytes."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CATALOGUE
        self.data.df.write_csv(path)
        return path, *write_truth(self.truth, folder, CATALOGUE)


def make_catalogue(
    masses: PlanetList | Any = None,
    recipe: Recipe = Recipe(),  # noqa: B008 (frozen)
    *,
    n: int | None = None,
    seed: int = 42,
) -> SyntheticCatalogue:
    """Draw abundances, stars and errors for planets of given or drawn masses.

    `masses` is a list that an archive's reader gave, an array of log10 Jupiter masses, or nothing:
    then `n` (722) planets are drawn that look like the Ariel list. A planet keeps the bars its list
    gives to mass and star; gaps are drawn. With `recipe.stars="listed"` the stars' own values are
    taken as measured, and planets whose star has none are left out.
    """
    seed = check_seed(seed)
    planets = _planets(masses, n, recipe, seed)
    x = planets.log_mass
    true_planet, true_star = _scatter(x, recipe, seed)
    abundance = _abundances(true_planet, recipe, seed)
    table: dict[str, Any] = {
        NAME: planets.names,
        **_masses(planets, recipe, seed),
        **abundance.columns,
        **_stars(planets, true_star, recipe, seed),
    }
    rows = {
        "name": planets.names,
        "log_mass": x,
        "log_abundance": true_planet,
        "star_feh": [None] * len(x) if recipe.stars == "listed" else true_star,
        "log_abundance_measured": abundance.measured,
        "outlier": abundance.outlier,
        "limit": abundance.limit,
    }
    # The columns are ours and right by construction; a wide recipe may leave the plausible ranges.
    data = HermesData(pl.DataFrame(table), strict=True, units=None)
    truth_rows = pl.DataFrame(rows, schema_overrides={"star_feh": pl.Float64})
    truth = Truth(recipe, seed, Path(planets.source).name, truth_rows)
    return SyntheticCatalogue(data, truth, planets)


def _planets(masses: PlanetList | Any, n: int | None, recipe: Recipe, seed: int) -> PlanetList:
    if masses is None:
        return draw_planets(PLANETS if n is None else n, seed=seed)
    if n is not None:
        raise SettingsError(
            f"n={n} says how many planets are drawn, but their masses are given: leave n out."
        )
    if not isinstance(masses, PlanetList):
        return _without_gaps(_from_array(masses), seed)
    planets = masses.with_star if recipe.stars == "listed" else masses
    if len(planets) == 0:
        raise SurveyError(
            f"none of the {len(masses)} planets of {masses.source} has a star with metallicity "
            "and bars: take recipe.stars='drawn'."
        )
    return _without_gaps(planets, seed)


def _from_array(masses: Any) -> PlanetList:
    x = np.asarray(masses, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise SurveyError(
            f"masses must be one column of log10 Jupiter masses; these have shape {x.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(x))
    if bad.size:
        raise SurveyError(
            f"masses must be finite log10 Jupiter masses; {bad.size} of {len(x)} are not, first "
            f"at row {bad[0]} ({x[bad[0]]}). Leave these planets out."
        )
    gaps = dict.fromkeys(
        f"{quantity}{end}"
        for quantity, ends in (("log_mass", BARS), ("star_feh", ("", *BARS)))
        for end in ends
    )
    frame = pl.DataFrame({"name": planet_names(len(x)), "log_mass": x})
    empty = pl.lit(None, dtype=pl.Float64)
    return PlanetList(frame.with_columns(empty.alias(name) for name in gaps), "masses given")


def _without_gaps(planets: PlanetList, seed: int) -> PlanetList:
    """The list with bars drawn where it has none."""
    x = planets.log_mass
    drawn = {
        "log_mass": draw_mass_bars(x, seed=seed)[:2],
        "star_feh": draw_star_bars(len(x), seed=seed),
    }
    known = {
        "log_mass": planets.mass_bars,
        "star_feh": tuple(planets.column(f"star_feh{end}") for end in BARS),
    }
    columns = []
    for quantity, bars in known.items():
        gap = ~np.logical_and.reduce([np.isfinite(bar) for bar in bars])
        for end, bar, new in zip(BARS, bars, drawn[quantity]):
            columns.append(pl.Series(f"{quantity}{end}", np.where(gap, new, bar)))
    return PlanetList(planets.df.with_columns(columns), planets.source)


def _scatter(x: Values, recipe: Recipe, seed: int) -> tuple[Values, Values]:
    """True values of planets and stars about their trends."""
    first, second = stream(seed, "scatter").normal(size=(2, len(x)))
    planet = recipe.alpha + recipe.beta * x + recipe.epsilon * first
    mixed = recipe.rho * first + np.sqrt(1.0 - recipe.rho**2) * second
    return planet, recipe.alpha_s + recipe.beta_s * x + recipe.sigma_s * mixed


@dataclass(frozen=True, slots=True, eq=False)
class _Abundances:
    """The catalogue's columns, and what was measured before limits replaced it."""

    columns: dict[str, NDArray[Any]]
    measured: Values
    outlier: NDArray[np.bool_]
    limit: NDArray[np.bool_]


def _abundances(truth: Values, recipe: Recipe, seed: int) -> _Abundances:
    size, tilt = stream(seed, "bars").normal(size=(2, len(truth)))
    down, up = split_bar(recipe.bar * np.exp(recipe.bar_spread * size), recipe.bar_asymmetry * tilt)
    measured = measure(stream(seed, "abundance noise"), truth, down, up, recipe.noise)
    rng = stream(seed, "outliers")
    outlier = rng.random(len(truth)) < recipe.outlier_share
    measured = measured + np.where(outlier, recipe.outlier_size * rng.normal(size=len(truth)), 0.0)
    names = (ABUNDANCE, *ABUNDANCE_BARS)
    columns: dict[str, NDArray[Any]] = dict(zip(names, (measured, down, up)))
    if recipe.threshold is None:
        return _Abundances(columns, measured, outlier, np.zeros(len(truth), dtype=bool))
    limit = measured < recipe.threshold
    columns |= {ABUNDANCE: np.where(limit, recipe.threshold, measured), LIMIT: limit}
    return _Abundances(columns, measured, outlier, limit)


def _masses(planets: PlanetList, recipe: Recipe, seed: int) -> dict[str, Values]:
    x = planets.log_mass
    if not recipe.mass_errors:
        return {MASS: x}
    lower, upper = planets.mass_bars
    measured = measure(stream(seed, "mass noise"), x, lower, upper, recipe.noise)
    return dict(zip((MASS, *MASS_BARS), (measured, lower, upper)))


def _stars(planets: PlanetList, truth: Values, recipe: Recipe, seed: int) -> dict[str, Values]:
    lower, upper = (planets.column(f"star_feh{end}") for end in BARS)
    measured = planets.column("star_feh")
    if recipe.stars == "drawn":
        measured = measure(stream(seed, "star noise"), truth, lower, upper, recipe.noise)
    return dict(zip((STAR, *STAR_BARS), (measured, lower, upper)))
