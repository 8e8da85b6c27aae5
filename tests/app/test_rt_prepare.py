"""`errorbar rt prepare …` and `reproduce`: from shards to tables, and the whole pipeline again."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import rt_evaluate, rt_predict, rt_prepare_systems, rt_reproduce, rt_train
from errorbar.core.errors import TableError
from errorbar.rt.data import peaks_frame, read_peaks
from errorbar.rt.synth import ProductionSettings, production_table
from tests.app.test_commands import run

SMALL = ProductionSettings(
    species=6, supercategories=2, compounds=12, pairs=60, features=3, runs_per_species=16,
    support=6, descriptors=3,
)  # fmt: skip


def raw_table(seed=1):
    """A table as it comes from the laboratory, and the metadata of its sample sets."""
    peaks = production_table(SMALL, seed).peaks
    frame = peaks_frame(peaks)
    # One sample set is one species, as the mapping needs it.
    frame = frame.with_columns(sampleset_id=pl.col("species") + 100)
    meta = frame.select("sampleset_id", "species", "species_cluster").unique().sort(pl.all())
    mapping = meta.select(
        pl.col("sampleset_id").alias("sample_set_id"),
        pl.format("matrix {}", "species").alias("Species Matrix Type".replace(" ", "_")),
        pl.format("group {}", "species_cluster").alias("group"),
    )
    raw = frame.drop("species", "species_cluster", "compound", "compound_class")
    return raw.with_columns(lib_id=pl.lit(209)), mapping


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    raw, mapping = raw_table()
    raw[::2].write_parquet(folder / "a.parquet")
    raw[1::2].write_parquet(folder / "b.parquet")
    mapping.write_csv(folder / "meta.csv")
    chem = pl.DataFrame({"comp_id": [*range(12), 0], "chem_id": [*range(1, 13), 99]})
    chem.write_csv(folder / "chem.csv")
    return folder


@pytest.fixture(scope="module")
def exported(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("repo") / "repo_export"
    told = run(
        "rt", "prepare", "all", shards / "a.parquet", shards / "b.parquet",
        "--mapping", f"209={shards / 'meta.csv'}", "--chemistry", shards / "chem.csv",
        "--caps", "5,100", "--out", out,
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "lib209" in told.stdout
    return out


def test_shards_become_the_layout_of_the_export(exported):
    made = {path.relative_to(exported).as_posix() for path in exported.rglob("*.csv")}
    assert made == {
        "lib209/cap5/lib209_cap5_rt_prod.csv",
        "lib209/cap100/lib209_cap100_rt_prod.csv",
        "lib209/species_mapping/lib209_species_mapping.csv",
        "lib209/comp_id_mapping_collisions.csv",
    }
    peaks = read_peaks(exported / "lib209/cap5/lib209_cap5_rt_prod.csv")
    assert np.unique(peaks.keys(), return_counts=True)[1].max() == 5


def test_the_same_step_by_step(shards, exported, tmp_path):
    steps = (
        ("merge", shards / "a.parquet", shards / "b.parquet", "--out", tmp_path / "m.parquet"),
        ("split", tmp_path / "m.parquet", "--out", tmp_path / "libs"),
        ("map", tmp_path / "libs/lib209.parquet", shards / "meta.csv", "--library", 209, "--out",
         tmp_path / "mapped.parquet"),
        ("cap", tmp_path / "mapped.parquet", 5, "--out", tmp_path / "capped.parquet"),
        ("attach", tmp_path / "capped.parquet", shards / "chem.csv", "--out", tmp_path / "rt.csv"),
        ("collisions", shards / "chem.csv", "--out", tmp_path / "collisions.csv"),
    )  # fmt: skip
    for step in steps:
        told = run("rt", "prepare", *step, "--json")
        assert told.exit_code == 0, told.stderr
        assert json.loads(told.stdout)["rows_in"] > 0
    whole = pl.read_csv(exported / "lib209/cap5/lib209_cap5_rt_prod.csv")
    found = pl.read_csv(tmp_path / "rt.csv").select(whole.columns)
    assert found.sort(pl.all()).equals(whole.sort(pl.all()))
    assert pl.read_csv(tmp_path / "collisions.csv")["comp_id"].unique().to_list() == [0]


def test_a_species_in_two_groups_is_refused(shards, tmp_path):
    torn = pl.read_csv(shards / "meta.csv").with_columns(Species_Matrix_Type=pl.lit("one matrix"))
    torn.write_csv(tmp_path / "torn.csv")
    told = run(
        "rt", "prepare", "map", shards / "a.parquet", tmp_path / "torn.csv", "--library", 209,
        "--out", tmp_path / "x.csv",
    )  # fmt: skip
    assert told.exit_code == 2
    assert "more than one species_group_raw" in told.stderr
    assert not (tmp_path / "x.csv").exists()
    told = run("rt", "prepare", "all", shards / "a.parquet", "--mapping", "meta.csv")
    assert told.exit_code == 2
    assert "such as 209=meta.csv" in told.stderr


def test_a_table_is_held_against_its_mapping(exported, tmp_path):
    table = exported / "lib209/cap100/lib209_cap100_rt_prod.csv"
    mapping = exported / "lib209/species_mapping/lib209_species_mapping.csv"
    told = run("rt", "prepare", "check", table, "--mapping", mapping)
    assert told.exit_code == 0, told.stderr
    assert "6 species in 2 supercategories" in told.stdout
    pl.read_csv(table).with_columns(species=5 - pl.col("species")).write_csv(tmp_path / "x.csv")
    told = run("rt", "prepare", "check", tmp_path / "x.csv", "--mapping", mapping)
    assert told.exit_code == 2
    assert "prepare the table again" in told.stderr or "several supercategories" in told.stderr


def test_a_collection_of_systems_is_a_table_too(tmp_path):
    rng = np.random.default_rng(0)
    pl.DataFrame(
        [(f"s{s}", c, 2 + 0.3 * c + 0.2 * s + rng.normal(0, 0.05))
         for s in range(6) for c in range(35)],
        schema=("system", "comp_id", "rt"), orient="row",
    ).write_parquet(tmp_path / "o.parquet")  # fmt: skip
    pl.DataFrame(
        {"system": [f"s{s}" for s in range(6)], "mode": "RP", "column": ["A", "B"] * 3,
         "gradient_end_min": 20.0}
    ).write_csv(tmp_path / "s.csv")  # fmt: skip
    pl.DataFrame({"comp_id": range(35), "class": "x", "mass": rng.normal(size=35)}).write_csv(
        tmp_path / "c.csv"
    )
    made = rt_prepare_systems(
        tmp_path / "o.parquet", tmp_path / "s.csv", tmp_path / "c.csv", out=tmp_path / "systems"
    )
    assert (made.species, made.compounds) == (6, 35)
    fitted = rt_train(
        made.table, features=[], chemistry=made.chemistry, out=tmp_path / "m", priors="data"
    )
    told = run("rt", "predict", fitted.model, "--species", "s2")
    assert told.exit_code == 0, told.stderr
    assert "35 times" in told.stdout
    # Times were shares of twenty minutes; the answer is in minutes, with anchors too.
    found = rt_predict(fitted.model, species="s2").table
    truth = pl.read_parquet(tmp_path / "o.parquet").filter(pl.col("system") == "s2")
    assert (found["rt"] - truth["rt"]).abs().mean() < 0.1
    truth[:5].select("comp_id", "rt").write_csv(tmp_path / "found.csv")
    nearer = rt_predict(fitted.model, species="s2", anchors=tmp_path / "found.csv")
    assert (nearer.table["rt"] - truth["rt"]).abs().mean() < 0.1
    scores = rt_evaluate([fitted.model], made.table, figures=False, out=tmp_path / "e")
    assert 0.02 < scores.table["mae"][0] < 0.1
    parted = rt_evaluate([fitted.model], made.table, figures=False, stream=True, out=tmp_path / "f")
    assert parted.table["mae"][0] == pytest.approx(scores.table["mae"][0])
    (fitted.model.parent / "minutes.csv").write_text("species,minutes\n0,20.0\n")
    with pytest.raises(TableError, match="of 1 species its minutes are not known, first 2"):
        rt_predict(fitted.model, species="s2")


def some_lines(text):
    return [line for line in text.splitlines() if line.startswith("lib209")]


@pytest.mark.heavy
def test_the_whole_pipeline_runs_again_and_only_what_has_changed(exported, tmp_path):
    typed = ("rt", "reproduce", exported, "--libs", 209, "--cap", 5, "--out", tmp_path)
    told = run(*typed)
    assert told.exit_code == 0, told.stderr
    assert len(some_lines(told.stderr)) == 5
    assert "30 % of its runs" in told.stdout
    own = tmp_path / "lib209/cap5/evaluation"
    assert (own / "report.pdf").read_bytes().startswith(b"%PDF")
    assert "supercategory" in (own / "report.html").read_text("utf-8")
    summary = pl.read_csv(tmp_path / "summary.csv")
    assert summary["model"].to_list() == ["pooled", "supercategory", "species"]
    assert summary["mae"][0] == summary["mae"].min()
    again = json.loads(run(*typed, "--json").stdout)
    assert (again["done"], len(again["skipped"])) == ([], 5)
    (tmp_path / "lib209/cap5/models/species/model.safetensors").unlink()
    part = json.loads(run(*typed, "--json").stdout)
    # The same bytes come back, so that the evaluation stands.
    assert part["done"] == ["lib209 train species"]


def test_an_export_that_lacks_something_is_named(exported, tmp_path):
    with pytest.raises(TableError, match="has no folder lib208, but lib209"):
        rt_reproduce(exported, libs=[208], out=tmp_path)
    with pytest.raises(TableError, match="no folder cap500"):
        rt_reproduce(exported, libs=[209], cap=500, out=tmp_path)
    told = run("rt", "reproduce", exported, "--libs", "x", "--out", tmp_path)
    assert told.exit_code == 2
    assert not list(Path(tmp_path).iterdir())


def test_a_table_without_rows_is_told_by_check(tmp_path):
    path = tmp_path / "empty.csv"
    peaks_frame(production_table(SMALL, seed=0).peaks).head(0).write_csv(path)
    told = run("rt", "prepare", "check", path)
    assert told.exit_code == 2
    assert "empty.csv has no row" in told.stderr
