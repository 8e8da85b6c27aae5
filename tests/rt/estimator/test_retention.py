"""The class of the notebooks: fitted, asked, saved, exported."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import ArtifactError, FitError, SettingsError, TableError
from errorbar.rt import FarRunWarning, PoolModel, RetentionTimes
from errorbar.rt.artifacts import (
    backed_off,
    read_coefficients,
    read_export,
    with_features,
    write_coefficients,
)
from errorbar.rt.data import hold_out_runs, pick_anchors, poly2_names
from errorbar.rt.synth import ProductionSettings, production_table
from tests.rt.fit.dense import descriptors, small_table

SMALL = ProductionSettings(species=10, supercategories=3, compounds=40, pairs=300, features=3)


@pytest.fixture(scope="module")
def table():
    return production_table(replace(SMALL, run_sd=0.01, runs_per_species=15), seed=3)


@pytest.fixture(scope="module")
def split(table):
    held = hold_out_runs(table.peaks, 0.3, seed=1)
    return table.peaks.select(held.train), table.peaks.select(held.test)


@pytest.fixture(scope="module")
def model(table, split):
    return RetentionTimes(run_effect=True, widen=False).fit(split[0], table.chemistry)


def test_intervals_hold_as_often_as_they_claim(model, split):
    times = model.predict(split[1])
    runs = split[1].run
    inside = np.abs(times.score(split[1].rt)) <= times.reach(0.95)
    by_run = np.array([inside[runs == run].mean() for run in np.unique(runs)])
    error = by_run.std() / np.sqrt(len(by_run))
    assert abs(by_run.mean() - 0.95) < 4 * error


def test_anchors_make_the_others_of_their_run_better(table, model):
    held = pick_anchors(table.peaks, hold_out_runs(table.peaks, 0.3, seed=1), 3, seed=2)
    anchors, rest = table.peaks.select(held.anchors), table.peaks.select(held.test)
    without, given = model.predict(rest), model.predict(rest, anchors)
    assert np.abs(given.mean - rest.rt).mean() < np.abs(without.mean - rest.rt).mean()
    assert (given.sd <= without.sd * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"run_effect": True, "noise": "compound"},
        {"head_dims": 2, "gate_rank": 1, "classes": True, "freedom": "learned"},
    ],
)
def test_a_saved_model_predicts_the_same_bits(parts, tmp_path):
    peaks = small_table(3)
    told = descriptors(peaks) if "head_dims" in parts else None
    model = RetentionTimes(**parts).fit(peaks, told)
    read = RetentionTimes.load(model.save(tmp_path / "model.safetensors"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FarRunWarning)
        first, second = model.predict(peaks), read.predict(peaks)
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.sd.tobytes() == second.sd.tobytes()
    assert (
        read.save(tmp_path / "again.safetensors").read_bytes()
        == (tmp_path / "model.safetensors").read_bytes()
    )


def test_exported_coefficients_predict_seen_pairs_alike(table, split, tmp_path):
    model = RetentionTimes(widen=False).fit(split[0], table.chemistry)
    held = read_export(model.export(tmp_path))
    mine = model.predict(split[1])
    seen = mine.known == 0
    theirs = held.coefficients.predict(split[1].select(seen))
    # The file holds single precision.
    np.testing.assert_allclose(theirs.mean, mine.mean[seen], atol=1e-5)
    np.testing.assert_allclose(theirs.sd, mine.sd[seen], rtol=1e-3)
    assert held.backoff is not None
    scored = backed_off(held.coefficients, held.backoff, split[1], table.chemistry)
    assert len(scored) == len(split[1])


def bent(peaks, *, centred=True):
    """The same peaks with second powers, of covariates about their median or as they are."""
    own = peaks.covariates - np.median(peaks.covariates, axis=0) * centred
    names = [*peaks.feature_names, *poly2_names(peaks.feature_names)]
    return with_features(replace(peaks, covariates=own), names)


@pytest.mark.parametrize("centred", [True, False])
def test_exported_second_powers_predict_seen_pairs_alike(split, tmp_path, centred):
    train, test = (bent(part, centred=centred) for part in split)
    model = RetentionTimes(widen=False).fit(train)
    mine = model.predict(test)
    seen = mine.known == 0
    rows = test.select(seen)
    path = write_coefficients(tmp_path / "fit.safetensors", model.coefficients())
    theirs = read_coefficients(path).predict(rows)
    np.testing.assert_allclose(theirs.mean, mine.mean[seen], atol=1e-11)
    np.testing.assert_allclose(theirs.sd, mine.sd[seen], rtol=1e-6)
    # About zero, which far covariates are not: their products fill what single precision keeps.
    if not centred:
        with pytest.raises(SettingsError, match="times less their median"):
            model.export(tmp_path)
        return
    held = read_export(model.export(tmp_path))
    np.testing.assert_allclose(held.coefficients.predict(rows).mean, mine.mean[seen], atol=1e-5)
    np.testing.assert_allclose(held.coefficients.predict(rows).sd, mine.sd[seen], rtol=1e-3)
    assert held.backoff is None
    with pytest.raises(SettingsError, match="Leave the second powers out"):
        model.backoff()


def test_a_model_without_covariates_is_exported_whole(split, tmp_path):
    train, test = (with_features(part, []) for part in split)
    model = RetentionTimes(widen=False).fit(train)
    held = read_export(model.export(tmp_path))
    mine = model.predict(test)
    theirs = backed_off(held.coefficients, held.backoff, test)
    np.testing.assert_allclose(theirs.mean, mine.mean, atol=1e-5)
    seen = mine.known == 0
    np.testing.assert_allclose(theirs.sd[seen], mine.sd[seen], rtol=1e-5)
    # Plug-in variances of unseen pairs fall short, but not by far.
    assert (theirs.sd[~seen] > 0.7 * mine.sd[~seen]).all()


def test_exported_intervals_are_those_of_new_runs(model, split):
    mine = model.predict(split[1])
    theirs, seen = model.coefficients().predict(split[1], unseen="skip")
    assert model.scales["tau_run"] > 0.005
    np.testing.assert_allclose(theirs.sd, mine.sd[seen], rtol=1e-9)


def test_runs_outside_of_training_are_warned_of_and_wider(split):
    centre = split[0].covariates.mean(axis=0)

    # Times curve with the standards, and a line cannot know.
    def curved(peaks):
        return replace(peaks, rt=peaks.rt + 0.4 * (peaks.covariates[:, 0] - centre[0]) ** 2)

    model = RetentionTimes().fit(curved(split[0]))
    near = curved(split[1])
    farther = centre + 2.5 * (split[1].covariates - centre)
    far = curved(replace(split[1], covariates=farther))
    with pytest.warns(FarRunWarning, match="outside of the range of training"):
        wide = model.predict(far)
    plain = model.predictor.times(far)
    assert model.run_range.growth > 0
    inside = [np.mean(np.abs(each.score(far.rt)) <= each.reach(0.95)) for each in (plain, wide)]
    assert inside[1] > inside[0]
    frame = model.farness(far)
    assert frame["outside"].sum() > model.farness(near)["outside"].sum()


def test_what_is_asked_before_a_fit_says_so():
    with pytest.raises(FitError, match="call fit first"):
        RetentionTimes().predict(small_table(1))


def test_a_table_with_other_covariates_is_refused(model, split):
    other = replace(split[1], feature_names=("IS_a", "IS_b", "IS_c"))
    with pytest.raises(TableError, match="they differ in"):
        model.predict(other)


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ({"slopes": 3}, "a model has no slopes"),
        ({"penalty": -1.0}, "must be positive"),
        ({"penalty": "loud"}, "learned, reference"),
        ({"floor": -1.0}, "floor"),
        ({"noise": "own"}, "must be one of shared, compound"),
        ({"freedom": 0.5}, "above 1"),
        ({"model": PoolModel(), "noise": "shared"}, "not both"),
    ],
)
def test_settings_that_do_not_exist_are_refused(parts, match):
    with pytest.raises(SettingsError, match=match):
        RetentionTimes(**parts)


def test_chemistry_that_is_not_there_is_asked_for():
    with pytest.raises(SettingsError, match="pass chemistry"):
        RetentionTimes(head_dims=2).fit(small_table(1))


def test_another_file_is_no_model(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="not a whole safetensors"):
        RetentionTimes.load(path)
