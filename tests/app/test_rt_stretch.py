"""Species that follow their compounds by a factor of their own, from the command line."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from errorbar.rt import RetentionTimes, evaluate_times
from errorbar.rt.data import hold_out_runs, read_peaks, write_peaks
from errorbar.rt.synth import ProductionSettings, production_table
from tests.app.test_commands import run

SMALL = ProductionSettings(
    species=8, supercategories=2, compounds=24, pairs=150, features=3, runs_per_species=16,
    support=6, pair_sd=0.005,
)  # fmt: skip


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Tables whose species stretch what lies away from five minutes, and a model of each kind."""
    folder = tmp_path_factory.mktemp("stretch")
    made = production_table(SMALL, seed=6).peaks
    factor = 1 + np.random.default_rng(0).normal(0, 0.2, SMALL.species)
    peaks = replace(made, rt=5 + factor[made.species] * (made.rt - 5))
    split = hold_out_runs(peaks, 0.3, seed=0)
    write_peaks(folder / "train.csv", peaks.select(split.train))
    write_peaks(folder / "test.csv", peaks.select(split.test))
    for name, flags in (("stretched", ("--stretch",)), ("plain", ())):
        told = run("rt", "train", folder / "train.csv", *flags, "--out", folder / name, "--json")
        assert told.exit_code == 0, told.stderr
    return folder


@pytest.fixture(scope="module")
def library(desk):
    return RetentionTimes(stretch=True).fit(read_peaks(desk / "train.csv"))


def test_a_stretched_model_is_saved_and_read_back(desk, library):
    held = RetentionTimes.load(desk / "stretched/model.safetensors")
    assert held.model.stretch
    assert held.scales == library.scales
    assert held.result.layout.stretch.species == pytest.approx(
        library.result.layout.stretch.species
    )
    assert np.ptp(held.result.layout.stretch.species) > 0.05
    config = json.loads((desk / "stretched/config.json").read_text())
    assert config["pool"]["stretch"] is True
    # The back-off's file has no factors; coefficients of seen pairs hold all of them.
    assert not (desk / "stretched/models/partial_pool_backoff_summaries.npz").exists()
    assert (desk / "plain/models/partial_pool_backoff_summaries.npz").exists()


def test_its_times_are_the_librarys(desk, library, tmp_path):
    given = ("--data", desk / "test.csv", "--out")
    for name, flags in (("whole", ()), ("parts", ("--stream",))):
        told = run(
            "rt", "predict", desk / "stretched", *flags, *given, tmp_path / f"{name}.parquet"
        )
        assert told.exit_code == 0, told.stderr
    table = pl.read_parquet(tmp_path / "whole.parquet")
    assert pl.read_parquet(tmp_path / "parts.parquet").equals(table)
    mine = library.predict(read_peaks(desk / "test.csv"))
    assert np.array_equal(table["rt"], mine.mean)
    assert np.array_equal(table["sd"], mine.sd)
    assert np.array_equal(table.select("lower", "upper"), mine.interval(0.95))


def test_it_predicts_a_new_pair_better_than_without(desk, tmp_path):
    """A compound that its species never had."""
    errors = {}
    for name, flags in (("stretched", ("--stretch",)), ("plain", ())):
        out = tmp_path / name
        told = run(
            "rt", "train", desk / "train.csv", *flags, "--exclude-pairs-frac", 0.2, "--out", out
        )
        assert told.exit_code == 0, told.stderr
        told = run("rt", "predict", out, "--data", out / "held_out.csv", "--json")
        found = pl.DataFrame(json.loads(told.stdout)["table"])
        assert (found["known"] != "pair").all()
        errors[name] = np.abs(found["rt"] - read_peaks(out / "held_out.csv").rt).mean()
    assert errors["stretched"] < 0.6 * errors["plain"]


def test_its_scores_are_the_librarys(desk, library, tmp_path):
    told = run(
        "rt", "evaluate", desk / "stretched", desk / "plain", desk / "test.csv", "--no-figures",
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    scores = {row["model"]: row for row in json.loads(told.stdout)["table"]}
    test = read_peaks(desk / "test.csv")
    times = library.predict(test)
    assert scores["stretched"]["mae"] == pytest.approx(np.abs(times.mean - test.rt).mean())
    inside = np.abs(times.score(test.rt)) <= times.reach(0.95)
    assert scores["stretched"]["coverage_95"] == pytest.approx(inside.mean(), abs=1e-3)
    assert evaluate_times(test, times).rows == scores["stretched"]["n_obs_test"]


def test_its_exported_coefficients_predict_seen_pairs_alike(desk, library):
    test = read_peaks(desk / "test.csv")
    mine = library.predict(test)
    theirs, seen = library.coefficients().predict(test, unseen="skip")
    np.testing.assert_allclose(theirs.mean, mine.mean[seen], atol=1e-10)
    plain = library.predictor.times(test).sd
    np.testing.assert_allclose(theirs.sd, plain[seen], rtol=1e-8)


def test_stretching_needs_the_table_as_a_whole(desk, tmp_path):
    told = run("rt", "train", desk / "train.csv", "--stretch", "--stream", "--out", tmp_path / "x")
    assert told.exit_code == 2
    assert "--stretch needs the table as a whole" in told.stderr
