r"""The standard deviation of every parameter before anything is observed, in closed form.

The leading order is the inverse of the summed Fisher information, with the prior's precision
added: for one line $\mathrm{sd}(\beta)=1/\sqrt{\sum w_i(x_i-\bar x_w)^2+1/b^2}$, which is
$\sigma_{\rm tot}/L$ for equal errors and a flat prior.

**Second order** (the single model). The scatter is not known but estimated from the same planets,
so the posterior averages $1/\mathrm{information}$ over it. With $\tau=\epsilon^2$,
$V(\tau)$ the leading variance of a coefficient, $I=\tfrac12\frac{n-2}{n}\sum w^2$ the information
on $\tau$ and $g=-1/2\tau-1/2s^2$ the slope of its log prior (flat in $\epsilon$ times half-normal
of scale $s$),
$$ E[V] = V + V' \frac{g + \frac{n-2}{n}\sum w^3/I}{I} + \frac{V''}{2I}, $$
which for equal errors is $V\,(1+(4+2gt)/\nu)$ with $\nu=n-2$. The median over data is smaller than
the mean by the median of $\chi^2_\nu/\nu$. It is an expansion in $1/(\tau^2I)$ and fails when the
scatter may be zero: `expected_precision` is the answer there, and this function says so.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.special import gammaincinv

from errorbar.core.errors import DesignError
from errorbar.survey.model import PriorRule, SinglePrior
from errorbar.survey.plan.design import Design
from errorbar.survey.plan.information import target_information, total_variance
from errorbar.survey.plan.prior import Prior, assumed_prior, prior_precision
from errorbar.survey.plan.trend import SingleTrend, Trend

__all__ = [
    "Precision",
    "information_nats",
    "leading_precision",
    "second_order_precision",
    "typical_ratio",
]

# Below this many sd of the squared scatter from zero the second-order expansion is refused.
FAR_FROM_ZERO = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Precision:
    """Standard deviations `sd` and the covariance of the parameters `names`.

    `method` is `leading`, `second-order` or `expected`. A parameter that the design cannot measure
    has an infinite standard deviation.
    """

    names: tuple[str, ...]
    sd: Float[ndarray, " k"]
    covariance: Float[ndarray, "k k"]
    method: str

    def of(self, name: str) -> float:
        """The standard deviation of one parameter."""
        if name not in self.names:
            raise DesignError(f"{name!r} is not among the parameters {', '.join(self.names)}.")
        return float(self.sd[self.names.index(name)])


def leading_precision(
    design: Design,
    trend: Trend,
    prior: Prior | PriorRule | None = None,
    *,
    pivot: float | None = None,
) -> Precision:
    """Inverse Fisher information of the whole list; `prior` adds to slopes and intercepts.

    Intercepts are taken at `pivot`, by default the mean log mass. A `PriorRule` is turned into the
    numbers it would typically choose. Priors of scatters enter at the next order only.
    """
    at = design.centre if pivot is None else pivot
    information = target_information(design, trend, pivot=at)
    total = information.total(design.weight)
    total = total + prior_precision(assumed_prior(prior, design, trend), design, trend, at)
    return invert(information.names, total, "leading")


def second_order_precision(
    design: Design,
    trend: SingleTrend,
    prior: SinglePrior | PriorRule | None = None,
    *,
    pivot: float | None = None,
) -> Precision:
    """Typical posterior standard deviations of intercept and slope to next order in 1/N.

    Typical is the median over data. The scatter's own is not expanded: `expected_precision`.
    """
    leading = leading_precision(design, trend, prior, pivot=pivot)
    n, tau = design.n, trend.epsilon**2
    w = 1.0 / total_variance(design, trend)
    count = design.weight
    freedom = (n - 2.0) / n
    information = 0.5 * freedom * np.sum(count * w**2)
    if not n > 4 or tau * np.sqrt(information) < FAR_FROM_ZERO:
        raise DesignError(
            f"a scatter of {trend.epsilon:g} is too near zero for {n:g} planets with errors of "
            f"{np.median(design.sigma):g} dex to be expanded around: use `expected_precision`."
        )
    scale = cast("SinglePrior", assumed_prior(prior, design, trend)).epsilon_scale
    slope = -0.5 / tau - 0.5 / scale**2
    shift = (slope + freedom * np.sum(count * w**3) / information) / information
    offset = design.x - (design.centre if pivot is None else pivot)
    row = np.stack([np.ones_like(offset), offset], axis=1)
    bends = [np.einsum("r,rj,rk->jk", count * w**power, row, row) for power in (2, 3)]
    line = leading.covariance[:2, :2]
    first = line @ bends[0] @ line
    second = 2.0 * (first @ bends[0] @ line - line @ bends[1] @ line)
    covariance = line + first * shift + second / (2.0 * information)
    covariance = covariance * typical_ratio(n - 2.0)
    return Precision(leading.names[:2], np.sqrt(np.diag(covariance)), covariance, "second-order")


def information_nats(
    design: Design, trend: Trend, prior: Prior | PriorRule, *, parameter: str = "beta"
) -> float:
    r"""Expected information on one parameter: $\ln$(prior sd / posterior sd).

    For the slope of the single model it is $\tfrac12\ln(1+b^2\sum w_i(x_i-\bar x_w)^2)$.
    """
    numbers = assumed_prior(prior, design, trend)
    before = prior_precision(numbers, design, trend, design.centre)
    after = leading_precision(design, trend, numbers)
    start = invert(after.names, before, "leading").of(parameter)
    if not np.isfinite(start):
        raise DesignError(
            f"the prior of {parameter} is flat, so no finite information is gained on it: "
            "pass a prior with a finite standard deviation."
        )
    return float(np.log(start / after.of(parameter)))


def typical_ratio(freedom: float) -> float:
    """The median of chi-squared over its degrees of freedom: the scatter a typical survey finds."""
    return float(2.0 * gammaincinv(0.5 * freedom, 0.5) / freedom)


def invert(names: tuple[str, ...], total: Float[ndarray, "k k"], method: str) -> Precision:
    """The covariance of an information matrix that may be blind to some parameters."""
    scale = np.sqrt(np.where(np.diag(total) > 0, np.diag(total), 1.0))
    values, vectors = np.linalg.eigh(total / np.outer(scale, scale))
    seen = values > 1e-13 * len(values)
    covariance = (vectors[:, seen] / values[seen]) @ vectors[:, seen].T / np.outer(scale, scale)
    blind = (vectors[:, ~seen] ** 2).sum(axis=1) > 1e-9
    covariance[blind, :] = covariance[:, blind] = 0.0
    covariance[blind, blind] = np.inf
    return Precision(names, np.sqrt(np.diag(covariance)), covariance, method)
