import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import errorbar.rt.evaluate as room
from errorbar.core.errors import InputError
from errorbar.rt.evaluate import (
    FAR_SLICE,
    Evaluation,
    PartialTimes,
    ScoreSettings,
    compound_times,
    count_support,
    evaluate_models,
    predicted_times,
    run_drift,
)
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

PEAKS, TRAINING = fake_peaks(), fake_peaks(seed=8, runs=40)
TIMES = fake_times(PEAKS)
SCORED = PEAKS.compound % 4 > 0
MODELS = {
    "pooled": TIMES,
    "ridge": fake_times(PEAKS, seed=2, skill=1.5, believed=0.7),
    "lasso": PartialTimes(fake_times(PEAKS, seed=3).select(SCORED), SCORED, spread=False),
}


@pytest.fixture(scope="module")
def evaluation():
    return evaluate_models(PEAKS, MODELS, training=TRAINING, compounds=[1, 2])


def test_public_names_are_sorted():
    kinds = [
        [n for n in room.__all__ if n.isupper()],
        [n for n in room.__all__ if n[0].isupper() and not n.isupper()],
        [n for n in room.__all__ if n[0].islower()],
    ]
    assert room.__all__ == [name for kind in kinds for name in sorted(kind)]


def test_all_models_are_held_to_the_same_rows(evaluation):
    assert {scores.rows for scores in evaluation.scores.values()} == {int(SCORED.sum())}
    assert evaluation.scores["lasso"].share_scored == pytest.approx(SCORED.mean())
    assert evaluation.scores["pooled"].share_scored == 1.0
    assert evaluation.mapped == len(count_support(TRAINING, "species"))
    assert set(evaluation.paired["model"]) == {"ridge", "lasso"}


def test_a_model_without_intervals_is_not_checked_for_them(evaluation):
    assert evaluation.conformal["model"].to_list() == ["pooled", "ridge"]
    factors = evaluation.conformal["factor"].to_list()
    assert factors[1] > factors[0]


def test_rows_are_sliced_by_the_distance_of_their_run(evaluation):
    far = evaluation.scores["pooled"].bins(FAR_SLICE)
    assert far.rows == SCORED.sum()
    assert far.labels[0] == "0-25 %"


def test_without_training_the_support_is_the_models_own():
    found = evaluate_models(PEAKS, {"one": TIMES})
    assert found.mapped is None
    assert FAR_SLICE not in found.scores["one"].slices
    assert found.paired.is_empty()
    assert len(found.compounds) == 3


def test_a_subset_is_the_same_for_all_models_and_pictures():
    found = evaluate_models(PEAKS, MODELS, max_test_rows=60, seed=3)
    assert {scores.rows for scores in found.scores.values()} == {60}
    assert found.paired["n_obs_test"].to_list() == [60, 60]
    assert "seed 3" in found.scores["ridge"].subset
    assert len(found.predicted["pooled"].truth) == 60


def test_scaled_intervals_are_scaled_in_pictures_too():
    wide = evaluate_models(
        PEAKS, {"one": TIMES}, compounds=[1], settings=ScoreSettings(pred_std_scale=3.0)
    )
    plain = evaluate_models(PEAKS, {"one": TIMES}, compounds=[1])
    ratio = (wide.compounds[0].high - wide.compounds[0].mean) / (
        plain.compounds[0].high - plain.compounds[0].mean
    )
    assert_allclose(ratio, 3.0)


def test_one_run_has_no_paired_difference():
    one = PEAKS.run == 3
    found = evaluate_models(
        PEAKS.select(one), {"a": TIMES.select(one), "b": fake_times(PEAKS, seed=5).select(one)}
    )
    assert found.paired.is_empty()
    assert found.conformal.is_empty()


def test_what_cannot_be_evaluated_is_refused():
    with pytest.raises(InputError, match="no models"):
        evaluate_models(PEAKS, {})
    with pytest.raises(InputError, match="at least one model"):
        Evaluation({}, pl.DataFrame(), pl.DataFrame())
    apart = {"a": MODELS["lasso"], "b": PartialTimes(TIMES.select(~SCORED), ~SCORED)}
    with pytest.raises(InputError, match="compare fewer"):
        evaluate_models(PEAKS, apart)
    from dataclasses import replace

    other = replace(TRAINING, feature_names=("IS1", "IS2", "IS9"))
    with pytest.raises(InputError, match="same features"):
        evaluate_models(PEAKS, {"a": TIMES}, training=other)


def test_drift_is_the_mean_error_of_each_run():
    order = np.unique(PEAKS.run)[::-1]
    drift = run_drift(PEAKS.rt, TIMES, PEAKS.run, order)
    assert_array_equal(drift.run, order)
    error = (PEAKS.rt - TIMES.mean)[PEAKS.run == order[2]]
    assert_allclose(drift.mean[2], error.mean())
    assert_allclose(drift.error[2], error.std(ddof=1) / np.sqrt(len(error)))
    with pytest.raises(InputError, match="lacks"):
        run_drift(PEAKS.rt, TIMES, PEAKS.run, order[1:])


def test_a_run_of_one_peak_borrows_its_error():
    rows = np.r_[np.flatnonzero(PEAKS.run > 3), np.flatnonzero(PEAKS.run == 0)[:1]]
    drift = run_drift(PEAKS.rt[rows], TIMES.select(rows), PEAKS.run[rows])
    assert drift.count[0] == 1
    assert_allclose(drift.error[0], np.sqrt(np.mean(drift.spread[1:] ** 2)))


def test_a_compound_is_looked_up_run_by_run():
    found = compound_times(PEAKS, TIMES, 4, level=0.5)
    assert (np.diff(found.run) > 0).all()
    assert 0.1 < found.outside.mean() < 0.9
    assert found.name == "comp_id 4"
    with pytest.raises(InputError, match="comp_id 900"):
        compound_times(PEAKS, TIMES, 900)


def test_predictions_to_draw_are_a_seeded_choice():
    chosen = predicted_times(PEAKS.rt, TIMES, most=50)
    assert len(chosen.truth) == 50
    assert len(predicted_times(PEAKS.rt, TIMES).truth) == len(PEAKS)
