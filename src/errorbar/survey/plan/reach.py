"""Questions about a wanted precision, and their answers as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule
from errorbar.survey.plan.chance import FEWEST, Chances, make_chances
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.targets import Targets
from errorbar.survey.plan.task import make_task
from errorbar.survey.plan.trend import Trend, check_parameter

__all__ = ["LEVELS", "Question", "ReachCurve", "Required", "make_question"]

LEVELS = (0.05, 0.16, 0.5, 0.84, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class ReachCurve:
    """How the posterior sd of a survey may turn out as it grows.

    `effort` counts planets or telescope hours, `sd` holds the quantiles `levels` over everything
    that is open before the survey, `probability` how often the sd is at most the wanted one,
    `planets` the median number of planets.
    """

    effort: Float[ndarray, " efforts"]
    sd: Float[ndarray, "levels efforts"]
    probability: Float[ndarray, " efforts"]
    planets: Float[ndarray, " efforts"]
    levels: tuple[float, ...] = LEVELS


@dataclass(frozen=True, slots=True, eq=False)
class Required:
    """The least effort that reaches a wanted precision with a wanted probability.

    `unit` is `planets` or `hours`; `probability` is the chance at `effort`, at least the one
    `asked` for. `planets` and `hours` are the medians at that effort.
    """

    parameter: str
    wanted_sd: float
    asked: float
    unit: str
    effort: float
    probability: float
    planets: float
    hours: float
    strategy: str
    curve: ReachCurve


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is wanted of which targets, and the draws of all that is open."""

    chances: Chances
    offer: Targets
    must: Int[ndarray, " must"]
    observed: Design | None
    wanted_sd: float
    asked: float
    seed: int

    def answer(
        self,
        unit: str,
        strategy: str,
        effort: float,
        probability: float,
        planets: float,
        hours: float,
        curve: ReachCurve,
    ) -> Required:
        """The question's answer as one value."""
        return Required(
            self.chances.parameter,
            self.wanted_sd,
            self.asked,
            unit,
            effort,
            probability,
            planets,
            hours,
            strategy,
            curve,
        )

    def orders(self) -> Int[ndarray, "draws planets"]:
        """The targets shuffled once a draw, those that must be observed in front."""
        rng = np.random.default_rng(self.seed)
        rest = np.setdiff1d(np.arange(self.offer.rows), self.must)
        return np.array(
            [np.concatenate([self.must, rng.permutation(rest)]) for _ in range(self.chances.draws)]
        )

    def unreachable(self, sd: Float[ndarray, " draws"]) -> DesignError:
        """What all targets together would reach."""
        best = float(np.quantile(sd, self.asked, method="higher"))
        return DesignError(
            f"sd({self.chances.parameter}) = {self.wanted_sd:g} cannot be reached with probability "
            f"{self.asked:g}: all {self.offer.rows} targets, {self.offer.hours.sum():.0f} h, reach "
            f"{best:.4g} at that probability. Ask for no less, or offer more or better measured "
            "targets."
        )


def make_question(
    targets: Targets,
    wanted_sd: float,
    trend: Trend | Sequence[Trend],
    parameter: str,
    prior: Prior | PriorRule | None,
    probability: float,
    lucky: bool,
    must: Sequence[str],
    observed: Design | None,
    draws: int,
    seed: int,
) -> Question:
    """Check what is asked, draw what is open, keep the targets that may be observed."""
    trends = tuple(trend) if isinstance(trend, Sequence) else (trend,)
    check_parameter(parameter, trends)
    if not wanted_sd > 0 or not 0 < probability < 1:
        raise DesignError(
            f"wanted_sd={wanted_sd} and probability={probability} ask for nothing: the first must "
            "be positive, the second between 0 and 1."
        )
    # A task without an end to its hours checks the stars and the forced planets.
    task = make_task(targets, trends[0], parameter, float("inf"), must=must, observed=observed)
    offer = task.targets.take(task.targets.allowed)
    if offer.rows < FEWEST:
        raise DesignError(
            f"{offer.rows} targets may be observed, and a precision is planned for at least "
            f"{FEWEST}: loosen the limits or give more targets."
        )
    chances = make_chances(trends, parameter, prior, draws=draws, lucky=lucky, seed=seed)
    rows = offer.find(must)
    return Question(chances, offer, rows, observed, float(wanted_sd), float(probability), seed)
