import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from errorbar.core.audit import audit_intervals, audit_probabilities, read_claims
from errorbar.core.audit.chances import binomial_chance, exact_band, holm, sum_chance
from errorbar.core.audit.scores import log_score, normal_scores, pit_values, ranked_score
from errorbar.core.audit.units import equal_mass, read_units
from tests.core.audit.cases import QUANTILES, classes, numbers, softmax

bars = st.floats(0.05, 20)


def density(x, down, up):
    side = np.where(x <= 0, down, up)
    return np.sqrt(2 / np.pi) / (down + up) * np.exp(-0.5 * (x / side) ** 2)


@given(step=st.floats(-30, 30), down=bars, up=bars)
def test_scores_of_two_bars_are_those_of_the_integrated_density(step, down, up):
    claims = read_claims([step], [0.0], sd_minus=[down], sd_plus=[up])
    span = 12 * max(down, up) + abs(step)
    x = np.sort(np.concatenate([np.linspace(-span, span, 40_001), [0.0, step]]))
    cdf = integrate.cumulative_trapezoid(density(x, down, up), x, initial=0.0)
    assert pit_values(claims)[0] == pytest.approx(np.interp(step, x, cdf), abs=1e-4)
    if density(np.array([step]), down, up)[0] > 0:
        wanted = -np.log(density(np.array([step]), down, up))[0]
        assert log_score(claims)[0] == pytest.approx(wanted)
    crps = integrate.trapezoid((cdf - (x >= step)) ** 2, x)
    assert ranked_score(claims)[0] == pytest.approx(crps, rel=2e-3, abs=2e-3 * (down + up))


@given(mean=st.floats(-5, 5), sd=bars, truth=st.floats(-9, 9))
def test_equal_bars_are_a_normal(mean, sd, truth):
    one = read_claims([truth], [mean], sd=[sd])
    two = read_claims([truth], [mean], sd_minus=[sd], sd_plus=[sd])
    for score in (normal_scores, log_score, ranked_score):
        np.testing.assert_allclose(score(two), score(one), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(two.interval(0.9), one.interval(0.9), rtol=1e-9, atol=1e-9)


def test_quantiles_of_two_bars_hold_their_share():
    claims = read_claims(np.zeros(3), np.zeros(3), sd_minus=[1, 2, 5], sd_plus=[3, 2, 0.1])
    for level in (0.02, 0.16, 0.5, 0.9, 0.99):
        at = claims.quantile(level)
        there = read_claims(at, np.zeros(3), sd_minus=[1, 2, 5], sd_plus=[3, 2, 0.1])
        np.testing.assert_allclose(pit_values(there), level, rtol=1e-9)


def test_far_truths_keep_finite_scores():
    claims = read_claims([-60.0, 60.0], [0.0, 0.0], sd_minus=[1, 1], sd_plus=[1.5, 1.5])
    z = normal_scores(claims)
    assert z[0] == pytest.approx(-60, abs=0.1)
    assert z[1] == pytest.approx(40, abs=0.2)


def test_the_chance_of_a_sum_is_that_of_counting():
    rng = np.random.default_rng(0)
    for share, rows, hits in ((0.02, 200, 9), (0.3, 40, 20), (0.95, 60, 50)):
        probs = np.tile([1 - share, share], (rows, 1))
        outcome = (np.arange(rows) < hits).astype(int)
        found = sum_chance(np.tile([0.0, 1.0], (rows, 1)), probs, outcome)
        # Half of the count itself on each side: a saddle point knows no steps.
        sides = [stats.binom.cdf(hits, rows, share), stats.binom.sf(hits - 1, rows, share)]
        wanted = 2 * (min(sides) - stats.binom.pmf(hits, rows, share) / 2)
        assert found == pytest.approx(wanted, rel=0.2)
    probs = rng.dirichlet([0.3, 0.3, 0.3], 60)
    logs = np.log(np.maximum(probs, 1e-12))
    drawn = [(rng.random((60, 1)) > probs.cumsum(axis=1)[:, :2]).sum(axis=1) for _ in range(4000)]
    chances = [sum_chance(logs, probs, one) for one in drawn[:1500]]
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.02)


def test_all_rows_as_unlikely_as_can_be_have_the_chance_of_that():
    probs = np.tile([0.9, 0.1], (10, 1))
    found = sum_chance(np.tile([0.0, 1.0], (10, 1)), probs, np.ones(10, dtype=int))
    assert found == pytest.approx(2 * 0.1**10)
    assert binomial_chance(10, 10, 0.1) == pytest.approx(2 * 0.1**10)


