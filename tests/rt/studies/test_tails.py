import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError
from errorbar.rt.studies import TailSettings, run_tails, write_tails
from errorbar.rt.studies.tails import POOLED, VARIANTS
from errorbar.rt.synth import ProductionSettings, production_table

SMALL = ProductionSettings(species=12, supercategories=3, compounds=30, pairs=250, features=4)


@pytest.fixture(scope="module")
def small():
    return run_tails(TailSettings(generator=SMALL))


def test_pooling_is_best_in_the_tail_and_bins_hold_the_same_rows(small):
    part = small.scores.filter((pl.col("by") == "support") & (pl.col("n_obs_test") > 20))
    assert part.group_by("bin").agg(pl.col("n_obs_test").n_unique())["n_obs_test"].max() == 1
    rare = part.filter(pl.col("bin").is_in(["<= 1", "2-2", "3-5"]))
    for label in rare["bin"].unique():
        row = rare.filter(pl.col("bin") == label).sort("mae")
        assert row["model"][0] == POOLED
    assert set(small.tails["model"]) == set(VARIANTS)


def test_only_pooling_scores_every_row(small):
    share = dict(small.alone.select("model", "share_scored").iter_rows())
    assert share[POOLED] == 1
    assert share["species ridge"] < 1


def test_a_table_of_ones_own_is_studied_and_goes_on(small, tmp_path):
    made = production_table(SMALL, 0)
    settings = TailSettings(generator=SMALL)
    found = run_tails(settings, tmp_path, peaks=made.peaks, chemistry=made.chemistry)
    (tmp_path / "journal" / "piece-000000.safetensors").unlink()
    again = run_tails(settings, tmp_path, peaks=made.peaks, chemistry=made.chemistry)
    for study in (found, again):
        assert study.scores.equals(small.scores)
        assert study.tails.equals(small.tails)


def test_a_cap_leaves_so_many_rows_of_each_pair():
    found = run_tails(TailSettings(generator=SMALL, cap=2))
    rows = found.scores.filter((pl.col("by") == "support") & (pl.col("n_obs_test") > 0))
    assert set(rows["bin"]) <= {"unseen", "<= 1", "2-2"}


def test_the_folder_holds_page_tables_and_figures(small, tmp_path):
    assert "species, pooled" in write_tails(small, tmp_path).read_text()
    kept = pl.read_csv(tmp_path / "tables" / "the_worst_pairs.csv")
    np.testing.assert_allclose(
        kept["group_rmse_p90"].drop_nulls(), small.tails["group_rmse_p90"].drop_nulls()
    )
    assert len(list((tmp_path / "figures").glob("*.pdf"))) == 2


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: TailSettings(test_share=1.0), "between 0 and 1"),
        (lambda: TailSettings(cap=0), "at least 1"),
        (lambda: TailSettings(penalty=-1.0), "positive"),
        (lambda: TailSettings(support_of="run"), "species_cluster"),
        (lambda: run_tails(test=production_table(SMALL).peaks), "without peaks"),
    ],
)
def test_what_makes_no_study_is_refused(make, told):
    with pytest.raises(SettingsError, match=told):
        make()
