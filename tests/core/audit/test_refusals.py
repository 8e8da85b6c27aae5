import numpy as np
import pytest

from errorbar.core.audit import audit_intervals, audit_probabilities
from errorbar.core.errors import InputError, SettingsError

N = 40
ONE, MEAN = np.ones(N), np.zeros(N)
TRUTH = np.linspace(-1, 1, N)
PROBS = np.full((N, 2), 0.5)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"mean": MEAN}, "without error bars cannot be audited: pass `sd`"),
        ({"mean": MEAN, "sd": ONE, "lower": MEAN, "upper": ONE}, "different forms"),
        ({"sd": ONE}, "pass `mean`"),
        ({"mean": MEAN, "sd_minus": ONE}, "both `sd_minus` and `sd_plus`"),
        ({"mean": MEAN, "sd": 0 * ONE}, "`sd` must be positive; 40 of 40 rows.*first at row 0"),
        ({"mean": MEAN[:5], "sd": ONE}, r"`mean` has shape \(5,\)"),
        ({"lower": ONE, "upper": MEAN, "level": 0.9}, "`lower` lies above `upper` in 40 of 40"),
        ({"lower": MEAN, "upper": ONE}, "`level`"),
        ({"quantiles": {0.5: MEAN}}, "say nothing of width"),
        ({"quantiles": {0.1: ONE, 0.9: MEAN}}, "`quantile 0.1` lies above `quantile 0.9`"),
        ({"mean": MEAN, "sd": ONE, "groups": [None] * N}, "`groups` is missing in 40 of 40"),
        ({"mean": MEAN, "sd": ONE, "slices": {"s": ONE[:3]}}, "has 3 values for 40 rows"),
    ],
)
def test_wrong_numbers_are_refused_with_the_way_out(how, words):
    with pytest.raises(InputError, match=words):
        audit_intervals(TRUTH, trials=10, **how)


def test_missing_truths_and_empty_tables_are_refused():
    with pytest.raises(InputError, match="not finite in 1 of 40 rows, first at row 3"):
        audit_intervals(np.where(np.arange(N) == 3, np.nan, TRUTH), MEAN, sd=ONE)
    with pytest.raises(InputError, match="shape"):
        audit_intervals([], [], sd=[])


def test_a_slice_of_names_of_its_own_is_refused():
    rows = 100
    with pytest.raises(InputError, match="Pass it as `groups`"):
        audit_intervals(
            np.zeros(rows), np.zeros(rows), sd=np.ones(rows),
            slices={"star": [f"s{i}" for i in range(rows)]},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("how", "words"),
    [({"alpha": 1.5}, "alpha"), ({"tolerance": -1}, "tolerance"), ({"bins": 1}, "two bins")],
)
def test_wrong_settings_are_refused(how, words):
    with pytest.raises(SettingsError, match=words):
        audit_intervals(TRUTH, MEAN, sd=ONE, **how)


@pytest.mark.parametrize(
    ("truth", "probs", "names", "words"),
    [
        (["a"] * N, PROBS * 1.1, ["a", "b"], "must sum to one; 40 of 40"),
        (["a"] * (N - 1) + ["c"], PROBS, ["a", "b"], "1 of 40 rows, first at row 39 .'c'.*a, b"),
        (["a"] * N, PROBS, ["a", "a"], "all different"),
        (["a"] * N, PROBS, None, "not numbers of columns"),
        (["a"] * 3, PROBS, ["a", "b"], "3 values for 40 rows"),
    ],
)
def test_wrong_probabilities_are_refused_with_the_way_out(truth, probs, names, words):
    with pytest.raises(InputError, match=words):
        audit_probabilities(truth, probs, names)


def test_a_truth_that_is_the_prediction_is_refused():
    with pytest.raises(InputError, match="is its column the prediction itself"):
        audit_intervals(TRUTH, TRUTH, sd=ONE, trials=10)
