import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.calibrate import (
    ClassConformal,
    class_scores,
    conformal_quantile,
    conformal_rank,
    coverage_band,
    fit_class_conformal,
    join_classes,
    least_alpha,
    least_rows,
)
from errorbar.core.errors import ArtifactError, InputError, SettingsError
from tests.core.calibrate.cases import classifier, covered, draw_labels, softmax

seeds = st.integers(0, 2**32 - 1)
every_score = pytest.mark.parametrize(
    ("score", "randomised"),
    [("lac", False), ("aps", False), ("aps", True), ("raps", False), ("raps", True)],
)


@pytest.mark.parametrize(
    ("n", "alpha", "rank"),
    [(9, 0.1, 9), (10, 0.1, 10), (19, 0.05, 19), (99, 0.01, 99), (99, 0.1, 90), (5, 0.5, 3)],
)
def test_ranks_by_hand(n, alpha, rank):
    assert conformal_rank(n, alpha) == rank
    assert conformal_quantile(np.arange(1.0, n + 1), alpha) == rank


@given(n=st.integers(1, 3000))
def test_the_smallest_alpha_is_possible_and_a_smaller_one_is_refused(n):
    assert conformal_rank(n, least_alpha(n)) == n
    assert least_rows(least_alpha(n)) == n
    with pytest.raises(InputError, match=rf"1/\(n\+1\) = .*Take {n + 1} rows"):
        conformal_rank(n, 0.9999 / (n + 1) if n < 3 else 1 / (n + 1.5))


def test_five_rows_cannot_vouch_for_nine_in_ten():
    probs = softmax(classifier(5, 3)[0])
    with pytest.raises(InputError, match=r"1/\(n\+1\) = 0.166667. Take 9 rows"):
        fit_class_conformal(probs, np.zeros(5), alphas=[0.1])


def test_a_band_is_the_law_of_coverage():
    band = coverage_band(99, 0.1)
    np.testing.assert_allclose((band.low, band.high), stats.beta.ppf([0.025, 0.975], 90, 10))
    assert band.mean == pytest.approx(0.9)
    assert band.holds(0.9)
    assert not band.holds(0.7)
    few = coverage_band(99, 0.1, tests=50)
    assert few.low < band.low
    np.testing.assert_allclose(few.low * 50, stats.betabinom.ppf(0.025, 50, 90, 10))


@pytest.mark.parametrize("score", ["lac", "aps"])
def test_coverage_over_calibration_sets_follows_the_beta_law(score):
    logits, labels = classifier(48_000, 5, seed=3)
    probs, found = softmax(logits), []
    far, truth = probs[40_000:], labels[40_000:]
    randomised = score == "aps"
    for at in range(0, 40_000, 200):
        part = slice(at, at + 99)
        made = fit_class_conformal(
            probs[part], labels[part], alphas=[0.1], score=score, empty="allow",
            randomised=randomised, seed=at if randomised else None,
        )  # fmt: skip
        sets = made.sets(far, 0.1, seed=at + 1 if randomised else None)
        found.append(covered(sets, truth).mean())
    assert np.mean(found) == pytest.approx(0.9, abs=4 * np.std(found) / np.sqrt(len(found)) + 1e-3)
    assert stats.kstest(found, stats.beta(90, 10).cdf).pvalue > 1e-3


@every_score
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.32])
def test_sets_hold_the_truth_as_often_as_they_say(score, randomised, alpha):
    logits, labels = classifier(8000, 6, seed=7)
    probs = softmax(3 * logits)
    made = fit_class_conformal(
        probs[:4000], labels[:4000], score=score, randomised=randomised, empty="allow", seed=1
    )
    sets = made.sets(probs[4000:], alpha, seed=2)
    band = coverage_band(4000, alpha, 0.9999, tests=4000)
    assert covered(sets, labels[4000:]).mean() >= band.low
    if score == "lac" or randomised:
        assert band.holds(covered(sets, labels[4000:]).mean())


