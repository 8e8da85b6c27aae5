"""Plans of the real Ariel list: what choosing targets is worth, and what limits forbid."""

import polars as pl
import pytest

from errorbar.survey.data import read_ariel
from errorbar.survey.plan import CurvatureGuard, plan_survey, read_targets
from errorbar.survey.synth import make_catalogue


@pytest.fixture
def ariel(shared_data):
    (path,) = shared_data.rglob("Ariel_MCS_Known_2024-07-09.csv")
    return path


def gain(plan, guarded):
    rows = plan.comparison.filter(
        (pl.col("strategy") == plan.strategy) & (pl.col("guarded") == guarded)
    )
    return rows["gain"][0]


def test_choosing_targets_is_three_times_better_than_lots_at_5000_hours(ariel):
    """Of the whole list: random lists and chosen ones may take any of its 722 planets."""
    offer = read_targets(ariel, limits=False)
    plan = plan_survey(offer, budget_hours=5000, guard=CurvatureGuard(), random_lists=1000)
    assert gain(plan, guarded=False) > 3
    # The guard costs a twentieth of that, and tells a bend of the line better.
    assert gain(plan, guarded=True) > 3
    sds = plan.comparison.filter(pl.col("strategy") == plan.strategy).sort("guarded")
    assert 1.0 < sds["sd"][1] / sds["sd"][0] < 1.1
    assert sds["curvature_sd"][1] < 0.9 * sds["curvature_sd"][0]


def test_limits_bar_planets_and_say_why(ariel):
    offer = read_targets(ariel)
    plan = plan_survey(offer, budget_hours=5000, random_lists=200)
    barred = plan.others.filter(pl.col("barred") != "")
    assert barred.height == (~offer.allowed).sum() > 100
    assert not set(barred["name"]) & set(plan.listed["name"])
    # Lots avoid the planets that cost most, too, so that choosing is worth less.
    assert 1.8 < gain(plan, guarded=False) < 3


def test_a_survey_under_way_is_planned_within_windows_and_limits(ariel):
    offer = read_targets(ariel)
    done = make_catalogue(read_ariel(ariel), seed=3).data.df.filter(
        pl.col("Planet Name").is_in(plan_survey(offer, budget_hours=500).listed["name"].to_list())
    )
    first = plan_survey(offer, budget_hours=500, observed=done, random_lists=50)
    assert first.observed_planets == done.height
    assert not set(done["Planet Name"]) & set(first.listed["name"])
    hidden = first.listed["name"].head(10).to_list()
    windows = pl.DataFrame({"name": hidden, "visible": [False] * 10})
    second = plan_survey(
        read_targets(ariel, windows=windows), budget_hours=500, observed=done, random_lists=50
    )
    assert not set(hidden) & set(second.listed["name"])
    assert second.sd > first.sd
    reasons = second.others.filter(pl.col("name").is_in(hidden))["barred"].to_list()
    assert all(reasons)
