"""What mock surveys look like before anything is measured: masses, stars and error bars."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from errorbar.core.errors import SettingsError, SurveyError
from errorbar.survey.synth.population import STAR_BAR, STAR_BAR_SPREAD, STAR_TREND, draw_masses

__all__ = ["MockDesign", "MockPlanets"]

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MockPlanets:
    """The planets of one mock survey: log masses, error bars, measured stellar metallicities."""

    x: Values
    sigma: Values
    star: Values
    star_sigma: Values


@dataclass(frozen=True, slots=True, eq=False)
class MockDesign:
    r"""How mock surveys are drawn.

    `masses` are log masses a survey takes its planets from, without replacement; without them each
    survey draws from the population of `draw_planets`. Bars are `bar` times a lognormal of spread
    `bar_spread`, and so for the stars, whose measured [Fe/H] follows the population's trend.
    """

    masses: ArrayLike | None = None
    bar: float = 0.2
    bar_spread: float = 0.4
    star_bar: float = STAR_BAR
    star_bar_spread: float = STAR_BAR_SPREAD
    _listed: Values = field(init=False, repr=False)

    def __post_init__(self) -> None:
        listed = np.array([] if self.masses is None else self.masses, dtype=np.float64)
        if listed.ndim != 1 or not np.all(np.isfinite(listed)):
            raise SurveyError(
                f"`masses` of shape {listed.shape} must be one column of finite log masses: "
                "drop planets without a mass first."
            )
        if self.masses is not None and listed.size == 0:
            raise SurveyError("`masses` is empty: leave it out to draw masses from a population.")
        listed.setflags(write=False)
        object.__setattr__(self, "_listed", listed)
        for name, least in (
            ("bar", np.nextafter(0, 1)),
            ("star_bar", np.nextafter(0, 1)),
            ("bar_spread", 0.0),
            ("star_bar_spread", 0.0),
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= least):
                word = "positive" if least > 0 else "at least zero"
                raise SettingsError(f"{name}={value!r} must be finite and {word} (in dex).")

    def draw(self, rng: np.random.Generator, n: int) -> MockPlanets:
        """The planets of one survey of `n`."""
        x = self._masses(rng, n)
        alpha, beta, scatter = STAR_TREND
        sigma = self.bar * np.exp(self.bar_spread * rng.normal(size=n))
        star_sigma = self.star_bar * np.exp(self.star_bar_spread * rng.normal(size=n))
        star = alpha + beta * x + np.hypot(scatter, star_sigma) * rng.normal(size=n)
        return MockPlanets(x, sigma, star, star_sigma)

    def _masses(self, rng: np.random.Generator, n: int) -> Values:
        if self._listed.size == 0:
            return draw_masses(n, seed=int(rng.integers(2**63)))
        if n > self._listed.size:
            raise SurveyError(
                f"a survey of {n} planets cannot be drawn from {self._listed.size} masses: "
                "ask for smaller surveys, or leave `masses` out."
            )
        return rng.choice(self._listed, size=n, replace=False)

    def to_values(self) -> dict[str, Any]:
        """The design as arrays, for a job in pieces."""
        bars = np.array([self.bar, self.bar_spread, self.star_bar, self.star_bar_spread])
        return {"masses": self._listed, "bars": bars}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "MockDesign":
        """The design of `to_values`."""
        masses, bars = values["masses"], [float(bar) for bar in values["bars"]]
        return cls(masses if len(masses) else None, *bars)