@every_score
@settings(max_examples=20)
@given(seed=seeds)
def test_sets_do_not_depend_on_the_order_of_rows_or_columns(score, randomised, seed):
    rng = np.random.default_rng(seed)
    probs = softmax(rng.normal(0, 2, (40, 4)).round())
    labels, u = rng.integers(4, size=40), rng.random(40)
    made = fit_class_conformal(probs, labels, score=score, randomised=randomised, seed=0)
    sets = made.sets(probs, 0.1, u=u)
    columns, rows = rng.permutation(4), rng.permutation(40)
    np.testing.assert_array_equal(made.sets(probs[rows], 0.1, u=u[rows]), sets[rows])
    turned = class_scores(probs[:, columns], score, u if randomised else None)
    straight = class_scores(probs, score, u if randomised else None)
    np.testing.assert_allclose(turned, straight[:, columns], atol=1e-12)
    smaller = made.sets(probs, 0.32, u=u)
    assert not (smaller & ~sets).any()


def test_scores_by_hand():
    probs = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(class_scores(probs, "lac"), 1 - probs)
    np.testing.assert_allclose(class_scores(probs, "aps"), [[0.5, 0.8, 1], [0.8, 0.8, 1]])
    half = class_scores(probs, "aps", np.array([0.5, 0.25]))
    np.testing.assert_allclose(half, [[0.25, 0.65, 0.9], [0.6, 0.6, 0.95]])
    raps = class_scores(probs, "raps", penalty=0.1, free_rank=1)
    np.testing.assert_allclose(raps, [[0.5, 0.9, 1.2], [0.9, 0.9, 1.2]])


def test_an_empty_set_is_kept_or_filled_as_the_value_says():
    sure, labels = np.tile([0.99, 0.01], (50, 1)), np.zeros(50)
    kept = fit_class_conformal(sure, labels, alphas=[0.1], empty="allow")
    unsure = [[0.5, 0.5], [0.45, 0.55]]
    assert not kept.sets(unsure, 0.1).any()
    filled = fit_class_conformal(sure, labels, alphas=[0.1], empty="fill")
    assert filled.sets(unsure, 0.1).tolist() == [[True, False], [False, True]]
    assert (kept.empty, filled.empty) == ("allow", "fill")


