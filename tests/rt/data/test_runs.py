import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import describe_peaks, peaks_from_runs

COLUMNS = {
    "run": "file",
    "compound": "name",
    "rt": "time",
    "standard": "is_istd",
    "kind": "type",
    "order": "at",
}


def run_frame(runs=6):
    """Two lipids and two standards in runs that are named against their order."""
    shift = np.linspace(0, 0.5, runs)
    rows = [
        (f"r{runs - run}", run, "blank" if run == 0 else "abc"[run % 2], name, time + shift[run])
        for run in range(runs)
        for name, time in (("PC 34:1", 5.0), ("CE 18:1", 7.0), ("S1", 3.0), ("S2", 4.0))
    ]
    frame = pl.DataFrame(rows, schema=["file", "at", "type", "name", "time"], orient="row")
    return frame.with_columns(is_istd=pl.col("name").str.starts_with("S"))


def test_standards_become_covariates_less_their_medians():
    table = peaks_from_runs(run_frame(), **COLUMNS)
    peaks = table.peaks
    assert peaks.feature_names == ("IS_S1", "IS_S2")
    assert table.compounds == ("CE 18:1", "PC 34:1")
    shift = np.linspace(0, 0.5, 6)
    wanted = (shift - np.median(shift))[peaks.run]
    np.testing.assert_allclose(peaks.covariates, np.stack([wanted] * 2, axis=1), atol=1e-6)
    np.testing.assert_allclose(peaks.rt, np.where(peaks.compound == 1, 5.0, 7.0) + shift[peaks.run])


def test_runs_are_numbered_in_order_of_acquisition():
    table = peaks_from_runs(run_frame(), **COLUMNS)
    assert table.runs == ("r6", "r5", "r4", "r3", "r2", "r1")
    assert table.acquired.tolist() == list(range(6))
    named = peaks_from_runs(run_frame(), **{**COLUMNS, "order": None})
    assert named.runs == ("r1", "r2", "r3", "r4", "r5", "r6")


def test_kinds_and_blocks_make_species_within_supercategories():
    table = peaks_from_runs(run_frame(9), **COLUMNS, kinds=("a", "b"), blocks=2)
    assert table.kinds == ("a", "b")
    assert table.species == ("a / 1", "a / 2", "b / 1", "b / 2")
    assert table.left_out == 4
    kind = [table.species[s][0] for s in table.peaks.species]
    assert kind == [table.kinds[s] for s in table.peaks.supercategory]
    batch = run_frame(9).with_columns(batch=pl.col("at") // 5)
    parted = peaks_from_runs(batch, **COLUMNS, batch="batch")
    assert parted.species == ("a / 0", "a / 1", "b / 0", "b / 1", "blank / 0")


def test_a_standard_that_was_not_found_is_zero():
    frame = run_frame().filter(~((pl.col("name") == "S1") & (pl.col("at") == 5)))
    table = peaks_from_runs(frame, **COLUMNS)
    assert (table.peaks.covariates[table.peaks.run == 5, 0] == 0).all()


def test_standards_may_be_given_by_name():
    by_name = peaks_from_runs(run_frame(), **{**COLUMNS, "standard": {"S1", "S2"}})
    by_flag = peaks_from_runs(run_frame(), **COLUMNS)
    np.testing.assert_array_equal(by_name.peaks.covariates, by_flag.peaks.covariates)


def test_peaks_without_a_time_are_refused_or_counted():
    frame = run_frame().with_columns(
        time=pl.when((pl.col("name") == "CE 18:1") & (pl.col("at") == 2))
        .then(None)
        .otherwise("time")
    )
    with pytest.raises(TableError, match="1 rows, first at row 9 .*'CE 18:1' in 'r4'"):
        peaks_from_runs(frame, **COLUMNS)
    table = peaks_from_runs(frame, **COLUMNS, drop_missing=True)
    assert table.missing == 1
    assert len(table.peaks) == 11


@pytest.mark.parametrize(
    ("frame", "options", "told"),
    [
        (run_frame().drop("time"), {}, "lacks `time`"),
        (run_frame().with_columns(is_istd=False), {}, "no row is an internal standard"),
        (run_frame().with_columns(is_istd=True), {}, "beside the standards"),
        (run_frame().with_columns(type=pl.col("name")), {}, "6 runs have several kinds"),
        (pl.concat([run_frame()] * 2), {}, "12 standards have several times"),
        (run_frame(), {"batch": "type", "blocks": 2}, "not both"),
        (run_frame().with_columns(time=pl.lit("soon")), {}, "must be numbers"),
    ],
)
def test_run_tables_that_are_none_are_refused(frame, options, told):
    with pytest.raises((TableError, SettingsError), match=told):
        peaks_from_runs(frame, **{**COLUMNS, **options})


def test_masshunter_runs_have_the_sizes_of_the_file(shared_data):
    frame = pl.read_parquet(shared_data / "rt" / "runs_lipids_masshunter.parquet")
    assert frame["run"].n_unique() == 153
    assert frame["feature"].n_unique() == 426
    table = peaks_from_runs(
        frame,
        run="run",
        compound="feature",
        rt="rt",
        standard="is_istd",
        kind="sample_type",
        order="acquired",
        blocks=2,
        kinds=("SPL", "BQC", "TQC", "LTR", "NIST"),
    )
    found = describe_peaks(table.peaks)
    assert (found.compounds, found.features, found.species, found.pairs) == (410, 16, 10, 4100)
    assert (found.rows, found.runs, table.missing) == (57_400, 140, 0)
    assert np.all(np.diff(table.acquired.astype("int64")) > 0)


def test_six_batches_have_the_sizes_of_the_file(shared_data):
    frame = pl.read_parquet(shared_data / "rt" / "runs_lipids_6batches.parquet")
    assert frame["run"].n_unique() == 499
    table = peaks_from_runs(
        frame,
        run="run",
        compound="feature_name",
        rt="rt_apex",
        standard=frame["internal_standard"].unique().to_list(),
        kind="sample_type",
        order="time_stamp",
        batch="batch",
        kinds=("SPL", "BQC", "TQC", "LTR"),
    )
    found = describe_peaks(table.peaks)
    assert (found.compounds, found.features, found.species, found.pairs) == (19, 9, 21, 399)
    assert (found.rows, found.runs) == (9_272, 488)
