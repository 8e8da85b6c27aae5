"""Acceptance on real runs and systems; they skip where the data are not."""

import numpy as np
import polars as pl
import pytest

from errorbar.rt import PoolModel, RetentionTimes
from errorbar.rt.baselines import fit_ridge
from errorbar.rt.data import hold_out_compounds, hold_out_pairs, hold_out_runs, hold_out_species
from papers.rt_real.run import SYSTEMS, lipids, systems


@pytest.fixture
def runs(shared_data, monkeypatch):
    monkeypatch.setenv("ERRORBAR_DATA", str(shared_data))
    return {task.name: task for task in lipids()}


def coverage(times, peaks):
    """Coverage by run, and its error."""
    inside = np.abs(times.score(peaks.rt)) <= times.reach(0.95)
    by_run = np.array([inside[peaks.run == run].mean() for run in np.unique(peaks.run)])
    return by_run.mean(), by_run.std() / np.sqrt(len(by_run))


def test_new_runs_of_lipids_are_predicted_better_than_with_a_fixed_penalty(runs):
    task = runs["lipids, 153 runs"]
    split = hold_out_runs(task.peaks, 0.3, 0)
    train, test = task.peaks.select(split.train), task.peaks.select(split.test)
    errors = {}
    for name, model in {
        "fixed": PoolModel(penalty="reference", priors="reference"),
        "learned": PoolModel(),
    }.items():
        times = RetentionTimes(model, widen=False).fit(train, task.chemistry).predictor.times(test)
        errors[name] = np.abs(times.mean - test.rt).mean()
    found, error = coverage(times, test)
    assert errors["learned"] < 0.92 * errors["fixed"]
    assert abs(found - 0.95) < max(0.015, 3 * error)
    ridge, scored = fit_ridge(train, penalty=3e-4).predict(test, unseen="skip")
    own = np.abs(times.mean - test.rt)[scored].mean()
    assert own < 0.95 * np.abs(ridge.mean - test.rt[scored]).mean()


@pytest.mark.parametrize("name", ["lipids, 153 runs", "lipids, 6 batches"])
def test_unseen_species_of_lipids_have_honest_intervals(runs, name):
    task = runs[name]
    split = hold_out_species(task.peaks, 0.2, 0)
    train, test = task.peaks.select(split.train), task.peaks.select(split.test)
    times = RetentionTimes(widen=False).fit(train, task.chemistry).predictor.times(test)
    assert (times.known >= 2).all()
    found, error = coverage(times, test)
    assert abs(found - 0.95) < max(0.025, 3 * error)
    seen = RetentionTimes(widen=False).fit(train, task.chemistry).predictor.times(train)
    assert times.sd.mean() < 2.2 * seen.sd.mean()


@pytest.mark.slow
def test_systems_of_repositories_reach_what_their_field_reaches(shared_data, monkeypatch):
    monkeypatch.setenv("ERRORBAR_DATA", str(shared_data))
    task = systems()
    assert pl.Series(task.scale).is_not_nan().all()
    for split, code, most in (
        (hold_out_pairs(task.peaks, 0.175, 0), 1, 0.64),
        (hold_out_compounds(task.peaks, 0.2, 0), 3, 1.4),
    ):
        model = RetentionTimes(SYSTEMS["stretch, heavy tails"], widen=False)
        model.fit(task.peaks.select(split.train), task.chemistry)
        test, scale = task.peaks.select(split.test), task.scale[split.test]
        times = model.predict(test)
        part = times.known == code
        assert (np.abs(times.mean - test.rt) * scale)[part].mean() < most
        inside = (np.abs(times.score(test.rt)) <= times.reach(0.95))[part]
        assert 0.925 < inside.mean() < 0.975
