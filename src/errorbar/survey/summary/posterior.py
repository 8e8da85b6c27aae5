"""The posterior of one survey, ready to be drawn: marginals, pairs, and the line over its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from errorbar.core.errors import InputError
from errorbar.survey.data import SurveyData
from errorbar.survey.summary.quantity import Quantity, ResultModel, parameter_quantity

__all__ = [
    "FittedLine",
    "Marginal",
    "Pair",
    "SurveyPosterior",
    "density_levels",
    "fitted_line",
    "marginal",
    "pair",
    "survey_posterior",
]

PLACES = 200
CELLS = 48
MOST_LINES = 4000
MASSES = (0.68, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Posterior density of one parameter, with its mean and its highest-density interval."""

    quantity: Quantity
    x: Float[ndarray, " places"]
    density: Float[ndarray, " places"]
    mean: float
    sd: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Posterior density of two parameters on a grid; `levels` enclose 95 % and 68 % of it."""

    first: Quantity
    second: Quantity
    x: Float[ndarray, " columns"]
    y: Float[ndarray, " rows"]
    density: Float[ndarray, "rows columns"]
    levels: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FittedLine:
    """A survey's data and the central 68 % band of its line, against log mass (log M_Jup).

    `note` says what was taken off the data, `limit` which of them are upper limits.
    """

    x: Float[ndarray, " planets"]
    y: Float[ndarray, " planets"]
    sigma: Float[ndarray, " planets"]
    limit: Bool[ndarray, " planets"]
    places: Float[ndarray, " places"]
    middle: Float[ndarray, " places"]
    low: Float[ndarray, " places"]
    high: Float[ndarray, " places"]
    response: str
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SurveyPosterior:
    """Everything the posterior panels of one survey draw."""

    title: str
    model: ResultModel
    marginals: tuple[Marginal, ...]
    pairs: tuple[tuple[int, int, Pair], ...]
    lines: tuple[FittedLine, ...]


def survey_posterior(
    fit: Any,
    data: SurveyData,
    *,
    title: str = "",
    level: float = 0.68,
    draws: int = 20_000,
    seed: int = 0,
) -> SurveyPosterior:
    """The posterior of one survey from an exact fit or from ArviZ InferenceData.

    An exact fit gives its intervals and densities without noise; pairs and bands are made of
    `draws` draws.
    """
    sample = _draws(fit, draws, seed)
    model = _model_of(tuple(sample))
    names = tuple(sample)
    quantities = {name: parameter_quantity(model, name) for name in names}
    return SurveyPosterior(
        title=title,
        model=model,
        marginals=(
            _exact_marginals(fit, quantities, level)
            if hasattr(fit, "cdf")
            else tuple(marginal(sample[name], quantities[name], level) for name in names)
        ),
        pairs=tuple(
            (i, j, pair(sample[a], sample[b], quantities[a], quantities[b]))
            for (i, a), (j, b) in combinations(enumerate(names), 2)
        ),
        lines=_lines(model, sample, data),
    )


def marginal(draws: NDArray[np.float64], quantity: Quantity, level: float = 0.68) -> Marginal:
    """A marginal from draws: the shortest interval that holds `level` of them."""
    ordered = np.sort(draws)
    held = max(int(np.ceil(level * len(ordered))), 1)
    widths = ordered[held - 1 :] - ordered[: len(ordered) - held + 1]
    start = int(np.argmin(widths))
    counts, edges = np.histogram(ordered, bins=80, density=True)
    return Marginal(
        quantity=quantity,
        x=(edges[:-1] + edges[1:]) / 2,
        density=gaussian_filter1d(counts, 1.5, mode="reflect"),
        mean=float(ordered.mean()),
        sd=float(ordered.std()),
        low=float(ordered[start]),
        high=float(ordered[start + held - 1]),
        level=level,
    )


def pair(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    first_quantity: Quantity,
    second_quantity: Quantity,
) -> Pair:
    """Two parameters' joint density from draws, smoothed over a cell."""
    spans = [np.quantile(values, [0.001, 0.999]) for values in (first, second)]
    ends = [(low, high if high > low else low + 1e-12) for low, high in spans]
    counts, x, y = np.histogram2d(first, second, bins=CELLS, range=ends)
    density = gaussian_filter(counts.T, 2.0, mode="reflect")
    return Pair(
        first_quantity,
        second_quantity,
        (x[:-1] + x[1:]) / 2,
        (y[:-1] + y[1:]) / 2,
        density,
        density_levels(density, MASSES),
    )


