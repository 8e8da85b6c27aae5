"""Splits by a hash of stars: who goes where, and what that depends on."""

from hashlib import blake2b

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split import ROLES, Fractions, Split, split_groups

seeds = st.integers(0, 2**32 - 1)


def one_role_each(split):
    used = split.mask("train", "val", "calib_a", "calib_b", "test")
    pairs = np.unique(np.column_stack([split.member[used], split.role[used]]), axis=0)
    return len(np.unique(pairs[:, 0])) == len(pairs)


@given(seed=seeds, stars=st.integers(60, 300))
def test_no_star_has_two_roles_and_every_row_has_one(seed, stars):
    rng = np.random.default_rng(seed)
    star = rng.integers(0, stars, 5 * stars)
    split = split_groups(star, Fractions(0.5, 0, 0, 0, 0.5), seed=seed)
    assert one_role_each(split)
    assert sum(count["rows"] for count in split.counts().values()) == len(split) == len(star)


@given(seed=seeds)
def test_the_order_of_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    star, kind = rng.integers(0, 200, 900), rng.integers(0, 3, 900)
    order = rng.permutation(900)
    for classes in (None, kind):
        there = split_groups(star, seed=7, classes=classes, small="pool")
        moved = split_groups(
            star[order], seed=7, classes=None if classes is None else kind[order], small="pool"
        )
        np.testing.assert_array_equal(moved.role, there.role[order])


@given(seed=seeds, more=st.integers(1, 500))
def test_stars_that_are_added_move_no_other(seed, more):
    star = np.arange(1000, 1200)
    fractions = Fractions(0.5, 0, 0.2, 0, 0.3)
    alone = split_groups(star, fractions, seed=seed)
    joined = split_groups(np.concatenate([np.arange(more), star]), fractions, seed=seed)
    np.testing.assert_array_equal(joined.role[more:], alone.role)


def test_the_seed_matters():
    star = np.arange(2000)
    first, second = split_groups(star, seed=0), split_groups(star, seed=1)
    # By chance 0.6² + 4 · 0.1² = 0.4 of all stars have the same role again.
    assert np.mean(first.role == second.role) == pytest.approx(0.4, abs=0.045)


def test_a_role_is_the_same_on_every_machine():
    split = split_groups([f"Gaia DR3 {at}" for at in range(40)], seed=3)
    assert "".join(str(code) for code in split.role) == "2010200000031004130000003010000420400203"


def test_a_role_can_be_worked_out_by_hand():
    key = blake2b(b"share\n3").digest()
    number = int.from_bytes(blake2b(b"tic:7", digest_size=8, key=key).digest(), "little")
    at = np.searchsorted(np.cumsum([0.6, 0.1, 0.1, 0.1]), number / 2**64, side="right")
    (role,) = split_groups(["tic:7", *map(str, range(99))], seed=3).roles_of(["tic:7"])
    assert role == ROLES[at]


def test_a_number_and_its_digits_are_one_star():
    star = np.random.default_rng(0).integers(1, 2**62, 500)
    by_number = split_groups(star, seed=5)
    as_text = star.astype(str)
    for same in (
        as_text,
        as_text.tolist(),
        pl.Series(star),
        pl.Series(as_text, dtype=pl.Categorical),
    ):
        np.testing.assert_array_equal(split_groups(same, seed=5).role, by_number.role)


def test_shares_are_met_up_to_chance():
    counts = split_groups(np.arange(50_000)).counts()
    for role, share in zip(ROLES, Fractions().shares):
        assert abs(counts[role]["groups"] - 50_000 * share) < 4 * np.sqrt(50_000 * share)


