"""`errorbar survey detect`: the answer of the room, told; power where there is no survey."""

import json
from pathlib import Path

import polars as pl
import pytest

from errorbar.app.verbs import survey_detect, survey_synth
from errorbar.survey.data import HermesData
from errorbar.survey.detect import detect_link, detection_power
from tests.app.test_commands import run

QUICK = ("--mocks", 60, "--no-figures")


@pytest.fixture(autouse=True)
def an_empty_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def planets():
    return survey_synth("data", n=40, seed=3).catalogue


def test_the_answer_is_that_of_the_room(planets):
    told = run("survey", "detect", planets, *QUICK, "--seed", 5, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    room = detect_link(HermesData(planets).data(star=True), mocks=60, seed=5)
    assert answer["detection"] == json.loads(json.dumps(room.summary()))
    assert answer["power"] is None
    assert pl.read_csv("detection/detection_null.csv").height == 60
    assert not Path("detection/journal").exists()


def test_the_verdict_can_be_read_and_seen(planets):
    told = run("survey", "detect", planets, "--mocks", 60, "--out", "here")
    assert told.exit_code == 0, told.stderr
    assert "detected: p = " in told.stdout
    assert "60 mocks without a link" in told.stdout
    assert {path.name for path in Path("here").iterdir()} == {
        "detection.csv",
        "detection_null.csv",
        "detection.pdf",
        "detection.png",
    }


def test_without_a_survey_the_power_is_tabulated():
    options = ["--n", "20", "--links", "0,1.5", "--scatters", "0.2", "--trials", 30, "--seed", 1]
    told = run("survey", "detect", *QUICK, *options)
    assert told.exit_code == 0, told.stderr
    assert "share of simulated surveys that detect the link" in told.stdout
    table = pl.read_csv("detection/detection_power.csv")
    room = detection_power(
        n_planets=(20,), links=(0.0, 1.5), scatters=(0.2,), mocks=60, trials=30, seed=1
    )
    assert table["power"].to_list() == room.frame["power"].to_list()
    twin = survey_detect(
        n=(20,),
        links=(0.0, 1.5),
        scatters=(0.2,),
        trials=30,
        mocks=60,
        seed=1,
        out="twin",
        figures=False,
    )
    assert Path("twin/detection_power.csv").read_bytes() == (
        Path("detection/detection_power.csv").read_bytes()
    )
    assert twin.detection is None


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["--model", "single"], "'single' has no link"),
        (["--false-alarm", "5"], "5 % is written 0.05"),
        (["--false-alarm", "0.001"], "at least 999 are needed"),
        (["--mocks", "0"], "0 mocks"),
        (["--links", "strong"], "--links strong must be numbers"),
        (["--links", "nan"], "must be finite"),
        (["--model", "joint", "--links", "1.5"], "correlations"),
        (["--scatters", "-1"], "not negative"),
        (["--scatter", "0.3"], "name its table"),
        (["--n", "2"], "at least 3 planets"),
        (["--n", "ten"], "--n ten must be whole numbers"),
        (["--trials", "0"], "at least one of each"),
        (["data/hermes_synthetic_data.csv", "--n", "30"], "n is for surveys that are simulated"),
        (["data/hermes_synthetic_data.csv", "--scatter", "-1"], "not negative"),
        (["data/hermes_synthetic_data.csv", "--bars", "worst"], "worst"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(planets, options, told):
    answer = run("survey", "detect", *QUICK, *options)
    assert answer.exit_code == 2, answer.output
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_survey_without_stars_is_refused(planets):
    table = pl.read_csv(planets)
    names = [name for name in table.columns if not name.startswith("Star")]
    table.select(names).write_csv("bare.csv")
    answer = run("survey", "detect", "bare.csv", *QUICK)
    assert answer.exit_code == 2
    assert "Star Metallicity" in answer.stderr
