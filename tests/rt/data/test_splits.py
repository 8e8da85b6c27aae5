import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    Holdout,
    hold_out_compounds,
    hold_out_late_runs,
    hold_out_pairs,
    hold_out_rare,
    hold_out_runs,
    hold_out_species,
    hold_out_supercategories,
    hold_out_systems,
    peaks_from_frame,
    pick_anchors,
)
from errorbar.rt.data.hashing import hash_columns, uniform
from tests.rt.data.tables import small_frame

PEAKS = peaks_from_frame(small_frame(400))
SPLITS = {
    hold_out_runs: PEAKS.run,
    hold_out_species: PEAKS.species,
    hold_out_systems: PEAKS.species,
    hold_out_supercategories: PEAKS.supercategory,
    hold_out_pairs: PEAKS.keys(),
    hold_out_compounds: PEAKS.compound,
}


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.__name__)
def test_what_is_held_out_is_unseen_in_training(split):
    ids = SPLITS[split]
    seen = 0
    for seed in range(20):
        try:
            held = split(PEAKS, 0.5, seed)
        except TableError:
            continue
        seen += 1
        assert not set(ids[held.train]) & set(ids[held.test])
        assert (held.train ^ held.test).all()
    assert seen >= 5


@given(seed=st.integers(-(2**40), 2**40), start=st.integers(0, 300))
def test_a_pair_falls_on_the_same_side_in_every_table(seed, start):
    part = PEAKS.select(slice(start, None))
    try:
        whole, alone = hold_out_pairs(PEAKS, 0.4, seed), hold_out_pairs(part, 0.4, seed)
    except TableError:
        return
    np.testing.assert_array_equal(whole.test[start:], alone.test)


def test_hashes_hold_out_the_share_that_was_asked_for():
    ids = np.arange(100_000)
    chance = uniform(hash_columns([ids], 3))
    assert abs((chance < 0.1).mean() - 0.1) < 5 * np.sqrt(0.09 / 1e5)
    assert abs(np.corrcoef(chance, uniform(hash_columns([ids], 4)))[0, 1]) < 5 / np.sqrt(1e5)
    assert len(np.unique(hash_columns([ids]))) == len(ids)


def test_hashes_are_what_they_were():
    # SplitMix64 seeded with 0: the first number of its stream.
    assert hash_columns([], 0)[0] == 0xE220A8397B1DCDAF
    frozen = hash_columns([np.array([0, 1, 2**32, -1]), np.array([0.5, -0.0, 0.0, np.nan])], 42)
    assert frozen.dtype == np.uint64
    again = hash_columns([np.array([0, 1, 2**32, -1]), np.array([0.5, 0.0, 0.0, np.nan])], 42)
    np.testing.assert_array_equal(frozen, again)


def test_late_runs_come_after_all_others():
    held = hold_out_late_runs(PEAKS, 0.5)
    assert PEAKS.run[held.train].max() < PEAKS.run[held.test].min()


def test_ids_can_be_named():
    held = hold_out_species(PEAKS, ids=[2])
    np.testing.assert_array_equal(held.test, PEAKS.species == 2)
    with pytest.raises(TableError, match="1 ids are not in the table, first 77"):
        hold_out_species(PEAKS, ids=[2, 77])


def test_chemicals_are_held_out_with_all_their_compounds():
    for seed in range(9):
        try:
            held = hold_out_compounds(PEAKS, 0.5, seed, by="chem_id")
        except TableError:
            continue
        assert not set(PEAKS.chem_id[held.train]) & set(PEAKS.chem_id[held.test])
        assert (PEAKS.chem_id[held.test] >= 0).all()
    with pytest.raises(SettingsError, match="compound or chem_id"):
        hold_out_compounds(PEAKS, by="name")


@pytest.mark.parametrize("most", [0, 1, 2])
def test_rare_pairs_keep_few_training_rows(most):
    base = hold_out_runs(PEAKS, 0.3, 1)
    rare = hold_out_rare(PEAKS, base, 0.5, most=most)
    pairs = np.unique(PEAKS.keys()[rare.test])
    counts = [(rare.train & (PEAKS.keys() == pair)).sum() for pair in pairs]
    before = [(base.train & (PEAKS.keys() == pair)).sum() for pair in pairs]
    assert counts == np.minimum(before, most).tolist()
    assert not (rare.train & ~base.train).any()


def test_each_run_keeps_a_test_row_beside_its_anchors():
    base = hold_out_runs(PEAKS, 0.3, 1)
    held = pick_anchors(PEAKS, base, 5)
    for run in np.unique(PEAKS.run[base.test]):
        assert (held.anchors & (PEAKS.run == run)).sum() == 5
    np.testing.assert_array_equal(held.anchors | held.test, base.test)
    all_but_one = pick_anchors(PEAKS, base, 10_000)
    assert all_but_one.test.sum() == len(np.unique(PEAKS.run[base.test]))
    assert not pick_anchors(PEAKS, base, 0).anchors.any()


def test_splits_that_are_none_are_refused():
    some = np.array([True, False])
    with pytest.raises(TableError, match="no row is left to test with"):
        Holdout("x", ~(some & ~some), some & ~some, some & ~some)
    with pytest.raises(TableError, match="two parts"):
        Holdout("x", some, some, ~some)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        hold_out_runs(PEAKS, 1.0)
    with pytest.raises(SettingsError, match="0 or more anchors"):
        pick_anchors(PEAKS, hold_out_runs(PEAKS), -1)
    with pytest.raises(SettingsError, match="0 or more rows"):
        hold_out_rare(PEAKS, hold_out_runs(PEAKS), most=-1)
