"""A table predicted in parts is what it is as a whole, and is there whole or not at all."""

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import rt_predict, rt_train
from errorbar.app.verbs.rt import parts
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import hold_out_runs, peaks_frame, write_chemistry, write_peaks
from errorbar.rt.data.columns import RUN
from errorbar.rt.synth import ProductionSettings, production_table
from tests.app.test_commands import run

SMALL = ProductionSettings(
    species=6, supercategories=2, compounds=16, pairs=80, features=3, runs_per_species=16,
    support=5, descriptors=3, run_sd=0.01,
)  # fmt: skip
# Kinds of models whose rows are scored in ways of their own.
KINDS = {
    "pool": {},
    "runs": {"run_effect": True, "chemistry": True},
    "heavy": {"freedom": "learned", "widen": False},
    "averaged": {"method": "integrated", "draws": 100},
    "ridge": {"model": "ridge"},
    "fast": {"model": "fast-ridge"},
    "lasso": {"model": "lasso"},
    "means": {"model": "means"},
    "second": {"poly2": True, "features": ["IS_1", "IS_2"]},
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Rows of all runs mixed, so that each run lies in many parts, some far from training."""
    folder = tmp_path_factory.mktemp("parts")
    made = production_table(SMALL, seed=4)
    split = hold_out_runs(made.peaks, 0.4, seed=0)
    write_peaks(folder / "train.csv", made.peaks.select(split.train))
    write_chemistry(folder / "chem.csv", made.chemistry)
    rng = np.random.default_rng(1)
    frame = peaks_frame(made.peaks.select(split.test))
    frame = frame[rng.permutation(frame.height)]
    # What was measured of a run need not be the same in its rows; one compound is new.
    moved = pl.Series(rng.normal(0, 0.2, frame.height) * (frame["task_id"].to_numpy() % 3 == 0))
    frame = frame.with_columns(pl.col("IS_1") + moved, comp_id=pl.col("comp_id").replace({3: 77}))
    frame.drop("rt").write_csv(folder / "rows.csv")
    frame.drop("rt").write_parquet(folder / "rows.parquet")
    frame.drop("rt", *RUN).write_csv(folder / "nameless.csv")
    frame.head(40).select(*RUN, "comp_id", "species", "rt").write_csv(folder / "found.csv")
    return folder


@pytest.fixture(scope="module")
def models(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, given in KINDS.items():
        more = {"chemistry": tables / "chem.csv"} if given.get("chemistry") else {}
        rt_train(tables / "train.csv", out=folder / name, **{**given, **more})
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "BATCH", 37)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", ["rows.csv", "nameless.csv"])
def test_parts_are_the_whole_to_the_bit(tables, models, tmp_path, kind, table):
    whole = rt_predict(models / kind, data=tables / table)
    streamed = rt_predict(
        models / kind, data=tables / table, stream=True, out=tmp_path / "times.parquet"
    )
    read = pl.read_parquet(tmp_path / "times.parquet")
    assert read.equals(whole.table)
    assert read.schema == whole.table.schema
    assert streamed.table.equals(whole.table.head(37))
    for name in ("rows", "runs", "unscored", "far"):
        assert getattr(streamed, name) == getattr(whole, name), name
    assert set(streamed.notes) == set(whole.notes)
    if kind in ("pool", "averaged"):
        assert whole.far > 0


def test_anchors_reach_the_rows_of_their_run_in_every_part(tables, models, tmp_path):
    given = {"data": tables / "rows.csv", "anchors": tables / "found.csv"}
    whole = rt_predict(models / "runs", **given).table
    rt_predict(models / "runs", stream=True, out=tmp_path / "t.parquet", **given)
    read = pl.read_parquet(tmp_path / "t.parquet")
    numbers = ["rt", "sd", "lower", "upper"]
    assert read.drop(numbers).equals(whole.drop(numbers))
    # Products of other sizes are rounded otherwise.
    for name in numbers:
        np.testing.assert_allclose(read[name], whole[name], rtol=1e-9)
    without = rt_predict(models / "runs", data=tables / "rows.csv").table
    assert (whole["sd"] < without["sd"] - 1e-4).sum() > 37 * 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_file_is_that_of_the_whole(tables, models, tmp_path, ending):
    for name, stream in (("whole", ()), ("parts", ("--stream",))):
        told = run(
            "rt", "predict", models / "pool", "--data", tables / f"rows.{ending}", *stream,
            "--out", tmp_path / f"{name}.{ending}",
        )  # fmt: skip
        assert told.exit_code == 0, told.stderr
    if ending == "csv":
        assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()
    else:
        one, other = (pl.read_parquet(tmp_path / f"{n}.parquet") for n in ("whole", "parts"))
        assert one.equals(other)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"parts.{ending}", f"whole.{ending}"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("before", [None, b"an earlier answer"])
def test_what_is_interrupted_leaves_no_half_file(
    tables, models, tmp_path, monkeypatch, ending, before
):
    path, asked = tmp_path / f"times.{ending}", []
    if before is not None:
        path.write_bytes(before)
    predict = OpenModel.predict

    def interrupted(self, *given):
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return predict(self, *given)

    monkeypatch.setattr(OpenModel, "predict", interrupted)
    told = run(
        "rt", "predict", models / "pool", "--data", tables / "rows.csv", "--stream", "--out", path
    )
    assert told.exit_code == 130
    assert len(asked) == 3
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_bad_row_far_down_is_told_and_leaves_nothing(tables, models, tmp_path):
    frame = pl.read_csv(tables / "rows.csv")
    at = pl.int_range(pl.len()) == frame.height - 1
    bad = frame.with_columns(pl.when(at).then(-5).otherwise(pl.col("comp_id")).alias("comp_id"))
    bad.write_csv(tmp_path / "bad.csv")
    with pytest.raises(TableError, match=f"first at row {frame.height - 1}"):
        rt_predict(models / "ridge", data=tmp_path / "bad.csv", stream=True, out=tmp_path / "t.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


def test_a_table_larger_than_a_share_of_memory_is_read_in_parts(
    tables, models, tmp_path, monkeypatch
):
    from errorbar.app.verbs.rt import tables as room

    monkeypatch.setattr(room, "memory_bytes", lambda: 50_000)
    found = rt_predict(models / "pool", data=tables / "rows.csv", out=tmp_path / "t.csv")
    assert found.table.height == 37
    assert any("read in batches: nothing is left out" in note for note in found.notes)
    with pytest.raises(SettingsError, match="name one with out"):
        rt_predict(models / "pool", data=tables / "rows.csv")


def test_parts_that_cannot_be_are_refused(tables, models, tmp_path):
    given = {"data": tables / "rows.csv", "stream": True}
    with pytest.raises(SettingsError, match="must end in .csv, .parquet"):
        rt_predict(models / "pool", out=tmp_path / "t.json", **given)
    with pytest.raises(SettingsError, match="give data"):
        rt_predict(models / "means", stream=True, species="1")
    empty = tmp_path / "empty.csv"
    pl.read_csv(tables / "rows.csv").clear().write_csv(empty)
    with pytest.raises(TableError, match="no rows"):
        rt_predict(models / "pool", data=empty, stream=True, out=tmp_path / "t.csv")
    strange = tmp_path / "found.csv"
    found = pl.read_csv(tables / "found.csv")
    found.with_columns(pl.col("task_id") + 900).write_csv(strange)
    with pytest.raises(TableError, match="runs that the table does not have"):
        rt_predict(models / "runs", anchors=strange, out=tmp_path / "t.csv", **given)
    found.with_columns(pl.col("species") + 50).write_csv(strange)
    with pytest.raises(TableError, match="the table no row of it there"):
        rt_predict(models / "runs", anchors=strange, out=tmp_path / "t.csv", **given)
