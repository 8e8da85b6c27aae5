import json

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import EngineError, SettingsError
from errorbar.rt.data import hold_out_runs
from errorbar.rt.evaluate import ALL, farness, run_covariates
from errorbar.rt.studies import ShiftSettings, infer_clusters, run_shift, write_shift
from errorbar.rt.studies.far_runs import HIERARCHY, METHODS, split_far
from errorbar.rt.synth import StudySettings, study_table

SMALL = ShiftSettings(
    seeds=(1, 2), n_species=8, n_compounds=12, n_internal_standards=3, percentiles=(60, 80, 100),
    fixed_runs_per_species_compound=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shift")


@pytest.fixture(scope="module")
def small(folder):
    return run_shift(SMALL, folder)


def made(seed=3):
    return study_table(StudySettings(n_species=8, n_compounds=12, n_internal_standards=3), seed)


def test_a_species_is_in_one_inferred_cluster_and_times_do_not_matter():
    peaks = made().peaks
    for by in ("species", "run"):
        found = infer_clusters(peaks, 3, 0, by=by)
        pairs = np.unique(np.stack([found.species, found.supercategory]), axis=1)
        assert pairs.shape[1] == 8
        assert set(pairs[1]) <= {0, 1, 2}
        blind = type(peaks)(
            **{n: getattr(peaks, n) for n in peaks.__slots__ if n != "rt"}, rt=0 * peaks.rt
        )
        np.testing.assert_array_equal(
            infer_clusters(blind, 3, 0, by=by).supercategory, found.supercategory
        )


def test_clusters_far_apart_are_found():
    table = study_table(StudySettings(n_species=12, n_clusters=3, is_cluster_sd=5.0), 0)
    found = infer_clusters(table.peaks, 3, 0)
    both = np.unique(np.stack([table.peaks.supercategory, found.supercategory]), axis=1)
    assert both.shape[1] == 3


def test_near_runs_train_and_anchors_are_scored_by_nobody():
    peaks = made().peaks
    split = split_far(peaks, (60, 80, 100), 5, seed=0)
    runs, covariates = run_covariates(peaks)
    far = farness(covariates)
    near = set(runs[far <= np.percentile(far, 60)])
    assert set(split.train.run) == near
    assert not near & set(split.scored.run)
    anchors = set(zip(split.anchors.run.tolist(), split.anchors.compound.tolist()))
    # Not even another row of the anchor's compound in its run: it shares the error.
    assert not anchors & set(zip(split.scored.run.tolist(), split.scored.compound.tolist()))
    assert len(anchors) == len(split.anchors) == 5 * len(set(split.anchors.run))
    for count in (0, 3, 5):
        assert (np.bincount(split.first(count).run) <= count).all()
    assert set(split.first(3).rows) < set(split.first(5).rows)
    assert set(split.scored.rows).isdisjoint(split.anchors.rows)


def test_all_methods_and_anchors_are_scored_on_the_same_rows(small):
    rows = small.scores.group_by("seed", "bin").agg(pl.col("rows").n_unique())
    assert rows["rows"].to_list() == [1] * len(rows)
    assert set(small.scores["method"]) == set(METHODS)
    assert set(small.scores["anchors"]) == {0, 3, 5}


def test_the_hierarchy_predicts_every_row(small):
    ours = small.scores.filter(pl.col("method") == HIERARCHY)
    assert (ours["nan_share"] == 0).all()
    assert (ours["rows"] == ours["rows_scored"]).all()
    assert ours["coverage"].is_between(0.8, 1.0).all()


def test_the_hierarchy_beats_the_cluster_lasso_far_away(small):
    assert (small.gains.filter(pl.col("bin") == ALL)["percent"] < -10).all()
    assert small.targets.height == 4


def test_anchors_are_compared_with_none(small):
    assert set(small.anchoring["anchors"]) == {3, 5}
    assert small.gains.filter(pl.col("anchors") == 0).height == len(SMALL.percentiles)


def test_a_run_that_was_killed_goes_on_and_ends_the_same(small, folder):
    (folder / "journal" / "piece-000001.safetensors").unlink()
    again = run_shift(SMALL, folder)
    assert again.scores.equals(small.scores, null_equal=True)
    assert again.bins.equals(small.bins)
    with pytest.raises(EngineError, match="belongs to another job"):
        run_shift(ShiftSettings(**{**SMALL.plain(), "clusters_by": "run"}), folder)


def test_a_replicate_does_not_depend_on_the_others(small):
    alone = run_shift(ShiftSettings(**{**SMALL.plain(), "seeds": (2,), "fit": "full"}))
    assert alone.scores.equals(small.scores.filter(pl.col("seed") == 2))


def test_the_folder_holds_page_tables_and_figures(small, tmp_path):
    page = write_shift(small, tmp_path)
    text = page.read_text()
    assert "hierarchy errs than the cluster" in text
    assert json.loads((tmp_path / "settings.json").read_text())["seeds"] == [1, 2]
    assert pl.read_csv(tmp_path / "tables" / "targets.csv").height == small.targets.height
    assert len(list((tmp_path / "figures").glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"anchors": (3, 5)}, "must rise from 0"),
        ({"anchors": (0, 60)}, "leave no row"),
        ({"percentiles": (60,)}, "must rise"),
        ({"seeds": (1, 1)}, "different"),
        ({"clusters_by": "compound"}, "species or run"),
        ({"fit": "slow"}, "quick or full"),
        ({"n_clusters": 30}, "n_clusters=30"),
    ],
)
def test_settings_that_make_no_study_are_refused(changes, told):
    with pytest.raises(SettingsError, match=told):
        ShiftSettings(**changes)


def test_more_clusters_than_species_are_refused():
    peaks = made().peaks
    held = hold_out_runs(peaks, 0.5, 0)
    with pytest.raises(SettingsError, match="as many as there are species"):
        infer_clusters(peaks.select(held.train), 9, 0)
