import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from errorbar.core.calibrate import (
    WeightedConformal,
    class_scores,
    conformal_quantile,
    fit_class_conformal,
    fit_weighted_conformal,
)
from errorbar.core.errors import ArtifactError, InputError
from tests.core.calibrate.cases import covered, draw_labels, softmax

seeds = st.integers(0, 2**32 - 1)


def test_thresholds_by_hand():
    made = fit_weighted_conformal([3.0, 1.0, 2.0], [1.0, 2.0, 1.0])
    # Weights 2, 1, 1 and the row's own at infinity: half of 5, half of 4 + 4, half of 4 + 6.
    np.testing.assert_array_equal(made.thresholds([1.0, 4.0, 6.0], 0.5), [2, 3, np.inf])
    assert made.effective_rows == pytest.approx(16 / 6)


@given(seed=seeds, rows=st.integers(1, 200), scale=st.floats(1e-3, 1e3))
def test_equal_weights_are_plain_conformal_and_their_unit_is_free(seed, rows, scale):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=rows)
    made = fit_weighted_conformal(scores, np.full(rows, scale))
    for alpha in (0.05, 0.1, 0.32, 0.5):
        found = made.thresholds([scale], alpha)[0]
        if rows < 1 / alpha - 1 - 1e-9:
            assert found == np.inf
        else:
            assert found == conformal_quantile(scores, alpha)


def shifted(rows, seed, centre):
    """Noise grows with x, and the target has larger x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(centre, 1, rows)
    return x, 3 * x + np.exp(0.5 * x) * rng.normal(size=rows)


def ratio(x, centre):
    return stats.norm.pdf(x, centre, 1) / stats.norm.pdf(x, 0, 1)


@pytest.mark.parametrize("centre", [0.5, 1.0, 1.5])
def test_weights_restore_the_coverage_of_intervals(centre):
    weighted, plain = [], []
    for seed in range(20):
        x, y = shifted(2000, seed, 0)
        far, truth = shifted(2000, 100 + seed, centre)
        scores = np.abs(y - 3 * x)
        made = fit_weighted_conformal(scores, ratio(x, centre))
        ends = made.around(3 * far, ratio(far, centre), 0.1)
        weighted.append(((truth >= ends[:, 0]) & (truth <= ends[:, 1])).mean())
        plain.append((np.abs(truth - 3 * far) <= conformal_quantile(scores, 0.1)).mean())
    assert np.mean(plain) < 0.9 - 0.08 * centre
    assert np.mean(weighted) == pytest.approx(0.9, abs=0.02)


def test_weights_restore_the_coverage_of_sets():
    rng = np.random.default_rng(4)
    turn = rng.normal(size=(2, 4))

    def sample(rows, centre):
        x = rng.normal(centre, 1, rows)
        logits = np.column_stack([x, np.ones(rows)]) @ turn
        # Claims are too sure where x is large.
        true = softmax(logits * np.where(x > 0.5, 0.3, 2)[:, None])
        return x, softmax(2 * logits), draw_labels(true, rng)

    x, probs, labels = sample(6000, 0)
    far, far_probs, truth = sample(6000, 1)
    plain = covered(fit_class_conformal(probs, labels).sets(far_probs, 0.1), truth).mean()
    scores = class_scores(probs, "lac")[np.arange(6000), labels]
    made = fit_weighted_conformal(scores, ratio(x, 1))
    sets = made.sets(class_scores(far_probs, "lac"), ratio(far, 1), 0.1)
    assert plain < 0.86
    assert covered(sets, truth).mean() == pytest.approx(0.9, abs=0.02)


def test_a_row_unlike_all_others_gets_everything():
    made = fit_weighted_conformal(np.arange(100.0), np.ones(100))
    assert made.sets([[1e9, 2e9]], [1e6], 0.1).all()
    assert np.isinf(made.around([0.0], [1e6], 0.1)).all()


def test_json_keeps_every_bit():
    rng = np.random.default_rng(5)
    made = fit_weighted_conformal(rng.normal(size=30), rng.exponential(size=30))
    again = WeightedConformal.from_dict(json.loads(json.dumps(made.to_dict())))
    np.testing.assert_array_equal(again.scores, made.scores)
    np.testing.assert_array_equal(again.weights, made.weights)
    with pytest.raises(ArtifactError, match="was changed"):
        WeightedConformal.from_dict({"type": "WeightedConformal", "format": 1, "scores": [1]})


def test_weights_that_are_none_are_refused():
    with pytest.raises(InputError, match="1 of 2 are, first at row 1"):
        fit_weighted_conformal([1, 2], [1, -1])
    with pytest.raises(InputError, match="all 2 weights are zero"):
        fit_weighted_conformal([1, 2], [0, 0])
    made = fit_weighted_conformal([1, 2], [1, 1])
    with pytest.raises(InputError, match="1 weights came for 2 rows"):
        made.around([1, 2], [1])
    with pytest.raises(InputError, match="not finite"):
        made.thresholds([np.inf])
