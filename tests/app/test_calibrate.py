"""`errorbar survey calibrate`."""

import json
from pathlib import Path

import polars as pl
import pytest

from errorbar.app.verbs import survey_calibrate
from errorbar.core.errors import SettingsError
from errorbar.survey.check import calibrate_survey
from tests.app.test_commands import run


@pytest.fixture(autouse=True)
def an_empty_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_coverage_is_that_of_the_room():
    told = run("survey", "calibrate", "--surveys", 300, "--n", "5,20", "--no-figures", "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    result = calibrate_survey("single", n_planets=(5, 20), n_surveys=300, seed=42)
    assert answer["departures"] == list(result.departures())
    whole = result.coverage().filter(
        pl.col("N").is_null(),
        pl.col("interval") == "highest density",
        pl.col("parameter") == "beta",
    )
    assert answer["coverage"]["beta"]["found"] == whole["found"][0]
    assert Path("calibration/calibration_single_surveys.csv").exists()
    assert not Path("calibration/journal").exists()


def test_there_is_a_table_to_read_and_figures():
    told = run("survey", "calibrate", "--surveys", 100, "--out", "out")
    assert told.exit_code == 0, told.stderr
    assert "epsilon" in told.stdout
    assert "nothing here contradicts calibration" in told.stdout
    assert {path.suffix for path in Path("out").iterdir()} == {".csv", ".pdf", ".png"}


def test_a_prior_that_uses_the_data_twice_is_found_out():
    verdict = survey_calibrate(
        n=(30,),
        surveys=2000,
        truth={"alpha": -0.95, "beta": -1.09, "epsilon": 0.5},
        intercept="reference",
        figures=False,
    )
    assert verdict.coverage["alpha"]["found"] < 0.65
    assert any(line.startswith("alpha: the 68% interval") for line in verdict.departures)
    assert verdict.prior == "intercept=reference, slope=ptp"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "cubic"], "cubic"),
        (["--n", "2"], "at least 3 planets"),
        (["--surveys", "0"], "--surveys"),
        (["--intercept", "flat"], "a prior that looks at the data"),
        (["--truth", "alpha=1"], "needs exactly alpha, beta, epsilon"),
        (["--truth", "alpha=0,beta=0,epsilon=-1"], "epsilon=-1 cannot be true"),
        (["--level", "68"], "--level 68 must lie between 0 and 1"),
        (["--truth", "alpha"], "--truth alpha must be names with numbers"),
        (["--masses", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(options, told):
    answer = run("survey", "calibrate", "--no-figures", *options)
    assert answer.exit_code == 2, answer.output
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_rule_needs_a_truth():
    with pytest.raises(SettingsError, match="slope name a prior"):
        survey_calibrate(slope="sd")
