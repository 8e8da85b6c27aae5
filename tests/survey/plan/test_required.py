"""How many planets or hours a precision takes: laws, and surveys that were really simulated."""

import numpy as np
import pytest

from errorbar.core.errors import DesignError
from errorbar.survey.plan import (
    CurvatureGuard,
    Design,
    JointTrend,
    SingleTrend,
    required_hours,
    required_n,
    spread_trend,
)
from tests.survey.plan.offers import some_targets

TREND = SingleTrend(epsilon=0.4)
OFFER = some_targets(160, 1)


def test_the_least_number_is_the_least():
    found = required_n(OFFER, 0.08, TREND)
    assert found.probability >= 0.8
    at = int(np.flatnonzero(found.curve.effort == found.effort)[0])
    assert found.curve.probability[at] == found.probability
    assert np.all(found.curve.probability[:at] < 0.8)


def test_a_finer_precision_or_a_surer_one_takes_more_planets():
    base = required_n(OFFER, 0.08, TREND)
    assert required_n(OFFER, 0.06, TREND).effort > base.effort
    assert required_n(OFFER, 0.08, TREND, probability=0.95).effort > base.effort
    assert required_n(OFFER, 0.08, SingleTrend(epsilon=0.5)).effort > base.effort


def test_an_uncertain_scatter_widens_what_may_come_out():
    known = required_n(OFFER, 0.08, TREND)
    trends = spread_trend(TREND, relative_scatter=0.3, draws=60, seed=2)
    unknown = required_n(OFFER, 0.08, trends, draws=60)
    assert unknown.effort > known.effort
    middle = 60

    def width(found):
        low, high = found.curve.sd[0, middle], found.curve.sd[-1, middle]
        return high / low

    assert width(unknown) > width(known) > 1


def test_quantiles_are_in_order_and_shrink_with_effort():
    for found in (
        required_n(OFFER, 0.08, TREND),
        required_hours(OFFER, 0.08, TREND),
        required_hours(OFFER, 0.08, TREND, strategy="random"),
    ):
        sd = found.curve.sd[:, np.isfinite(found.curve.sd).all(axis=0)]
        assert np.all(np.diff(sd, axis=0) >= 0)
        assert np.all(np.diff(sd[2]) <= 1e-3)
        assert np.all((found.curve.probability >= 0) & (found.curve.probability <= 1))


def test_choosing_targets_takes_fewer_hours_than_drawing_lots_and_a_guard_takes_more():
    lots = required_hours(OFFER, 0.08, TREND, strategy="random")
    chosen = required_hours(OFFER, 0.08, TREND)
    guarded = required_hours(OFFER, 0.08, TREND, guard=CurvatureGuard(slack=1.05))
    assert chosen.effort < guarded.effort < lots.effort
    assert chosen.hours <= chosen.effort
    assert chosen.probability >= 0.8


def test_what_has_been_observed_is_not_asked_for_again():
    done = Design(np.linspace(-3, 1.5, 40), np.full(40, 0.2))
    assert (
        required_n(OFFER, 0.06, TREND, observed=done).effort < required_n(OFFER, 0.06, TREND).effort
    )
    assert (
        required_hours(OFFER, 0.06, TREND, observed=done).effort
        < required_hours(OFFER, 0.06, TREND).effort
    )


def test_the_same_seed_gives_the_same_answer():
    first, second = (required_n(OFFER, 0.08, TREND, seed=5) for _ in range(2))
    assert first.effort == second.effort
    np.testing.assert_array_equal(first.curve.sd, second.curve.sd)


def test_the_scatter_and_the_correlation_can_be_asked_for():
    assert required_n(OFFER, 0.05, TREND, parameter="epsilon").effort < 160
    stars = some_targets(160, 1, stars=True)
    joint = JointTrend(sigma_p=0.4, sigma_s=0.2, rho=0.5)
    found = required_n(stars, 0.12, joint, parameter="rho", draws=6)
    assert 20 < found.effort < 160


@pytest.mark.parametrize("strategy", ["leverage-per-hour", "random"])
def test_an_impossible_precision_says_what_all_targets_reach(strategy):
    with pytest.raises(DesignError, match=r"all 160 targets, \d+ h, reach 0\.0\d+ at that"):
        required_hours(OFFER, 0.001, TREND, strategy=strategy)
    with pytest.raises(DesignError, match=r"all 160 targets, \d+ h, reach 0\.0\d+ at that"):
        required_n(OFFER, 0.001, TREND)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wanted_sd": 0.0}, "ask for nothing"),
        ({"probability": 1.0}, "ask for nothing"),
        ({"draws": 0}, "at least one is needed"),
        ({"trend": []}, "no trend is given"),
        ({"trend": [TREND, JointTrend(0.1, 0.1, 0.0)]}, "must belong to one model"),
        ({"parameter": "rho"}, "choose one of alpha, beta, epsilon"),
    ],
)
def test_a_question_without_meaning_is_refused(options, message):
    asked = {"wanted_sd": 0.1, "trend": TREND} | options
    with pytest.raises(DesignError, match=message):
        required_n(OFFER, asked.pop("wanted_sd"), asked.pop("trend"), **asked)


def test_too_few_targets_are_refused():
    with pytest.raises(DesignError, match="at least 5"):
        required_n(some_targets(4, 1), 0.1, TREND)


def test_a_spread_of_trends_has_the_width_it_was_given():
    trends = spread_trend(TREND, relative_scatter=0.25, draws=4000, seed=3)
    logs = np.log([t.epsilon for t in trends])
    assert np.std(logs) == pytest.approx(0.25, rel=0.05)
    assert np.mean(logs) == pytest.approx(np.log(0.4), abs=0.02)
    with pytest.raises(DesignError, match="make no spread"):
        spread_trend(TREND, relative_scatter=-1.0, draws=5, seed=1)
