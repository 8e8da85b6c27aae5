"""What a plan promises, against exact posteriors of simulated surveys."""

import numpy as np
import pytest

from errorbar.survey import PriorRule, fit_surveys
from errorbar.survey.plan import (
    default_trend,
    leading_precision,
    second_order_precision,
    survey_design,
)
from errorbar.survey.synth import draw_planets, simulate_single

TREND = default_trend("single")
RULE = PriorRule("flat", "ptp")


def ratios(n, count, seed):
    """Exact over promised sd of the slope, survey by survey: second order, leading order."""
    masses = draw_planets(722, seed=1).log_mass
    datas = []
    for k in range(count):
        rng = np.random.default_rng([seed, n, k])
        x = rng.choice(masses, n, replace=False)
        sigma = 0.2 * np.exp(0.4 * rng.standard_normal(n))
        datas.append(simulate_single(rng, x, sigma, -0.95, TREND.beta, TREND.epsilon))
    batch = fit_surveys(datas, "single", RULE)
    exact = batch.sd[:, batch.names.index("beta")]
    designs = [survey_design(data) for data in datas]
    second = [second_order_precision(design, TREND, RULE).of("beta") for design in designs]
    leading = [leading_precision(design, TREND, RULE).of("beta") for design in designs]
    return exact / second, exact / leading


@pytest.mark.parametrize(
    ("n", "count"),
    [
        (30, 400),
        (100, 400),
        *(pytest.param(n, 2000, marks=pytest.mark.slow) for n in (30, 50, 100, 250)),
    ],
)
def test_the_closed_form_is_the_median_of_exact_posteriors_within_two_percent(n, count):
    second, _ = ratios(n, count, seed=1)
    assert np.median(second) == pytest.approx(1.0, abs=0.02)
