"""The room loads nothing that a plain use may not need."""

import pytest

from tests.public.test_imports import HEAVY, loaded


@pytest.mark.parametrize(
    "room", ["errorbar.stellar", "errorbar.stellar.labels", "errorbar.stellar.sed"]
)
@pytest.mark.parametrize(
    "heavy", [*HEAVY, "astropy", "lightgbm", "numba", "optax", "sklearn", "speclite"]
)
def test_importing_stellar_loads_nothing_it_may_not_need(room, heavy):
    assert heavy not in loaded(room)
