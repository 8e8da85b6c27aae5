"""The fingerprint of data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.hmf.data import matrix
from errorbar.hmf.data.fingerprint import data_digest


def some(seed, rows=7, pixels=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, pixels)), rng.uniform(0.1, 2.0, (rows, pixels))


@given(seed=st.integers(0, 2**32 - 1), place=st.integers(0, 34))
def test_every_measured_value_and_weight_counts(seed, place):
    Y, W = some(seed)
    for values in (Y, W):
        other = values.copy()
        other.flat[place] = np.nextafter(other.flat[place], np.inf)
        changed = (other, W) if values is Y else (Y, other)
        assert data_digest(*changed) != data_digest(Y, W)


def test_what_was_not_measured_and_how_rows_are_laid_out_do_not():
    Y, W = some(1)
    W[2, 3] = 0
    first = data_digest(Y, W)
    Y[2, 3] = np.nan
    assert data_digest(Y, W) == first
    assert data_digest(np.asfortranarray(Y), np.asfortranarray(W)) == first


def test_shape_and_type_count():
    Y, W = some(2)
    assert data_digest(Y.reshape(5, 7), W.reshape(5, 7)) != data_digest(Y, W)
    assert data_digest(Y.astype("f4"), W.astype("f4")) != data_digest(Y, W)


@pytest.mark.parametrize("chunk", [1, 12, 1000])
def test_it_does_not_depend_on_how_much_is_looked_at_together(chunk, monkeypatch):
    Y, W = some(3)
    first = data_digest(Y, W)
    monkeypatch.setattr(matrix, "CHUNK", chunk)
    assert data_digest(Y, W) == first
