"""Anchors are conditioned on exactly: as if they had been among the rows all along."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import TableError
from errorbar.rt.fit.anchors import anchored
from errorbar.rt.fit.predict import Predictor
from errorbar.rt.fit.run import fit_pool
from tests.rt.fit.dense import dense_covariance, descriptors, join, small_table
from tests.rt.fit.test_exact import MODELS, partly


def conditioned(train, anchors, target, fit):
    """Mean and sd of one row by brute force."""
    both = join(train, join(anchors, target))
    total, noise = dense_covariance(both, fit)
    total = total + np.diag(noise)
    gain = np.linalg.solve(total[:-1, :-1], total[:-1, -1])
    rt = np.r_[train.rt, anchors.rt]
    return gain @ rt, np.sqrt(total[-1, -1] - gain @ total[:-1, -1])


@pytest.mark.parametrize("name", MODELS)
def test_rows_with_anchors_are_the_dense_gaussians(name):
    peaks = small_table(2, rows=300, runs=2)
    kept = partly(peaks)
    # Whole runs are new, and one row of each pair and run is enough.
    kept &= ~np.isin(peaks.run, np.unique(peaks.run)[::4])
    rest = np.flatnonzero(~kept)
    _, first = np.unique(np.stack([peaks.run, peaks.compound])[:, rest], axis=1, return_index=True)
    train, test = peaks.select(kept), peaks.select(rest[np.sort(first)])
    fit = fit_pool(train, MODELS[name], descriptors(peaks))
    if fit.model.run_effect:
        test = replace(
            test, run=test.run + 100, run_keys=np.repeat(np.arange(200), 3).reshape(-1, 3)
        )
        train = replace(train, run_keys=test.run_keys)
    compared = 0
    for run in np.unique(test.run):
        mine = np.flatnonzero(test.run == run)
        if len(mine) < 4:
            continue
        anchors, targets = test.select(mine[:3]), test.select(mine[3:])
        times = anchored(Predictor(fit), targets, anchors)
        for at in range(min(len(targets), 2)):
            mean, sd = conditioned(train, anchors, targets.select([at]), fit)
            assert times.mean[at] == pytest.approx(mean, abs=1e-5 * sd)
            assert times.sd[at] == pytest.approx(sd, rel=1e-5)
            compared += 1
    assert compared > 5


def test_anchors_in_seconds_are_refused():
    peaks = small_table(3)
    fit = fit_pool(peaks)
    few = peaks.select(np.arange(4))
    with pytest.raises(TableError, match=r"4 of 4 anchors are some sixty times .* seconds"):
        anchored(Predictor(fit), peaks, replace(few, rt=60 * few.rt))
    assert len(anchored(Predictor(fit), peaks, few)) == len(peaks)


def test_anchors_of_another_run_are_refused():
    peaks = small_table(2)
    fit = fit_pool(peaks)
    here, there = (peaks.select(peaks.run == run) for run in np.unique(peaks.run)[:2])
    with pytest.raises(TableError, match="no row to predict"):
        anchored(Predictor(fit), here, there)
