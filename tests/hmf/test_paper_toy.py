"""The study of the toy problem, in its quick mode."""

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError
from errorbar.hmf.estimator import Robusta
from papers.hmf_toy import figures
from papers.hmf_toy.run import main, read_config, run

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("toy") / "results"
    main(["--out", str(out), "--small"])
    return out


def test_the_paper_has_its_grid_and_its_toy():
    config = read_config()
    assert len(config["grid"]["ranks"]) * len(config["grid"]["scales"]) == 35
    assert (config["toy"]["rows"], config["toy"]["pixels"]) == (8000, 1200)
    assert read_config(small=True)["toy"] == {"seed": 0, "rows": 800, "pixels": 240}


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


def test_a_second_run_makes_nothing_again_and_gives_the_same(folder):
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    run(read_config(small=True), folder)
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    with pytest.raises(SettingsError, match="another configuration"):
        run(read_config(), folder)


def test_a_step_that_is_missing_is_made_again_alike(folder):
    table = pl.read_parquet(folder / "grid.parquet")
    (folder / "grid.parquet").unlink()
    run(read_config(small=True), folder)
    assert pl.read_parquet(folder / "grid.parquet").equals(table)


def test_every_figure_is_drawn_of_the_results_alone(folder, monkeypatch):
    kept = sorted(path.name for path in folder.iterdir())
    drawn = figures.draw(folder, folder.parent / "figures")
    assert len(drawn) == 11
    assert all(path.stat().st_size > 3000 for path in drawn)
    assert sorted(path.name for path in folder.iterdir()) == kept


def test_rows_are_kept_for_their_pictures(folder):
    results = figures.read_results(folder)
    assert len(results.views("gallery")) == 4
    assert results.views("ordinary")[0].name.endswith("normal")
    assert np.isfinite(results.values.arrays["significance"]).any()
