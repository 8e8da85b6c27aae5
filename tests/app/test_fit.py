"""`errorbar survey fit`."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import survey_fit, survey_synth
from errorbar.app.verbs.fit import DRAWS_KIND
from errorbar.core.artifact import read_artifact
from errorbar.core.errors import SettingsError
from errorbar.survey.data import HermesData
from errorbar.survey.fit import fit_one
from errorbar.survey.model import PriorRule
from tests.app.test_commands import run


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return survey_synth(tmp_path_factory.mktemp("survey"), n=40, mass_errors=True).catalogue


def test_the_summary_is_that_of_the_fit(table):
    told = run("survey", "fit", table, "--intercept", "flat", "--level", 0.9, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    data = HermesData(table).data(mass_errors=False)
    fit = fit_one(data, "single", PriorRule(intercept="flat"))
    assert answer["parameters"] == fit.summary(0.9)
    assert answer["log_evidence"] == fit.log_evidence
    assert answer["prior"] == "intercept=flat, slope=ptp"
    assert answer["centre"] == data.centre


@pytest.mark.parametrize("model", ["single", "joint", "mass-star", "mass-errors"])
def test_every_model_has_a_table_to_read(table, model):
    told = run("survey", "fit", table, "--model", model)
    assert told.exit_code == 0, told.stderr
    assert f"40 planets, {model} model, exact" in told.stdout
    assert "log evidence" in told.stdout
    assert "sigma_p" in told.stdout or "epsilon" in told.stdout


def test_draws_go_into_an_artifact_with_what_made_them(table, tmp_path):
    path = tmp_path / "draws.safetensors"
    found = survey_fit(table, model="joint", out=path, count=500, seed=8)
    held = read_artifact(path, DRAWS_KIND)
    assert found.draws == path
    assert set(held.arrays) == set(found.parameters)
    assert held.arrays["rho"].shape == (500,)
    assert held.manifest["model"] == "joint"
    assert held.manifest["centre_logM"] == found.centre
    away = held.arrays["beta_p"].mean() - found.parameters["beta_p"]["mean"]
    assert abs(away) < 4 * found.parameters["beta_p"]["sd"] / np.sqrt(500)


def test_rows_left_out_are_said(table, tmp_path):
    gaps = pl.read_csv(table).with_columns(
        pl.when(pl.int_range(pl.len()) == 2).then(None).otherwise("logM").alias("logM")
    )
    gaps.write_csv(tmp_path / "gaps.csv")
    told = run("survey", "fit", tmp_path / "gaps.csv")
    assert "left out: 1 " in told.stdout
    assert "39 planets" in told.stdout


@pytest.mark.slow
def test_a_sampled_fit_agrees_and_shows_its_diagnostics(table):
    told = run("survey", "fit", table, "--method", "nuts", "--sampler", "nutpie", "--json")
    assert told.exit_code == 0, told.stderr
    sampled, exact = json.loads(told.stdout), survey_fit(table)
    assert sampled["diagnostics"]["rhat_max"] < 1.02
    assert sampled["log_evidence"] is None
    for name, values in exact.parameters.items():
        away = sampled["parameters"][name]["mean"] - values["mean"]
        assert abs(away) < 0.2 * values["sd"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "cubic"], "--model cubic"),
        (["--method", "guess"], "--method guess"),
        (["--level", "68"], "--level 68 must lie between 0 and 1"),
        (["--intercept", "none"], "--intercept none"),
        (["--bars", "upper"], "upper"),
        (["--out", "."], "is a folder: name the file"),
        (["--sampler", "nutpie"], "sampler is for the method nuts"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(table, options, told):
    answer = run("survey", "fit", table, *options)
    assert answer.exit_code == 2, answer.output
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_survey_that_cannot_be_fitted_is_said(tmp_path):
    few = survey_synth(tmp_path, n=2).catalogue
    answer = run("survey", "fit", few)
    assert (answer.exit_code, "at least 3 are needed" in answer.stderr) == (2, True)
    assert run("survey", "fit", tmp_path / "nowhere.csv").exit_code == 2


def test_an_unknown_method_is_refused(table):
    with pytest.raises(SettingsError, match="choose one of exact, nuts"):
        survey_fit(table, method="vi")