def density_levels(density: NDArray[np.float64], masses: Sequence[float]) -> tuple[float, ...]:
    """Heights whose contours enclose these shares of a density on a regular grid, rising."""
    ordered = np.sort(density, axis=None)[::-1]
    inside = np.cumsum(ordered) / ordered.sum()
    heights = {float(ordered[int(np.searchsorted(inside, mass))]) for mass in masses}
    return tuple(sorted(heights))


def fitted_line(
    intercept: NDArray[np.float64],
    slope: NDArray[np.float64],
    data: SurveyData,
    y: NDArray[np.float64],
    sigma: NDArray[np.float64],
    response: str,
    note: str = "",
) -> FittedLine:
    """The central 68 % of the lines of a posterior, over the survey's own range of masses."""
    margin = 0.05 * float(np.ptp(data.x))
    places = np.linspace(float(data.x.min()) - margin, float(data.x.max()) + margin, PLACES)
    kept = slice(None, MOST_LINES)
    lines = intercept[kept, None] + slope[kept, None] * (places - data.centre)
    low, middle, high = np.quantile(lines, [0.16, 0.5, 0.84], axis=0)
    limit = np.zeros(data.n, dtype=bool) if data.limit is None else data.limit
    return FittedLine(data.x, y, sigma, limit, places, middle, low, high, response, note)


def _exact_marginals(
    fit: Any, quantities: Mapping[str, Quantity], level: float
) -> tuple[Marginal, ...]:
    """Densities from differences of the distribution function, which has no sampling noise."""
    intervals, ranges = fit.hdi(level), fit.quantile((0.0005, 0.9995))
    found: list[Marginal] = []
    for name, quantity in quantities.items():
        low, high = (float(end) for end in _value(intervals, fit, name))
        first, last = (float(end) for end in np.ravel(_value(ranges, fit, name)))
        edges = np.linspace(first, last, PLACES + 1)
        below = np.asarray([float(fit.cdf(name, edge)) for edge in edges])
        found.append(
            Marginal(
                quantity=quantity,
                x=(edges[:-1] + edges[1:]) / 2,
                density=np.diff(below) / np.diff(edges),
                mean=float(_value(fit.mean, fit, name)),
                sd=float(_value(fit.sd, fit, name)),
                low=low,
                high=high,
                level=level,
            )
        )
    return tuple(found)


def _value(values: Any, fit: Any, name: str) -> Any:
    return values[name] if isinstance(values, Mapping) else values[fit.names.index(name)]


def _draws(fit: Any, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    if not hasattr(fit, "draws"):
        return {
            str(name): np.asarray(values, dtype=np.float64).ravel()
            for name, values in fit.posterior.data_vars.items()
            if values.ndim == 2
        }
    return {
        name: np.asarray(values, dtype=np.float64)
        for name, values in fit.draws(draws, seed=seed).items()
        if np.ndim(values) == 1
    }


def _model_of(names: tuple[str, ...]) -> ResultModel:
    if "rho" in names:
        return "joint"
    if {"alpha", "beta_p", "beta_s"} <= set(names):
        return "mass-star"
    if {"alpha", "beta"} <= set(names):
        return "single"
    raise InputError(
        f"a posterior with the parameters {', '.join(names) or 'none'} is of no model here; "
        "pass a fit of the single, joint or mass-star model."
    )


def _lines(
    model: ResultModel, sample: Mapping[str, NDArray[np.float64]], data: SurveyData
) -> tuple[FittedLine, ...]:
    abundance = r"$\log X_{\mathrm{H_2O}}$ (dex)"
    if model == "single":
        return (fitted_line(sample["alpha"], sample["beta"], data, data.y, data.sigma, abundance),)
    star, star_sigma = data.need_star()
    if model == "joint":
        planet = (sample["alpha_p"], sample["beta_p"])
        host = (sample["alpha_s"], sample["beta_s"])
        return (
            fitted_line(*planet, data, data.y, data.sigma, abundance),
            fitted_line(*host, data, star, star_sigma, "host [Fe/H] (dex)"),
        )
    slope = float(sample["beta_s"].mean())
    adjusted = data.y - slope * (star - star.mean())
    note = f"moved to the mean [Fe/H] with slope {slope:.2f}"
    return (
        fitted_line(sample["alpha"], sample["beta_p"], data, adjusted, data.sigma, abundance, note),
    )
