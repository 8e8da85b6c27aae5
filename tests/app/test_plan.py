"""`errorbar survey plan`."""

import json

import polars as pl
import pytest

from errorbar.app.verbs import survey_plan, survey_synth
from errorbar.core.errors import DesignError, SettingsError
from errorbar.survey.plan import CurvatureGuard, plan_survey, read_targets
from errorbar.survey.synth import draw_planets
from tests.app.test_commands import run

QUICK = ("--random", 20)


def test_a_plan_for_some_hours_is_that_of_the_room(tmp_path):
    told = run("survey", "plan", "--hours", 1500, *QUICK, "--out", tmp_path, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    plan = plan_survey(read_targets(draw_planets(722, seed=42)), budget_hours=1500, random_lists=20)
    assert answer["plan"]["sd"] == plan.sd
    assert answer["plan"]["planets"] == plan.planets
    assert [row["name"] for row in answer["plan"]["listed"]] == plan.listed["name"].to_list()
    assert pl.read_csv(tmp_path / "plan_listed.csv").height == plan.planets
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".csv"} == {
        "plan.pdf",
        "plan.png",
    }
    assert {path.stem for path in tmp_path.iterdir()} == {
        "plan",
        "plan_listed",
        "plan_others",
        "plan_budgets",
        "plan_comparison",
        "plan_precision",
    }


def test_a_wanted_precision_gives_the_hours_it_takes():
    told = run("survey", "plan", "--sd", 0.08, *QUICK)
    assert told.exit_code == 0, told.stderr
    assert "sd(beta) of 0.08 takes" in told.stdout
    assert "hours: reached with probability 0.8" in told.stdout
    assert "other ways to spend the same hours" in told.stdout


def test_planets_can_be_counted_instead(tmp_path):
    answer = survey_plan(sd=0.1, count="planets", out=tmp_path)
    assert answer.plan is None
    assert answer.required is not None
    assert 20 < answer.required.effort < 150
    reach = pl.read_csv(tmp_path / "plan_reach.csv")
    assert reach["probability"].is_sorted() or reach["probability"].max() == 1.0
    assert "takes" in run("survey", "plan", "--sd", 0.1, "--count", "planets").stdout


def test_the_guard_is_handed_on():
    told = run("survey", "plan", "--hours", 1500, "--guard", "--bend", 0.2, *QUICK, "--json")
    answer = json.loads(told.stdout)
    plan = plan_survey(
        read_targets(draw_planets(722, seed=42)),
        budget_hours=1500,
        guard=CurvatureGuard(prior_sd=0.2),
        random_lists=20,
    )
    assert answer["plan"]["sd"] == plan.sd
    assert answer["plan"]["guard"]["prior_sd"] == 0.2


def test_a_survey_under_way_costs_nothing_more(tmp_path):
    so_far = survey_synth(tmp_path, n=30).catalogue
    before = survey_plan(hours=1000, random_lists=20)
    after = survey_plan(hours=1000, observed=so_far, random_lists=20)
    assert after.plan.observed_planets == 30
    assert after.plan.sd < before.plan.sd


def test_a_larger_scatter_is_a_larger_error():
    small, large = (
        survey_plan(hours=1000, trend={"epsilon": epsilon}, random_lists=20).plan.sd
        for epsilon in (0.2, 0.8)
    )
    assert small < large


@pytest.mark.slow
def test_an_uncertain_scatter_takes_more_hours():
    few = read_targets(draw_planets(200, seed=1))
    sure = survey_plan(few, sd=0.12, count="planets").required
    unsure = survey_plan(few, sd=0.12, count="planets", spread=0.5).required
    assert unsure.effort > sure.effort


def test_the_ariel_list_is_read(shared_data):
    (path,) = shared_data.rglob("Ariel_MCS_Known_2024-07-09.csv")
    told = run("survey", "plan", path, "--hours", 5000, "--exclude", "WASP-12 b", *QUICK)
    assert told.exit_code == 0, told.stderr
    assert "722 targets" in told.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "either the hours at hand"),
        (["--hours", "1000", "--sd", "0.1"], "either the hours at hand"),
        (["--hours", "-5"], "-5"),
        (["--hours", "inf"], "a budget of inf h"),
        (["--sd", "1e-9"], "1e-09"),
        (["--hours", "1000", "--strategy", "best"], "best"),
        (["--hours", "1000", "--model", "cubic"], "cubic"),
        (["--hours", "1000", "--parameter", "gamma"], "gamma"),
        (["--hours", "1000", "--trend", "epsilon"], "--trend epsilon must be names with numbers"),
        (["--hours", "1000", "--trend", "sigma=1"], "the trend of the single model has no sigma"),
        (["--hours", "1000", "--must", "Vulcan"], "Vulcan"),
        (["--hours", "1000", "--guard", "--bend", "0"], "prior_sd=0"),
        (["--hours", "1000", "--count", "stars"], "--count stars"),
        (["--hours", "1000", "--count", "planets"], "to count planets, say the sd"),
        (["--tier", "4"], "--tier"),
        (["nowhere.csv", "--hours", "1000"], "nowhere.csv"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(options, told):
    answer = run("survey", "plan", *options, *QUICK)
    assert answer.exit_code == 2, answer.output
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_what_cannot_be_asked_together_is_refused(tmp_path):
    so_far = survey_synth(tmp_path, n=30).catalogue
    with pytest.raises(SettingsError, match="chosen, not drawn by lot"):
        survey_plan(sd=0.1, count="planets", observed=so_far)
    with pytest.raises(DesignError, match="hours at hand"):
        survey_plan()
