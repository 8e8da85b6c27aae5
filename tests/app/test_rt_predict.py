"""`errorbar rt predict` as an analyst uses it: one run's standards, a list, perhaps anchors."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import rt_predict, rt_prepare_runs, rt_train
from errorbar.core.errors import SettingsError, TableError
from errorbar.rt import RetentionTimes
from errorbar.rt.data import read_peaks
from tests.app.test_commands import run

STANDARDS = {"PC d7": 4.0, "CE d7": 7.0, "LPC d7": 2.0, "TG d7": 8.0, "SM d9": 3.5}
LIPIDS = [f"PC {c}:{d}" for c in (30, 32, 34, 36) for d in (0, 1, 2)]


def run_table(runs=30, seed=0):
    """A run-level table: standards drift, compounds follow, and each run shifts a little."""
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(runs):
        kind = "QC" if at % 3 == 0 else "sample"
        drift, shift = rng.normal(0, 0.05), rng.normal(0, 0.01)
        for name, rt in STANDARDS.items():
            rows.append((f"run {at:02d}", at, kind, name, True, rt + drift + rng.normal(0, 0.003)))
        for place, name in enumerate(LIPIDS):
            rt = (
                3
                + 0.3 * place
                + 0.3 * np.sin(7 * place)
                + (kind == "QC") * 0.02
                + 0.8 * drift
                + shift
            )
            rows.append((f"run {at:02d}", at, kind, name, False, rt + rng.normal(0, 0.004)))
    columns = ("file", "order", "kind", "feature", "istd", "rt")
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a model of the first 24 runs, and what the last run's analyst has."""
    folder = tmp_path_factory.mktemp("desk")
    table = run_table()
    table.filter(pl.col("order") < 24).write_csv(folder / "past.csv")
    made = rt_prepare_runs(
        folder / "past.csv", run="file", compound="feature", rt="rt", standard="istd", kind="kind",
        order="order", lipids=True, out=folder / "runs",
    )  # fmt: skip
    rt_train(
        made.table, chemistry=made.chemistry, chemistry_dims=2, run_effect=True,
        out=folder / "model",
    )  # fmt: skip
    last = table.filter(pl.col("order") == 28)
    last.filter("istd").select(name="feature", time="rt").write_csv(folder / "IS.csv")
    last.filter(~pl.col("istd")).select(name="feature", rt="rt").write_csv(folder / "truth.csv")
    pl.DataFrame({"name": LIPIDS}).write_csv(folder / "list.csv")
    last.filter(pl.col("feature").is_in(LIPIDS[:4])).select(name="feature", rt="rt").write_csv(
        folder / "found.csv"
    )
    return folder


