import importlib.util

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from errorbar.core.maths.asymmetric import mean_bar
from tests.shapes import ARRAY_ROOMS


@pytest.mark.parametrize("room", ARRAY_ROOMS)
def test_every_room_whose_shapes_are_checked_exists(room):
    assert importlib.util.find_spec(room) is not None


def test_shapes_are_checked_while_tests_run():
    with pytest.raises(TypeCheckError, match="up"):
        mean_bar(np.zeros(3), np.zeros(2))


def test_array_types_are_checked_while_tests_run():
    with pytest.raises(TypeCheckError, match="down"):
        mean_bar([0.1], np.ones(1))
