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

    It is looked for at `ERRORBAR_DATA`, else in `../shared/data` beside the repository. On a desk
    without it the test is skipped; where `CI` is set a missing folder is a failure, because a
    skipped acceptance test looks like a passed one.
    """
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ERRORBAR_DATA") or beside)
    if folder.is_dir():
        return folder.resolve()
    reason = f"no real survey data: {folder} is not a folder; ERRORBAR_DATA may name another"
    if os.environ.get("CI"):
        pytest.fail(f"{reason}. Under CI these tests must run.")
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
