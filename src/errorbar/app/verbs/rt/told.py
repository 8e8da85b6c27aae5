"""What the verbs of `rt` share: warnings as notes, a sign of life."""

import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["climbing", "told_warnings"]


@contextmanager
def told_warnings(notes: list[str]) -> Iterator[None]:
    """Put what is warned of into notes, each once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        yield
    notes += [text for one in caught if (text := str(one.message)) not in notes]


@contextmanager
def climbing(wanted: bool | None, label: str) -> Generator[Callable[..., None]]:
    """A line on standard error that shows two numbers as they come, where there is a terminal."""
    if wanted is False or (wanted is None and not sys.stderr.isatty()):
        yield lambda *_: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"{label} …") as status:

        def show(count: int, value: Any) -> None:
            told = f"step {count}, log posterior {value:.6g}" if isinstance(value, float) else (
                f"{count} of {value}"
            )  # fmt: skip
            status.update(f"{label}: {told}")

        yield show
