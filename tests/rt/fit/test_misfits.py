"""Anchors that do not fit are named, those that fit are not, and chemistry must be some."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import TableError
from errorbar.rt import AnchorWarning, RetentionTimes
from errorbar.rt.data import Chemistry, hold_out_runs
from errorbar.rt.fit.run import fit_pool
from errorbar.rt.synth import production_table


@pytest.fixture(scope="module")
def tables():
    peaks = production_table(seed=5).peaks
    split = hold_out_runs(peaks, 0.2, 0)
    test = peaks.select(split.test)
    runs, counts = np.unique(test.run, return_counts=True)
    test = test.select(np.isin(test.run, runs[counts >= 8]))
    random = np.random.default_rng(0)
    lot = np.zeros(len(test), dtype=bool)
    for run in np.unique(test.run):
        lot[random.choice(np.flatnonzero(test.run == run), 4, replace=False)] = True
    return peaks.select(split.train), test.select(lot), test.select(~lot)


@pytest.mark.parametrize("freedom", ["normal", 4.0])
def test_wrong_anchors_are_named_and_right_ones_are_not(tables, freedom):
    train, anchors, targets = tables
    model = RetentionTimes(freedom=freedom, widen=False).fit(train)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AnchorWarning)
        right = model.predict(targets, anchors)
    late = np.flatnonzero(anchors.compound == anchors.compound[0])[:1]
    rt = anchors.rt.copy()
    rt[late] += 1.0
    with pytest.warns(
        AnchorWarning, match=r"1 of \d+ anchors do not fit .* first compound"
    ) as told:
        wrong = model.predict(targets, replace(anchors, rt=rt))
    text = str(told[0].message)
    assert f"compound {anchors.compound[late][0]} of run" in text
    assert ("freedom='learned'" in text) == (freedom == "normal")
    mine = targets.run == anchors.run[late]
    moved = np.abs(wrong.mean - right.mean)[mine].max()
    assert moved > 0 if freedom == "normal" else moved < 0.02


def test_one_wrong_anchor_does_not_make_the_others_strange(tables):
    train, anchors, targets = tables
    model = RetentionTimes(run_effect=True, widen=False).fit(train)
    rt = anchors.rt.copy()
    rt[0] += 5.0
    with pytest.warns(AnchorWarning, match=r"^1 of"):
        model.predict(targets, replace(anchors, rt=rt))


def described(compounds, values):
    label = np.full(len(compounds), -1)
    return Chemistry(np.asarray(compounds), np.asarray(values, dtype=float), ("a", "b"), label)


def test_a_chemistry_that_is_none_is_refused(tables):
    train = tables[0]
    ids = np.unique(train.compound)
    with pytest.raises(TableError, match="describes none of the .* compounds of the table"):
        fit_pool(train, chemistry=described(ids + 10**6, np.ones((len(ids), 2))))
    with pytest.raises(TableError, match=r"none of the 2 descriptors \(a, b\) differs"):
        fit_pool(train, chemistry=described(ids, np.ones((len(ids), 2))))
