r"""How the posterior standard deviation of a survey not yet observed may turn out.

Three things are open when hours are asked for: which planets are drawn, what the scatter truly is,
and how large the residuals happen to be. Draw $j$ fixes all three; its standard deviation after the
first $N$ planets is the leading order of those very planets times the ratio of the typical
posterior with that draw's luck to the leading order, taken on a summary of $N$ planets and
interpolated in $N^{-1/2}$.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.special import gammaincinv, ndtr, ndtri

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule
from errorbar.survey.plan.design import Design, join_designs, summary_design
from errorbar.survey.plan.expected import Luck, expected_precision, residual_freedom
from errorbar.survey.plan.information import target_information
from errorbar.survey.plan.precision import leading_precision
from errorbar.survey.plan.prior import Prior
from errorbar.survey.plan.task import parameter_sd
from errorbar.survey.plan.trend import JointTrend, MassStarTrend, Trend

__all__ = ["FEWEST", "Chances", "list_sds", "make_chances", "ordered_sd"]

FEWEST = 5
NODES = 6
SCORES = 15
NORMAL_SCORE = 3.5


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """Draws of what is open: a trend and uniforms for the luck of the residuals, one row each."""

    trends: tuple[Trend, ...]
    luck: Float[ndarray, "draws 3"]
    parameter: str
    prior: Prior | PriorRule | None

    @property
    def draws(self) -> int:
        return len(self.luck)

    def trend(self, draw: int) -> Trend:
        """The truth of one draw."""
        return self.trends[draw % len(self.trends)]

    def ratios(
        self, design: Design, sizes: Float[ndarray, " sizes"]
    ) -> Float[ndarray, "draws sizes"]:
        """Posterior sd over its leading order, for surveys of these sizes made like `design`."""
        largest = float(np.max(sizes))
        smallest = min(max(float(np.min(sizes)), float(FEWEST)), largest)
        nodes = np.geomspace(smallest, largest, NODES if smallest < largest else 1)
        table = np.array([self._ratio_column(design, float(n)) for n in nodes]).T
        # Ascending abscissae for interp: the largest survey first.
        at = 1.0 / np.sqrt(np.clip(sizes, smallest, largest))
        order = np.argsort(nodes)[::-1]
        knots = 1.0 / np.sqrt(nodes[order])
        return np.exp([np.interp(at, knots, np.log(row[order])) for row in table])

    def _ratio_column(self, design: Design, n: float) -> Float[ndarray, " draws"]:
        """The ratio of every draw at one size."""
        if len(self.trends) > 1 or isinstance(self.trend(0), JointTrend):
            pairs = [(self.trend(draw), self.luck[draw]) for draw in range(self.draws)]
            return np.array([self._ratio(_resized(design, n, t), t, u) for t, u in pairs])
        # One truth and one kind of luck: few ratios, and a line between them in normal scores.
        trend = self.trend(0)
        summary = _resized(design, n, trend)
        scores = np.linspace(-NORMAL_SCORE, NORMAL_SCORE, SCORES)
        knots = [self._ratio(summary, trend, np.full(3, ndtr(score))) for score in scores]
        return np.exp(np.interp(ndtri(self.luck[:, 0]), scores, np.log(knots)))

    def _ratio(self, design: Design, trend: Trend, uniform: Float[ndarray, "3"]) -> float:
        luck = _luck(trend, uniform, design.n)
        expected = expected_precision(design, trend, self.prior, luck=luck).of(self.parameter)
        return expected / leading_precision(design, trend).of(self.parameter)


def make_chances(
    trends: Sequence[Trend],
    parameter: str,
    prior: Prior | PriorRule | None,
    *,
    draws: int,
    lucky: bool,
    seed: int,
) -> Chances:
    """Draws of trend and luck; without `lucky` every survey finds the residuals it should."""
    if draws < 1:
        raise DesignError(f"draws={draws}: at least one is needed to speak of a chance.")
    rng = np.random.default_rng(seed)
    # One draw in each of `draws` equal parts of probability: far less noise than free draws.
    parts = (np.arange(draws) + 0.5) / draws
    uniform = np.stack([rng.permutation(parts) for _ in range(3)], axis=1)
    if not lucky:
        uniform[:] = 0.5
    return Chances(tuple(trends), uniform, parameter, prior)


def ordered_sd(
    chances: Chances,
    design: Design,
    orders: Int[ndarray, "draws planets"],
    observed: Design | None = None,
) -> Float[ndarray, "draws planets"]:
    """Posterior sd of every draw after each planet of its own order, added to those observed."""
    had = 0.0 if observed is None else observed.n
    sizes = had + np.arange(1.0, orders.shape[1] + 1)
    leading = np.empty(orders.shape)
    known: tuple[Float[ndarray, "rows k k"], Float[ndarray, "k k"], int] | None = None
    for draw, order in enumerate(orders):
        if known is None or len(chances.trends) > 1:
            known = _known(chances, draw, design, observed)
        matrices, base, index = known
        leading[draw] = parameter_sd(np.cumsum(matrices[order], axis=0) + base, index)
    leading[:, sizes < FEWEST] = np.inf
    return leading * chances.ratios(design, sizes)


def list_sds(
    chances: Chances,
    design: Design,
    ratio: Float[ndarray, " draws"],
    observed: Design | None = None,
) -> Float[ndarray, " draws"]:
    """Posterior sd of every draw for one list of planets, added to those observed.

    `ratio` is that of a survey of the same size: it depends on little else.
    """
    whole = design if observed is None else join_designs(observed, design)
    if whole.n < FEWEST:
        return np.full(chances.draws, np.inf)
    leading = [leading_precision(whole, trend).of(chances.parameter) for trend in chances.trends]
    return np.array([leading[draw % len(leading)] for draw in range(chances.draws)]) * ratio


def _known(
    chances: Chances, draw: int, design: Design, observed: Design | None
) -> tuple[Float[ndarray, "rows k k"], Float[ndarray, "k k"], int]:
    """Information of every planet and of those observed, and where the parameter stands in it."""
    trend = chances.trend(draw)
    stars = design.star_centre if isinstance(trend, MassStarTrend) else None
    found = target_information(design, trend, pivot=design.centre, star_pivot=stars)
    base = np.zeros(found.matrices.shape[1:])
    if observed is not None:
        seen = target_information(observed, trend, pivot=design.centre, star_pivot=stars)
        base = seen.total(observed.weight)
    return found.matrices, base, found.names.index(chances.parameter)


def _luck(trend: Trend, uniform: Float[ndarray, "3"], n: float) -> Luck:
    freedom = residual_freedom(n, trend)
    first = 2.0 * float(gammaincinv(0.5 * freedom, uniform[0]))
    if not isinstance(trend, JointTrend):
        return first / freedom
    if np.all(uniform == 0.5):
        return first / freedom * np.eye(2)
    # A Wishart matrix by Bartlett's triangle.
    second = 2.0 * float(gammaincinv(0.5 * max(freedom - 1.0, 0.5), uniform[1]))
    half = np.array([[np.sqrt(first), 0.0], [float(ndtri(uniform[2])), np.sqrt(second)]])
    return half @ half.T / freedom


def _resized(design: Design, n: float, trend: Trend) -> Design:
    """A summary of `n` planets made like the rows of a design."""
    root = np.sqrt(n)
    stars: dict[str, float] = {}
    if isinstance(trend, JointTrend | MassStarTrend):
        stars["star_sigma"] = _typical(design.need_star_sigma())
    if isinstance(trend, MassStarTrend):
        star = design.need_star()
        stars["star_leverage"] = float(np.std(star)) * root
        stars["star_correlation"] = float(np.corrcoef(design.x, star)[0, 1])
    return summary_design(
        n,
        design.spread * root,
        _typical(design.sigma),
        x_sigma=None if design.x_sigma is None else _typical(design.x_sigma),
        **stars,
    )


def _typical(errors: Float[ndarray, " rows"]) -> float:
    return float(np.sqrt(np.mean(errors**2)))
