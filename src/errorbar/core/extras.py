"""Packages of extras, imported late and kept from changing the user's settings."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from errorbar.core.errors import MissingExtraError

__all__ = ["load"]

FLAGS = "PYTENSOR_FLAGS"


def load(package: str, extra: str = "nuts") -> Any:
    """A package of an extra (PyMC or a companion by default), or the error that names the extra."""
    try:
        with _no_blas_search():
            return import_module(package)
    except ModuleNotFoundError as error:
        missing = package.split(".")[0]
        if error.name != missing:
            raise
        raise MissingExtraError(missing, extra) from error


@contextmanager
def _no_blas_search() -> Generator[None]:
    # PyTensor reads its flags once, at import; without this one it looks for a BLAS to link to,
    # and our graphs multiply no large matrices.
    before = os.environ.get(FLAGS)
    if "blas__ldflags" not in (before or ""):
        os.environ[FLAGS] = ",".join(filter(None, [before, "blas__ldflags="]))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(FLAGS, None)
        else:
            os.environ[FLAGS] = before