@given(seed=seeds, sizes=st.lists(st.integers(5, 60), min_size=1, max_size=5))
def test_every_class_is_divided_in_the_exact_proportions(seed, sizes):
    kind = np.repeat(np.arange(len(sizes)), sizes)
    split = split_groups(np.arange(len(kind)), seed=seed, classes=kind)
    for at, size in enumerate(sizes):
        found = np.bincount(split.role[kind == at], minlength=5)
        assert found.min() >= 1
        if size % 10 == 0:
            np.testing.assert_array_equal(found, size * np.array([6, 1, 1, 1, 1]) // 10)
        assert np.abs(found - size * np.array(Fractions().shares)).max() < 3


def test_a_star_of_several_classes_is_what_most_of_its_rows_are():
    star = np.repeat(np.arange(40), 3)
    kind = np.where(np.arange(120) < 60, "RRab", "RRc").astype(object)
    kind[0] = "RRc"  # one row of the first star
    split = split_groups(star, Fractions(0.5, 0, 0, 0, 0.5), classes=kind)
    assert split.facts["mixed_class_groups"] == 1
    assert np.isin(split.groups_in("test"), np.arange(20)).sum() == 10


def test_of_equally_many_rows_the_rarer_class_counts():
    star = np.concatenate([[0, 0], np.arange(1, 40)])
    kind = np.array(["b", "a", *["a"] * 30, *["b"] * 9])
    split = split_groups(star, Fractions(0.5, 0, 0, 0, 0.5), classes=kind)
    rare = np.concatenate([[0], np.arange(31, 40)])
    assert np.isin(split.groups_in("test"), rare).sum() == 5


def test_a_class_with_fewer_stars_than_roles_is_refused_or_pooled():
    kind = np.array(["a"] * 50 + ["b"] * 3 + ["c"] * 4)
    with pytest.raises(SplitError, match=r"2 of 3 classes .* first b with 3.*small='pool'"):
        split_groups(np.arange(57), classes=kind)
    split = split_groups(np.arange(57), classes=kind, small="pool")
    assert split.facts["pooled_classes"] == 2
    with pytest.raises(SplitError, match="find more stars"):
        split_groups(np.arange(53), classes=kind[:53], small="pool")


def test_a_split_answers_for_rows_and_stars():
    split = split_groups(np.repeat(np.arange(100), 2))
    np.testing.assert_array_equal(split.rows("test"), np.flatnonzero(split.names() == "test"))
    stars = split.groups_in("test")
    assert set(split.roles_of(stars).tolist()) == {"test"}
    with pytest.raises(
        SplitError, match=r"1 of 2 ids are not in the split, first at row 1 \(777\)"
    ):
        split.roles_of([3, 777])
    with pytest.raises(SettingsError, match="choose one of train"):
        split.mask("validation")
    with pytest.raises(ValueError, match="read-only"):
        split.role[0] = 1


def test_a_star_in_two_roles_is_no_split():
    role, member = np.array([0, 4, 0], dtype=np.int8), np.array([0, 0, 1])
    with pytest.raises(SplitError, match=r"1 stars .* first 8 at row 0 \(train and test\)"):
        Split(role, member, np.array([8, 9]), "group", 0, {}, {})
    with pytest.raises(SplitError, match="one length"):
        Split(role[:2], member, np.array([8, 9]), "group", 0, {}, {})
    with pytest.raises(SplitError, match="0 to 5"):
        Split(role + np.int8(5), member, np.array([8, 9]), "group", 0, {}, {})


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        ([1.0, 2.0], "loses its last ones as a float"),
        (["a", None, ""], r"no id in 2 of 3 rows, first at row 1"),
        ([1, None], r"no id in 1 of 2 rows, first at row 1"),
        ([], "has no rows"),
        ([1, "a"], "mixes kinds"),
        (np.zeros((2, 2), dtype=int), "must be one column"),
    ],
)
def test_ids_that_are_none_are_refused(ids, told):
    with pytest.raises(SplitError, match=told):
        split_groups(ids)


def test_shares_that_are_none_are_refused():
    with pytest.raises(SplitError, match=r"sum to 1\.1, not one"):
        Fractions(test=0.2)
    with pytest.raises(SplitError, match="share of val is -0.1"):
        Fractions(0.8, -0.1, 0.1, 0.1, 0.1)
    with pytest.raises(SplitError, match="train has a share of zero"):
        Fractions(0, 0, 0, 0, 1)
    with pytest.raises(SplitError, match="share of train is nan"):
        Fractions(float("nan"))


def test_an_empty_role_is_refused():
    with pytest.raises(SplitError, match=r"no star is left for .*3 stars.*another seed"):
        split_groups([1, 2, 3])
    with pytest.raises(SettingsError, match="seed=-1"):
        split_groups([1, 2, 3], seed=-1)
    with pytest.raises(SplitError, match="`classes` has 2 rows and the table 3"):
        split_groups([1, 2, 3], classes=["a", "b"])
    with pytest.raises(SettingsError, match="refuse or pool"):
        split_groups([1, 2, 3], classes=["a"] * 3, small="drop")
