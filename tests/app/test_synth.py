"""`errorbar survey synth`."""

import json

import polars as pl
import pytest

from errorbar.app.verbs import survey_synth
from errorbar.core.errors import SettingsError, TableError
from errorbar.survey.synth import read_truth
from tests.app.test_commands import run


def test_a_catalogue_is_written_with_its_truth(tmp_path):
    told = run("survey", "synth", "--n", 30, "--beta", -0.5, "--seed", 9, "--out", tmp_path)
    assert told.exit_code == 0
    assert "30 planets" in told.stdout
    assert pl.read_csv(tmp_path / "hermes_synthetic_data.csv").height == 30
    truth = read_truth(tmp_path)
    assert (truth.recipe.beta, truth.seed) == (-0.5, 9)


def test_the_twin_writes_the_same_bytes(tmp_path):
    run("survey", "synth", "--n", 30, "--rho", 0.9, "--mass-errors", "--out", tmp_path / "a")
    files = survey_synth(tmp_path / "b", n=30, rho=0.9, mass_errors=True)
    assert files.catalogue.read_bytes() == (tmp_path / "a" / files.catalogue.name).read_bytes()
    assert files.truth_rows.read_bytes() == (tmp_path / "a" / files.truth_rows.name).read_bytes()


def test_json_tells_where_and_what_is_true(tmp_path):
    told = run("survey", "synth", "--n", 12, "--alpha", -1.5, "--out", tmp_path, "--json")
    answer = json.loads(told.stdout)
    assert answer["planets"] == 12
    assert answer["parameters"]["alpha"] == -1.5
    assert answer["catalogue"] == (tmp_path / "hermes_synthetic_data.csv").as_posix()


def test_the_reference_catalogue_has_constant_bars(tmp_path):
    run("survey", "synth", "--reference", "--n", 40, "--out", tmp_path)
    table = pl.read_csv(tmp_path / "hermes_synthetic_data.csv")
    assert table["uncertainty_lower"].unique().to_list() == [0.2]


def test_real_masses_are_taken_from_a_list(tmp_path, shared_data):
    (masses,) = shared_data.rglob("Ariel_MCS_Known_2024-07-09.csv")
    files = survey_synth(tmp_path, masses=masses)
    assert files.planets == 722


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rho", "2"], "--rho 2 is a correlation"),
        (["--masses", "nowhere.csv"], "nowhere.csv"),
        (["--noise", "loud"], "--noise loud is unknown"),
        (["--stars", "red"], "--stars red is unknown"),
        (["--n", "0"], "0"),
        (["--seed", "-1"], "--seed"),
        (["--beta", "steep"], "--beta"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(tmp_path, options, told):
    answer = run("survey", "synth", "--out", tmp_path, *options)
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_list_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="choose one of ariel, kawai"):
        survey_synth(tmp_path, masses="list.csv", list_format="exoclock")
    (tmp_path / "list.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match="list.csv"):
        survey_synth(tmp_path, masses=tmp_path / "list.csv")
