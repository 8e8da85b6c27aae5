"""PyMC and its companions, imported late and kept from changing the user's settings."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from errorbar.core.errors import MissingExtraError

__all__ = ["float64", "jax_graphs", "load"]

FLAGS = "PYTENSOR_FLAGS"


def load(package: str) -> Any:
    """The package, or the error that names the extra it comes with."""
    try:
        with _no_blas_search():
            return import_module(package)
    except ModuleNotFoundError as error:
        missing = package.split(".")[0]
        if error.name != missing:
            raise
        raise MissingExtraError(missing, "nuts") from error


@contextmanager
def _no_blas_search() -> Iterator[None]:
    # PyTensor reads its flags once, at import; without this one it looks for a BLAS to link to,
    # and these models multiply no matrices.
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


def jax_graphs() -> Any:
    """PyTensor's door to JAX, opened without switching the process to 64 bits for good."""
    jax = load("jax")

    def open_door() -> Any:
        # A fresh thread sees the process's setting, not one that the caller holds for a while.
        before = jax.config.jax_enable_x64
        try:
            return load("pytensor.link.jax.dispatch")
        finally:
            jax.config.update("jax_enable_x64", before)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(open_door).result()


@contextmanager
def float64() -> Iterator[None]:
    """JAX in 64 bits, in this thread and for this block only."""
    with load("jax").enable_x64(True):
        yield
