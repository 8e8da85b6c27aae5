"""Whole plans: the list in order, what each further planet buys, and surveys under way."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import DesignError, TableError
from errorbar.survey.data import SurveyData
from errorbar.survey.plan import (
    CurvatureGuard,
    SingleTrend,
    leading_precision,
    list_sd,
    make_task,
    plan_survey,
    read_observed,
    survey_design,
)
from errorbar.survey.plan.design import join_designs
from errorbar.survey.plan.order import observing_order
from errorbar.survey.plan.plan import SurveyPlan
from errorbar.survey.synth import make_catalogue
from tests.survey.plan.offers import some_targets

TREND = SingleTrend(epsilon=0.4)
OFFER = some_targets(120, 21)


@pytest.fixture(scope="module")
def plan() -> SurveyPlan:
    return plan_survey(OFFER, budget_hours=900.0, trend=TREND, random_lists=200)


@pytest.fixture(scope="module")
def guarded() -> SurveyPlan:
    return plan_survey(
        OFFER, budget_hours=900.0, trend=TREND, guard=CurvatureGuard(), random_lists=200
    )


def test_the_list_adds_up(plan):
    listed = plan.listed
    assert listed.height == plan.planets
    assert listed["cumulative_hours"][-1] == pytest.approx(plan.hours)
    assert plan.hours <= plan.budget_hours
    assert listed["sd_after"][-1] == pytest.approx(plan.sd)
    assert set(listed["name"]) | set(plan.others["name"]) == set(OFFER.names)
    assert not set(listed["name"]) & set(plan.others["name"])


def test_the_last_sd_is_the_closed_form_of_the_list(plan):
    rows = OFFER.find(plan.listed["name"])
    found = leading_precision(OFFER.design.take(rows), TREND).of("beta")
    assert plan.sd == pytest.approx(found, rel=1e-10)


def test_each_further_planet_helps_and_early_ones_help_more(plan):
    sd = plan.listed["sd_after"].drop_nulls().to_numpy()
    assert np.all(np.diff(sd) < 0)
    # Half of the hours buy much more than half of the gain in information.
    hours = plan.listed["cumulative_hours"].to_numpy()[-len(sd) :]
    half = int(np.searchsorted(hours, 0.5 * hours[-1]))
    assert sd[half] ** -2 > 0.6 * sd[-1] ** -2


def test_others_say_what_they_would_add(plan):
    row = plan.others.row(0, named=True)
    rows = OFFER.find([*plan.listed["name"], row["name"]])
    dense = leading_precision(OFFER.design.take(rows), TREND).of("beta")
    assert row["sd_if_added"] == pytest.approx(dense, rel=1e-10)
    assert row["gain_percent"] == pytest.approx(100 * (1 - dense / plan.sd), rel=1e-6)
    rates = plan.others["gain_percent_per_100_hours"].drop_nulls().to_numpy()
    assert np.all(np.diff(rates) <= 0)


def test_the_comparison_holds_every_strategy_and_the_guard_costs_something(guarded):
    table = guarded.comparison
    free = table.filter((pl.col("strategy") == "c-optimal") & ~pl.col("guarded"))
    held = table.filter((pl.col("strategy") == "c-optimal") & pl.col("guarded"))
    assert held["sd"][0] > free["sd"][0]
    assert held["curvature_sd"][0] < free["curvature_sd"][0]
    assert held["bent_sd"][0] < free["bent_sd"][0]
    random = table.filter(pl.col("strategy") == "random")
    assert random["gain"][0] == pytest.approx(1.0)
    assert free["gain"][0] == pytest.approx(random["sd"][0] / free["sd"][0])


def test_the_typical_posterior_is_wider_than_the_leading_order(plan):
    assert 1.0 < plan.typical_sd / plan.sd < 1.1
    assert plan.precision["parameter"].to_list() == ["alpha", "beta", "epsilon"]
    assert np.all(plan.precision["typical_sd"].to_numpy() > 0)


def test_wanting_a_precision_finds_its_hours():
    found = plan_survey(OFFER, wanted_sd=0.09, trend=TREND, random_lists=20)
    assert found.reach is not None
    assert found.budget_hours == found.reach.effort
    assert found.typical_sd < 0.09
    assert "reach" in found.tables
    assert found.tables["reach"].columns[:2] == ["hours", "planets_median"]


@given(seed=st.integers(0, 10**6), guard=st.sampled_from([None, CurvatureGuard()]))
@settings(max_examples=15)
def test_every_prefix_of_an_order_is_better_than_a_shuffled_one_of_the_same_hours(seed, guard):
    targets = some_targets(40, seed)
    task = make_task(targets, TREND, "beta", 500.0, guard=guard)
    chosen = np.ones(40, dtype=bool)
    order = observing_order(task, chosen)
    assert sorted(order) == list(range(40))
    hours = np.cumsum(targets.hours[order])
    first = np.zeros((1, 40), dtype=bool)
    first[0, order[hours <= 0.5 * hours[-1]]] = True
    shuffled = np.zeros((20, 40), dtype=bool)
    rng = np.random.default_rng(seed)
    for one in shuffled:
        other = rng.permutation(40)
        one[other[np.cumsum(targets.hours[other]) <= 0.5 * hours[-1]]] = True
    bent = guard is not None
    ours, theirs = (list_sd(task, lists, bent=bent) for lists in (first, shuffled))
    assert ours[0] <= np.median(theirs)


def observed_table(names, log_mass, sigma=0.15) -> pl.DataFrame:
    n = len(names)
    return pl.DataFrame(
        {
            "Planet Name": names,
            "logM": log_mass,
            "log(X_H2O)": np.linspace(-4, -2, n),
            "uncertainty_lower": [-sigma] * n,
            "uncertainty_upper": [sigma] * n,
        }
    )


def test_a_survey_under_way_builds_on_what_it_has():
    names = list(OFFER.names[:12])
    table = observed_table(names, OFFER.design.x[:12])
    fresh = plan_survey(OFFER, budget_hours=400.0, trend=TREND, random_lists=20)
    later = plan_survey(OFFER, budget_hours=400.0, trend=TREND, observed=table, random_lists=20)
    assert later.observed_planets == 12
    assert not set(names) & set(later.listed["name"])
    barred = later.others.filter(pl.col("barred") == "observed already")["name"]
    assert set(barred) == set(names)
    assert later.sd < fresh.sd
    done = read_observed(table, TREND)
    rows = OFFER.find(later.listed["name"])
    whole = join_designs(done.design, OFFER.design.take(rows))
    assert later.sd == pytest.approx(leading_precision(whole, TREND).of("beta"), rel=1e-9)


def test_the_value_of_the_next_planet_counts_what_is_observed_and_nothing_else():
    table = observed_table(list(OFFER.names[:12]), OFFER.design.x[:12])
    plan = plan_survey(OFFER, budget_hours=400.0, trend=TREND, observed=table, random_lists=20)
    row = plan.listed.row(3, named=True)
    done = read_observed(table, TREND).design
    one = OFFER.design.take(OFFER.find([row["name"]]))
    dense = leading_precision(join_designs(done, one), TREND).of("beta")
    assert row["sd_if_next"] == pytest.approx(dense, rel=1e-9)
    assert np.all(plan.listed["sd_if_next"].to_numpy() >= plan.sd)


def test_observed_planets_that_are_not_on_the_list_count_too():
    table = observed_table([f"elsewhere {i}" for i in range(10)], np.linspace(-3, 1, 10))
    plan = plan_survey(OFFER, budget_hours=400.0, trend=TREND, observed=table, random_lists=20)
    fresh = plan_survey(OFFER, budget_hours=400.0, trend=TREND, random_lists=20)
    assert plan.sd < fresh.sd
    assert plan.observed_planets == 10


def test_observed_planets_without_names_are_refused():
    data = SurveyData(x=[0.0, 1.0, 2.0], y=[0.0, 1.0, 1.0], sigma=[0.1, 0.1, 0.1])
    with pytest.raises(DesignError, match="give a column `Planet Name`"):
        plan_survey(OFFER, budget_hours=100.0, observed=data)
    assert survey_design(data).n == 3


def test_a_synthetic_catalogue_serves_as_offer_and_as_what_is_observed():
    made = make_catalogue(n=150, seed=4)
    plan = plan_survey(
        made.planets,
        budget_hours=1500.0,
        observed=made.data.df.head(20),
        model="joint",
        parameter="beta_s",
        random_lists=50,
    )
    assert plan.observed_planets == 20
    assert plan.precision["parameter"].to_list()[:4] == ["alpha_p", "beta_p", "alpha_s", "beta_s"]
    assert plan.comparison.filter(pl.col("strategy") == "leverage-per-hour")["gain"][0] > 1.2


def test_a_strategy_without_an_answer_says_so_in_the_comparison():
    plan = plan_survey(
        OFFER,
        budget_hours=300.0,
        trend=TREND,
        parameter="epsilon",
        strategy="c-optimal",
        random_lists=20,
    )
    row = plan.comparison.filter(pl.col("strategy") == "leverage-per-hour").row(0, named=True)
    assert row["sd"] is None
    assert "use the strategy `c-optimal`" in row["note"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, DesignError, "say either the hours at hand"),
        ({"budget_hours": 100.0, "wanted_sd": 0.1}, DesignError, "one of them follows"),
        ({"budget_hours": 1.0}, DesignError, "a line needs two planets of different mass"),
        ({"budget_hours": 100.0, "model": "cubic"}, DesignError, "choose one of single, joint"),
        ({"budget_hours": 100.0, "model": "joint"}, DesignError, "choose one of alpha_p"),
        (
            {"budget_hours": 100.0, "model": "joint", "parameter": "beta_p"},
            DesignError,
            "plan for the model `single`",
        ),
        ({"budget_hours": 100.0, "strategy": "best"}, DesignError, "choose one of these"),
        ({"wanted_sd": 1e-4}, DesignError, "cannot be reached with probability"),
        (
            {"budget_hours": 100.0, "observed": observed_table(["a"], [0.0]).drop("logM")},
            TableError,
            "lacks 1 column",
        ),
    ],
)
def test_a_plan_without_an_answer_names_the_way_out(options, error, message):
    with pytest.raises(error, match=message):
        plan_survey(OFFER, **options)
