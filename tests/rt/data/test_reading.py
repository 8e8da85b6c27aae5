import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import errorbar.rt.data as room
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    describe_peaks,
    peaks_frame,
    peaks_from_frame,
    poly2_names,
    read_peaks,
    scan_peaks,
    write_peaks,
)
from tests.rt.data.tables import small_frame

ARRAYS = (
    "rt",
    "covariates",
    "species",
    "supercategory",
    "compound",
    "run",
    "chem_id",
    "compound_class",
    "rows",
    "run_keys",
)


def assert_same(one, other):
    assert one.feature_names == other.feature_names
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_public_names_are_sorted():
    # Constants, classes, functions.
    assert room.__all__ == sorted(
        room.__all__, key=lambda name: (not name.isupper(), name.islower(), name)
    )
    assert all(hasattr(room, name) for name in room.__all__)


def test_reading_peaks_loads_no_heavy_library():
    code = (
        "import sys, errorbar.rt.data; "
        "heavy = {'pandas', 'pyarrow', 'scipy', 'sklearn', 'numba', 'matplotlib', 'jax'}; "
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_written_peaks_are_read_back_as_they_were(tmp_path, ending):
    peaks = peaks_from_frame(small_frame(), include_es=True)
    assert_same(read_peaks(write_peaks(tmp_path / f"t.{ending}", peaks), include_es=True), peaks)


def test_covariates_are_sorted_as_strings_standards_first():
    frame = small_frame()
    assert peaks_from_frame(frame).feature_names == ("IS10", "IS2", "RS1")
    assert peaks_from_frame(frame, include_rs=False).feature_names == ("IS10", "IS2")
    assert peaks_from_frame(frame, include_es=True).feature_names[-1] == "ES_a"
    asked = peaks_from_frame(frame, features=["ES_a", "IS2"])
    np.testing.assert_array_equal(asked.covariates[:, 0], frame["ES_a"].to_numpy())
    assert peaks_from_frame(frame, features=[]).covariates.shape == (40, 0)


def test_derived_covariates_are_products_of_the_raw_ones():
    assert poly2_names(("IS1", "RS1", "ES_1")) == (
        "poly2_sq(IS1)",
        "poly2_sq(RS1)",
        "poly2_int(IS1,RS1)",
    )
    frame = small_frame()
    raw = peaks_from_frame(frame)
    names = (*raw.feature_names, *poly2_names(raw.feature_names))
    peaks = peaks_from_frame(frame, features=names)
    x = raw.covariates
    np.testing.assert_allclose(peaks.covariates[:, 3], x[:, 0] ** 2)
    np.testing.assert_allclose(peaks.covariates[:, 8], x[:, 1] * x[:, 2])


def test_gaps_become_zero_covariates_and_unknown_labels():
    frame = small_frame().with_columns(
        IS2=pl.Series([None, np.nan, *[1.0] * 38]), compound=pl.Series([None, 0, *[5] * 38])
    )
    peaks = peaks_from_frame(frame)
    assert peaks.covariates[:3, 1].tolist() == [0, 0, 1]
    assert peaks.chem_id[:3].tolist() == [-1, -1, 5]
    known = np.nan_to_num(frame["compound_class"].to_numpy(), nan=-1)
    np.testing.assert_array_equal(peaks.compound_class, known)


def test_tables_without_chemicals_are_read():
    peaks = peaks_from_frame(small_frame().drop("compound", "compound_class"))
    assert (peaks.chem_id == -1).all()
    assert (peaks.compound_class == -1).all()


def test_runs_are_numbered_in_order_of_their_keys():
    peaks = peaks_from_frame(small_frame())
    assert peaks.run_keys.tolist() == sorted(peaks.run_keys.tolist())
    wanted = small_frame().select("sampleset_id", "worksheet_id", "task_id").to_numpy()
    np.testing.assert_array_equal(peaks.run_keys[peaks.run], wanted)


def test_without_run_keys_each_row_is_a_run():
    frame = small_frame().drop("sampleset_id", "worksheet_id", "task_id")
    with pytest.raises(TableError, match="3 columns.*runs=False"):
        peaks_from_frame(frame)
    peaks = peaks_from_frame(frame, runs=False)
    np.testing.assert_array_equal(peaks.run, np.arange(40))


@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(seed):
    frame = small_frame()
    order = np.random.default_rng(seed).permutation(frame.height)
    one, other = peaks_from_frame(frame), peaks_from_frame(frame[order])
    np.testing.assert_array_equal(one.rt[order], other.rt)
    np.testing.assert_array_equal(one.run[order], other.run)
    np.testing.assert_array_equal(one.run_keys, other.run_keys)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_batches_hold_the_table_and_one_number_for_each_run(tmp_path, ending, batch_rows):
    path = write_peaks(tmp_path / f"t.{ending}", peaks_from_frame(small_frame()))
    whole, batches = read_peaks(path), list(scan_peaks(path, batch_rows=batch_rows))
    assert max(map(len, batches)) <= batch_rows
    for name in ("rt", "covariates", "species", "compound", "rows"):
        found = np.concatenate([getattr(batch, name) for batch in batches])
        np.testing.assert_array_equal(found, getattr(whole, name))
    run, keys = np.concatenate([batch.run for batch in batches]), batches[-1].run_keys
    np.testing.assert_array_equal(keys[run], whole.run_keys[whole.run])
    for batch in batches:
        np.testing.assert_array_equal(batch.run_keys, keys[: len(batch.run_keys)])


def test_seconds_are_refused_and_can_be_converted():
    frame = small_frame().with_columns(pl.col("rt") * 60)
    with pytest.raises(TableError, match="look like seconds.*unit='seconds'"):
        peaks_from_frame(frame)
    converted = peaks_from_frame(frame, unit="seconds")
    np.testing.assert_allclose(converted.rt, small_frame()["rt"].to_numpy())
    with pytest.raises(SettingsError, match="minutes or seconds"):
        peaks_from_frame(frame, unit="hours")


def test_rows_without_a_time_are_refused_or_left_out_and_counted(tmp_path):
    frame = small_frame().with_columns(
        rt=pl.when(pl.int_range(40).is_in([3, 8])).then(None).otherwise("rt")
    )
    with pytest.raises(TableError, match="in 2 rows, first at row 3"):
        peaks_from_frame(frame)
    with pytest.warns(UserWarning, match="2 of 40 rows"):
        peaks = peaks_from_frame(frame, drop_missing=True)
    assert len(peaks) == 38
    assert 3 not in peaks.rows
    frame.write_csv(tmp_path / "t.csv")
    with pytest.warns(UserWarning, match="2 of 40 rows"):
        batches = list(scan_peaks(tmp_path / "t.csv", batch_rows=9, drop_missing=True))
    assert sum(map(len, batches)) == 38


def test_times_still_to_be_predicted_are_not_asked_for():
    assert (peaks_from_frame(small_frame().drop("rt"), times=False).rt == 0).all()
    with pytest.raises(TableError, match="times=False"):
        peaks_from_frame(small_frame().drop("rt"))


def test_missing_columns_are_named_all_at_once():
    with pytest.raises(TableError, match="`species_cluster`, `comp_id`.*cannot be trained on"):
        peaks_from_frame(small_frame().drop("comp_id", "species_cluster"))
    with pytest.raises(TableError, match="perhaps `Species`"):
        peaks_from_frame(small_frame().rename({"species": "Species"}))
    with pytest.raises(TableError, match="no internal standards"):
        peaks_from_frame(small_frame().drop("IS2", "IS10"))
    with pytest.raises(TableError, match="lacks 1 column: `IS3`"):
        peaks_from_frame(small_frame(), features=["IS3"])
    with pytest.raises(SettingsError, match="twice"):
        peaks_from_frame(small_frame(), features=["IS2", "IS2"])


def test_species_in_two_supercategories_are_named(tmp_path):
    frame = small_frame().with_columns(species_cluster=pl.int_range(40) % 3)
    with pytest.raises(TableError, match=r"4 species.*0 \(in 0, 1"):
        peaks_from_frame(frame)
    # In batches too, where each batch alone is nested.
    pl.concat(
        [small_frame(), small_frame().with_columns(species_cluster=pl.lit(7).cast(pl.Int64))]
    ).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="several supercategories"):
        list(scan_peaks(tmp_path / "t.parquet", batch_rows=40))


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("comp_id", pl.Series([-1] * 40), "between 0 and 4294967295"),
        ("comp_id", pl.Series([2**32] * 40), "between 0 and 4294967295"),
        ("comp_id", pl.Series([1.5] * 40), "whole numbers"),
        ("species", pl.Series([None] + [1] * 39), "missing in 1 rows, first at row 0"),
        ("task_id", pl.Series([2.0**60] * 40), "from Parquet only"),
        ("IS2", pl.Series(["a"] * 40), "`IS2` .* must be numbers"),
        ("IS2", pl.Series([np.inf] * 40), "infinite in 40 of 40 rows"),
        ("rt", pl.Series([-1.0] * 40), "negative in 40 rows"),
        ("rt", pl.Series([np.inf] * 40), "not finite in 40 rows"),
    ],
)
def test_values_that_cannot_be_are_refused(column, values, told):
    with pytest.raises(TableError, match=told):
        peaks_from_frame(small_frame().with_columns(values.alias(column)))


