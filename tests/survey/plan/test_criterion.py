"""Criteria of a list: information functions, their gradients and the bound they prove."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.survey.plan.criterion import (
    Compound,
    COptimal,
    DOptimal,
    IOptimal,
    criterion_value,
    criterion_values,
)

SIZE = 4


def some_information(seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(9, SIZE))
    return rows.T @ rows


MOMENTS = some_information(123)
CRITERIA = {
    "c": COptimal(1),
    "d": DOptimal((0, 1, 2, 3)),
    "d of two": DOptimal((0, 2)),
    "i": IOptimal(MOMENTS),
    "compound": Compound((COptimal(1), COptimal(3)), (0.7, 0.3)),
}
seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(sorted(CRITERIA))


@given(seed=seeds, kind=kinds, factor=st.floats(0.01, 100))
def test_ten_times_the_information_is_worth_ten_times_as_much(seed, kind, factor):
    criterion, total = CRITERIA[kind], some_information(seed)
    gained = criterion_value(criterion, factor * total) - criterion_value(criterion, total)
    assert gained == pytest.approx(np.log(factor), abs=1e-8)


@given(seed=seeds, kind=kinds)
def test_the_gradient_is_the_slope_and_is_one_along_the_information_itself(seed, kind):
    criterion, total = CRITERIA[kind], some_information(seed)
    gradient = criterion.gradient(total)
    assert np.trace(gradient @ total) == pytest.approx(1.0, abs=1e-9)
    step = some_information(seed + 1) if seed < 2**32 - 2 else np.eye(SIZE)
    small = 1e-6 / np.trace(gradient @ step)
    rise = (
        criterion_value(criterion, total + small * step)
        - criterion_value(criterion, total - small * step)
    ) / 2
    assert rise == pytest.approx(1e-6, rel=1e-3)


@given(seed=seeds, kind=kinds)
def test_no_information_passes_the_tangent_of_another(seed, kind):
    criterion = CRITERIA[kind]
    here, there = some_information(seed), some_information(seed // 2 + 1)
    bound = criterion_value(criterion, here) + np.log(np.trace(criterion.gradient(here) @ there))
    assert criterion_value(criterion, there) <= bound + 1e-9


@given(seed=seeds, kind=kinds)
def test_more_information_is_never_worth_less(seed, kind):
    criterion, total = CRITERIA[kind], some_information(seed)
    row = np.random.default_rng(seed).normal(size=SIZE)
    assert (
        criterion_value(criterion, total + np.outer(row, row))
        >= criterion_value(criterion, total) - 1e-12
    )


def test_values_are_those_of_dense_inverses():
    total = some_information(5)
    covariance = np.linalg.inv(total)
    assert criterion_value(CRITERIA["c"], total) == pytest.approx(-np.log(covariance[1, 1]))
    inside = covariance[np.ix_([0, 2], [0, 2])]
    assert criterion_value(CRITERIA["d of two"], total) == pytest.approx(
        -np.log(np.linalg.det(inside)) / 2
    )
    assert criterion_value(CRITERIA["i"], total) == pytest.approx(
        -np.log(np.trace(MOMENTS @ covariance))
    )


def test_a_list_that_determines_nothing_is_worth_minus_infinity():
    row = np.array([1.0, 2.0, 3.0, 4.0])
    values = criterion_values(COptimal(0), np.array([np.outer(row, row), np.eye(SIZE)]))
    assert values[0] == -np.inf
    assert values[1] == pytest.approx(0.0)
