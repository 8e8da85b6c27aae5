"""Surveys, times, magnitudes and folds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split import (
    REST,
    Fractions,
    make_folds,
    split_by_survey,
    split_by_time,
    split_by_value,
    split_groups,
)

OBSERVED = np.random.default_rng(4)
STAR = OBSERVED.integers(0, 400, 1500)
TIME = OBSERVED.uniform(0, 100, 1500)


def test_nothing_is_learnt_from_the_survey_that_is_held_out():
    survey = np.where(STAR % 3 == 0, "SMC", np.where(STAR % 3 == 1, "LMC", "bulge"))
    split = split_by_survey(STAR, survey, "SMC")
    assert set(survey[split.mask("test")]) == {"SMC"}
    assert "SMC" not in survey[~split.mask("test")]
    assert split.facts["straddling_groups"] == 0
    assert split.parameters["held"] == ["SMC"]
    assert "guard" not in split.counts()
    with pytest.raises(SplitError, match="first OGLE; there are LMC, SMC, bulge"):
        split_by_survey(STAR, survey, ["SMC", "OGLE"])
    with pytest.raises(SplitError, match="none was named"):
        split_by_survey(STAR, survey, [])


@pytest.mark.parametrize("straddling", ["train", "test", "guard"])
def test_a_star_on_both_sides_has_rows_on_one(straddling):
    split = split_by_time(STAR, TIME, 60.0, straddling=straddling)
    held = TIME >= 60
    both = np.intersect1d(STAR[held], STAR[~held])
    assert split.facts["straddling_groups"] == len(both) > 100
    assert not split.mask("test")[~held].any()
    assert not split.mask("train", "val", "calib_a", "calib_b")[held].any()
    of_both = np.isin(STAR, both)
    side = {"train": held, "test": ~held, "guard": np.ones_like(held)}[straddling]
    np.testing.assert_array_equal(split.mask("guard"), of_both & side)


def test_a_label_that_was_made_after_the_cut_is_not_learnt_from():
    label_time = TIME + np.where(np.arange(1500) % 5 == 0, 50.0, 0.0)
    split = split_by_time(STAR, TIME, 60.0, label_time=label_time)
    learnt = split.mask("train", "val", "calib_a", "calib_b")
    assert (label_time[learnt] < 60).all()
    assert (TIME[learnt] < 60).all()
    late = (TIME < 60) & (label_time >= 60)
    assert split.facts["late_label_rows"] == late.sum() > 0
    assert split.mask("guard")[late].all()
    assert split.parameters["label_times"] is True


def test_a_star_known_before_by_a_late_label_alone_may_be_tested():
    split = split_by_time(
        [*range(60), 60, 60], [0.0] * 60 + [0.0, 2.0], 1.0, label_time=[0.0] * 60 + [5.0, 5.0]
    )
    assert split.names()[-2:].tolist() == ["guard", "test"]


@pytest.mark.parametrize(("side", "cut"), [("above", 80.0), ("below", 20.0)])
def test_the_far_side_of_a_magnitude_is_tested(side, cut):
    magnitude = np.random.default_rng(1).uniform(0, 100, 400)[STAR]
    split = split_by_value(STAR, magnitude, cut, name="g_mag", side=side)
    beyond = magnitude >= cut if side == "above" else magnitude <= cut
    np.testing.assert_array_equal(split.mask("test"), beyond)


def test_stars_beside_the_test_have_one_role_in_all_families():
    survey, magnitude = np.where(STAR % 4 == 0, "a", "b"), (STAR % 7).astype(float)
    first = split_by_survey(STAR, survey, "a", seed=2)
    second = split_by_value(STAR, magnitude, 6, name="g_mag", seed=2)
    both = ~first.mask("test") & ~second.mask("test")
    np.testing.assert_array_equal(first.role[both], second.role[both])


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(SplitError, match="test is what is held out"):
        split_by_time(STAR, TIME, 60.0, Fractions())
    with pytest.raises(SplitError, match="no star is left for test"):
        split_by_time(STAR, TIME, 101.0)
    with pytest.raises(SplitError, match="no star is left for train"):
        split_by_time(STAR, TIME, 0.0)
    with pytest.raises(SplitError, match=r"`time` is not finite in 1 of 3 rows, first at row 1"):
        split_by_time([1, 2, 3], [0, np.nan, 1], 0.5)
    with pytest.raises(SplitError, match="`g_mag` holds something that is not a number"):
        split_by_value([1, 2], ["a", "b"], 0.5, name="g_mag")
    with pytest.raises(SettingsError, match="train, test or guard"):
        split_by_time(STAR, TIME, 60.0, straddling="both")
    with pytest.raises(SettingsError, match="above or below"):
        split_by_value(STAR, TIME, 1, name="g_mag", side="beyond")
    with pytest.raises(SettingsError, match="must be a time"):
        split_by_time(STAR, TIME, np.nan)
    with pytest.raises(SettingsError, match="must be a value of g_mag"):
        split_by_value(STAR, TIME, np.inf, name="g_mag")


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 9))
def test_folds_divide_stars_evenly(seed, count):
    rng = np.random.default_rng(seed)
    star, kind = rng.integers(0, 50, 200), rng.integers(0, 3, 50)
    folds = make_folds(star, count, seed=seed, classes=kind[star])
    first = np.unique(star, return_index=True)[1]
    sizes = np.bincount(folds.fold[first], minlength=count)
    assert sizes.max() - sizes.min() <= 1
    for each in range(3):
        of_class = np.bincount(folds.fold[first][kind[star[first]] == each], minlength=count)
        assert of_class.max() - of_class.min() <= 1
    assert len(np.unique(np.column_stack([star, folds.fold]), axis=0)) == len(first)


def test_every_star_calibrates_once_for_each_purpose_and_is_never_tested():
    base = split_groups(STAR, Fractions(0.7, 0, 0, 0, 0.3))
    rounds = make_folds(STAR, 5, aside=base).splits(("calib_a", "calib_b"))
    rest = ~base.mask("test")
    for role in ("calib_a", "calib_b"):
        turns = sum(each.mask(role).astype(int) for each in rounds)
        np.testing.assert_array_equal(turns, rest)
    for each in rounds:
        np.testing.assert_array_equal(each.mask("test"), base.mask("test"))
        assert each.parameters["aside"] == "group"
    trained = sum(each.mask("train").astype(int) for each in rounds)
    np.testing.assert_array_equal(trained, 3 * rest)


def test_plain_cross_validation_is_one_turn():
    rounds = make_folds(STAR, 4, seed=1).splits(("test",))
    np.testing.assert_array_equal(sum(each.mask("test").astype(int) for each in rounds), 1)
    assert [each.parameters["round"] for each in rounds] == [0, 1, 2, 3]


def test_folds_by_hash_alone_stay_when_stars_are_added():
    few = make_folds(np.arange(100), 3, balanced=False)
    many = make_folds(np.arange(1000), 3, balanced=False)
    np.testing.assert_array_equal(many.fold[:100], few.fold)


def test_folds_that_cannot_be_made_are_refused():
    with pytest.raises(SplitError, match="3 stars cannot be dealt into 5 folds"):
        make_folds([1, 2, 3], 5)
    with pytest.raises(SettingsError, match="leave none to train with: make 3 folds"):
        make_folds([1, 2, 3], 2).splits()
    with pytest.raises(SettingsError, match="different roles"):
        make_folds([1, 2, 3], 3).splits(("test", "test"))
    with pytest.raises(SettingsError, match="different roles"):
        make_folds([1, 2, 3], 3).splits(("guard",))
    with pytest.raises(SettingsError, match="leave `classes` out"):
        make_folds([1, 2, 3], 3, classes=["a", "b", "c"], balanced=False)
    with pytest.raises(SplitError, match="balanced=True"):
        make_folds(np.arange(12), 10, balanced=False)
    base = split_by_time(STAR, TIME, 60.0, REST)
    with pytest.raises(SplitError, match="pass the same column to both"):
        make_folds(STAR[::-1], aside=base)
    with pytest.raises(SettingsError, match="never used for anything else"):
        make_folds(STAR, aside=base).splits(("test",))
