"""Streaming sums against a plain calculation on all rows."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from errorbar.core.errors import InputError, SettingsError
from errorbar.rt.evaluate import (
    ALL,
    PartialTimes,
    ScoreSettings,
    Slice,
    SupportMap,
    compare,
    count_support,
    evaluate_times,
    merge_scores,
    score_rows,
    score_table,
    slice_by,
    subset_rows,
    support_bins,
    support_labels,
    tails,
)
from errorbar.rt.model import KNOWN, Times
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

PEAKS = fake_peaks()
TIMES = fake_times(PEAKS)
LABELS = support_labels()


def plain_frame(peaks, times, level=0.95):
    low, high = times.interval(level).T
    return pl.DataFrame({
        "bin": [LABELS[b] for b in support_bins(times.support)],
        "group": peaks.keys(), "run": peaks.run, "error": peaks.rt - times.mean,
        "covered": (peaks.rt >= low) & (peaks.rt <= high), "sd": times.sd, "width": high - low,
        "z": times.score(peaks.rt), "nll": -times.log_density(peaks.rt),
        "crps": times.crps(peaks.rt), "known": [KNOWN[k] for k in times.known],
    })  # fmt: skip


def plain_numbers(frame):
    error = frame["error"].to_numpy()
    groups = frame.group_by("group").agg((pl.col("error") ** 2).mean().sqrt())["error"].to_numpy()
    return {
        "n_obs_test": frame.height, "n_groups_with_test": len(groups),
        "n_runs": frame["run"].n_unique(), "rmse": np.sqrt(np.mean(error**2)),
        "mae": np.abs(error).mean(), "coverage_95": frame["covered"].mean(),
        "pred_std_mean": frame["sd"].mean(), "interval_width_mean": frame["width"].mean(),
        "group_rmse_mean": groups.mean(), "group_rmse_std": groups.std(),
        "group_rmse_p50": np.quantile(groups, 0.5), "group_rmse_p90": np.quantile(groups, 0.9),
        "group_rmse_p99": np.quantile(groups, 0.99), "bias": error.mean(),
        "z_mean": frame["z"].mean(), "z_sd": frame["z"].to_numpy().std(),
        "nll": frame["nll"].mean(), "crps": frame["crps"].mean(),
    }  # fmt: skip


def table_row(table, by, label):
    return table.filter((pl.col("by") == by) & (pl.col("bin") == label)).row(0, named=True)


@pytest.mark.parametrize("chunk_rows", [37, 100, 50_000])
def test_streamed_scores_are_those_of_all_rows_at_once(chunk_rows):
    table = score_table(evaluate_times(PEAKS, TIMES, chunk_rows=chunk_rows))
    frame = plain_frame(PEAKS, TIMES)
    wanted = {(ALL, ALL): frame}
    wanted |= {("support", label): frame.filter(pl.col("bin") == label) for label in LABELS}
    wanted |= {("known", label): frame.filter(pl.col("known") == label) for label in KNOWN}
    for (by, label), part in wanted.items():
        row = table_row(table, by, label)
        if part.is_empty():
            assert row["n_obs_test"] == 0
            assert row["rmse"] is None
            continue
        for name, value in plain_numbers(part).items():
            assert_allclose(row[name], value, rtol=1e-10, atol=1e-14, err_msg=f"{name} {label}")


def test_a_t_is_scored_by_its_own_intervals():
    times = fake_times(PEAKS, freedom=5.0)
    row = table_row(score_table(evaluate_times(PEAKS, times)), ALL, ALL)
    for name, value in plain_numbers(plain_frame(PEAKS, times)).items():
        assert_allclose(row[name], value, rtol=1e-10, err_msg=name)


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, len(PEAKS)), max_size=6), seed=st.integers(0, 100))
def test_parts_merge_to_the_same_in_any_order(cuts, seed):
    ends = [0, *sorted(cuts), len(PEAKS)]
    parts = []
    for low, high in zip(ends, ends[1:]):
        rows = np.arange(low, high)
        parts.append(
            score_rows(PEAKS.rt[rows], TIMES.select(rows), PEAKS.keys()[rows], runs=PEAKS.run[rows])
        )
    np.random.default_rng(seed).shuffle(parts)
    merged, whole = merge_scores(parts), evaluate_times(PEAKS, TIMES)
    for name in ("errors", "pits", "scores"):
        one, other = getattr(merged.support, name), getattr(whole.support, name)
        assert_array_equal(one.labels, other.labels)
        assert_array_equal(one.sums, other.sums)
    assert_array_equal(merged.support.groups.labels, whole.support.groups.labels)
    assert_allclose(merged.support.groups.sums, whole.support.groups.sums, rtol=1e-11, atol=1e-12)
    assert_allclose(merged.support.runs.sums, whole.support.runs.sums, rtol=1e-11, atol=1e-12)
    assert merged.offered == len(PEAKS)


def test_adding_is_associative():
    thirds = np.array_split(np.arange(len(PEAKS)), 3)
    a, b, c = (score_rows(PEAKS.rt[r], TIMES.select(r), PEAKS.keys()[r]) for r in thirds)
    left, right = score_table((a + b) + c), score_table(a + (b + c))
    for name in left.columns[2:]:
        assert_allclose(
            left[name].cast(pl.Float64).to_numpy(), right[name].cast(pl.Float64).to_numpy(),
            rtol=1e-10, atol=1e-13,
        )  # fmt: skip


def test_rows_of_unequal_length_are_refused():
    with pytest.raises(InputError, match="one each"):
        score_rows(PEAKS.rt, TIMES.select(np.arange(3)), PEAKS.keys())
    with pytest.raises(InputError, match="PartialTimes"):
        evaluate_times(PEAKS, TIMES.select(np.arange(3)))


def test_quantiles_of_errors_are_within_their_promise():
    scores = evaluate_times(PEAKS, TIMES)
    size = np.abs(PEAKS.rt - TIMES.mean)
    levels = np.array([0.05, 0.5, 0.9, 0.95, 0.99, 1.0])
    exact = np.quantile(size, levels, method="inverted_cdf")
    assert_allclose(scores.support.error_quantiles(levels), exact, rtol=0.006)


def test_errors_of_nothing_and_of_everything_have_a_place():
    zero = np.zeros(4, dtype=np.int64)
    times = Times(np.array([0.0, 0, 0, 0]), np.ones(4), zero, zero)
    scores = score_rows(np.array([0.0, 1e-7, 1e9, -1e9]), times, zero)
    assert scores.rows == 4
    assert scores.support.error_quantiles(np.array([0.1, 0.5]))[0] == 0.0
    assert scores.support.score_counts()[1].sum() == 4


def test_coverage_and_ranks_are_those_of_the_rows():
    scores = evaluate_times(PEAKS, TIMES)
    pit = TIMES.pit(PEAKS.rt)
    levels = np.array([0.5, 0.8, 0.9, 0.95])
    exact = (np.abs(2 * pit[:, None] - 1) <= levels).mean(axis=0)
    assert_allclose(scores.coverage(levels).found, exact, atol=1e-12)
    assert_array_equal(scores.pit().counts, np.histogram(pit, 20, (0, 1))[0])
    at = scores.pit_difference().at
    assert_allclose(
        scores.pit_difference().difference, (pit[:, None] <= at).mean(axis=0) - at, atol=1e-12
    )
    edges, counts = scores.support.score_counts()
    assert_array_equal(counts, np.histogram(np.clip(TIMES.score(PEAKS.rt), -5.99, 5.99), edges)[0])


def test_normal_scores_of_a_t_are_normal_when_its_errors_are():
    rng = np.random.default_rng(0)
    zero = np.zeros(20_000, dtype=np.int64)
    times = Times(zero * 1.0, zero + 1.0, zero, zero, freedom=4.0)
    edges, counts = score_rows(rng.standard_t(4, 20_000), times, zero).support.score_counts()
    middle = (edges[:-1] + edges[1:]) / 2
    assert_allclose(np.sqrt(np.average(middle**2, weights=counts)), 1.0, atol=0.02)


def test_a_wider_claim_scales_sd_width_and_z():
    one = table_row(score_table(evaluate_times(PEAKS, TIMES)), ALL, ALL)
    wide = ScoreSettings(pred_std_scale=2.0)
    two = table_row(score_table(evaluate_times(PEAKS, TIMES, settings=wide)), ALL, ALL)
    assert_allclose(two["interval_width_mean"], 2 * one["interval_width_mean"])
    assert_allclose(two["z_sd"], one["z_sd"] / 2)
    assert two["coverage_95"] > one["coverage_95"]
    assert two["mae"] == one["mae"]


def test_coverage_is_named_by_its_level():
    table = score_table(evaluate_times(PEAKS, TIMES, settings=ScoreSettings(interval=0.8)))
    assert table_row(table, ALL, ALL)["coverage_80"] == pytest.approx(0.8, abs=0.05)


def test_a_common_map_gives_every_model_the_same_bins():
    training = fake_peaks(seed=3, share=0.2)
    counts = count_support(training)
    other = Times(TIMES.mean, TIMES.sd, TIMES.known, TIMES.support + 7)
    tables = [
        score_table(evaluate_times(PEAKS, times, common_support_map=counts), "support")
        for times in (TIMES, other)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0]["n_groups"][0] == len(counts)
    keys = PEAKS.keys("species_cluster")
    assert tables[0]["n_groups_with_test"][0] == len(np.unique(keys))


def test_pairs_that_the_map_does_not_list_are_unseen_and_counted():
    keys = np.unique(PEAKS.keys("species_cluster"))
    listed = SupportMap(keys[5:], np.full(len(keys) - 5, 3))
    scores = evaluate_times(PEAKS, TIMES, common_support_map=listed)
    missing = np.isin(PEAKS.keys("species_cluster"), keys[:5])
    assert scores.unseen_groups == 5
    assert scores.unseen_rows == missing.sum()
    nothing = evaluate_times(PEAKS, TIMES, common_support_map=SupportMap(keys[:0], keys[:0]))
    assert nothing.unseen_rows == len(PEAKS)


def test_slices_hold_their_own_rows():
    by_class = PEAKS.compound_class.astype(str)
    part = Slice(np.where(PEAKS.run < 3, 0, -1), ("first runs",))
    scores = evaluate_times(PEAKS, TIMES, slices={"class": by_class, "early": part})
    table = score_table(scores)
    size = np.abs(PEAKS.rt - TIMES.mean)
    for label in "0123":
        wanted = size[PEAKS.compound_class == int(label)].mean()
        assert_allclose(table_row(table, "class", label)["mae"], wanted)
    assert_allclose(table_row(table, "early", "first runs")["mae"], size[PEAKS.run < 3].mean())
    assert scores.bins("early").rows == (PEAKS.run < 3).sum()
    with pytest.raises(InputError, match="no slice 'clas'"):
        scores.bins("clas")


def test_a_subset_is_seeded_and_named():
    one = evaluate_times(PEAKS, TIMES, max_test_rows=100, seed=4)
    assert one.rows == 100
    assert one.subset == f"100 of {len(PEAKS)} rows, chosen at random with seed 4"
    assert score_table(one).equals(
        score_table(evaluate_times(PEAKS, TIMES, max_test_rows=100, seed=4))
    )
    assert not np.array_equal(subset_rows(500, 100, 4), subset_rows(500, 100, 5))
    assert evaluate_times(PEAKS, TIMES).subset == ""


def test_a_model_that_skips_rows_says_what_share_it_scores():
    scored = PEAKS.compound % 3 > 0
    part = PartialTimes(TIMES.select(scored), scored, spread=False)
    scores = evaluate_times(PEAKS, part)
    assert scores.share_scored == pytest.approx(scored.mean())
    row = table_row(score_table(scores), ALL, ALL)
    assert_allclose(row["mae"], np.abs(PEAKS.rt - TIMES.mean)[scored].mean())
    assert row["coverage_95"] is None
    assert row["crps"] is None
    with pytest.raises(InputError, match="no intervals"):
        scores.pit()


def test_models_are_compared_on_the_rows_they_are_held_to():
    scored = PEAKS.compound % 3 > 0
    part = PartialTimes(TIMES.select(scored), scored)
    table = compare({
        "all": evaluate_times(PEAKS, TIMES, on=scored), "some": evaluate_times(PEAKS, part),
    })  # fmt: skip
    one, other = (table.filter(pl.col("model") == name) for name in ("all", "some"))
    assert_allclose(one["mae"].to_numpy(), other["mae"].to_numpy())
    assert one["share_scored"][0] == 1.0
    assert other["share_scored"][0] == pytest.approx(scored.mean())


def test_models_with_other_intervals_are_not_compared():
    odd = evaluate_times(PEAKS, TIMES, settings=ScoreSettings(interval=0.5))
    with pytest.raises(InputError, match="one interval"):
        compare({"a": evaluate_times(PEAKS, TIMES), "b": odd})
    with pytest.raises(InputError, match="score all parts alike"):
        _ = evaluate_times(PEAKS, TIMES) + odd


def test_parts_with_other_runs_or_bins_are_not_merged():
    with_runs = evaluate_times(PEAKS, TIMES)
    without = score_rows(PEAKS.rt, TIMES, PEAKS.keys())
    with pytest.raises(InputError, match="runs otherwise"):
        _ = with_runs + without
    sliced = evaluate_times(PEAKS, TIMES, slices={"class": PEAKS.compound_class})
    with pytest.raises(InputError, match="slice all parts alike"):
        _ = with_runs + sliced
    fewer = replace(sliced, slices={**sliced.slices, "class": with_runs.slices["known"]})
    with pytest.raises(InputError, match="same bins"):
        _ = sliced + fewer


def test_nothing_to_score_is_said_so():
    none = np.zeros(len(PEAKS), dtype=bool)
    with pytest.raises(InputError, match="no rows to score"):
        evaluate_times(PEAKS, TIMES, on=none)
    with pytest.raises(InputError, match="no parts to merge"):
        merge_scores([])
    with pytest.raises(InputError, match="at least 1"):
        evaluate_times(PEAKS, TIMES, max_test_rows=0)
    with pytest.raises(InputError, match="no models"):
        compare({})


def test_settings_and_slices_are_checked():
    with pytest.raises(SettingsError, match="written 0.95"):
        ScoreSettings(interval=95)
    with pytest.raises(SettingsError, match="positive"):
        ScoreSettings(pred_std_scale=0)
    with pytest.raises(SettingsError, match="rise"):
        ScoreSettings(edges=(5, 2))
    with pytest.raises(InputError, match="-1 leaves a row out"):
        Slice(np.array([0, 2]), ("a", "b"))
    with pytest.raises(InputError, match="as many true rows"):
        PartialTimes(TIMES, np.zeros(len(TIMES), dtype=bool))
    assert slice_by(np.array(["b", "a", "b"])).labels == ("a", "b")


def test_tails_are_quantiles_of_groups():
    scores = evaluate_times(PEAKS, TIMES)
    table = tails({"one": scores}, least_rows=2)
    frame = plain_frame(PEAKS, TIMES)
    for row in table.iter_rows(named=True):
        part = frame if row["bin"] == ALL else frame.filter(pl.col("bin") == row["bin"])
        groups = (
            part.group_by("group").agg((pl.col("error") ** 2).mean().sqrt(), pl.len())
            .filter(pl.col("len") >= 2)["error"].to_numpy()
        )  # fmt: skip
        assert row["n_groups_with_test"] == len(groups)
        assert_allclose(row["group_rmse_p90"], np.quantile(groups, 0.9), rtol=1e-10)
        assert_allclose(row["group_rmse_max"], groups.max(), rtol=1e-10)


def test_the_interval_of_a_tail_holds_it_as_often_as_it_claims():
    rng = np.random.default_rng(2)
    zero = np.zeros(300, dtype=np.int64)
    truth, held = 1.6448536, 0
    for _ in range(200):
        times = Times(zero * 1.0, zero + 1.0, zero, zero + 1)
        row = tails({"m": score_rows(rng.normal(size=300), times, np.arange(300))}).row(
            0, named=True
        )
        held += row["group_rmse_p90_low"] <= truth <= row["group_rmse_p90_high"]
    assert 0.91 <= held / 200 <= 0.99


def test_clustered_errors_know_of_shared_drift():
    rng = np.random.default_rng(8)
    runs = np.repeat(np.arange(40), 50)
    zero = np.zeros(2000, dtype=np.int64)
    times = Times(zero * 1.0, zero + 1.0, zero, zero + 1)
    found, claimed, naive = [], [], []
    for _ in range(120):
        rt = rng.normal(size=40)[runs] * 0.9 + rng.normal(size=2000) * 0.44
        row = score_table(score_rows(rt, times, zero, runs=runs)).row(0, named=True)
        found.append(row["coverage_95"])
        claimed.append(row["coverage_se_runs"])
        naive.append(row["coverage_se_binomial"])
    assert np.mean(claimed) == pytest.approx(np.std(found), rel=0.25)
    assert np.mean(naive) < 0.5 * np.std(found)


def test_parts_may_come_one_by_one():
    halves = np.array_split(np.arange(len(PEAKS)), 2)
    parts = (score_rows(PEAKS.rt[r], TIMES.select(r), PEAKS.keys()[r]) for r in halves)
    assert merge_scores(parts).rows == len(PEAKS)


def test_a_slice_needs_a_place_for_every_row():
    with pytest.raises(InputError, match="slice 'batch' has 3 rows"):
        evaluate_times(PEAKS, TIMES, slices={"batch": np.arange(3)})


def test_runs_may_be_named_by_several_numbers():
    named = PEAKS.run_keys[PEAKS.run]
    one = score_rows(PEAKS.rt, TIMES, PEAKS.keys(), runs=PEAKS.run)
    two = score_rows(PEAKS.rt, TIMES, PEAKS.keys(), runs=named)
    assert score_table(one).equals(score_table(two))
