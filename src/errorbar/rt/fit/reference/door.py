"""PyMC without its running commentary."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["hushed"]


@contextmanager
def hushed() -> Iterator[None]:
    """A block in which PyMC says nothing: convergence is reported with the answer."""
    logger = logging.getLogger("pymc")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
