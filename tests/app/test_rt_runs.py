"""`errorbar rt prepare runs`: what an instrument exports, in its unit, with what it lacks."""

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import rt_prepare_runs
from errorbar.core.errors import TableError
from errorbar.rt.data import read_peaks
from tests.app.test_commands import run
from tests.app.test_rt_predict import run_table

COLUMNS = {"run": "file", "compound": "feature", "rt": "rt", "standard": "istd", "kind": "kind"}


def prepared(folder, table, **options):
    table.write_csv(folder / "export.csv")
    return rt_prepare_runs(
        folder / "export.csv", **COLUMNS, order="order", out=folder / "out", **options
    )


def test_seconds_are_refused_and_understood_where_they_are_said(tmp_path):
    table = run_table(8)
    made = prepared(tmp_path, table)
    seconds = table.with_columns(pl.col("rt") * 60)
    (tmp_path / "s").mkdir()
    with pytest.raises(TableError, match=r"look like seconds. Say unit='seconds'"):
        prepared(tmp_path / "s", seconds)
    again = prepared(tmp_path / "s", seconds, unit="seconds")
    one, other = read_peaks(made.table), read_peaks(again.table)
    np.testing.assert_allclose(one.rt, other.rt, atol=1e-9)
    np.testing.assert_allclose(one.covariates, other.covariates, atol=1e-6)
    medians = [pl.read_csv(each.table.parent / "standards.csv")["median"] for each in (made, again)]
    np.testing.assert_allclose(*medians, atol=1e-9)


def test_runs_of_another_unit_are_refused(tmp_path):
    late = pl.col("order").is_in([2, 5])
    table = run_table(8).with_columns(pl.when(late).then(pl.col("rt") * 60).otherwise(pl.col("rt")))
    with pytest.raises(TableError, match="2 of 8 runs .* about sixty times as late .* mixed"):
        prepared(tmp_path, table)


def test_standards_that_were_not_found_are_empty_and_counted(tmp_path):
    table = run_table(8).filter(~((pl.col("order") == 3) & (pl.col("feature") == "PC d7")))
    made = prepared(tmp_path, table)
    assert any("1 of 40 standards were not found" in note for note in made.notes)
    peaks = read_peaks(made.table, gaps=True)
    at = peaks.feature_names.index("IS_PC d7")
    assert np.isnan(peaks.covariates[peaks.run == 3, at]).all()
    assert np.isfinite(np.delete(peaks.covariates, at, axis=1)).all()
    assert (read_peaks(made.table).covariates[peaks.run == 3, at] == 0).all()


def test_runs_can_be_found_again_by_their_keys(tmp_path):
    made = prepared(tmp_path, run_table(8))
    runs = pl.read_csv(made.table.parent / "runs.csv")
    assert runs["run"].to_list() == [f"run {at:02d}" for at in range(8)]
    assert runs["acquired"].to_list() == list(range(8))
    table = pl.read_csv(made.table)
    keys = ["sampleset_id", "worksheet_id", "task_id"]
    assert table.join(runs, on=keys, how="anti").is_empty()


def test_kinds_that_are_not_parted_are_said_to_stand_alone(tmp_path):
    (tmp_path / "export.csv").write_text(run_table(8).write_csv())
    typed = ("rt", "prepare", "runs", tmp_path / "export.csv", "--run", "file", "--compound",
             "feature", "--standard", "istd", "--kind", "kind", "--out",
             tmp_path / "o")  # fmt: skip
    told = run(*typed)
    assert told.exit_code == 0, told.stderr
    assert "alone in its supercategory" in " ".join(told.stdout.split())
    parted = run(*typed, "--blocks", 2)
    assert "alone in its supercategory" not in " ".join(parted.stdout.split())