def test_exact_bands_are_those_of_scipy():
    for hits, rows in ((0, 10), (7, 10), (10, 10), (930, 1000)):
        wanted = stats.binomtest(hits, rows).proportion_ci(0.95)
        assert exact_band(hits, rows) == pytest.approx((wanted.low, wanted.high))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrected_chances_keep_the_order_and_are_not_smaller(chances):
    chances = np.array(chances)
    found = holm(chances)
    assert np.all(found >= chances)
    order = np.argsort(chances)
    assert np.all(np.diff(found[order]) >= 0)
    assert found.min() == pytest.approx(min(1.0, len(chances) * chances.min()))


def test_the_design_effect_of_copies_is_how_often_they_are_copied():
    z = np.repeat(np.random.default_rng(1).normal(size=4000), 5)
    units = read_units(np.repeat(np.arange(4000), 5), len(z))
    assert units.effect(z) == pytest.approx(5, rel=0.01)
    assert read_units(None, len(z)).effect(z) == 1.0


def test_bins_of_equal_mass_hold_equally_many_and_keep_ties_together():
    x = np.random.default_rng(2).normal(size=1003)
    rows = np.bincount(equal_mass("x", x, 5).code)
    assert rows.max() - rows.min() <= 2
    tied = equal_mass("x", np.repeat([1.0, 2.0, 3.0], [50, 1, 9]), 5)
    assert all(len(np.unique(tied.code[:50])) == 1 for _ in tied.labels)
    gaps = equal_mass("x", np.array([np.nan, 1.0, 2.0]), 2)
    assert gaps.labels[-1] == "missing"


def test_no_order_of_rows_or_units_changes_an_audit_of_numbers():
    sd, errors, band, _ = numbers(1500, 3)
    order = np.random.default_rng(0).permutation(1500)
    one = audit_intervals(5 + sd * errors, 5 + 0 * sd, sd=sd, slices={"band": band})
    two = audit_intervals(
        100 * (sd * errors)[order], 0 * sd, sd=100 * sd[order], slices={"band": band[order]}
    )
    np.testing.assert_allclose(
        one.verdict.questions["chance"], two.verdict.questions["chance"], rtol=1e-6
    )
    assert one.value("z_sd") == pytest.approx(two.value("z_sd"))
    assert 100 * one.value("crps") == pytest.approx(two.value("crps"))


def test_resampled_intervals_are_those_of_drawing_rows_again():
    sd, errors, _, groups = numbers(1200, 4, group=6)
    found = audit_intervals(sd * errors, 0 * sd, sd=sd, groups=groups, trials=4000)
    row = found.overall.filter(found.overall["quantity"] == "crps").row(0, named=True)
    crps = ranked_score(read_claims(sd * errors, 0 * sd, sd=sd)).reshape(200, 6)
    rng = np.random.default_rng(9)
    drawn = [crps[rng.integers(200, size=200)].mean() for _ in range(4000)]
    spread = np.subtract(*np.quantile(drawn, [0.975, 0.025]))
    assert row["high"] - row["low"] == pytest.approx(spread, rel=0.08)
    assert row["value"] == pytest.approx(crps.mean())


def test_expected_scores_are_those_that_true_claims_find():
    sd, errors, _, _ = numbers(60_000, 5)
    found = audit_intervals(sd * errors, 0 * sd, sd=sd, trials=50).overall
    known = found.filter(found["expected"].is_not_null() & found["low"].is_not_null())
    for row in known.iter_rows(named=True):
        reach = 2 * (row["high"] - row["low"])
        assert abs(row["value"] - row["expected"]) < reach, row["quantity"]
    logits, labels, _, _ = classes(20_000, 5)
    found = audit_probabilities(labels, softmax(logits), trials=50).overall
    for name in ("accuracy", "nll", "brier", "ece", "set_lac_90", "set_aps_95"):
        row = found.filter(found["quantity"] == name).row(0, named=True)
        assert abs(row["value"] - row["expected"]) < 2 * (row["high"] - row["low"]), name


def test_shares_between_quantiles_are_counted():
    sd, errors, _, _ = numbers(5000, 6)
    found = audit_intervals(sd * errors, quantiles={at: q * sd for at, q in QUANTILES.items()})
    assert found.shares["rows"].sum() == 5000
    np.testing.assert_allclose(found.shares["claimed"].sum(), 1)
    np.testing.assert_allclose(found.shares["found"], found.shares["claimed"], atol=0.02)
    assert found.levels == (0.5, 0.9)
