"""JAX as the samplers need it: imported late, and its float width left as it was found."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from errorbar.core.extras import load

__all__ = ["float64", "jax_graphs"]


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
