import numpy as np
import polars as pl
import pytest

from errorbar.survey.summary import class_medians, read_fits, slope_answer, soundness
from tests.survey.fake_grid import fake_fits, fake_full_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(10, 50), repeats=10)
TABLE = read_fits(fake_fits(SURVEYS))


def test_the_widest_class_is_best_and_the_narrowest_needs_most_planets():
    answer = slope_answer(TABLE, "beta", 50)
    assert [entry.label for entry in answer.classes] == ["S1", "S2", "S3", "S4"]
    assert answer.best.more_planets == 1.0
    expected = (answer.best.leverage / answer.worst.leverage) ** 2
    assert answer.worst.more_planets == pytest.approx(expected, rel=0.15)


def test_the_middle_of_the_repeats_is_their_median():
    answer = slope_answer(TABLE, "beta", 10)
    s4 = next(entry for entry in answer.classes if entry.label == "S4")
    sd = TABLE.at_size(10).of_class("S4").values("beta_sd")
    assert s4.sd == pytest.approx(np.median(sd))
    assert s4.sd_range[0] < s4.sd < s4.sd_range[1]
    assert s4.surveys == 10


def test_a_size_nobody_has_gives_no_answer():
    assert slope_answer(TABLE, "beta", 77) is None


def test_medians_run_by_class_then_size():
    medians = class_medians(TABLE)
    assert medians.select("class", "N").rows() == [
        (label, size) for label in ("S1", "S2", "S3", "S4") for size in (10, 50)
    ]
    assert medians["surveys"].to_list() == [10] * 8


def test_an_old_table_is_sound_as_far_as_it_knows():
    report = soundness(TABLE)
    assert (report.fits, report.left_out, report.troubled) == (80, 0, ())
    assert (report.worst_rhat, report.divergences) == (None, None)


def test_troubled_fits_and_bad_chains_are_counted():
    frame = fake_full_fits(SURVEYS).with_columns(
        status=pl.when(pl.col("survey_id") < 4).then(pl.lit("unsettled")).otherwise(pl.lit("ok")),
        rhat_max=pl.col("survey_id") / 1000 + 1.0,
        ess_min=pl.lit(400.0),
        divergences=pl.lit(2),
        method=pl.lit("nuts"),
    )
    report = soundness(read_fits(frame))
    assert report.troubled == (("unsettled", 3),)
    assert report.worst_rhat == pytest.approx(1.08)
    assert (report.least_ess, report.divergences) == (400.0, 160)
    assert report.methods == ("nuts",)
