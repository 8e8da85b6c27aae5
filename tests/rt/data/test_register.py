import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import TableError
from errorbar.rt.data.register import SPREAD, RunRegister

keys = st.lists(st.tuples(*[st.integers(-1, 3)] * 3), min_size=1, max_size=30)


@given(batches=st.lists(keys, min_size=1, max_size=4))
def test_runs_are_numbered_as_they_are_met(batches):
    register, met = RunRegister(), {}
    for batch in batches:
        found = register.number(np.array(batch))
        for key in batch:
            met.setdefault(key, len(met))
        assert found.tolist() == [met[key] for key in batch]
    assert register.keys.tolist() == [list(key) for key in met]


def test_two_runs_of_one_hash_are_noticed():
    # Keys that differ by this much have the same weighted sum modulo 2^64.
    inverse = pow(int(SPREAD[1]), -1, 2**64)
    other = (int(SPREAD[0]) * inverse) % 2**64
    twin = np.array([[1, 0, 0], [0, other - 2**64 if other >= 2**63 else other, 0]])
    with pytest.raises(TableError, match="one 64-bit hash"):
        RunRegister().number(twin)