@pytest.mark.parametrize("kind", [pl.Float64, pl.UInt32, pl.Int8, pl.String])
def test_ids_may_have_any_type_that_holds_them(kind):
    frame = small_frame().with_columns(pl.col("comp_id", "species").cast(kind))
    assert_same(peaks_from_frame(frame), peaks_from_frame(small_frame()))


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(TableError, match="there is no file"):
        read_peaks(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        read_peaks(tmp_path / "bad.parquet")
    small_frame().with_columns(IS2=pl.lit("word")).write_csv(tmp_path / "bad.csv")
    with pytest.raises(TableError, match="cannot be read as CSV"):
        read_peaks(tmp_path / "bad.csv")
    with pytest.raises(TableError, match="cannot be read as CSV"):
        list(scan_peaks(tmp_path / "bad.csv"))
    small_frame().write_csv(tmp_path / "good.csv")
    with pytest.raises(SettingsError, match="batch_rows=0"):
        scan_peaks(tmp_path / "good.csv", batch_rows=0)


def test_empty_tables_are_empty_peaks(tmp_path):
    assert len(peaks_from_frame(small_frame().head(0))) == 0
    small_frame().head(0).write_csv(tmp_path / "t.csv")
    assert len(read_peaks(tmp_path / "t.csv")) == 0
    assert describe_peaks(peaks_from_frame(small_frame().head(0))).rows == 0


def test_a_summary_counts_what_is_odd():
    frame = small_frame(400).unique(["sampleset_id", "worksheet_id", "species", "comp_id"])
    frame = frame.with_columns(RS1=pl.lit(2.0))
    found = describe_peaks(peaks_from_frame(pl.concat([frame, frame[:3]])))
    assert found.rows == frame.height + 3
    assert found.repeated == 3
    assert found.first_repeated == frame.height
    assert found.constant == ("RS1",)
    assert found.pairs == frame.select("species", "comp_id").unique().height
    assert "3 rows repeat a compound" in str(found)


def test_peaks_make_a_frame_that_makes_the_same_peaks():
    peaks = peaks_from_frame(small_frame())
    assert_same(peaks_from_frame(peaks_frame(peaks)), peaks)