def test_an_analyst_types_one_line_and_reads_times(desk):
    told = run(
        "rt", "predict", desk / "model", "--standards", desk / "IS.csv",
        "--compounds", desk / "list.csv", "--species", "sample", "--out", desk / "times.csv",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "PC 34:1" in told.stdout
    table = pl.read_csv(desk / "times.csv")
    assert table["name"].to_list() == LIPIDS
    true = pl.read_csv(desk / "truth.csv")["rt"].to_numpy()
    assert np.abs(table["rt"].to_numpy() - true).max() < 0.06
    assert table["known"].unique().to_list() == ["pair"]
    assert table["farness"].max() < 3


def test_intervals_hold_the_times_of_runs_to_come(desk, tmp_path):
    held = []
    for order in range(24, 30):
        new = run_table().filter(pl.col("order") == order)
        new.filter("istd").select(name="feature", time="rt").write_csv(tmp_path / "IS.csv")
        species = new["kind"][0]
        found = rt_predict(
            desk / "model", standards=tmp_path / "IS.csv", compounds=desk / "list.csv",
            species=species,
        ).table  # fmt: skip
        true = new.filter(~pl.col("istd"))["rt"].to_numpy()
        held += [(found["lower"].to_numpy() <= true) & (true <= found["upper"].to_numpy())]
    # Rows of a run share its shift: six runs are few.
    assert np.mean(held) > 0.7


def test_what_was_already_found_brings_the_rest_nearer(desk):
    given = {"standards": desk / "IS.csv", "compounds": desk / "list.csv", "species": "sample"}
    without = rt_predict(desk / "model", **given).table[4:]
    with_found = rt_predict(desk / "model", anchors=desk / "found.csv", **given).table[4:]
    true = pl.read_csv(desk / "truth.csv")["rt"].to_numpy()[4:]
    assert np.abs(with_found["rt"] - true).mean() < np.abs(without["rt"] - true).mean()
    assert with_found["sd"].mean() < without["sd"].mean()
    other = pl.read_csv(desk / "found.csv").with_columns(rt=pl.col("rt") * 60)
    other.write_csv(desk / "found_s.csv")
    pl.read_csv(desk / "IS.csv").with_columns(pl.col("time") * 60).write_csv(desk / "IS_s.csv")
    seconds = rt_predict(
        desk / "model", anchors=desk / "found_s.csv", unit="seconds",
        **{**given, "standards": desk / "IS_s.csv"},
    )  # fmt: skip
    np.testing.assert_allclose(seconds.table["rt"][4:], with_found["rt"], atol=1e-6)


def test_the_line_gives_what_the_model_gives_for_the_same_row(desk):
    row = read_peaks(desk / "runs/runs_rt_prod.csv")
    row = row.select(row.run == 3)
    own = RetentionTimes.load(desk / "model/model.safetensors").predict(row)
    past = run_table().filter(pl.col("order") == 3)
    past.filter("istd").select(name="feature", time="rt").write_csv(desk / "IS3.csv")
    found = rt_predict(
        desk / "model", standards=desk / "IS3.csv", compounds=desk / "list.csv",
        species="QC",
    ).table  # fmt: skip
    asked = {comp: at for at, comp in enumerate(found["comp_id"].to_list())}
    order = [asked[each] for each in row.compound.tolist()]
    np.testing.assert_allclose(found["rt"].to_numpy()[order], own.mean, atol=1e-5)
    np.testing.assert_allclose(found["sd"].to_numpy()[order], own.sd, rtol=1e-5)


def test_several_runs_in_one_file_and_all_compounds_without_a_list(desk, tmp_path):
    table = run_table().filter(pl.col("order") >= 26)
    wide = table.filter("istd").pivot("feature", index="file", values="rt").rename({"file": "run"})
    wide.write_csv(tmp_path / "wide.csv")
    long = table.filter("istd").select(run="file", standard="feature", rt="rt")
    long.write_csv(tmp_path / "long.csv")
    one = rt_predict(desk / "model", standards=tmp_path / "wide.csv", species="QC,sample")
    other = rt_predict(desk / "model", standards=tmp_path / "long.csv", species="QC,sample")
    assert one.table.equals(other.table)
    assert (one.runs, one.rows) == (4, 4 * 2 * len(LIPIDS))


def test_times_go_to_csv_parquet_and_json(desk, tmp_path):
    given = ("rt", "predict", desk / "model", "--standards", desk / "IS.csv", "--species", "0")
    for ending in ("csv", "parquet", "json"):
        assert run(*given, "--out", tmp_path / f"t.{ending}").exit_code == 0
    read = [
        pl.read_csv(tmp_path / "t.csv"),
        pl.read_parquet(tmp_path / "t.parquet"),
        pl.DataFrame(json.loads((tmp_path / "t.json").read_text())),
    ]
    assert len({tuple(each["comp_id"].to_list()) for each in read}) == 1
    np.testing.assert_allclose(read[0]["rt"], read[1]["rt"])
    np.testing.assert_allclose(read[2]["rt"], read[1]["rt"])
    told = run(*given, "--json")
    assert len(json.loads(told.stdout)["table"]) == len(LIPIDS)


def test_unseen_compounds_and_species_get_wider_intervals(desk, tmp_path):
    pl.DataFrame({"comp_id": [0, 900]}).write_csv(tmp_path / "new.csv")
    given = {"standards": desk / "IS.csv", "compounds": tmp_path / "new.csv"}
    seen = rt_predict(desk / "model", species="1", **given).table
    assert seen["known"].to_list() == ["pair", "species"]
    assert seen["sd"][1] > 3 * seen["sd"][0]
    with pytest.raises(SettingsError, match="species 7 was not seen"):
        rt_predict(desk / "model", species="7", **given)
    new = rt_predict(desk / "model", species="7", species_cluster=1, **given).table
    assert new["sd"][0] > seen["sd"][0]


def test_a_run_far_from_training_is_warned_of_and_widened(desk, tmp_path):
    far = pl.read_csv(desk / "IS.csv").with_columns(pl.col("time") + 1.0)
    far.write_csv(tmp_path / "far.csv")
    told = run(
        "rt", "predict", desk / "model", "--standards", tmp_path / "far.csv", "--species", "1"
    )
    assert told.exit_code == 0
    assert "outside of the range of training" in told.stdout
    assert "1 runs lie outside" in told.stdout
    near = rt_predict(desk / "model", standards=desk / "IS.csv", species="1")
    found = rt_predict(desk / "model", standards=tmp_path / "far.csv", species="1")
    assert found.far == 1
    assert found.table["sd"].mean() > 2 * near.table["sd"].mean()


def test_a_standard_that_was_not_found_is_said_and_stands_at_its_median(desk, tmp_path):
    frame = pl.read_csv(desk / "IS.csv")
    frame[1:].write_csv(tmp_path / "less.csv")
    found = rt_predict(desk / "model", standards=tmp_path / "less.csv", species="1")
    assert any("not found, read as its median" in note for note in found.notes)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("IS", "name,time\nPC d7,240\nCE d7,420\nLPC d7,120\nTG d7,480\nSM d9,210\n", "seconds"),
        ("IS", "name,time\nxx,4\n", "none of xx is a standard"),
        ("IS", "a,b\n1,2\n", "holds no standards"),
        ("IS", "name,time\nPC d7,4\nPC d7,5\n", "several times"),
        ("IS", "name,time\nPC d7,early\n", "must be numbers"),
        ("list", "name\nsugar\n", "neither numbers nor known names"),
        ("list", "who\nsugar\n", "needs a column `comp_id`"),
        ("list", "name\n", "lists no compound"),
        ("found", "name,rt\nPC 30:0,\n", "anchors have no time"),
        ("found", "name\nPC 30:0\n", "needs columns"),
        ("found", "name,rt,species\nPC 30:0,3,QC\n", "which is not asked for"),
    ],
)
def test_what_is_wrong_with_an_analysts_file_is_said(desk, tmp_path, file, text, words):
    paths = {name: desk / f"{name}.csv" for name in ("IS", "list", "found")}
    paths[file] = tmp_path / f"{file}.csv"
    paths[file].write_text(text)
    with pytest.raises(TableError, match=words):
        rt_predict(
            desk / "model", standards=paths["IS"], compounds=paths["list"],
            anchors=paths["found"], species="sample",
        )  # fmt: skip


