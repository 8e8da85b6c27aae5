"""The study of the toy problem, in its quick mode."""

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.studies.toy import read_config, run_toy
from errorbar.hmf.studies.toy.figures import draw_toy, read_results

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("toy") / "results"
    return run_toy(read_config(small=True), out)


def test_the_study_has_its_grid_and_its_toy():
    config = read_config()
    assert len(config["grid"]["ranks"]) * len(config["grid"]["scales"]) == 35
    assert (config["toy"]["rows"], config["toy"]["pixels"]) == (8000, 1200)
    assert read_config(small=True)["toy"] == {"seed": 0, "rows": 800, "pixels": 240}


def test_a_file_changes_the_numbers_it_names_and_no_others(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[toy]\nseed = 5\n[small.grid]\nranks = [4]\n")
    assert read_config(own)["toy"] == {"seed": 5, "rows": 8000, "pixels": 1200}
    small = read_config(own, small=True)
    assert small["toy"] == {"seed": 5, "rows": 800, "pixels": 240}
    assert small["grid"]["ranks"] == [4]
    for wrong, told in (
        ("[toys]\nseed = 5", r"has \[toys\], which is not one of toy, grid"),
        ("[toy]\nsede = 5", r"has sede in \[toy\], which is not one of seed, rows, pixels"),
        ("seed = 5", r"has \[seed\]"),
        ("seed = ", "is no TOML"),
    ):
        own.write_text(wrong)
        with pytest.raises(SettingsError, match=told):
            read_config(own)


def test_the_grid_has_scores_and_detections_of_every_model(folder):
    grid = pl.read_parquet(folder / "grid.parquet")
    assert len(grid) == 6
    assert {"kl", "rmse", "f1_pixel", "f1_pixel_object", "f1_object", "angle"} <= set(grid.columns)
    right = grid.filter(pl.col("rank") == 6, pl.col("scale") == 5)
    assert right["f1_pixel"][0] > 0.5
    assert right["angle"][0] < 3
    oracle = pl.read_parquet(folder / "toy.parquet")["oracle_f1_test"][0]
    assert grid["f1_pixel"].max() <= oracle


def test_the_best_model_is_saved_ready_to_use(folder):
    model = Robusta.load(folder / "best.safetensors")
    grid = pl.read_parquet(folder / "grid.parquet").sort("kl_all")
    assert (model.rank, model.likelihood.c) == (grid["rank"][0], grid["scale"][0] ** 2)


def test_methods_without_error_bars_find_fewer_outliers(folder):
    baselines = pl.read_parquet(folder / "baselines.parquet")
    assert len(baselines) == 2 * 2 * 2
    best = pl.read_parquet(folder / "grid.parquet")["f1_pixel"].max()
    assert baselines["f1_pixel"].max() < best


def test_a_folder_with_files_of_something_else_is_refused(tmp_path):
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(SettingsError, match="holds files of something else"):
        run_toy(read_config(small=True), tmp_path)


def test_a_second_run_makes_nothing_again_and_gives_the_same(folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    run_toy(read_config(small=True), folder)
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    with pytest.raises(SettingsError, match="another configuration"):
        run_toy(read_config(), folder)


def test_a_step_that_is_missing_is_made_again_alike(folder):
    table = pl.read_parquet(folder / "grid.parquet")
    (folder / "grid.parquet").unlink()
    run_toy(read_config(small=True), folder)
    assert pl.read_parquet(folder / "grid.parquet").equals(table)


def test_every_figure_is_drawn_of_the_results_alone(folder, monkeypatch):
    kept = sorted(path.name for path in folder.iterdir())
    drawn = draw_toy(folder, folder.parent / "figures")
    assert len(drawn) == 11
    assert all(path.stat().st_size > 3000 for path in drawn)
    assert sorted(path.name for path in folder.iterdir()) == kept


def test_rows_are_kept_for_their_pictures(folder):
    results = read_results(folder)
    assert len(results.views("gallery")) == 4
    assert results.views("ordinary")[0].name.endswith("normal")
    assert np.isfinite(results.values.arrays["significance"]).any()