def unfair(rows, seed):
    """Class 2 is rare and badly known."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, rows, p=[0.6, 0.36, 0.04])
    logits = rng.normal(0, 1, (rows, 3)) + 4 * np.eye(3)[labels]
    logits[labels == 2] -= [0, 0, 3.5]
    return softmax(logits), labels


def test_thresholds_by_class_are_fair_to_the_rare_one():
    probs, labels = unfair(4000, 1)
    far, truth = unfair(40_000, 2)
    marginal = covered(fit_class_conformal(probs, labels).sets(far, 0.1), truth)
    assert marginal[truth == 2].mean() < 0.6
    made = fit_class_conformal(probs, labels, by_class=True, empty="allow")
    found = covered(made.sets(far, 0.1), truth)
    for k in range(3):
        band = coverage_band(
            int(made.of(0.1).count[0, k]), 0.1, 0.9999, tests=int((truth == k).sum())
        )
        assert band.holds(found[truth == k].mean())


TREE = {"RRab": "RRL", "RRc": "RRL", "RRd": "RRL", "Cep": "pulsating", "RRL": "pulsating"}
NAMES = ["RRab", "RRc", "RRd", "Cep", "Mira"]


@pytest.mark.parametrize(
    ("counts", "buckets"),
    [
        ([50, 50, 50, 50, 50], [0, 1, 2, 3, 4]),
        # One small class goes to the smallest of its siblings.
        ([50, 40, 3, 50, 50], [0, 1, 1, 3, 4]),
        # Two small ones are enough together.
        ([50, 12, 8, 50, 50], [0, 1, 1, 3, 4]),
        # All of a family is small: together, then with an aunt.
        ([4, 3, 3, 50, 50], [0, 0, 0, 0, 4]),
        # Together just enough, then joined by an aunt who is not.
        ([4, 3, 12, 9, 50], [0, 0, 0, 0, 4]),
        # A small class below the root goes to the smallest bucket there.
        ([50, 50, 50, 50, 0], [0, 1, 2, 3, 0]),
        ([10, 0, 0, 0, 10], [0, 0, 0, 0, 0]),
    ],
)
def test_small_classes_are_joined_up_the_tree(counts, buckets):
    found = join_classes(np.array(counts), 19, NAMES, TREE)
    np.testing.assert_array_equal(found, buckets)


@given(
    counts=st.lists(st.integers(0, 60), min_size=2, max_size=8),
    least=st.integers(1, 40),
    seed=seeds,
)
def test_every_bucket_has_enough_rows(counts, least, seed):
    rng = np.random.default_rng(seed)
    names = [f"c{k}" for k in range(len(counts))]
    parents = {name: f"k{rng.integers(3)}" for name in names if rng.random() < 0.8}
    parents |= {f"k{k}": "top" for k in range(2)}
    if sum(counts) < least:
        with pytest.raises(InputError, match="all classes together"):
            join_classes(np.array(counts), least, names, parents)
        return
    bucket = join_classes(np.array(counts), least, names, parents)
    assert np.bincount(bucket, weights=counts)[np.unique(bucket)].min() >= least
    small = np.array(counts) < least
    assert np.all(bucket[~small] <= np.flatnonzero(~small))


def test_joined_classes_keep_their_promise_together():
    probs, labels = unfair(600, 4)
    far, truth = unfair(60_000, 5)
    rare = int((labels == 2).sum())
    assert rare < 99
    made = fit_class_conformal(
        probs, labels, alphas=[0.01], by_class=True, empty="allow",
        names=["A", "B", "C"], parents={"B": "BC", "C": "BC"},
    )  # fmt: skip
    found = made.of(0.01)
    assert found.bucket.tolist() == [[0, 1, 1]]
    inside = truth > 0
    band = coverage_band(int(found.count[0, 1]), 0.01, 0.9999, tests=int(inside.sum()))
    assert band.holds(covered(made.sets(far, 0.01), truth)[inside].mean())


def test_a_class_with_too_few_rows_and_no_tree_is_refused():
    probs, labels = unfair(100, 4)
    with pytest.raises(InputError, match=r"fewer than the 99 .* first 'A'.*Pass `parents`"):
        fit_class_conformal(probs, labels, alphas=[0.01], by_class=True, names="ABC")
    with pytest.raises(InputError, match="in a circle: A > X > Y > X"):
        fit_class_conformal(
            probs, labels, by_class=True, names="ABC", parents={"A": "X", "X": "Y", "Y": "X"}
        )
    with pytest.raises(InputError, match="2 names"):
        fit_class_conformal(probs, labels, by_class=True, names="AB")


def test_strata_have_their_own_promise():
    rng = np.random.default_rng(8)
    logits, _ = classifier(12_000, 4, seed=6)
    faint = rng.random(12_000) < 0.2
    probs = softmax(logits)
    # Faint stars are claimed as surely as bright ones, and known half as well.
    labels = draw_labels(np.where(faint[:, None], softmax(0.4 * logits), probs), rng)
    names = np.where(faint, "faint", "bright")
    train, test = slice(0, 6000), slice(6000, None)
    plain = fit_class_conformal(probs[train], labels[train])
    found = covered(plain.sets(probs[test], 0.1), labels[test])
    assert found[faint[test]].mean() < 0.8
    made = fit_class_conformal(probs[train], labels[train], strata=names[train], empty="allow")
    found = covered(made.sets(probs[test], 0.1, strata=names[test]), labels[test])
    for at, name in enumerate(made.strata):
        rows = names[test] == name
        band = coverage_band(int(made.of(0.1).count[at, 0]), 0.1, 0.9999, tests=int(rows.sum()))
        assert band.holds(found[rows].mean())
    with pytest.raises(InputError, match=r"1 of 2 rows .* first row 1 \('dark'\)"):
        made.sets(probs[:2], 0.1, strata=["faint", "dark"])
    with pytest.raises(InputError, match="pass `strata`"):
        made.sets(probs[:2], 0.1)
    with pytest.raises(InputError, match="leave `strata` out"):
        plain.sets(probs[:2], 0.1, strata=["faint", "faint"])
    with pytest.raises(InputError, match="stratum 'faint': .*cannot vouch"):
        fit_class_conformal(probs[:200], labels[:200], alphas=[0.01], strata=names[:200])


def test_rows_of_new_stars_are_covered_when_stars_are_counted():
    by_rows, by_stars = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        # Few stars have most of the rows, and share a fault that only they have.
        rows = np.where(rng.random(60) < 0.2, 40, 2)
        star = np.repeat(np.arange(60), rows)
        size = np.exp(rng.normal(0, 1, 60))[star] * np.where(rows[star] > 2, 0.2, 1.0)
        truth = rng.exponential(size)
        train = star < 30
        new = ~train
        weight = 1 / rows[star[new]]
        for found, groups in ((by_rows, None), (by_stars, star[train])):
            inside = truth[new] <= conformal_quantile(truth[train], 0.2, groups)
            found.append(np.average(inside, weights=weight))
    assert np.mean(by_rows) < 0.7
    assert np.mean(by_stars) >= 0.8 - 3 * np.std(by_stars) / np.sqrt(60)


def test_one_row_a_group_changes_nothing():
    probs, labels = unfair(300, 2)
    plain = fit_class_conformal(probs, labels).of(0.1)
    grouped = fit_class_conformal(probs, labels, groups=np.arange(300)).of(0.1)
    np.testing.assert_array_equal(plain.threshold, grouped.threshold)
    with pytest.raises(InputError, match="7 calibration rows"):
        fit_class_conformal(probs, labels, groups=np.arange(300) % 7)


@every_score
def test_json_keeps_every_bit(score, randomised):
    probs, labels = unfair(500, 3)
    strata = np.arange(500) % 2
    made = fit_class_conformal(
        probs, labels, score=score, randomised=randomised, seed=1, strata=strata,
        by_class=True, parents={}, alphas=[0.05, 1 / 3],
    )  # fmt: skip
    again = ClassConformal.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.to_dict() == made.to_dict()
    assert again.alphas == (0.05, 1 / 3)
    np.testing.assert_array_equal(
        again.sets(probs, 1 / 3, strata=strata, seed=4),
        made.sets(probs, 1 / 3, strata=strata, seed=4),
    )


def test_what_is_not_asked_for_properly_is_refused():
    probs, labels = unfair(100, 3)
    made = fit_class_conformal(probs, labels)
    with pytest.raises(InputError, match="no thresholds for alpha=0.2; there are for 0.05, 0.1"):
        made.sets(probs, 0.2)
    with pytest.raises(InputError, match="2 columns came for 3 classes"):
        made.sets([[0.5, 0.5]])
    with pytest.raises(SettingsError, match="'lac', 'aps' or 'raps'"):
        fit_class_conformal(probs, labels, score="tps")
    with pytest.raises(SettingsError, match="no randomised form"):
        fit_class_conformal(probs, labels, randomised=True)
    with pytest.raises(SettingsError, match="'allow' or 'fill'"):
        fit_class_conformal(probs, labels, empty="drop")
    with pytest.raises(SettingsError, match="must not be negative"):
        fit_class_conformal(probs, labels, score="raps", penalty=-1)
    with pytest.raises(InputError, match="need a `seed`"):
        fit_class_conformal(probs, labels, score="aps", randomised=True)
    with pytest.raises(SettingsError, match="alpha=1.5 must lie"):
        fit_class_conformal(probs, labels, alphas=[1.5])
    aps = fit_class_conformal(probs, labels, score="aps", randomised=True, seed=0)
    with pytest.raises(InputError, match=r"100 numbers in \[0, 1\]"):
        aps.sets(probs, u=[0.5])
    with pytest.raises(SettingsError, match="tests=0"):
        coverage_band(99, 0.1, tests=0)


def test_a_changed_payload_is_refused():
    good = fit_class_conformal(*unfair(100, 3)).to_dict()
    for change, words in (
        ({"type": "LacConformal"}, "ClassConformal of format 1 is needed"),
        ({"format": 2}, "format 1"),
        ({"n_classes": 4}, "do not fit"),
        ({"thresholds": [{"alpha": 0.1}]}, "was changed"),
        ({"score": "x"}, "was changed"),
    ):
        with pytest.raises(ArtifactError, match=words):
            ClassConformal.from_dict({**good, **change})
    del good["empty"]
    with pytest.raises(ArtifactError, match="'empty'"):
        ClassConformal.from_dict(good)
