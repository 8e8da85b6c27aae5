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


def test_standards_that_were_not_found_are_said_and_make_intervals_wider(desk, tmp_path):
    whole = rt_predict(desk / "model", standards=desk / "IS.csv", species="1").table
    frame = pl.read_csv(desk / "IS.csv")
    widths = [whole["sd"].mean()]
    for left in (4, 1):
        frame[-left:].write_csv(tmp_path / "less.csv")
        found = rt_predict(desk / "model", standards=tmp_path / "less.csv", species="1")
        assert any("not found, expected from the others" in note for note in found.notes)
        told = f"{5 - left} of 5 standards were not found"
        assert found.table["warning"].unique().to_list() == [told]
        widths.append(found.table["sd"].mean())
    assert widths[2] > widths[1] > 0.98 * widths[0]
    assert widths[2] > 1.02 * widths[0]
    assert whole["warning"].is_null().all()


def test_a_run_whose_standards_were_all_lost_is_still_covered(desk, tmp_path):
    held, widths = [], []
    for order in range(30):
        new = run_table(seed=1).filter(pl.col("order") == order)
        lost = new.filter("istd").select(name="feature", time=pl.lit(None, dtype=pl.Float64))
        lost.write_csv(tmp_path / "none.csv")
        found = rt_predict(
            desk / "model", standards=tmp_path / "none.csv", compounds=desk / "list.csv",
            species=new["kind"][0],
        ).table  # fmt: skip
        true = new.filter(~pl.col("istd"))["rt"].to_numpy()
        lower, upper = (found[name].to_numpy() for name in ("lower", "upper"))
        held.append(((lower <= true) & (true <= upper)).mean())
        widths.append(found["sd"].mean())
    assert np.mean(held) > 0.85
    whole = rt_predict(desk / "model", standards=desk / "IS.csv", species="1").table
    # Drift of 0.05 moves compounds by 0.04, and nothing tells it.
    assert np.mean(widths) > 2 * whole["sd"].mean()


def test_gaps_of_a_whole_table_are_told_and_streamed_alike(desk, tmp_path):
    table = pl.read_csv(desk / "runs/runs_rt_prod.csv")
    standard = next(name for name in table.columns if name.startswith("IS"))
    gone = pl.when(pl.col("task_id") == 2).then(None).otherwise(pl.col(standard))
    table.with_columns(gone.alias(standard)).write_csv(tmp_path / "gaps.csv")
    found = rt_predict(desk / "model", data=tmp_path / "gaps.csv")
    assert any("1 of 24 runs lack some covariates (at most 1 of 5)" in n for n in found.notes)
    told = found.table.filter(pl.col("warning").is_not_null())
    assert told["task_id"].unique().to_list() == [2]
    parts = rt_predict(
        desk / "model", data=tmp_path / "gaps.csv", stream=True, out=tmp_path / "t.parquet"
    )
    np.testing.assert_array_equal(pl.read_parquet(tmp_path / "t.parquet")["sd"], found.table["sd"])
    assert parts.notes == found.notes
    told = run("rt", "evaluate", desk / "model", tmp_path / "gaps.csv", "--no-figures", "--out",
               tmp_path / "e")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "1 of 24 runs lack some covariates" in " ".join(told.stdout.split())


def test_what_a_table_has_that_training_had_not_is_said(desk, tmp_path):
    table = pl.read_csv(desk / "runs/runs_rt_prod.csv")
    table.with_columns(
        comp_id=pl.when(pl.col("comp_id") == 3).then(900).otherwise("comp_id"),
        species_cluster=1 - pl.col("species_cluster"),
    ).write_csv(tmp_path / "other.csv")
    notes = " ".join(rt_predict(desk / "model", data=tmp_path / "other.csv").notes)
    assert "1 compounds were not in training (900)" in notes
    assert "2 species lie in another supercategory than in training, first 0" in notes


def test_an_anchor_that_does_not_fit_is_named(desk, tmp_path):
    given = {"standards": desk / "IS.csv", "compounds": desk / "list.csv", "species": "sample"}
    right = rt_predict(desk / "model", anchors=desk / "found.csv", **given)
    assert not any("do not fit" in note for note in right.notes)
    wrong = pl.read_csv(desk / "found.csv").with_columns(
        rt=pl.col("rt") + pl.when(pl.int_range(pl.len()) == 2).then(0.6).otherwise(0.0)
    )
    wrong.write_csv(tmp_path / "wrong.csv")
    found = rt_predict(desk / "model", anchors=tmp_path / "wrong.csv", **given)
    note = next(note for note in found.notes if "do not fit" in note)
    compound = right.table["comp_id"][2]
    assert f"1 of 4 anchors do not fit the run that they are of, first compound {compound} " in note
    assert "train with freedom='learned'" in note


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("IS", "name,time\nPC d7,240\nCE d7,420\nLPC d7,120\nTG d7,480\nSM d9,210\n", "seconds"),
        ("IS", "name,time\nxx,4\n", "none of xx is a standard"),
        ("IS", "a,b\n1,2\n", "holds no standards"),
        ("IS", "name,time\nPC d7,4\nPC d7,5\n", "several times"),
        ("IS", "name,time\nPC d7,early\n", "must be numbers"),
        ("IS", "name,time\nPC d7,-0.05\nCE d7,7\n", "1 standards have no positive time"),
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
