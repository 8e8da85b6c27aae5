import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import InputError
from errorbar.hmf.summary import Detection, best_detection, detect


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    found = detect(np.array([True, True, False, True]), np.array([True, False, True, True]))
    assert found == Detection(true=3, found=3, both=2)
    assert found.f1 == pytest.approx(
        2 * found.precision * found.recall / (found.precision + found.recall)
    )


def test_nothing_to_find_and_nothing_found_is_a_perfect_answer():
    nothing = detect(np.zeros((2, 3), dtype=bool), np.zeros((2, 3), dtype=bool))
    assert nothing.f1 == nothing.precision == nothing.recall == 1


@given(
    score=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_the_best_threshold_is_the_best_of_all(score, seed):
    score = np.array(score)
    true = np.random.default_rng(seed).random(len(score)) < 0.4
    best, least = best_detection(score, true)
    assert best == detect(score >= least, true)
    assert best.f1 == max(detect(score >= cut, true).f1 for cut in score)


def test_flags_of_another_shape_are_refused():
    with pytest.raises(InputError, match="one shape"):
        detect(np.zeros(3, dtype=bool), np.zeros(4, dtype=bool))
    with pytest.raises(InputError, match="one shape and an entry"):
        best_detection(np.zeros(0), np.zeros(0, dtype=bool))