def test_options_that_cannot_be_are_refused(desk, tmp_path):
    given = {"standards": desk / "IS.csv"}
    with pytest.raises(SettingsError, match="which species"):
        rt_predict(desk / "model", **given)
    with pytest.raises(SettingsError, match="asks for the 5 internal standards"):
        rt_predict(desk / "model", species="1")
    with pytest.raises(SettingsError, match="95 % is written 0.95"):
        rt_predict(desk / "model", species="1", level=95, **given)
    with pytest.raises(SettingsError, match="must end in"):
        rt_predict(desk / "model", species="1", out=tmp_path / "t.xls", **given)
    with pytest.raises(SettingsError, match="give either"):
        rt_predict(desk / "model", data=desk / "runs/runs_rt_prod.csv", **given)
    rt_train(desk / "runs/runs_rt_prod.csv", model="means", out=tmp_path / "means")
    with pytest.raises(SettingsError, match="only the hierarchy learns"):
        rt_predict(tmp_path / "means", species="1", anchors=desk / "found.csv")


def test_a_whole_table_is_predicted_and_its_anchors_name_runs_by_key(desk, tmp_path):
    frame = pl.read_csv(desk / "runs/runs_rt_prod.csv")
    two = frame.filter(pl.col("task_id").is_in([2, 5]))
    two.drop("rt").write_csv(tmp_path / "rows.csv")
    plain = rt_predict(desk / "model", data=tmp_path / "rows.csv")
    assert (plain.rows, plain.runs) == (2 * len(LIPIDS), 2)
    keys = ["sampleset_id", "worksheet_id", "task_id", "comp_id"]
    some = two.filter(pl.col("task_id") == 5).head(4).select(*keys, pl.col("rt") + 0.02)
    some.write_csv(tmp_path / "found.csv")
    moved = rt_predict(
        desk / "model", data=tmp_path / "rows.csv", anchors=tmp_path / "found.csv"
    ).table
    there = moved["task_id"].to_numpy() == 5
    assert np.array_equal(moved["rt"].filter(~there), plain.table["rt"].filter(~there))
    assert (moved["rt"].filter(there) - plain.table["rt"].filter(there)).abs().min() > 0
