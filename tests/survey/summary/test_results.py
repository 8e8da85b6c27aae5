import math

import polars as pl
import pytest

from errorbar.core.errors import TableError
from errorbar.survey.summary import add_total_scatter, read_fits
from tests.survey.fake_grid import SCATTER, fake_fits, fake_full_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(10, 50), repeats=3)


@pytest.mark.parametrize("model", ["single", "joint", "mass-star"])
def test_a_table_of_the_reference_is_read_from_its_file(tmp_path, model):
    table = fake_fits(SURVEYS, model)
    table.write_csv(tmp_path / "fits.csv")
    read = read_fits(tmp_path / "fits.csv")
    assert read.model == model
    assert read.sizes == (10, 50)
    assert read.classes == ("S1", "S2", "S3", "S4")
    assert read.values("L_logM").tolist() == table["L_logM"].to_list()


def test_pandas_and_polars_give_the_same_table():
    table = fake_full_fits(SURVEYS, "joint")
    assert read_fits(table.to_pandas()).frame["rho_sd"].equals(read_fits(table).frame["rho_sd"])


def test_a_table_is_read_once():
    table = read_fits(fake_fits(SURVEYS))
    assert read_fits(table) is table


def test_rows_without_a_summary_are_kept_apart():
    table = fake_fits(SURVEYS).with_columns(
        beta_sd=pl.when(pl.col("survey_id") == 3).then(float("nan")).otherwise(pl.col("beta_sd")),
        alpha_mean=pl.when(pl.col("survey_id") == 5).then(None).otherwise(pl.col("alpha_mean")),
    )
    read = read_fits(table)
    assert read.left_out["survey_id"].to_list() == [3, 5]
    assert len(read.frame) == len(table) - 2


def test_classes_of_ones_own_keep_the_order_they_came_in():
    table = fake_fits(SURVEYS).with_columns(
        pl.col("class_label").replace({"S1": "warm", "S2": "cold", "S3": "hot", "S4": "all"})
    )
    assert read_fits(table).classes == ("warm", "cold", "hot", "all")


def test_a_class_keeps_its_place_when_another_is_missing():
    only = read_fits(fake_fits([survey for survey in SURVEYS if survey.class_label == "S3"]))
    assert only.classes == ("S1", "S2", "S3", "S4")


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match="lacks L_logM, beta_hdi84; it has"):
        read_fits(fake_fits(SURVEYS).drop("L_logM", "beta_hdi84"))


def test_a_table_of_something_else_is_refused():
    with pytest.raises(TableError, match="no table of fits"):
        read_fits(pl.DataFrame({"planet": ["WASP-39 b"]}))
    with pytest.raises(TableError, match="cannot be read from a dict"):
        read_fits({"beta_mean": [1.0]})


def test_words_among_numbers_are_refused_with_their_row():
    table = fake_fits(SURVEYS).with_columns(pl.col("beta_sd").cast(pl.String))
    table = table.with_columns(
        beta_sd=pl.when(pl.col("survey_id") == 2)
        .then(pl.lit("failed"))
        .otherwise(pl.col("beta_sd"))
    )
    with pytest.raises(TableError, match="'beta_sd' must hold numbers; 1 .* first at row 1"):
        read_fits(table)


@pytest.mark.parametrize("size", [0.0, 10.5, None])
def test_a_survey_size_that_is_no_count_is_refused(size):
    table = fake_fits(SURVEYS).with_columns(N=pl.lit(size, dtype=pl.Float64))
    with pytest.raises(TableError, match="whole numbers of planets"):
        read_fits(table)


def test_asking_for_a_column_that_is_not_there_names_those_that_are():
    with pytest.raises(TableError, match="no column 'gamma_sd'; its columns are survey_id"):
        read_fits(fake_fits(SURVEYS)).values("gamma_sd")


def test_equal_errors_give_the_total_scatter_of_one_planet():
    table = add_total_scatter(read_fits(fake_fits(SURVEYS)), SURVEYS)
    expected = [math.hypot(0.2, scatter) for scatter in table.values("sigma_mean")]
    assert table.values("total") == pytest.approx(expected, rel=1e-12)


def test_the_joint_model_has_a_total_scatter_for_the_stars_too():
    table = add_total_scatter(read_fits(fake_fits(SURVEYS, "joint")), SURVEYS)
    assert {"total", "total_star"} <= set(table.frame.columns)
    assert table.values("total").mean() == pytest.approx(math.hypot(0.2, SCATTER), rel=0.05)


def test_intervals_hold_68_percent_unless_the_table_says_another_share():
    assert read_fits(fake_fits(SURVEYS)).level == 0.68
    wide = fake_full_fits(SURVEYS).with_columns(level=pl.lit(0.95))
    assert read_fits(wide).level == 0.95


def test_fits_of_other_surveys_are_refused():
    with pytest.raises(TableError, match="belong to no survey given, first survey_id 4"):
        add_total_scatter(read_fits(fake_fits(SURVEYS)), SURVEYS[:3])
