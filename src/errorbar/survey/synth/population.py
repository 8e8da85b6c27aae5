r"""Planets that look like the Ariel candidate list, without the list.

Everything here was fitted to the 722 known planets of the Ariel Mission Candidate Sample of
2024-07-09, with $x = \log_{10} M / M_\mathrm{Jup}$:

- $x$ is a mixture of three normals (maximum likelihood; the largest difference between its
  distribution function and the list's is 0.015), cut to the list's range;
- the mass of every fourth planet below $x = -0.5$, and of hardly any above, is inferred, with
  $\ln\sigma_x \sim N(-0.98 + 0.36 x,\, 0.25)$; a measured mass has
  $\ln\sigma_x \sim N(-3.30 - 0.41 x,\, 0.71)$. In dex the upper bar is the shorter one, by as
  much as the bars are long: $\ln(u/d) \approx -0.74\,\sigma_x$;
- a star's error has $\ln\sigma \sim N(\ln 0.078,\, 0.59)$; four of five have equal bars;
- the transit lasts $\ln T_{14}/\mathrm{s} \sim N(9.38 + 0.26x,\, 0.49)$ and Tier 2 takes
  $\ln v_2 \sim N(1.62 - 0.86x,\, 1.15)$ visits; Tier 1 goes as its square root, Tier 3 is twice it.

The stars' own [Fe/H] follows `STAR_TREND`. Fits of one quantity at a time: correlations not listed
here are not there.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import SurveyError
from errorbar.survey.data import PlanetList
from errorbar.survey.data.archives import VISIT_PER_TRANSIT
from errorbar.survey.synth.streams import stream

__all__ = [
    "STAR_TREND",
    "draw_mass_bars",
    "draw_masses",
    "draw_planets",
    "draw_star_bars",
    "planet_names",
    "split_bar",
]

WEIGHTS = (0.417, 0.383, 0.200)
MEANS = (-1.527, -0.080, 0.221)
SPREADS = (0.593, 0.264, 0.460)
RANGE = (-3.66, 1.44)
# [Fe/H] at one Jupiter mass, its slope in log mass and its scatter, the errors taken out.
STAR_TREND = (0.116, 0.0775, 0.163)
STAR_BAR, STAR_BAR_SPREAD = 0.078, 0.59
EQUAL_BARS, UNEQUAL_BARS_SPREAD = 0.81, 0.28


def draw_planets(n: int, *, seed: int) -> PlanetList:
    """`n` planets with masses, bars, stars and what observing them takes."""
    x = draw_masses(n, seed=seed)
    down, up, inferred = draw_mass_bars(x, seed=seed)
    star_down, star_up = draw_star_bars(n, seed=seed)
    alpha, beta, scatter = STAR_TREND
    star_sigma = 0.5 * (star_down + star_up)
    star = alpha + beta * x + stream(seed, "stars").normal(0, np.hypot(scatter, star_sigma))
    columns = {
        "name": planet_names(n),
        "host": [name.removesuffix(" b") for name in planet_names(n)],
        "log_mass": x,
        "log_mass_lower": down,
        "log_mass_upper": up,
        "mass_inferred": inferred,
        "star_feh": star,
        "star_feh_lower": star_down,
        "star_feh_upper": star_up,
        **_telescope(x, seed),
    }
    return PlanetList(pl.DataFrame(columns), "a population fitted to the Ariel list of 2024-07-09")


def planet_names(n: int) -> list[str]:
    """Names that no catalogue has."""
    return [f"Synth-{row + 1:04d} b" for row in range(n)]


def draw_masses(n: int, *, seed: int) -> NDArray[np.float64]:
    """`n` log masses of the mixture, those beyond its range drawn again."""
    if n < 1:
        raise SurveyError(f"a population of {n} planets is none: ask for at least 1.")
    rng = stream(seed, "masses")
    kept = np.empty(0)
    while kept.size < n:
        part = rng.choice(3, size=n, p=WEIGHTS)
        x = rng.normal(np.take(MEANS, part), np.take(SPREADS, part))
        kept = np.r_[kept, x[(x >= RANGE[0]) & (x <= RANGE[1])]]
    return kept[:n]


def draw_mass_bars(
    x: NDArray[np.float64], *, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Bars below and above each log mass, and whether the mass is inferred."""
    rng = stream(seed, "mass bars")
    inferred = rng.random(len(x)) < np.select([x < -0.5, x < 0.1], [0.27, 0.04], 0.0)
    middle = np.where(inferred, -0.981 + 0.360 * x, -3.296 - 0.407 * x)
    sigma = np.exp(middle + np.where(inferred, 0.251, 0.713) * rng.normal(size=len(x)))
    sigma = np.minimum(sigma, 0.9)
    return *split_bar(sigma, -0.74 * sigma + rng.normal(0, 0.1, len(x))), inferred


def draw_star_bars(n: int, *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bars below and above `n` stellar metallicities."""
    rng = stream(seed, "star bars")
    sigma = STAR_BAR * np.exp(STAR_BAR_SPREAD * rng.normal(size=n))
    tilt = np.where(rng.random(n) < EQUAL_BARS, 0.0, rng.normal(0, UNEQUAL_BARS_SPREAD, n))
    return split_bar(sigma, tilt)


def split_bar(
    sigma: NDArray[np.float64], tilt: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two bars with mean `sigma` and ln(up / down) = `tilt`."""
    ratio = np.exp(tilt)
    down = 2.0 * sigma / (1.0 + ratio)
    return down, ratio * down


def _telescope(x: NDArray[np.float64], seed: int) -> dict[str, NDArray[np.generic]]:
    rng = stream(seed, "telescope")
    noise = rng.normal(size=(4, len(x)))
    t14 = np.exp(9.38 + 0.264 * x + 0.493 * noise[0])
    second = np.clip(np.rint(np.exp(1.623 - 0.861 * x + 1.15 * noise[1])), 1, 136)
    first = np.clip(np.rint(np.exp(-0.396 + 0.351 * noise[2]) * second**0.493), 1, 10)
    visits = (np.minimum(first, second), second, np.maximum(second, np.rint(1.96 * second)))
    hours = VISIT_PER_TRANSIT * t14 / 3600.0
    available = np.exp(16.205 + 0.486 * x + 0.737 * noise[3]) * t14**-1.213
    available = np.clip(np.rint(available), 6, 3048)
    eclipse = rng.random(len(x)) < 1.0 / (1.0 + np.exp(-3.53 - 7.80 * x))
    columns: dict[str, NDArray[np.generic]] = {"t14_s": t14, "hours_per_visit": hours}
    for tier, needed in zip((1, 2, 3), visits):
        columns |= {f"tier{tier}_visits": needed, f"tier{tier}_hours": needed * hours}
    return columns | {
        "transits_available": available,
        "eclipses_available": available,
        "visits_available": available,
        "method": np.where(eclipse, "Eclipse", "Transit"),
        "max_tier": np.select([second <= 2, second <= 20], [3, 2], 1),
    }
