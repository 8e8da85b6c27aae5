"""Lists within a budget: near the best of all subsets, below the bound, inside every limit."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import DesignError
from errorbar.survey.plan import (
    STRATEGIES,
    CurvatureGuard,
    Design,
    JointTrend,
    MassStarTrend,
    SingleTrend,
    Targets,
    choose_list,
    list_sd,
    make_task,
    random_lists,
)
from tests.survey.plan.offers import some_targets

TREND = SingleTrend(epsilon=0.4)
SMALL = 11


def all_lists(targets: Targets, budget: float) -> np.ndarray:
    lists = np.array(list(itertools.product([False, True], repeat=targets.rows)))
    return lists[lists @ targets.hours <= budget]


def test_small_lists_are_as_good_as_the_best_of_all_subsets():
    """60 offers of 11 planets; the best of all 2048 subsets is found in at least 19 of 20."""
    losses, slacks = [], []
    for seed in range(60):
        targets = some_targets(SMALL, seed)
        rng = np.random.default_rng(seed)
        budget = float(rng.uniform(0.3, 0.8) * targets.hours.sum())
        task = make_task(targets, TREND, "beta", budget)
        best = list_sd(task, all_lists(targets, budget)).min()
        choice = choose_list(task, "c-optimal")
        found = list_sd(task, choice.chosen[None])[0]
        losses.append(found / best - 1)
        slacks.append(best / choice.least_sd - 1)
    assert np.mean(np.array(losses) < 1e-9) >= 0.95
    assert max(losses) < 0.03
    # The bound holds, and is tight enough to be worth stating even for so few planets.
    assert min(slacks) > -1e-9
    assert np.median(slacks) < 0.03


@pytest.mark.parametrize("strategy", ["d-optimal", "i-optimal"])
def test_optimal_designs_of_small_offers_match_brute_force(strategy):
    matched = 0
    for seed in range(15):
        targets = some_targets(9, seed + 100)
        budget = 0.5 * float(targets.hours.sum())
        losses = _dense_losses(targets, all_lists(targets, budget), strategy)
        chosen = choose_list(make_task(targets, TREND, "beta", budget), strategy).chosen
        found = _dense_losses(targets, chosen[None], strategy)[0]
        # A variance: one part in ten is one in twenty of the sd.
        assert found <= losses.min() * 1.10
        matched += found <= losses.min() * (1 + 1e-9)
    assert matched >= 13


def _dense_losses(targets: Targets, lists: np.ndarray, strategy: str) -> np.ndarray:
    """Volume or mean variance of the line, by plain matrices."""
    x = targets.design.x
    row = np.stack([np.ones(len(x)), x - x.mean()], axis=1)
    w = 1.0 / (targets.design.sigma**2 + TREND.epsilon**2)
    losses = np.full(len(lists), np.inf)
    for i, chosen in enumerate(lists):
        total = row.T @ np.diag(w * chosen) @ row
        if np.linalg.matrix_rank(total) == 2:
            covariance = np.linalg.inv(total)
            mean = np.mean(np.einsum("rj,jk,rk->r", row, covariance, row))
            losses[i] = np.linalg.det(covariance) if strategy == "d-optimal" else mean
    return losses


@given(seed=st.integers(0, 10**6), share=st.floats(0.05, 0.9), which=st.sampled_from(STRATEGIES))
@settings(max_examples=40)
def test_no_strategy_spends_more_than_the_budget_or_passes_its_bound(seed, share, which):
    targets = some_targets(25, seed)
    budget = share * float(targets.hours.sum())
    task = make_task(targets, TREND, "beta", budget)
    choice = choose_list(task, which, seed=seed)
    assert targets.hours[choice.chosen].sum() <= budget * (1 + 1e-12)
    if np.isfinite(choice.least_sd):
        assert list_sd(task, choice.chosen[None])[0] >= choice.least_sd * (1 - 1e-9)


@given(seed=st.integers(0, 10**6), shift=st.floats(-3, 3), factor=st.floats(0.2, 5))
@settings(max_examples=25)
def test_neither_the_zero_of_mass_nor_the_unit_of_time_changes_a_list(seed, shift, factor):
    targets = some_targets(20, seed)
    moved = Targets(
        targets.names,
        Design(targets.design.x + shift, targets.design.sigma),
        targets.hours * factor,
    )
    budget = 0.4 * float(targets.hours.sum())
    here = make_task(targets, TREND, "beta", budget)
    there = make_task(moved, TREND, "beta", budget * factor)
    sd = list_sd(here, choose_list(here, "c-optimal").chosen[None])
    np.testing.assert_allclose(list_sd(there, choose_list(there, "c-optimal").chosen[None]), sd)


def test_the_order_of_rows_does_not_matter():
    targets = some_targets(60, 8)
    order = np.random.default_rng(0).permutation(60)
    for strategy in ("leverage-per-hour", "c-optimal", "d-optimal", "cheapest-first"):
        here = make_task(targets, TREND, "beta", 600.0)
        there = make_task(targets.take(order), TREND, "beta", 600.0)
        first = choose_list(here, strategy).chosen
        np.testing.assert_array_equal(first[order], choose_list(there, strategy).chosen)


def test_planets_that_must_be_on_the_list_are_and_barred_ones_are_not():
    targets = some_targets(40, 3).bar(np.array([0, 1, 2]), "not visible")
    middle = np.argsort(np.abs(targets.design.x - np.median(targets.design.x)))[:3]
    must = [targets.names[row] for row in middle if targets.allowed[row]]
    dropped = targets.names[int(np.argmax(targets.design.x))]
    for strategy in STRATEGIES:
        task = make_task(targets, TREND, "beta", 900.0, must=must, exclude=[dropped])
        chosen = choose_list(task, strategy, seed=1).chosen
        assert chosen[targets.find(must)].all()
        assert not chosen[:3].any()
        assert not chosen[targets.find([dropped])].any()


def test_what_has_been_observed_changes_what_is_worth_observing():
    targets = some_targets(80, 4)
    light = Design(np.full(30, -3.0), np.full(30, 0.1))
    fresh = choose_list(make_task(targets, TREND, "beta", 400.0), "c-optimal").chosen
    later = choose_list(
        make_task(targets, TREND, "beta", 400.0, observed=light), "c-optimal"
    ).chosen
    # Thirty light planets are there already, so that hours go to heavy ones.
    assert targets.design.x[later].mean() > targets.design.x[fresh].mean() + 0.3


def test_a_guard_keeps_its_limit_and_costs_something():
    targets = some_targets(150, 5)
    plain = make_task(targets, TREND, "beta", 1500.0)
    for guard in (CurvatureGuard(), CurvatureGuard(slack=1.05), CurvatureGuard(prior_sd=1.0)):
        task = make_task(targets, TREND, "beta", 1500.0, guard=guard)
        free = choose_list(plain, "c-optimal").chosen
        for strategy in ("leverage-per-hour", "c-optimal"):
            choice = choose_list(task, strategy)
            bend = list_sd(task, choice.chosen[None], bent=True, of=task.bend)[0]
            assert bend <= choice.curvature_limit
            assert bend < list_sd(task, free[None], bent=True, of=task.bend)[0]
            straight = list_sd(task, np.array([choice.chosen, free]))
            assert straight[0] > straight[1]
            bent = list_sd(task, choice.chosen[None], bent=True)[0]
            assert bent >= choice.least_sd * (1 - 1e-9)


def test_a_tighter_guard_moves_planets_to_the_middle():
    targets = some_targets(200, 6)
    low, high = np.quantile(targets.design.x, [1 / 3, 2 / 3])
    middle = (targets.design.x > low) & (targets.design.x < high)
    shares = []
    for guard in (None, CurvatureGuard(slack=1.3), CurvatureGuard(slack=1.02)):
        task = make_task(targets, TREND, "beta", 1500.0, guard=guard)
        chosen = choose_list(task, "c-optimal").chosen
        shares.append((chosen & middle).sum() / chosen.sum())
    assert shares[0] < shares[1] < shares[2]


def test_a_guard_nobody_can_keep_says_what_can_be_reached():
    task = make_task(some_targets(30, 7), TREND, "beta", 200.0, guard=CurvatureGuard(limit=1e-3))
    with pytest.raises(DesignError, match=r"the best reachable sd is 0\.\d+"):
        choose_list(task, "c-optimal")


@pytest.mark.parametrize(
    ("trend", "parameter"),
    [
        (JointTrend(sigma_p=0.4, sigma_s=0.15, rho=0.3), "beta_p"),
        (JointTrend(sigma_p=0.4, sigma_s=0.15, rho=0.3), "rho"),
        (MassStarTrend(epsilon=0.4), "beta_s"),
        (SingleTrend(epsilon=0.4), "epsilon"),
        (SingleTrend(epsilon=0.4), "alpha"),
    ],
)
def test_any_parameter_of_any_model_can_be_aimed_at(trend, parameter):
    targets = some_targets(60, 9, stars=True)
    task = make_task(targets, trend, parameter, 800.0)
    choice = choose_list(task, "c-optimal")
    lots = list_sd(task, random_lists(task, 200, seed=1))
    sd = list_sd(task, choice.chosen[None])[0]
    assert sd < lots.min()
    assert choice.least_sd <= sd < choice.least_sd * 1.03


def test_mass_errors_drive_a_list_towards_well_weighed_planets():
    sharp = some_targets(120, 10)
    x_sigma = np.where(np.arange(120) % 2 == 0, 0.02, 0.6)
    blurred = Targets(
        sharp.names, Design(sharp.design.x, sharp.design.sigma, x_sigma=x_sigma), sharp.hours
    )
    shares = []
    for targets in (sharp, blurred):
        task = make_task(targets, TREND, "beta", 800.0)
        shares.append((choose_list(task, "c-optimal").chosen & (x_sigma > 0.1)).sum())
    assert shares[1] < shares[0]


def test_lots_are_the_same_for_the_same_seed_alone():
    task = make_task(some_targets(50, 11), TREND, "beta", 500.0)
    first = random_lists(task, 20, seed=1)
    np.testing.assert_array_equal(first, random_lists(task, 20, seed=1))
    assert not np.array_equal(first, random_lists(task, 20, seed=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.0}, "give a positive number of hours"),
        ({"parameter": "gamma"}, "choose one of alpha, beta, epsilon"),
        ({"must": ["planet 99"]}, "not on the list of targets"),
        ({"exclude": ["planet O"]}, r"perhaps planet \d"),
        ({"must": ["planet 1"], "exclude": ["planet 1"]}, "Take it off one of the two lists"),
        ({"must": ["planet 1"], "budget": 0.1}, "drop some or raise the budget"),
    ],
)
def test_a_question_that_cannot_be_asked_names_the_way_out(options, message):
    settings_ = {"parameter": "beta", "budget": 100.0} | options
    with pytest.raises(DesignError, match=message):
        make_task(
            some_targets(10, 1),
            TREND,
            settings_.pop("parameter"),
            settings_.pop("budget"),
            **settings_,
        )


def test_leverage_is_refused_for_what_is_no_slope_with_mass():
    targets = some_targets(30, 2, stars=True)
    for trend, parameter in ((TREND, "epsilon"), (MassStarTrend(epsilon=0.4), "beta_s")):
        task = make_task(targets, trend, parameter, 500.0)
        with pytest.raises(DesignError, match="use the strategy `c-optimal`"):
            choose_list(task, "leverage-per-hour")
    with pytest.raises(DesignError, match="choose one of these"):
        choose_list(make_task(targets, TREND, "beta", 500.0), "by-name")


def test_nothing_on_offer_says_why():
    targets = some_targets(5, 1).bar(np.arange(5), "below the horizon")
    with pytest.raises(DesignError, match="barred because: below the horizon"):
        make_task(targets, TREND, "beta", 100.0)


@pytest.mark.parametrize("bad", [{"prior_sd": 0.0}, {"slack": 0.9}, {"limit": -1.0}])
def test_a_guard_that_guards_nothing_is_refused(bad):
    with pytest.raises(DesignError, match="must be"):
        CurvatureGuard(**bad)
