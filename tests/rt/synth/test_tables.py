import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import errorbar.rt.synth as room
from errorbar.core.errors import SettingsError
from errorbar.rt.data import describe_peaks, read_peaks, write_peaks
from errorbar.rt.synth import (
    LARGE,
    ProductionSettings,
    StudySettings,
    expected_rt,
    production_table,
    study_table,
    write_production,
)

SMALL = ProductionSettings(species=6, supercategories=2, compounds=9, pairs=30, features=3)


def digest(table):
    peaks = table.peaks
    # Sums may differ in their last digit between machines.
    arrays = (
        np.round(peaks.rt, 6),
        peaks.covariates,
        peaks.species,
        peaks.supercategory,
        peaks.compound,
    )
    total = hashlib.sha256()
    for array in (*arrays, peaks.run, table.chemistry.values, table.chemistry.compound_class):
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def test_public_names_are_sorted():
    # Constants, classes, functions.
    assert room.__all__ == sorted(
        room.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert all(hasattr(room, name) for name in room.__all__)


def test_default_tables_are_what_they_were():
    assert digest(production_table(seed=0)) == (
        "b9a61a41578cc4a976056579d3e008adb7a088ec78b9e1ebef682b3c526d9011"
    )
    assert digest(study_table(seed=42)) == (
        "3737475105eaeb8ae9a599bfb892258351f03666033c8e80b4bde3d4e6a7e775"
    )


def test_a_production_table_has_the_sizes_of_a_laboratory():
    table = production_table()
    found = describe_peaks(table.peaks)
    assert (found.pairs, found.species, found.supercategories) == (3_633, 40, 8)
    assert found.support[2] == 3
    assert 22_000 < found.rows < 25_000
    assert found.repeated == 0
    assert found.compounds == 150


@pytest.mark.heavy
def test_a_large_table_has_459_thousand_rows():
    found = describe_peaks(production_table(LARGE).peaks)
    assert abs(found.rows / 459_000 - 1) < 0.01
    assert (found.pairs, found.features) == (15_470, 20)


def test_errors_of_a_production_table_have_the_noise_that_was_asked_for():
    table = production_table(seed=3)
    error = table.peaks.rt - expected_rt(table.truth, table.peaks)
    assert abs(error.std() / 0.004 - 1) < 5 / np.sqrt(2 * len(error))
    assert abs(error.mean()) < 5 * 0.004 / np.sqrt(len(error))


def test_each_level_has_the_scale_that_the_truth_names():
    wide = ProductionSettings(species=400, supercategories=2, compounds=300, pairs=300)
    truth = production_table(wide, 1).truth
    residual = truth.intercept - truth.intercept.mean(axis=0)
    species = residual.mean(axis=1)
    for supercategory in range(2):
        spread = species[truth.parent == supercategory].std()
        assert abs(spread / truth.scales.species[supercategory] - 1) < 0.2
    assert abs((residual - species[:, None]).std() / truth.scales.pair - 1) < 0.02
    slopes = truth.slopes - truth.slopes.mean(axis=1, keepdims=True)
    assert abs(slopes.std() / truth.scales.slope_pair - 1) < 0.01


def test_noise_may_be_unequal_heavy_tailed_and_rounded():
    uneven = production_table(ProductionSettings(noise_spread=0.5), 1)
    assert abs(np.log(uneven.truth.scales.noise).std() - 0.5) < 0.1
    heavy = production_table(ProductionSettings(freedom=3), 1)
    error = heavy.peaks.rt - expected_rt(heavy.truth, heavy.peaks)
    assert (np.abs(error) > 5 * 0.004).mean() > 0.005
    rounded = production_table(ProductionSettings(quantum=0.015), 1).peaks.rt / 0.015
    np.testing.assert_allclose(rounded, np.round(rounded), atol=1e-9)
    shifted = production_table(ProductionSettings(run_sd=0.05), 1)
    assert abs(shifted.truth.run_shift.std() / 0.05 - 1) < 0.1


@given(seed=st.integers(0, 2**31))
@settings(max_examples=15)
def test_a_seed_gives_one_table_and_shuffling_changes_its_order_only(seed):
    one, other = production_table(SMALL, seed), production_table(SMALL, seed)
    assert digest(one) == digest(other)
    mixed = production_table(SMALL, seed, shuffle=True).peaks
    cells = [sorted(zip(p.run, p.compound, strict=True)) for p in (one.peaks, mixed)]
    assert cells[0] == cells[1]


@pytest.mark.parametrize("order", ["pair", "none"])
def test_streamed_tables_have_the_rows_that_were_asked_for(tmp_path, order):
    path = tmp_path / "t.parquet"
    truth = write_production(path, 5_001, SMALL, 7, order=order, chunk_rows=1_000)
    peaks = read_peaks(path)
    assert len(peaks) == 5_001
    pair = peaks.keys()
    assert (np.diff(pair) >= 0).all() == (order == "pair")
    assert len(np.unique(pair)) == 30
    # Runs are numbered anew when read: their shift, 0 here, is left out of the truth.
    rt = truth.intercept[peaks.species, peaks.compound]
    shift = peaks.covariates - truth.feature_centre
    rt = rt + (shift * truth.slopes[peaks.species, peaks.compound]).sum(axis=1)
    assert abs((peaks.rt - rt).std() / 0.004 - 1) < 0.06


def test_streamed_tables_do_not_depend_on_the_reader(tmp_path):
    frames = []
    for name in ("a", "b"):
        write_production(tmp_path / f"{name}.parquet", 3_000, SMALL, 1, chunk_rows=700)
        frames.append(pl.read_parquet(tmp_path / f"{name}.parquet"))
    assert frames[0].equals(frames[1])


def test_a_study_has_ten_peaks_of_each_pair_and_their_satellites():
    table = study_table()
    pairs = table.peaks.keys()
    _, first = np.unique(table.peak, return_index=True)
    assert (np.unique(pairs[first], return_counts=True)[1] == 10).all()
    assert len(np.unique(pairs)) == 1_200
    # The reference's generator gave 26,204 rows in six of eight runs.
    assert abs((table.peaks.run % 8 < 6).sum() / 26_204 - 1) < 0.02
    np.testing.assert_array_equal(table.run_species[table.peaks.run], table.peaks.species)


def test_satellites_share_their_peaks_time():
    table = study_table()
    order = np.argsort(table.peak, kind="stable")
    rt, peak = table.peaks.rt[order], table.peak[order]
    start = np.flatnonzero(np.diff(peak, prepend=-1))
    spread = np.maximum.reduceat(rt, start) - np.minimum.reduceat(rt, start)
    assert spread.max() <= 0.16
    assert spread.max() > 0.1


def test_errors_of_a_study_are_noise_shared_by_satellites():
    table = study_table(seed=5)
    _, first = np.unique(table.peak, return_index=True)
    error = (table.peaks.rt - expected_rt(table.truth, table.peaks))[first]
    scales = table.truth.scales
    total = np.hypot(scales.replicate, scales.noise[0])
    assert abs(error.std() / total - 1) < 5 / np.sqrt(2 * len(error))


def test_a_study_drifts_in_clusters():
    table = study_table(StudySettings(n_species=200, n_clusters=2, is_cluster_sd=2.0), 1)
    _, at = np.unique(table.peaks.run, return_index=True)
    x, of = table.peaks.covariates[at], table.peaks.supercategory[at]
    within = np.mean([x[of == c].var(axis=0) for c in (0, 1)])
    assert x.var(axis=0).mean() > 1.5 * within


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ProductionSettings(pairs=10), "pairs=10 must lie between compounds=150"),
        (lambda: ProductionSettings(supercategories=50), "cannot outnumber"),
        (lambda: ProductionSettings(freedom=2), "above 2"),
        (lambda: StudySettings(n_clusters=30), "n_clusters=30"),
        (lambda: StudySettings(n_species=0), "at least one"),
        (lambda: StudySettings(fixed_runs_per_species_compound=0), "at least one peak"),
        (lambda: write_production("x.parquet", 0), "rows=0"),
        (lambda: write_production("x.parquet", 1, order="run"), "pair or none"),
    ],
)
def test_settings_that_make_no_table_are_refused(make, told):
    with pytest.raises(SettingsError, match=told):
        make()


def test_made_tables_are_tables_of_peaks(tmp_path):
    peaks = study_table(StudySettings(n_species=3, n_compounds=5)).peaks
    back = read_peaks(write_peaks(tmp_path / "t.csv", peaks))
    np.testing.assert_array_equal(back.rt, peaks.rt)
    np.testing.assert_array_equal(back.covariates, peaks.covariates)
