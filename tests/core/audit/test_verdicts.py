"""True claims are left alone, and a planted fault is the one that is named."""

import numpy as np
import pytest

from errorbar.core.audit import audit_intervals, audit_probabilities
from errorbar.core.audit.faults import find_faults
from tests.core.audit.cases import (
    NAMES,
    QUANTILES,
    class_state,
    classes,
    number_state,
    numbers,
    softmax,
)

ROWS = 4000


def faulted(make, seeds, **how):
    return np.mean([bool(find_faults(make(seed=seed, **how), 0.05).faults) for seed in seeds])


def slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("rows", "how"),
    [
        (100, {}),
        slow(1000, {}),
        slow(3000, {"group": 20}),
        slow(3000, {"group": 100, "shared": 0.9}),
        (300, {"form": "interval"}),
        slow(600, {"form": "quantiles"}),
        slow(2000, {"form": "quantiles", "group": 20}),
    ],
)
def test_true_numbers_are_faulted_in_at_most_one_audit_of_twenty(rows, how):
    seeds = range(60 if how.get("form") else 200)
    # Three standard errors of a share of one in twenty.
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(seeds))
    assert faulted(number_state, seeds, rows=rows, **how) <= most


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("rows", "how"),
    [
        (100, {"size": 3}),
        slow(500, {"size": 3, "scale": 8.0}),
        slow(1000, {"size": 2}),
        slow(1500, {"size": 4, "group": 10}),
    ],
)
def test_true_probabilities_are_faulted_in_at_most_one_audit_of_twenty(rows, how):
    seeds = range(120)
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(seeds))
    assert faulted(class_state, seeds, rows=rows, **how) <= most


def plant(name, rng, errors, band):
    rows = len(errors)
    bad = band == "c"
    return {
        "narrow": errors / 0.7,
        "wide": 0.7 * errors,
        "bias": errors + 0.3,
        "tails": rng.standard_t(3, rows),
        "scaled tails": rng.standard_t(3, rows) / np.sqrt(3),
        "light": rng.uniform(-1.7, 1.7, rows),
        "slice": np.where(bad, 2 * errors, errors),
        "slice bias": np.where(bad, errors + 0.6, errors),
    }[name]


PLANTED = {
    "narrow": ("too narrow", "", 1 / 0.7),
    "wide": ("too wide", "", 0.7),
    "bias": ("biased", "", 0.3),
    "tails": ("heavy tails", "", 3),
    "scaled tails": ("heavy tails", "", 3),
    "light": ("light tails", "", None),
    "slice": ("too narrow", "c", 2),
    "slice bias": ("biased", "c", 0.6),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_fault_of_error_bars_is_the_one_named(name):
    kind, level, number = PLANTED[name]
    named = 0
    for seed in range(4):
        sd, errors, band, _ = numbers(ROWS, seed)
        truth = sd * plant(name, np.random.default_rng(seed), errors, band)
        told = audit_intervals(truth, 0 * sd, sd=sd, slices={"band": band}, trials=10).verdict
        first = told.faults[0]
        named += first.kind == kind and first.level == level and first.by == ("band" * bool(level))
        if number is not None:
            keys = ("degrees_of_freedom", "factor", "shift_sd")
            found = next(first.numbers[key] for key in keys if key in first.numbers)
            assert found == pytest.approx(number, rel=0.25)
        assert not told.passed
    assert named == 4


@pytest.mark.parametrize("name", ["narrow", "wide", "bias", "slice"])
@pytest.mark.parametrize("form", ["interval", "quantiles"])
def test_the_planted_fault_of_intervals_is_the_one_named(form, name):
    kind, level, _ = PLANTED[name]
    sd, errors, band, _ = numbers(ROWS, 1)
    truth = sd * plant(name, np.random.default_rng(1), errors, band)
    how = {"lower": -1.6449 * sd, "upper": 1.6449 * sd, "level": 0.9}
    if form == "quantiles":
        how = {"quantiles": {at: q * sd for at, q in QUANTILES.items()}}
    told = audit_intervals(truth, slices={"band": band}, trials=10, **how).verdict
    assert (told.faults[0].kind, told.faults[0].level) == (kind, level)


def test_a_fault_of_one_slice_is_said_to_be_only_there():
    sd, errors, band, _ = numbers(ROWS, 5)
    truth = sd * np.where(band == "c", 2 * errors, errors)
    told = audit_intervals(truth, 0 * sd, sd=sd, slices={"band": band}, trials=10).verdict
    assert len(told.faults) == 1
    assert "too narrow only where band is c: multiply by 2" in told.words
    assert "where band is c apart" in told.apart


def wrong(name, logits, band):
    logits = logits.copy()
    if name == "sure":
        return logits / 0.5
    if name == "shy":
        return logits / 2
    if name == "class":
        logits[:, 1] += 1
    if name == "slice":
        logits[band == "c"] *= 2
    return logits


@pytest.mark.parametrize(
    ("name", "kind", "of", "level"),
    [
        ("sure", "overconfident", "", ""),
        ("shy", "underconfident", "", ""),
        ("class", "class", "B", ""),
        ("slice", "overconfident", "", "c"),
    ],
)
def test_the_planted_fault_of_probabilities_is_the_one_named(name, kind, of, level):
    logits, labels, band, _ = classes(ROWS, 3)
    probs = softmax(wrong(name, logits, band))
    truth = np.array(NAMES)[labels]
    told = audit_probabilities(truth, probs, NAMES, slices={"band": band}, trials=10).verdict
    first = told.faults[0]
    assert (first.kind, first.of, first.level) == (kind, of, level)
    if name == "sure":
        assert first.numbers["temperature"] == pytest.approx(2, rel=0.1)


def test_groups_keep_shared_errors_from_passing_for_a_fault():
    sd, errors, band, groups = numbers(3000, 8, group=100, shared=0.9)
    alone = audit_intervals(sd * errors, 0 * sd, sd=sd, trials=10).verdict
    told = audit_intervals(sd * errors, 0 * sd, sd=sd, groups=groups, trials=10).verdict
    assert told.passed
    assert not alone.passed


def test_a_deviation_below_the_tolerance_is_no_fault():
    sd, errors, _, _ = numbers(60_000, 2)
    truth = 1.012 * sd * (errors - errors.mean()) / errors.std()
    how = {"mean": 0 * sd, "sd": sd, "trials": 10, "bins": 2}
    assert audit_intervals(truth, **how).verdict.passed
    strict = audit_intervals(truth, tolerance=0.0, **how).verdict
    assert strict.faults[0].kind == "too narrow"


def test_too_few_rows_or_groups_are_no_pass():
    sd, errors, _, _ = numbers(15, 0)
    told = audit_intervals(sd * errors, 0 * sd, sd=sd, trials=10).verdict
    assert not told.passed
    assert not told.decided
    assert told.words.startswith("Too few to tell")


def test_probability_zero_of_what_came_true_is_a_fault():
    logits, labels, _, _ = classes(500, 4)
    probs = softmax(logits)
    probs[0] = 0.0
    probs[0, (labels[0] + 1) % 4] = 1.0
    told = audit_probabilities(labels, probs, trials=10).verdict
    assert told.faults[0].kind in ("overconfident", "class")
