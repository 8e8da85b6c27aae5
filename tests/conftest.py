"""What every test may rely on."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

from tests.shapes import ARRAY_ROOMS

# Before any test imports them.
install_import_hook(ARRAY_ROOMS, "tests.shapes.check")

# No deadline: the first example of a test compiles what it calls.
settings.register_profile("errorbar", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "errorbar")


@pytest.fixture
def shared_data() -> Path:
    """The folder of real survey data, which is no part of the package.

    `ERRORBAR_DATA` says where it is. On a desk without it the test is skipped; where `CI` is set
    a missing folder is a failure, because a skipped acceptance test looks like a passed one.
    """
    named = os.environ.get("ERRORBAR_DATA")
    if named and Path(named).is_dir():
        return Path(named).resolve()
    reason = (
        f"ERRORBAR_DATA={named} is not a folder"
        if named
        else "ERRORBAR_DATA does not name the folder of real survey data"
    )
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and under CI these tests must run")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def jax_precision_is_left_alone():
    """Fails whoever leaves JAX's float width other than it was found."""
    before = _jax_enable_x64()
    yield
    after = _jax_enable_x64()
    assert after == before, f"jax_enable_x64 was {before} before this test and is {after} after it"


def _jax_enable_x64() -> bool:
    jax = sys.modules.get("jax")
    if jax is None:
        return os.environ.get("JAX_ENABLE_X64", "").lower() in ("1", "true", "t", "yes", "y", "on")
    return bool(jax.config.jax_enable_x64)
